"""The figures by which runs are compared, from a ``Run``: one dictionary that text, JSON and pages share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from poolwise.model import Pool, Run
from poolwise.report.stages import is_apache, size_words, stage_figures

QUANTILES = (0.5, 0.95, 0.99)


def measures(run: Run) -> dict[str, float]:
    """Figures of a run: counts, seconds (``_s``), bytes (``_bytes``), shares of requests and rates per hour.

    ``memory_mean_bytes`` and ``memory_peak_bytes`` are missing when the run has no ``memory_bytes`` series;
    what only a chain of stages has (``cpu_cores_mean``, ``gave_up`` ...) where there is none of it.
    """
    totals = run.totals
    figures = {name: float(totals[name]) for name in ("requests", "served", "refused", "lost", "unfinished")}
    requests = max(figures["requests"], 1.0)
    figures["refused_share"] = figures["refused"] / requests
    figures["waited_share"] = float(totals["waited"]) / requests
    for name, histogram in (("wait", run.wait), ("response", run.response)):
        for q in QUANTILES:
            figures[f"{name}_p{round(100 * q)}_s"] = histogram.quantile_s(q)
        figures[f"{name}_max_s"] = histogram.max_s
        figures[f"{name}_mean_s"] = histogram.mean_s
    return figures | _processes(run) | _memory(run) | stage_figures(run)


def _processes(run: Run) -> dict[str, float]:
    totals = run.totals
    gone = ("killed_idle", "recycled", "restarted", "crashed")
    return {
        "processes_mean": run.mean_total,
        "processes_peak": float(totals["peak_total"]),
        "busy_mean": _busy(run),
        "created": float(totals["created"]),
        "churn_per_hour": run.churn_per_hour,
        **{name: float(totals.get(name, 0.0)) for name in gone},
    }


def _busy(run: Run) -> float:
    """Mean number of workers that are held; in a chain also by clients and by the stage behind."""
    if "front_wait" in run.details and len(run.series["busy"]):
        return float(run.series["busy"].mean())
    return float(run.totals["busy_s"]) / max(run.duration_s, 1e-9)


def _memory(run: Run) -> dict[str, float]:
    series = run.series.get("memory_bytes")
    if series is None or not len(series):
        return {}
    return {"memory_mean_bytes": float(series.mean()), "memory_peak_bytes": float(series.max())}


def pool_words(pool: Pool) -> str:
    """A pool in one line: ``prefork, starts 5, keeps 5 to 10 idle, at most 150 processes``."""
    if not is_apache(pool):
        return f"{pool.architecture}, {size_words(pool)}"
    idle = f"keeps {pool.min_spare} to {pool.max_spare} {'idle' if pool.threads == 1 else 'idle threads'}"
    most = f"at most {pool.maximum} processes"
    if pool.threads > 1:
        most += f" of {pool.threads} threads"
    return f"{pool.architecture}, starts {pool.start}, {idle}, {most}"


def chain_words(run: Run) -> str:
    """The pool of a run, and the groups behind it."""
    behind = [f"{stage.pool.name} ({pool_words(stage.pool)})" for stage in run.stages]
    return pool_words(run.pool) + (f"; behind it {', '.join(behind)}" if behind else "")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Lines of an aligned table: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines


def repeated(run: Run) -> list[dict[str, str | float | int]]:
    """The log messages of a run, each kind once: ``id level text count first_s last_s``, by first appearance.

    Messages of one id differ in their numbers only (idle, total children); ``text`` is that of the first.
    """
    seen: dict[str, dict[str, str | float | int]] = {}
    for line in run.messages:
        kind = line.id or line.text
        entry = seen.get(kind)
        if entry is None:
            seen[kind] = {
                "id": line.id,
                "level": line.level,
                "text": line.text,
                "count": 1,
                "first_s": line.time_s,
                "last_s": line.time_s,
            }
        else:
            entry["count"] = int(entry["count"]) + 1
            entry["last_s"] = line.time_s
    return list(seen.values())


def pool_values(pool: Pool) -> Mapping[str, str | int]:
    """The fields of a pool with the sizes that follow from them, for JSON."""
    from dataclasses import asdict

    derived = {
        "workers": pool.workers,
        "initial": pool.initial,
        "minimum": pool.minimum,
        "floor": pool.floor,
        "maximum": pool.maximum,
    }
    return {**asdict(pool), **derived}
