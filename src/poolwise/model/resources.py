"""The nouns of capacity: a pool of workers, what an application costs, the machine, and the load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from poolwise.model.configuration import Note

if TYPE_CHECKING:
    from poolwise.model.histogram import Floats, Ints

Loads = Literal["start", "first request", "preload"]
Gil = Literal["shared", "per-interpreter", "free-threaded"]


@dataclass(frozen=True, slots=True)
class Pool:
    """One queueing stage: processes x threads and how their server scales them, as in force.

    ``min_spare`` and ``max_spare`` are in workers: processes for prefork, threads for worker and
    event. ``process_limit`` is MaxRequestWorkers / ThreadsPerChild, ``server_limit`` the number of
    process slots in the scoreboard, ``max_workers`` MaxRequestWorkers as httpd compares with it.
    ``options``: what only this architecture knows, in its server's own spelling
    (``KeepAliveTimeout``, ``queue-timeout``, ``cheaper-overload``); times in seconds, flags 0 or 1.
    """

    name: str
    architecture: str  # "prefork", "worker", "event", "mod_wsgi_daemon", "gunicorn_sync", "uwsgi", ...
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
    options: Mapping[str, float] = field(default_factory=dict)

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
class Proxy:
    """nginx in front: takes uploads, downloads and idle connections off the server behind it.

    ``upstream_keep_alive``: idle connections that it keeps to the server behind (nginx: ``keepalive``);
    0 opens one for each request.
    """

    name: str = "nginx"
    upstream_keep_alive: int = 0


@dataclass(frozen=True, slots=True)
class Topology:
    """Stages in a chain: what clients connect to, and the process groups behind it.

    ``routes``: for each kind of request (``Workload.kind``) the index of the group that runs it, or -1
    for "in the front's own workers". Without groups everything runs in the front.
    """

    front: Pool
    groups: tuple[Pool, ...] = ()
    routes: tuple[int, ...] = ()
    proxy: Proxy | None = None

    def route(self, kind: int) -> int:
        """Index of the group that runs requests of ``kind``, -1 for the front itself."""
        if kind < len(self.routes):
            return self.routes[kind]
        return 0 if self.groups else -1


@dataclass(frozen=True, slots=True)
class App:
    """What an application costs. Sizes are proportional set sizes (PSS).

    A request is CPU work and waiting: ``cpu_share`` of its service time is CPU, both cut into ``bursts``
    equal parts that alternate, CPU first. ``loads`` says when a process pays ``import_*``: as part of its
    start, within the first request that it serves (mod_wsgi's default), or once before forking.
    """

    name: str = "application"
    startup_cpu_s: float = 0.02  # CPU from fork until the process can accept
    startup_wait_s: float = 0.0  # waiting in the same stretch, before the CPU
    shared_bytes: int = 10_000_000  # once for the server
    process_bytes: int = 60_000_000  # private to each process with the application loaded
    thread_bytes: int = 300_000  # for each worker thread
    import_cpu_s: float = 0.0  # loading the application: CPU
    import_wait_s: float = 0.0  # and waiting (disk, a database), before the CPU
    loads: Loads = "start"
    cpu_share: float = 0.0  # of the service time of a request, where the workload does not say
    bursts: int = 1
    gil: Gil = "shared"
    interpreters: int = 1  # applications of one process, each with a GIL of its own ("per-interpreter")
    bare_bytes: int = 5_000_000  # a process in which the application is not loaded
    pool_bytes: int = 0  # what the allocator of a worker needs for the largest response
    leak_bytes: int = 0  # growth of a process with each request
    dirty_requests: float = 5_000.0  # preload: 63 % of the shared memory is private after so many

    def memory_bytes(self, processes: float, threads: int) -> float:
        """Memory of that many processes with ``threads`` threads each, in bytes."""
        return self.shared_bytes + processes * (self.process_bytes + threads * self.thread_bytes)


@dataclass(frozen=True, slots=True)
class Machine:
    """Cores and memory of the host (or of its cgroup)."""

    cores: int = 2
    memory_bytes: int = 0  # 0: not known


@dataclass(frozen=True, slots=True)
class Clients:
    """How clients behave while they wait: when they give up, and whether they come again.

    A client that gave up or was refused comes again after ``retry_s``, twice that, four times that, ... as
    often as ``retries`` says. ``closes``: whether it closes a connection as soon as the server does; one
    that does not holds the server in its lingering close.
    """

    patience_s: float = float("inf")
    retries: int = 0
    retry_s: float = 1.0
    closes: bool = True


EAGER_CLIENTS = Clients()


@dataclass(frozen=True, eq=False)
class Workload:
    """Arrivals and how long each request holds a worker.

    ``arrivals_s``: float64, shape (n,), ascending, seconds from 0. ``service_s``: float64, shape
    (n,), >= 0: in the application, alone on the machine. ``duration_s``: the observed period; it ends at
    or after the last arrival.

    The rest is optional, None where the input does not know; all of shape (n,). ``cpu_s``: CPU part of
    ``service_s``. ``upload_s`` and ``download_s``: how long the client's link takes. ``connection``:
    requests with the same number >= 0 use one keep-alive connection, in this order; -1 closes after the
    response. ``think_s``: on a connection, pause after the response before; NaN: the request comes at
    its ``arrivals_s``, or at once after the response when that is later. ``kind``: which application.
    """

    label: str
    arrivals_s: Floats
    service_s: Floats
    duration_s: float
    assumptions: tuple[str, ...] = ()  # what was not in the input and had to be assumed
    notes: tuple[Note, ...] = ()  # what was wrong with the input
    started_at: float | None = None  # Unix time of second 0, when the input had one
    cpu_s: Floats | None = None
    upload_s: Floats | None = None
    download_s: Floats | None = None
    connection: Ints | None = None
    think_s: Floats | None = None
    kind: Ints | None = None
    clients: Clients = EAGER_CLIENTS

    def __len__(self) -> int:
        return len(self.arrivals_s)
