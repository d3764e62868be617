"""The single pictures of a pool figure: one layered view each, over the time axis and data of a run."""

from __future__ import annotations

import math

from poolwise.report.drawing import (
    HEIGHT,
    Column,
    levels_of,
    scale_to,
    stairs,
    state,
    y_axis,
)
from poolwise.report.quantities import clock
from poolwise.report.stages import EXTRA_COUNTS, EXTRA_STATES, cores, extras, group_words, is_apache
from poolwise.report.style import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, VERMILION, Spec, header
from poolwise.report.thin import time_unit


def panels(column: Column, memory: bool) -> list[Spec]:
    """The views of one run, top to bottom."""
    groups = [_group(column, number) for number in range(len(column.run.stages))]
    first, last_ones = (groups, []) if column.scales.even else ([], groups)
    pictures = [_requests(column), *first, _churn(column), _total(column), _idle(column)]
    if "cpu_cores" in column.scales.shown:
        pictures.append(_processor(column))
    if "idle_connections" in column.scales.shown:
        pictures.append(_connections(column))
    if memory and "memory_bytes" in column.run.series:
        pictures.append(_memory(column))
    pictures += last_ones
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
    for number, stage in enumerate(column.run.stages):
        words[f"group{number}_busy"] = f"{stage.pool.name}: in service"
        words[f"group{number}_queued"] = f"{stage.pool.name}: queued"
    words |= {name: word for name, word in EXTRA_STATES.items() if name in column.scales.shown}
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


def _requests(column: Column) -> list[Spec]:
    scale = scale_to(column.scales.requests)
    keys = [("in service", BLUE), ("queued", VERMILION)]
    layers = state(column, "busy", y_axis("busy", "requests", scale), BLUE, 0.2)
    layers += state(column, "queued", y_axis("queued", "requests", scale), VERMILION, 0.3)
    if not is_apache(column.pool):
        layers += levels_of(column, [(column.pool.workers, "workers", VERMILION)], scale)
    lost = [("refused", "refused", PURPLE)] if column.run.totals.get("refused", 0.0) else []
    inks = {"gave_up": ORANGE, "failed": INK}
    lost += [(name, EXTRA_COUNTS[name], inks[name]) for name in extras(column.run, list(EXTRA_COUNTS))]
    for row, (name, word, ink) in enumerate(lost):
        keys.append((word, ink))
        layers.append(_ticks(column, name, ink, 4.0 + 10.0 * row))
    title = "Requests in front" if column.run.stages else "Requests at once"
    return [*layers, *header(title, tuple(keys))]


def _ticks(column: Column, name: str, ink: str, y: float) -> Spec:
    """A mark at the top for every second in which requests were lost."""
    mark = {"type": "tick", "orient": "vertical", "color": ink, "height": 8, "thickness": 2, "opacity": 1}
    return {
        "data": {"name": f"counts{column.number}"},
        "transform": [{"filter": f"datum.{name} > 0"}],
        "mark": mark,
        "encoding": {"y": {"value": y}, "tooltip": {"field": name, "type": "quantitative"}},
    }


def _group(column: Column, number: int) -> list[Spec]:
    """Requests in a group: how many of its workers are busy, and how many requests wait for one."""
    pool, scale = column.run.stages[number].pool, scale_to(column.scales.groups[number])
    busy, queued = f"group{number}_busy", f"group{number}_queued"
    layers = state(column, busy, y_axis(busy, "requests", scale), BLUE, 0.2)
    layers += state(column, queued, y_axis(queued, "requests", scale), VERMILION, 0.3)
    layers += levels_of(column, [(pool.workers, "workers", VERMILION)], scale)
    most = column.width // 9
    title = f"Group {group_words(pool)}"
    if len(title) > most:
        title = f"Group {pool.name}" if len(pool.name) + 6 <= most else f"Group {pool.name[: most - 7]}…"
    return [*layers, *header(title, (("in service", BLUE), ("queued", VERMILION)))]


def _processor(column: Column) -> list[Spec]:
    scale = scale_to(column.scales.cores)
    y = y_axis("cpu_cores", "cores", scale, format=".3~r")
    levels = [(cores(column.run), "cores", VERMILION)] if cores(column.run) else []
    return [
        *state(column, "cpu_cores", y, GREEN, 0.25),
        *levels_of(column, levels, scale),
        *header("Processor", ()),
    ]


def _connections(column: Column) -> list[Spec]:
    y = y_axis("idle_connections", "connections", scale_to(column.scales.connections))
    return [*state(column, "idle_connections", y, SKY, 0.3), *header("Idle connections", ())]


def _churn(column: Column) -> list[Spec]:
    """Bars up and down on a logarithmic scale (linear near zero): httpd doubles its forks, kills singly."""
    up, down = column.scales.created, column.scales.killed
    scale = {"type": "symlog", "constant": 1, "domain": [-down * 1.15, up * 1.15], "nice": False}
    ticks = [-tick for tick in _powers(down)] + [0] + _powers(up)
    title = "per second" if column.bucket == 1 else f"per {clock(column.bucket)}"
    words = "format(abs(datum.value), ',~r')"
    y = y_axis("created", title, scale, values=ticks, labelOverlap=False, labelExpr=words)
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
    pool, scale = column.pool, scale_to(column.scales.total)
    layers = state(column, "total", y_axis("total", "processes", scale), BLUE, 0.15, stairs(column))
    keys: tuple[tuple[str, str], ...] = ()
    if "loading" in column.scales.shown:
        y = y_axis("loading", "processes", scale)
        layers += state(column, "loading", y, ORANGE, 0.5, stairs(column))
        keys = (("all", BLUE), ("loading the application", ORANGE))
    levels = [(pool.maximum, "limit", VERMILION)]
    if is_apache(pool) and pool.floor < pool.maximum:
        levels.append((pool.floor, "floor", INK))
    return [*layers, *levels_of(column, levels, scale), *header("Processes in total", keys)]


def _idle(column: Column) -> list[Spec]:
    pool, scale = column.pool, scale_to(column.scales.idle)
    line = state(column, "idle", y_axis("idle", f"idle {column.workers}", scale), BLUE, 0.0)
    if not is_apache(pool):
        return [*line, *header(f"Idle {column.workers}", ())]
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
    layers = [band, *line]
    levels = [(pool.max_spare, "max", GREEN), (pool.min_spare, "min", GREEN)]
    return [*layers, *levels_of(column, levels, scale), *header(f"Idle {column.workers}", (("band", GREEN),))]


def _memory(column: Column) -> list[Spec]:
    factor, unit = (1e9, "GB") if column.scales.memory >= 2e9 else (1e6, "MB")
    scale = scale_to(column.scales.memory)
    ticks = _round_ticks(column.scales.memory / factor)
    words = f"format(datum.value / {factor:.0f}, ',~r')"
    y = y_axis("memory_bytes", unit, scale, values=[tick * factor for tick in ticks], labelExpr=words)
    return [*state(column, "memory_bytes", y, PURPLE, 0.2, stairs(column)), *header("Memory", ())]


def _round_ticks(top: float) -> list[float]:
    """0 and up to five multiples of 1, 2 or 5 times a power of ten below ``top``."""
    power = 10.0 ** math.floor(math.log10(top / 3))
    step = next(factor * power for factor in (1, 2, 5, 10) if top / (factor * power) < 5)
    return [step * number for number in range(int(top / step) + 1)]
