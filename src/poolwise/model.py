"""The nouns: frozen values that the packages exchange, and the errors that say whose fault it was.

Nothing here computes more than plain arithmetic on its own fields, reads a file or knows a clock.
Arrays are numpy arrays; numpy itself is imported only by the methods that need it, so that reading a
configuration stays fast. Units are in the names: ``_s`` seconds, ``_bytes`` bytes, ``_rps`` per second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Setting = int | float | str | bool | None
Severity = Literal["error", "warning", "note"]
Origin = Literal["simulated", "rehearsed", "observed"]


# -- errors ---------------------------------------------------------------------------------------


class PoolwiseError(Exception):
    """Root of the three errors below; the command line prints it as one line and exits."""

    exit_code = 2


class ConfigError(PoolwiseError):
    """Your configuration is at fault; ``where`` names the file and line."""

    def __init__(self, message: str, where: Where) -> None:
        super().__init__(f"{where}: {message}" if str(where) else message)
        self.message = message
        self.where = where


class InputError(PoolwiseError):
    """An argument or an input file that you gave is at fault; the text names it and the range."""


class ServerError(PoolwiseError):
    """A server that we ran failed; the text holds what it said."""

    exit_code = 3


# -- configuration --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Where:
    """The origin of a value: a line of a file, or words when there is no line."""

    file: str = ""
    line: int = 0
    note: str = ""  # "compiled-in default of httpd 2.4", "raised by httpd at start-up", ...

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        if place and self.note:
            return f"{place} ({self.note})"
        return place or self.note


@dataclass(frozen=True, slots=True)
class Change:
    """One change that httpd itself makes to a setting at start-up."""

    asked: Setting
    became: Setting
    message_id: str  # "AH00180", or "" when httpd says nothing
    text: str  # what httpd prints, or the reason in our words when it is silent

    @property
    def silent(self) -> bool:
        """Whether httpd makes the change without printing anything."""
        return not self.message_id


@dataclass(frozen=True, slots=True)
class Value:
    """One effective setting, where it comes from, and what httpd did to what was asked for."""

    name: str  # the current directive name, in Apache's spelling
    value: Setting
    unit: str = ""  # "processes", "threads", "s", "KB", "connections", ...
    where: Where = field(default_factory=Where)
    changes: tuple[Change, ...] = ()

    @property
    def asked(self) -> Setting:
        """What the configuration (or the default) said before httpd changed it."""
        return self.changes[0].asked if self.changes else self.value


@dataclass(frozen=True, slots=True)
class Note:
    """Something the reader of a configuration or a log has to say about its input."""

    severity: Severity
    where: Where
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.severity}: {self.message}"


@dataclass(frozen=True, slots=True)
class Module:
    """A loaded module: ``name`` as in LoadModule (``wsgi_module``)."""

    name: str
    path: str
    where: Where


@dataclass(frozen=True, slots=True)
class Inactive:
    """A section that httpd skips, and why (``<IfModule mpm_worker_module>``: module not loaded)."""

    where: Where
    section: str
    reason: str
    directives: tuple[str, ...] = ()  # the directive lines inside, as written


@dataclass(frozen=True, slots=True)
class DaemonGroup:
    """A ``WSGIDaemonProcess`` group: a fixed pool of processes x threads."""

    name: str
    processes: int
    threads: int
    multiprocess: bool  # what wsgi.multiprocess will be
    options: Mapping[str, str]  # every option as written
    where: Where
    selected: bool  # whether any application runs in it


@dataclass(frozen=True, slots=True)
class Application:
    """A WSGI application (or proxied back end) and where it really runs."""

    mount: str  # "/" or "/shop"
    script: str  # the WSGI script file, or the proxied URL
    host: str  # the virtual host it is in: "*:80 shop.example", or "main server"
    runs: Literal["embedded", "daemon", "proxied"]
    process_group: str  # "" when embedded
    application_group: str  # "%{RESOURCE}", "%{GLOBAL}", ...
    eager: bool  # loaded when the process starts, not at the first request
    reason: str  # why it runs there, in words, naming the deciding line
    where: Where
    multiprocess: bool = True  # wsgi.multiprocess that the application will see
    multithread: bool = False  # wsgi.multithread


@dataclass(frozen=True, slots=True)
class Host:
    """A virtual host (or the main server) with its own keep-alive and time-out settings."""

    name: str  # "main server" or "*:80 shop.example"
    values: Mapping[str, Value]  # KeepAlive, KeepAliveTimeout, MaxKeepAliveRequests, Timeout
    where: Where


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A log that the configuration writes: the file and the format in Apache's own notation."""

    path: str
    nickname: str
    format: str
    where: Where


@dataclass(frozen=True, slots=True)
class Site:
    """An effective configuration: what httpd will really do with it."""

    root: str  # the file it was read from
    httpd_version: str  # "2.4.71"
    mpm: str  # "prefork", "worker", "event", "winnt"
    mpm_where: Where
    values: Mapping[str, Value]  # by current directive name
    modules: tuple[Module, ...]
    applications: tuple[Application, ...]
    daemon_groups: tuple[DaemonGroup, ...]
    hosts: tuple[Host, ...]  # the main server first
    logs: tuple[LogFormat, ...]
    front: str  # the front end that can be seen, in words, or ""
    inactive: tuple[Inactive, ...]
    notes: tuple[Note, ...]
    files: tuple[str, ...] = ()  # every file read, in reading order

    def number(self, name: str) -> int:
        """The value in force of an integer directive; KeyError when this MPM does not have it."""
        value = self.values[name].value
        if not isinstance(value, int):
            raise TypeError(f"{name} is not a number: {value!r}")
        return value


