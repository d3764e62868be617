"""Runs compared: a table for the terminal, and JSON with every series."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from poolwise.model import Run
from poolwise.report.measures import chain_words, measures, pool_values, repeated, table
from poolwise.report.quantities import clock, count, duration, share, size
from poolwise.report.stages import STAGE_HEADER, stage_rows

_Words = Callable[[float], str]
_ROWS: tuple[tuple[str, str, _Words], ...] = (
    ("requests", "requests", count),
    ("  served", "served", count),
    ("  refused", "refused", count),
    ("  lost", "lost", count),
    ("  unfinished at the end", "unfinished", count),
    ("  failed (503, 504)", "failed", count),
    ("  gave up", "gave_up", count),
    ("came again", "retried", count),
    ("waited for a worker", "waited_share", share),
    ("wait     p50", "wait_p50_s", duration),
    ("         p95", "wait_p95_s", duration),
    ("         p99", "wait_p99_s", duration),
    ("         longest", "wait_max_s", duration),
    ("response p50", "response_p50_s", duration),
    ("         p95", "response_p95_s", duration),
    ("         p99", "response_p99_s", duration),
    ("processes mean", "processes_mean", count),
    ("          peak", "processes_peak", count),
    ("workers busy, mean", "busy_mean", count),
    ("created", "created", count),
    ("killed as idle", "killed_idle", count),
    ("recycled", "recycled", count),
    ("restarted", "restarted", count),
    ("crashed", "crashed", count),
    ("started anew per hour", "churn_per_hour", count),
    ("applications loaded", "imports", count),
    ("cores busy mean", "cpu_cores_mean", count),
    ("           peak", "cpu_cores_peak", count),
    ("idle connections mean", "idle_connections_mean", count),
    ("                 peak", "idle_connections_peak", count),
    ("memory mean", "memory_mean_bytes", size),
    ("       peak", "memory_peak_bytes", size),
)
_ONLY_IF_ANY = {
    "lost",
    "unfinished",
    "recycled",
    "restarted",
    "crashed",
    "memory_mean_bytes",
    "memory_peak_bytes",
    "failed",
    "gave_up",
    "retried",
    "imports",
    "cpu_cores_mean",
    "cpu_cores_peak",
    "idle_connections_mean",
    "idle_connections_peak",
}


_BY_TRY = ("refused", "gave_up")  # counted for each try of a client that comes again


def run_text(runs: Sequence[Run]) -> str:
    """A table with a column for each run, then stages, log messages and assumptions of each."""
    figures = [measures(run) for run in runs]
    lines = [f"{run.label}: {chain_words(run)}; {clock(run.duration_s)} {run.origin}" for run in runs]
    rows = []
    for words, name, spell in _ROWS:
        values = [each.get(name) for each in figures]
        if name not in _ONLY_IF_ANY or any(values):
            tries = " (tries)" if name in _BY_TRY and any(each.get("retried") for each in figures) else ""
            rows.append([words + tries, *("–" if value is None else spell(value) for value in values)])
    lines += ["", *table(["", *(run.label for run in runs)], rows)]
    for run in runs:
        if run.stages:
            lines += ["", f"Stage by stage, {run.label}:", *table(STAGE_HEADER, stage_rows(run))]
    for run in runs:
        lines += _messages(run)
    lines += _assumptions(runs)
    return "\n".join(lines) + "\n"


def _messages(run: Run) -> list[str]:
    if not run.messages:
        return []
    lines = ["", f"What httpd would log, {run.label}:"]
    for entry in repeated(run):
        times = f"at {clock(float(entry['first_s']))}"
        if entry["count"] != 1:
            times = f"{entry['count']} times, first {times}, last at {clock(float(entry['last_s']))}"
        lines.append(f"  {entry['id']} {entry['level']}: {entry['text']}")
        lines.append(f"      {times}")
    return lines


def _assumptions(runs: Sequence[Run]) -> list[str]:
    assumed = list(dict.fromkeys(words for run in runs for words in run.assumptions))
    return ["", "Assumed:", *(f"  - {words}" for words in assumed)] if assumed else []


def run_json(runs: Sequence[Run], *, series: bool = True) -> str:
    """The same as JSON, keys sorted: ``{"schema": "poolwise.run/1", "runs": [...]}``.

    Of each run: ``label origin engine duration_s pool measures totals messages assumptions`` and, unless
    ``series`` is false, ``series`` with one value a second (counts of the second, states at its middle); of
    a run with groups ``stages``: the same of each.
    """
    document = {"schema": "poolwise.run/1", "runs": [_run_values(run, series) for run in runs]}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _run_values(run: Run, series: bool) -> dict[str, Any]:
    values: dict[str, Any] = {
        "label": run.label,
        "origin": run.origin,
        "engine": run.engine,
        "duration_s": run.duration_s,
        "pool": pool_values(run.pool),
        "measures": measures(run),
        "totals": {name: float(value) for name, value in run.totals.items()},
        "messages": repeated(run),
        "assumptions": list(run.assumptions),
    }
    if run.stages:
        values["stages"] = [_run_values(stage, series) for stage in run.stages]
    if series:
        values["series"] = {name: [round(v, 4) for v in data.tolist()] for name, data in run.series.items()}
    return values
