"""What a chain of stages has beside a pool: groups, a shared processor, connections, loading, lost clients.

Each of these is shown where it is there and nowhere else: a plain pool looks as it always did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from poolwise.model import Histogram, Pool, Run
from poolwise.report.quantities import count, duration, plural, share
from poolwise.servers import PEERS

if TYPE_CHECKING:
    from poolwise.model import Floats

EXTRA_STATES = {
    "cpu_cores": "cores busy",
    "idle_connections": "idle connections",
    "loading": "processes that load",
}
EXTRA_COUNTS = {"gave_up": "gave up", "failed": "failed"}
_LEAST_CORES = 0.05  # on average; below, nothing but starts of processes took CPU


def present(run: Run, name: str) -> bool:
    """Whether the run has something to tell in the series ``name``."""
    values = run.series.get(name)
    if values is None or not len(values):
        return False
    return float(values.mean()) > _LEAST_CORES if name == "cpu_cores" else float(values.max()) > 0


def extras(run: Run, names: Sequence[str]) -> list[str]:
    """Those of ``names`` that are present in the run."""
    return [name for name in names if present(run, name)]


def group_series(run: Run) -> dict[str, Floats]:
    """The states of the groups by the name that they have in a picture's data: ``group0_busy`` ..."""
    return {
        f"group{number}_{name}": stage.series[name]
        for number, stage in enumerate(run.stages)
        for name in ("busy", "queued")
    }


def is_apache(pool: Pool) -> bool:
    """Whether the pool is Apache's own, with spare limits."""
    return pool.architecture not in PEERS


def group_words(pool: Pool) -> str:
    """A group with its size: ``shop: 2 processes × 15 threads``."""
    return f"{pool.name}: {size_words(pool)}"


def size_words(pool: Pool) -> str:
    """Processes and threads of a pool that has no spare limits: ``2 to 8 processes × 15 threads``."""
    fewest = f"{pool.initial} to " if pool.initial < pool.maximum else ""
    processes = f"{fewest}{plural(pool.maximum, 'process')}"
    return processes if pool.threads == 1 else f"{processes} × {plural(pool.threads, 'thread')}"


def cores(run: Run) -> int:
    """Cores of the machine; 0 where the run does not know."""
    return int(run.details.get("cores", 0))


def stage_figures(run: Run) -> dict[str, float]:
    """Figures that only a chain has, by the names of ``measures``; those that are not there are left out."""
    figures: dict[str, float] = {}
    for name in ("gave_up", "failed", "retried", "imports"):
        if run.totals.get(name):
            figures[name] = float(run.totals[name])
    for name in extras(run, list(EXTRA_STATES)):
        values = run.series[name]
        figures[f"{name}_mean"] = float(values.mean())
        figures[f"{name}_peak"] = float(values.max())
    return figures


def stage_rows(run: Run) -> list[list[str]]:
    """A line for the front and each group: workers, busy, queue, its own wait, refusals."""
    front = run.details.get("front_wait")
    waits = [front if isinstance(front, Histogram) else run.wait, *(stage.wait for stage in run.stages)]
    rows = []
    for stage, wait in zip((run, *run.stages), waits, strict=True):
        busy, queued = stage.series["busy"], stage.series["queued"]
        mean = float(busy.mean()) if len(busy) else 0.0
        workers = stage.pool.workers
        rows.append(
            [
                stage.pool.name,
                count(workers),
                count(round(mean, 1)),
                share(round(mean / max(workers, 1), 3)),
                count(float(busy.max(initial=0.0))),
                count(float(queued.max(initial=0.0))),
                duration(wait.quantile_s(0.5)),
                duration(wait.quantile_s(0.95)),
                count(float(stage.totals["refused"])),
            ]
        )
    return rows


STAGE_HEADER = ("", "workers", "busy", "of all", "most", "queued", "wait p50", "p95", "refused")
