"""The single pictures of a pool figure: one layered view each, over the time axis and data of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from poolwise.model import Pool, Run
from poolwise.report.quantities import clock
from poolwise.report.style import BLUE, GREEN, INK, ORANGE, PURPLE, VERMILION, Spec, header, rule
from poolwise.report.thin import bucket_s, thin_counts, time_unit

HEIGHT = 96
_LINE = 13.0  # pixels that a line of words needs
_FAR = (
    4.0  # a limit more than this many times above the data would flatten the picture: it is named, not drawn
)


@dataclass(frozen=True, slots=True)
class Scales:
    """Upper ends of the vertical axes, common to all runs of a figure; memory in bytes."""

    requests: float
    created: float
    killed: float
    total: float
    idle: float
    memory: float

    @staticmethod
    def of(runs: Sequence[Run]) -> Scales:
        """Scales that hold every run's largest values, and the limits that are not far above them."""
        limits = [run.pool.maximum for run in runs] + [run.pool.floor for run in runs]
        bands = [run.pool.max_spare for run in runs]
        return Scales(
            requests=max(_peak(runs, "busy"), _peak(runs, "queued"), 1.0) * 1.06,
            created=_most(runs, "created"),
            killed=_most(runs, "killed"),
            total=_reach(_peak(runs, "total"), limits) * 1.08,
            idle=_reach(_peak(runs, "idle"), bands) * 1.08,
            memory=max(_peak(runs, "memory_bytes"), 1.0) * 1.06,
        )


def _peak(runs: Sequence[Run], name: str) -> float:
    return max((float(run.series[name].max(initial=0.0)) for run in runs if name in run.series), default=0.0)


def _most(runs: Sequence[Run], name: str) -> float:
    """The tallest bar of a count: the largest sum of a bucket, at least 1."""
    series = [run.series[name] for run in runs if name in run.series]
    return max([1.0] + [float(thin_counts(v, bucket_s(len(v)))[0].max(initial=0.0)) for v in series])


def _reach(peak: float, limits: Sequence[float]) -> float:
    """The larger of the data and the limits, leaving out limits that are far above the data."""
    return max([peak, 1.0] + [limit for limit in limits if limit <= _FAR * max(peak, 1.0)])


@dataclass(frozen=True, slots=True)
class Column:
    """What the pictures of one run have in common: ``bucket`` is the thinning in seconds."""

    run: Run
    scales: Scales
    width: int
    number: int
    bucket: int

    @property
    def pool(self) -> Pool:
        """The pool that was run."""
        return self.run.pool

    @property
    def workers(self) -> str:
        """What httpd counts as idle: processes in prefork, threads elsewhere."""
        return "processes" if self.pool.threads == 1 else "threads"


def panels(column: Column, memory: bool) -> list[Spec]:
    """The views of one run, top to bottom."""
    pictures = [_requests(column), _churn(column), _total(column), _idle(column)]
    if memory and "memory_bytes" in column.run.series:
        pictures.append(_memory(column))
    last = len(pictures) - 1
    return [_view(column, layers, row, row == last) for row, layers in enumerate(pictures)]


