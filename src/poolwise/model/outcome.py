"""The nouns of results: a run, the target it is held against, and the advice that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from poolwise.model.configuration import Value
from poolwise.model.histogram import Histogram
from poolwise.model.resources import Pool

if TYPE_CHECKING:
    from poolwise.model.histogram import Floats

Origin = Literal["simulated", "rehearsed", "observed"]


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
    ``total``, ``idle``, ``memory_bytes``) are taken at its middle, ``i + 0.5``. ``idle`` is what httpd
    counts,
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
    stages: tuple[Run, ...] = ()  # the groups behind the front, each with its own queue and series

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
