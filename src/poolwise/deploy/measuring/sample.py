"""What one fresh server showed: plain numbers, before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Start:
    """A process up to the loaded application; times in seconds.

    ``delay``: ready to run, but without a processor; neither work nor waiting.
    """

    wall_s: float  # from fork to the application's script
    cpu_s: float
    delay_s: float
    import_wall_s: float = 0.0
    import_cpu_s: float = 0.0
    import_delay_s: float = 0.0

    @property
    def ready_s(self) -> float:
        """From fork to the loaded application, had there always been a processor."""
        return self.wall_s - self.delay_s + self.import_wall_s - self.import_delay_s

    @property
    def wait_s(self) -> float:
        """Waiting before the script; known to 10 ms only."""
        return self.wall_s - self.cpu_s - self.delay_s

    @property
    def import_wait_s(self) -> float:
        """Waiting while the application is loaded; 0 when its threads worked side by side."""
        return max(0.0, self.import_wall_s - self.import_cpu_s - self.import_delay_s)


@dataclass(frozen=True, slots=True)
class Row:
    """One request inside the application, on the process's own clock; seconds."""

    begin_s: float
    end_s: float
    cpu_s: float
    delay_s: float

    @property
    def wait_s(self) -> float:
        """Neither working nor ready to work."""
        return self.end_s - self.begin_s - self.cpu_s - self.delay_s


@dataclass(frozen=True, slots=True)
class Batch:
    """``requests`` one after the other; each kind as often as every other, in turn.

    ``cpu_s``: of the whole process, ``children_s`` of those that it has started and waited for,
    ``front_cpu_s`` of what stands before it. ``private_bytes``: after it.
    """

    requests: int
    rows: tuple[Row, ...]
    cpu_s: float
    children_s: float
    front_cpu_s: float
    wall_s: float
    private_bytes: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Both processes and the front at one moment, in bytes."""

    single_private: int
    threaded_private: int
    shared: int  # what one of them has in common with others
    front_pss: int  # of one server; gunicorn and uWSGI need one for each process that is measured


@dataclass(frozen=True, slots=True)
class Sample:
    """One server, from its start to its end."""

    starts: tuple[Start, ...]
    bare_bytes: int
    threads: int  # of the threaded process
    used: Memory  # when all threads have run the application, and both processes as many requests
    last: Memory
    batches: tuple[Batch, ...]
    idle_cpu: float  # of the single process, in cores, while nobody asks it
    meetings: tuple[tuple[Row, ...], ...]  # requests that ran at the same time in the threaded process
    gil_wait_s: float | None  # by mod_wsgi's own count, for each of those
    free_threaded: bool
    python: str
    statuses: Mapping[str, Mapping[int, int]]  # request -> status -> how often
