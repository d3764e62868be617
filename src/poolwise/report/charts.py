"""Figures as Vega-Lite specifications, plain dicts: what a pool did over time, and how long requests took.

``pool_figure`` stacks the pictures that explain a pool over one time axis: requests at once, processes
created and killed, processes in total, idle workers (and memory); a chain of stages adds each group, the
processor and idle connections. Runs stand side by side with the same vertical scales, so that they can be
compared by eye.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from poolwise.model import Histogram, Run
from poolwise.report.drawing import Column, Scales
from poolwise.report.panels import panels
from poolwise.report.stages import EXTRA_COUNTS, EXTRA_STATES, extras, group_series
from poolwise.report.style import SCHEMA, SERIES, Spec, config, header
from poolwise.report.thin import bucket_s, thin_counts, thin_states, time_unit

if TYPE_CHECKING:
    from poolwise.model import Floats

STATES = ("busy", "queued", "total", "idle", "memory_bytes")
SHORTEST_S = 1e-3  # where the axis of durations begins
COUNTS = ("created", "killed", "refused")


def pool_figure(runs: Sequence[Run], *, title: str = "", width: int = 720, memory: bool = False) -> Spec:
    """The pictures of each run stacked over its time axis, runs side by side; ``width`` in pixels.

    ``memory`` adds memory over time as the last picture. The result can be drawn by any Vega-Lite 5 or 6.
    Raises ValueError when there is no run.
    """
    columns = figure_columns(runs, width=max(240, width // max(len(runs), 1) - 60), memory=memory)
    datasets: Spec = {}
    for run, column in zip(runs, columns, strict=True):
        datasets |= column.pop("datasets")
        if len(columns) > 1:
            column["title"] = run.label
    figure: Spec = {"$schema": SCHEMA, "config": config(), "datasets": datasets, "spacing": 24}
    figure["hconcat"] = columns
    if title:
        figure["title"] = {"text": title, "fontSize": 16, "offset": 16}
    return {**figure, "params": [param for column in columns for param in _interaction(column)]}


def figure_columns(runs: Sequence[Run], *, width: int = 420, memory: bool = False) -> list[Spec]:
    """One specification for each run, ``width`` pixels wide inside, all with the same vertical scales."""
    if not runs:
        raise ValueError("a figure needs at least one run")
    scales = Scales.of(runs)
    return [_column(run, scales, width, memory, number) for number, run in enumerate(runs)]


def standalone(column: Spec) -> Spec:
    """One of ``figure_columns`` as a figure of its own."""
    return {"$schema": SCHEMA, "config": config(), **column, "params": _interaction(column)}


def _column(run: Run, scales: Scales, width: int, memory: bool, number: int) -> Spec:
    states, counts = series_rows(run)
    rows = panels(Column(run, scales, width, number, bucket_s(_length(run))), memory)
    return {
        "spacing": 34,
        "bounds": "flush",
        "datasets": {f"states{number}": states, f"counts{number}": counts},
        "vconcat": rows,
    }


def _interaction(column: Spec) -> list[Spec]:
    """Moving and zooming of a column's time axis, and a pointer that reads all series at an instant."""
    names = [layer["name"] for view in column["vconcat"] for layer in view["layer"] if "name" in layer]
    number = names[0].removeprefix("pointer").split("_")[0]
    zoom = {"type": "interval", "encodings": ["x"], "zoom": "wheel![event.shiftKey]"}
    at = {"type": "point", "on": "pointermove", "nearest": True, "encodings": ["x"], "clear": "pointerout"}
    return [
        {"name": f"at{number}", "select": at, "views": names},
        {"name": f"zoom{number}", "select": zoom, "bind": "scales", "views": names},
    ]


def _length(run: Run) -> int:
    return max((len(values) for values in run.series.values()), default=0)


