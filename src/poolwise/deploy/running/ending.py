"""Ending a server: first as gently as it can, at a set time firmly, in the end by force."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass

from poolwise.deploy.running.child import Child

FIRM_S = 5.0  # httpd gives its children three seconds after SIGTERM, and then kills them (server/mpm_unix.c)
HURRY_S = 2.0  # the same for a server that has no grace at all

#: what makes a server finish its requests and end; SIGTERM for those that are not here
GENTLE = {"httpd": signal.SIGWINCH, "nginx": signal.SIGQUIT}


@dataclass(slots=True)
class Ending:
    """A server that is on its way out. Times are those of ``time.monotonic``."""

    child: Child
    firm_at: float
    force_at: float
    firm: bool = False
    orphans: bool = False  # its first process has ended, and those that it left behind were told to
    forced: bool = False

    @classmethod
    def begin(cls, child: Child, grace_s: float) -> Ending:
        """Ask it to finish its requests within that time; with none it is told to end at once."""
        now = time.monotonic()
        ending = cls(child, now + grace_s, now + (grace_s + FIRM_S if grace_s else HURRY_S))
        if grace_s > 0:
            child.tell(GENTLE.get(child.role, signal.SIGTERM))
        ending.over()
        return ending

    def hasten(self) -> None:
        """No more grace."""
        now = time.monotonic()
        self.firm_at, self.force_at = min(self.firm_at, now), min(self.force_at, now + HURRY_S)

    def over(self) -> bool:
        """Whether nothing of it is left; takes the next step when its time has come."""
        if self.child.gone:
            return True
        now = time.monotonic()
        if not self.orphans and not self.child.alive:
            self.orphans = True
            self.force_at = min(self.force_at, now + HURRY_S)
            self.child.tell_all(signal.SIGTERM)
        elif not self.firm and now >= self.firm_at:
            self.firm = True
            self.child.tell(signal.SIGTERM)
        if not self.forced and now >= self.force_at:
            self.forced = True
            self.child.tell_all(signal.SIGKILL)
        return False
