"""The nouns of capacity: a pool of workers, what an application costs, the machine, and the load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from poolwise.model.configuration import Note

if TYPE_CHECKING:
    from poolwise.model.histogram import Floats


@dataclass(frozen=True, slots=True)
class Pool:
    """One queueing stage: processes x threads and how Apache scales them, as in force.

    ``min_spare`` and ``max_spare`` are in workers: processes for prefork, threads for worker and
    event. ``process_limit`` is MaxRequestWorkers / ThreadsPerChild, ``server_limit`` the number of
    process slots in the scoreboard, ``max_workers`` MaxRequestWorkers as httpd compares with it.
    """

    name: str
    architecture: str  # "prefork", "worker", "event"
    threads: int
    start: int
    min_spare: int
    max_spare: int
    process_limit: int
    server_limit: int
    max_workers: int
    max_connections_per_child: int = 0
    backlog: int = 511
    httpd_version: str = "2.4.71"

    @property
    def workers(self) -> int:
        """Most requests in service at once (processes x threads at the limit)."""
        return self.process_limit * self.threads

    @property
    def initial(self) -> int:
        """Processes forked at start."""
        return min(self.start, self.process_limit)

    @property
    def minimum(self) -> int:
        """Fewest processes that satisfy the lower spare limit with no load."""
        return min(-(-self.min_spare // self.threads), self.process_limit)

    @property
    def floor(self) -> int:
        """Processes at which an idle pool stops shrinking after it has been larger."""
        return min(max(self.max_spare // self.threads, 1), self.process_limit)

    @property
    def maximum(self) -> int:
        """Most processes that can serve at once."""
        return self.process_limit


@dataclass(frozen=True, slots=True)
class App:
    """What an application costs. Sizes are proportional set sizes (PSS)."""

    name: str = "application"
    startup_cpu_s: float = 0.02  # CPU from fork until the process can accept
    startup_wait_s: float = 0.0  # waiting in the same stretch
    shared_bytes: int = 10_000_000  # once for the server
    process_bytes: int = 60_000_000  # private to each process with the application loaded
    thread_bytes: int = 300_000  # for each worker thread

    def memory_bytes(self, processes: float, threads: int) -> float:
        """Memory of that many processes with ``threads`` threads each, in bytes."""
        return self.shared_bytes + processes * (self.process_bytes + threads * self.thread_bytes)


@dataclass(frozen=True, slots=True)
class Machine:
    """Cores and memory of the host (or of its cgroup)."""

    cores: int = 2
    memory_bytes: int = 0  # 0: not known


@dataclass(frozen=True, eq=False)
class Workload:
    """Arrivals and how long each request holds a worker.

    ``arrivals_s``: float64, shape (n,), ascending, seconds from 0. ``service_s``: float64, shape
    (n,), >= 0. ``duration_s``: the observed period; it ends at or after the last arrival.
    """

    label: str
    arrivals_s: Floats
    service_s: Floats
    duration_s: float
    assumptions: tuple[str, ...] = ()  # what was not in the input and had to be assumed
    notes: tuple[Note, ...] = ()  # what was wrong with the input
    started_at: float | None = None  # Unix time of second 0, when the input had one

    def __len__(self) -> int:
        return len(self.arrivals_s)
