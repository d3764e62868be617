"""What the caller may say about httpd's clockwork and about what happens to it during a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Timing:
    """What the steps of httpd's parent cost, in seconds; the defaults were measured on a real httpd.

    ``sleep_s``: from the end of one pass to the next (1 s and the timer's lateness). ``fork_s``: CPU of one
    fork in the parent, which shares the cores with its new children. ``die_s``: from death notice to exit
    of an idle child (None: 5 ms for prefork, 6 ms for a threaded child). ``parse_s``: re-reading the
    configuration in a restart.
    """

    sleep_s: float = 1.0011
    fork_s: float = 0.00045
    die_s: float | None = None
    parse_s: float = 0.02

    def exit_s(self, threaded: bool) -> float:
        """``die_s``, or what was measured for children of that kind."""
        if self.die_s is not None:
            return self.die_s
        return 0.006 if threaded else 0.005

    @staticmethod
    def ideal() -> Timing:
        """Passes exactly on whole seconds and everything else instantly: for comparison with theory."""
        return Timing(1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happens at ``time_s``: a restart, or ``count`` children killed by a signal."""

    time_s: float
    kind: Literal["graceful", "restart", "crash"]
    count: int = 1
