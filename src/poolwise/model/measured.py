"""The noun of a measurement: figures with their spread, and the App that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from poolwise.model.resources import App


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity: the median over fresh servers, and the least and the most of them."""

    median: float
    low: float
    high: float

    @property
    def doubtful(self) -> bool:
        """Whether the spread exceeds the size: then the figure says little."""
        return self.high - self.low > abs(self.median)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one kind of request costs: ``"/"``, ``"POST /orders"``. Times in seconds, of one request.

    ``service_s`` is how long the application worked on it and waited, ``cpu_s`` the CPU part of that.
    """

    request: str
    service_s: float
    cpu_s: float
    statuses: Mapping[int, int] = field(default_factory=dict)  # how often each came; 0: no answer


@dataclass(frozen=True, slots=True)
class Measured:
    """What an application costs, measured in a real server.

    ``figures``, by name with the unit: ``ready_s`` from fork to the loaded application, on a free processor;
    ``startup_cpu_s startup_wait_s`` the part of it before loading, ``import_cpu_s import_wait_s`` loading;
    ``request_cpu_s`` CPU of the process for a request, of that ``application_cpu_s`` in the application,
    ``request_wait_s`` its waiting, ``service_s`` both, ``front_cpu_s`` the server's other processes;
    ``bare_bytes process_bytes thread_bytes shared_bytes leak_bytes`` as in ``App``, ``front_bytes`` the
    server's other processes; ``parallel_cores`` the cores that threads of one process could use at once;
    ``gil_wait_s`` mod_wsgi's own waiting for the GIL, per request, when all threads were at work.
    """

    app: App
    figures: Mapping[str, Figure]
    server: str  # "mod_wsgi 6.1.1 on Apache 2.4.71"
    python: str
    target: str
    costs: tuple[Cost, ...]
    rounds: int
    requests: int  # in the batches of all rounds
    threads: int  # of the process that was measured with several
    notes: tuple[str, ...] = ()  # what could not be told, and what to know about the figures