# -- pools, applications, machines ----------------------------------------------------------------


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


# -- traffic --------------------------------------------------------------------------------------


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


# -- outcomes -------------------------------------------------------------------------------------


BUCKETS_PER_OCTAVE = 32
LOWEST_EXPONENT = -20  # 2**-20 s, about a microsecond: below it lies bucket 0
OCTAVES = 44  # up to 2**24 s
BUCKETS = 1 + BUCKETS_PER_OCTAVE * OCTAVES


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of durations in logarithmic buckets, 32 to an octave: at most 3.2 % wide.

    Bucket 0 holds zero and everything under 2**-20 s; bucket ``1 + 32 k + j`` holds
    ``[2**(k-20) (1 + j/32), 2**(k-20) (1 + (j+1)/32))`` seconds.
    """

    counts: Ints  # shape (BUCKETS,)
    sum_s: float
    max_s: float

    @property
    def total(self) -> int:
        """Number of durations recorded."""
        return int(self.counts.sum())

    @property
    def mean_s(self) -> float:
        """Exact mean in seconds (0 when nothing was recorded)."""
        return self.sum_s / self.total if self.total else 0.0

    @staticmethod
    def edges_s() -> Floats:
        """Lower edges of the buckets and the last upper edge, shape (BUCKETS + 1,)."""
        import numpy as np

        octave = np.repeat(2.0 ** np.arange(LOWEST_EXPONENT, LOWEST_EXPONENT + OCTAVES), 32)
        step = np.tile(1.0 + np.arange(BUCKETS_PER_OCTAVE) / BUCKETS_PER_OCTAVE, OCTAVES)
        top = 2.0 ** (LOWEST_EXPONENT + OCTAVES)
        return np.concatenate(([0.0], octave * step, [top]))

    def quantile_s(self, q: float) -> float:
        """The ``q`` quantile (0..1): upper edge of the bucket that holds it, never above the maximum."""
        import numpy as np

        if not self.total:
            return 0.0
        bucket = int(np.searchsorted(np.cumsum(self.counts), q * self.total, side="left"))
        if bucket == 0:
            return 0.0
        return float(min(self.edges_s()[bucket + 1], self.max_s))

    def share_above(self, limit_s: float) -> float:
        """Share of durations in buckets that lie wholly at or above ``limit_s``."""
        if not self.total:
            return 0.0
        return float(self.counts[self.edges_s()[:-1] >= limit_s].sum() / self.total)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that httpd would have printed, at ``time_s`` of the run."""

    time_s: float
    id: str
    level: str
    text: str


@dataclass(frozen=True, eq=False)
class Run:
    """The outcome of a simulation, of a rehearsal on a real server, or of watching one.

    ``series``: name -> float64 array, one value a second. Counts (``created``, ``killed``,
    ``arrived``, ``refused``) are totals of the second ``[i, i+1)``; states (``busy``, ``queued``,
    ``total``, ``idle``, ``memory_bytes``) are taken at its middle, ``i + 0.5``. ``idle`` is what httpd counts,
    in workers, with starting processes included. ``ticks``: one value a maintenance pass
    (``time_s``, ``total``, ``idle``, ``busy``, ``queued``, ``created``, ``killed``), taken at the
    instant the pass decides; empty when unknown.
    ``totals``: ``requests served refused lost unfinished waited created killed_idle recycled
    restarted crashed process_s busy_s peak_total``.
    """

    label: str
    origin: Origin
    pool: Pool
    duration_s: float
    series: Mapping[str, Floats]
    ticks: Mapping[str, Floats]
    wait: Histogram
    response: Histogram
    totals: Mapping[str, float]
    messages: tuple[LogLine, ...] = ()
    engine: str = ""
    assumptions: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)  # e.g. "start_s" when asked for

    @property
    def churn_per_hour(self) -> float:
        """Processes created after the initial ones, per hour."""
        return (self.totals["created"] - self.pool.initial) * 3600.0 / max(self.duration_s, 1.0)

    @property
    def mean_total(self) -> float:
        """Mean number of processes over the run."""
        return self.totals["process_s"] / max(self.duration_s, 1e-9)


@dataclass(frozen=True, slots=True)
class Target:
    """What the advice must keep: a wait quantile, a refusal share and a memory ceiling."""

    quantile: float = 0.95
    wait_s: float = 0.05
    refused: float = 0.0
    memory_bytes: int = 0  # 0: no ceiling


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One directive to change: from, to and why, in plain words."""

    name: str
    today: Value | None  # None: not in the configuration and without a default
    value: int | str
    reason: str
    without: str = ""  # what happens if it is not changed


@dataclass(frozen=True, eq=False)
class Advice:
    """Recommended settings with the runs before and after that justify them."""

    pool: Pool
    changes: tuple[Recommendation, ...]
    before: Run
    after: Run
    target: Target
    met: bool  # whether ``after`` keeps the target
    tried: tuple[tuple[Pool, Mapping[str, float]], ...] = ()  # every setting evaluated
    remarks: tuple[str, ...] = ()  # what was left alone, what is not known