def _view(column: Column, layers: list[Spec], row: int, bottom: bool) -> Spec:
    unit, name = time_unit(column.run.duration_s)
    axis = {
        "title": f"time ({name})" if bottom else None,
        "labels": bottom,
        "tickCount": max(4, column.width // 70),
        "format": ",~r",
    }
    domain = [0, max(column.run.duration_s, 1.0) / unit]
    scale = {"domain": domain, "nice": False, "padding": 0}
    return {
        "width": column.width,
        "height": HEIGHT,
        "data": {"name": f"states{column.number}"},
        "encoding": {"x": {"field": "t", "type": "quantitative", "axis": axis, "scale": scale}},
        "layer": [*layers, *_pointer(column, row, name)],
    }


def _pointer(column: Column, row: int, unit: str) -> list[Spec]:
    """Invisible points that the mouse finds, and the line that shows the instant in every picture."""
    words = {
        "busy": "in service",
        "queued": "queued",
        "total": "processes",
        "idle": f"idle {column.workers}",
    }
    if column.bucket > 1:
        means = {name: f"{word}, mean of {clock(column.bucket)}" for name, word in words.items()}
        words = means | {f"{name}_high": f"{word}, most" for name, word in words.items()}
    fields = [
        {"field": name, "type": "quantitative", "title": word, "format": ",.4~r"}
        for name, word in {"t": f"time ({unit})", **words}.items()
    ]
    points = {"type": "point", "opacity": 0, "size": 1}
    return [
        {"name": f"pointer{column.number}_{row}", "mark": points, "encoding": {"tooltip": fields}},
        {
            "transform": [{"filter": {"param": f"at{column.number}", "empty": False}}],
            "mark": {"type": "rule", "color": INK, "opacity": 0.6},
        },
    ]


def _y(field: str, title: str, scale: Spec, **axis: object) -> Spec:
    shown = {"title": title, "tickCount": 4, "minExtent": 34, "maxExtent": 34, "format": ",~r", **axis}
    return {"field": field, "type": "quantitative", "axis": shown, "scale": scale}


def _scale(top: float) -> Spec:
    return {"domain": [0, top], "nice": False}


def _state(column: Column, name: str, y: Spec, colour: str, fill: float, shape: str = "linear") -> list[Spec]:
    """A state as a line over a tinted area; in a thinned run also the band from lowest to highest."""
    area = {"type": "area", "color": colour, "clip": True, "interpolate": shape, "tooltip": None}
    line = {"color": colour, "strokeWidth": 1.4, "opacity": 1}
    layers: list[Spec] = [{"mark": {**area, "fillOpacity": fill, "line": line}, "encoding": {"y": y}}]
    if column.bucket > 1:
        band = {"y": {**y, "field": f"{name}_low"}, "y2": {"field": f"{name}_high"}}
        layers.insert(0, {"mark": {**area, "fillOpacity": 0.35}, "encoding": band})
    return layers


def _requests(column: Column) -> list[Spec]:
    scale = _scale(column.scales.requests)
    keys = [("in service", BLUE), ("queued", VERMILION)]
    layers = _state(column, "busy", _y("busy", "requests", scale), BLUE, 0.2)
    layers += _state(column, "queued", _y("queued", "requests", scale), VERMILION, 0.3)
    if column.run.totals.get("refused", 0.0):
        keys.append(("refused", PURPLE))
        layers.append(_refusals(column))
    return [*layers, *header("Requests at once", tuple(keys))]


def _refusals(column: Column) -> Spec:
    mark = {"type": "tick", "orient": "vertical", "color": PURPLE, "height": 8, "thickness": 2, "opacity": 1}
    return {
        "data": {"name": f"counts{column.number}"},
        "transform": [{"filter": "datum.refused > 0"}],
        "mark": mark,
        "encoding": {"y": {"value": 4}, "tooltip": {"field": "refused", "type": "quantitative"}},
    }


def _churn(column: Column) -> list[Spec]:
    """Bars up and down on a logarithmic scale (linear near zero): httpd doubles its forks, kills singly."""
    up, down = column.scales.created, column.scales.killed
    scale = {"type": "symlog", "constant": 1, "domain": [-down * 1.15, up * 1.15], "nice": False}
    ticks = [-tick for tick in _powers(down)] + [0] + _powers(up)
    title = "per second" if column.bucket == 1 else f"per {clock(column.bucket)}"
    words = "format(abs(datum.value), ',~r')"
    y = _y("created", title, scale, values=ticks, labelOverlap=False, labelExpr=words)
    bars = [_bars(column, name, y, colour) for name, colour in (("created", GREEN), ("killed", ORANGE))]
    zero: Spec = {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": INK, "opacity": 0.4},
        "encoding": {"y": {"datum": 0, "scale": scale}, "x": {"value": 0}, "x2": {"value": column.width}},
    }
    return [*bars, zero, *header("Processes", (("created", GREEN), ("killed", ORANGE)))]


def _bars(column: Column, name: str, y: Spec, colour: str) -> Spec:
    most = {"field": f"{name}_most", "type": "quantitative", "title": f"{name}, most in one second"}
    return {
        "data": {"name": f"counts{column.number}"},
        "transform": [{"filter": f"datum.{name} != 0"}],
        "mark": {"type": "bar", "color": colour, "clip": True, "orient": "vertical", "opacity": 1},
        "encoding": {"x2": {"field": "t2"}, "y": {**y, "field": name}, "y2": {"datum": 0}, "tooltip": most},
    }


def _powers(top: float) -> list[int]:
    """Axis ticks at powers of two up to ``top``, at most four."""
    last = int(math.log2(max(top, 1.0)))
    return [2**power for power in range(0, last + 1, max(1, math.ceil((last + 1) / 4)))]


def _total(column: Column) -> list[Spec]:
    pool, scale = column.pool, _scale(column.scales.total)
    layers = _state(column, "total", _y("total", "processes", scale), BLUE, 0.15, _stairs(column))
    levels = [(pool.maximum, "limit", VERMILION)]
    if pool.floor < pool.maximum:
        levels.append((pool.floor, "floor", INK))
    return [*layers, *_levels(column, levels, scale), *header("Processes in total", ())]


def _stairs(column: Column) -> str:
    """Counts of processes move in steps; means of buckets do not."""
    return "step" if column.bucket == 1 else "linear"


def _idle(column: Column) -> list[Spec]:
    pool, scale = column.pool, _scale(column.scales.idle)
    upper = min(float(pool.max_spare), column.scales.idle)
    lower = min(float(pool.min_spare), upper)
    band: Spec = {
        "data": {"values": [{}]},
        "mark": {"type": "rect", "color": GREEN, "opacity": 0.16, "tooltip": None},
        "encoding": {
            "x": {"value": 0},
            "x2": {"value": column.width},
            "y": {"datum": lower, "type": "quantitative", "scale": scale},
            "y2": {"datum": upper},
        },
    }
    layers = [band, *_state(column, "idle", _y("idle", f"idle {column.workers}", scale), BLUE, 0.0)]
    levels = [(pool.max_spare, "max", GREEN), (pool.min_spare, "min", GREEN)]
    return [*layers, *_levels(column, levels, scale), *header(f"Idle {column.workers}", (("band", GREEN),))]


def _levels(column: Column, levels: list[tuple[int, str, str]], scale: Spec) -> list[Spec]:
    """Rules with their words, highest first; words that would touch are moved apart."""
    layers: list[Spec] = []
    top, free = scale["domain"][1], -_LINE
    for value, word, colour in levels:
        above = value > top
        y = HEIGHT * (1 - min(value / top, 1.0))
        at = max(y, free)
        words = f"{word} {value}{' ↑' if above else ''}"
        line = rule(min(value, top), words, colour, column.width, scale, at - y)
        layers += line[1:] if above else line
        free = at + _LINE
    return layers


def _memory(column: Column) -> list[Spec]:
    factor, unit = (1e9, "GB") if column.scales.memory >= 2e9 else (1e6, "MB")
    scale = _scale(column.scales.memory)
    ticks = _round_ticks(column.scales.memory / factor)
    words = f"format(datum.value / {factor:.0f}, ',~r')"
    y = _y("memory_bytes", unit, scale, values=[tick * factor for tick in ticks], labelExpr=words)
    return [*_state(column, "memory_bytes", y, PURPLE, 0.2, _stairs(column)), *header("Memory", ())]


def _round_ticks(top: float) -> list[float]:
    """0 and up to five multiples of 1, 2 or 5 times a power of ten below ``top``."""
    power = 10.0 ** math.floor(math.log10(top / 3))
    step = next(factor * power for factor in (1, 2, 5, 10) if top / (factor * power) < 5)
    return [step * number for number in range(int(top / step) + 1)]