def series_rows(run: Run) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The drawn data of a run as records, thinned: states at instants ``t``, counts in ``[t, t2)``.

    Times are in the unit of ``time_unit``. In a thinned run ``busy`` is the mean of a bucket, ``busy_low``
    and ``busy_high`` its extremes; ``created`` is the sum of a bucket, ``created_most`` its largest second.
    Seconds in which nothing was created, killed or refused have no record in the second list.
    """
    length = _length(run)
    width, (unit, _) = bucket_s(length), time_unit(run.duration_s)
    return _records(_states(run, length, width, unit)), _records(_counts(run, length, width, unit))


def _states(run: Run, length: int, width: int, unit: float) -> dict[str, Floats]:
    import numpy as np

    starts = np.arange(0, length, width)
    table = {"t": (starts + np.minimum(starts + width, length)) / 2 / unit}
    groups = group_series(run)
    for name in (*STATES, *extras(run, list(EXTRA_STATES)), *groups):
        values = groups[name] if name in groups else _series(run, name, length)
        low, mean, high = thin_states(values, width)
        table[name] = mean
        if width > 1:
            table[f"{name}_low"], table[f"{name}_high"] = low, high
    return table


def _counts(run: Run, length: int, width: int, unit: float) -> dict[str, Floats]:
    import numpy as np

    starts = np.arange(-(-length // width)) * float(width)
    table = {"t": starts / unit, "t2": np.minimum(starts + width, max(run.duration_s, 1.0)) / unit}
    names = (*COUNTS, *extras(run, list(EXTRA_COUNTS)))
    for name in names:
        table[name], table[f"{name}_most"] = thin_counts(_series(run, name, length), width)
    some = sum(table[name] for name in names) > 0
    table = {name: values[some] for name, values in table.items()}
    table["killed"] = -table["killed"]
    return table


def _series(run: Run, name: str, length: int) -> Floats:
    import numpy as np

    values = np.asarray(run.series.get(name, np.zeros(length)), dtype=np.float64)
    return np.pad(values, (0, length - len(values)))


def _records(table: dict[str, Floats]) -> list[dict[str, Any]]:
    """Arrays of equal length as records with short numbers (whole ones as integers)."""
    columns = {name: [_short(v) for v in values.tolist()] for name, values in table.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _short(value: float) -> float | int:
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def histogram_figure(runs: Sequence[Run], *, width: int = 420, height: int = 180) -> Spec:
    """Share of requests that waited (and that took) longer than t, on logarithmic axes, one line a run.

    Raises ValueError when there is no run.
    """
    if not runs:
        raise ValueError("a figure needs at least one run")
    pictures = [("wait", "Wait for a worker"), ("response", "Wait and service together")]
    rows = [_tail_panel(runs, kind, title, width, height) for kind, title in pictures]
    return {"$schema": SCHEMA, "config": config(), "spacing": 34, "vconcat": rows}


def _tail_panel(runs: Sequence[Run], kind: str, title: str, width: int, height: int) -> Spec:
    histograms = [run.wait if kind == "wait" else run.response for run in runs]
    top = max(10 * SHORTEST_S, *(histogram.max_s for histogram in histograms))
    layers: list[Spec] = []
    keys = []
    for number, (run, histogram) in enumerate(zip(runs, histograms, strict=True)):
        colour = SERIES[number % len(SERIES)]
        keys.append((run.label if histogram.max_s > SHORTEST_S else f"{run.label}: none", colour))
        layers.append(_tail_line(_tail(histogram), run.label, colour, top))
    return {"width": width, "height": height, "layer": [*layers, *header(title, tuple(keys))]}


def _tail_line(values: list[dict[str, Any]], label: str, colour: str, top: float) -> Spec:
    x_axis = {"title": "longer than (s)", "format": "~g", "tickCount": 6}
    y_axis = {"title": "share of requests", "format": "~%", "tickCount": 5, "minExtent": 40}
    y_scale = {"type": "log", "domain": [1e-5, 1], "clamp": True}
    x_scale = {"type": "log", "domain": [SHORTEST_S, top], "nice": False}
    longer = {"field": "longer_s", "type": "quantitative", "title": "longer than (s)", "format": ".3~g"}
    share = {"field": "share", "type": "quantitative", "title": f"share, {label}", "format": ".3~%"}
    mark = {"type": "line", "interpolate": "step-after", "color": colour, "strokeWidth": 1.8, "clip": True}
    return {
        "data": {"values": values},
        "mark": mark,
        "encoding": {
            "x": {**longer, "axis": x_axis, "scale": x_scale},
            "y": {**share, "axis": y_axis, "scale": y_scale},
            "tooltip": [longer, share],
        },
    }


def _tail(histogram: Histogram) -> list[dict[str, Any]]:
    """Share of durations at or above each bucket's upper edge, where it changes, from ``SHORTEST_S`` on."""
    import numpy as np

    if not histogram.total:
        return []
    above = 1.0 - np.cumsum(histogram.counts) / histogram.total
    edges = histogram.edges_s()[1:]
    keep = (edges >= SHORTEST_S) & (edges <= histogram.max_s * 1.05)
    shown = np.flatnonzero(keep)[::2]
    return [{"longer_s": float(f"{edges[i]:.4g}"), "share": float(f"{max(above[i], 0):.4g}")} for i in shown]
