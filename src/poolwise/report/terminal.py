"""The pictures of a pool for a terminal: braille curves with labelled axes, one run below another."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from poolwise.model import Run
from poolwise.report.braille import RESET, Canvas
from poolwise.report.measures import chain_words
from poolwise.report.quantities import clock, count
from poolwise.report.stages import cores, extras, is_apache

if TYPE_CHECKING:
    from poolwise.model import Floats

_LEFT = 8  # characters for the numbers of the vertical axis
_RIGHT = 14  # ... and for the words of the levels
_INKS = re.compile(r"\x1b\[\d+m")
_BLUE, _RED, _GREEN, _YELLOW, _GREY = (f"\x1b[{code}m" for code in (34, 31, 32, 33, 90))
_Levels = Sequence[tuple[float, str, str]]


def terminal_figure(runs: Sequence[Run], width: int = 100, height: int = 8, colour: bool = False) -> str:
    """Requests at once, processes created and killed, processes in total and idle workers of each run.

    ``width``: columns of the terminal, at least 40; ``height``: lines of each picture; ``colour``: with
    ANSI colours. A column shows the extremes of its stretch of time, so no peak is lost.
    Raises ValueError when there is no run.
    """
    if not runs:
        raise ValueError("a figure needs at least one run")
    parts = [_run(run, max(width, 40) - _LEFT - _RIGHT, max(height, 3)) for run in runs]
    lines = "\n\n".join("\n".join(part) for part in parts).split("\n")
    if not colour:
        lines = [_INKS.sub("", line) for line in lines]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _run(run: Run, width: int, height: int) -> list[str]:
    lines = [f"{run.label}: {chain_words(run)}"]
    lines += ["", *_requests(run, width, height, "Requests in front" if run.stages else "Requests at once")]
    for stage in run.stages:
        lines += ["", *_requests(stage, width, height, f"Group {stage.pool.name}")]
    for picture in (_churn, _total, _idle, *_beyond(run)):
        lines += ["", *picture(run, width, height)]
    return [*lines, _time_axis(run.duration_s, width)]


def _beyond(run: Run) -> list[Callable[[Run, int, int], list[str]]]:
    """The pictures of what only a chain of stages has."""
    pictures = {"cpu_cores": _processor, "idle_connections": _connections}
    return [pictures[name] for name in extras(run, list(pictures))]


def _processor(run: Run, width: int, height: int) -> list[str]:
    level = float(cores(run))
    top = max(_peak(run, "cpu_cores"), level)
    levels = [(level, f"{level:.0f} cores", _RED)] if level else []
    return _level_picture("Processor, cores busy", run, "cpu_cores", top, levels, width, height)


def _connections(run: Run, width: int, height: int) -> list[str]:
    top = max(_peak(run, "idle_connections"), 1.0)
    return _level_picture("Idle connections", run, "idle_connections", top, [], width, height)


def _paint(text: str, ink: str) -> str:
    return f"{ink}{text}{RESET}"


def _requests(run: Run, width: int, height: int, title: str) -> list[str]:
    top = max(_peak(run, "busy"), _peak(run, "queued"), 1.0)
    marks, above = [], ""
    if not is_apache(run.pool):
        workers, words = run.pool.workers, f"{count(run.pool.workers)} workers"
        if workers <= 4 * top:
            top = max(top, float(workers))
            marks = [(_dot(workers, top, height), _paint(words, _RED))]
        else:
            above = f" of {words}"
    canvas = Canvas(width, height)
    _curve(canvas, run.series["busy"], top, _BLUE, filled=False)
    _curve(canvas, run.series["queued"], top, _RED, filled=True, skip_zero=True)
    for dot, _ in marks:
        canvas.rule(dot, "┄", _RED)
    peak = f"at most {count(_peak(run, 'busy'))}{above} in service, {count(_peak(run, 'queued'))} queued"
    keys = f"{_paint('line: in service', _BLUE)}  {_paint('filled: queued', _RED)}  ({peak})"
    return [f"{title}   {keys}", *_frame(canvas, top, 0.0, marks)]


def _churn(run: Run, width: int, height: int) -> list[str]:
    """Bars up (created) and down (killed), of the largest second of each column, on a square-root scale."""
    created, killed = (_extremes(run.series[name], 2 * width)[1] for name in ("created", "killed"))
    up, down = max(float(created.max()), 1.0) ** 0.5, max(float(killed.max()), 1.0) ** 0.5
    dots = 4 * height
    zero = min(max(round(dots * down / (up + down)), 4), dots - 4) // 4 * 4
    canvas = Canvas(width, height)
    for x in range(2 * width):
        if created[x] > 0:
            canvas.fill(x, zero, zero + max(0, round((dots - zero) * created[x] ** 0.5 / up) - 1), _GREEN)
        if killed[x] > 0:
            canvas.fill(x, zero - max(1, round(zero * killed[x] ** 0.5 / down)), zero - 1, _YELLOW)
    canvas.rule(zero, "─", _GREY)
    sums = [count(float(run.series[name].sum())) for name in ("created", "killed")]
    keys = f"{_paint(f'up: created ({sums[0]})', _GREEN)}  {_paint(f'down: killed ({sums[1]})', _YELLOW)}"
    return [f"Processes each second   {keys}", *_frame(canvas, up**2, -(down**2), ((zero, "0"),))]


def _total(run: Run, width: int, height: int) -> list[str]:
    pool = run.pool
    top = max(_peak(run, "total"), 1.0)
    top = max([top, *(float(level) for level in (pool.floor, pool.maximum) if level <= 4 * top)])
    levels = [
        (float(pool.maximum), f"limit {pool.maximum}", _RED),
        (float(pool.floor), f"floor {pool.floor}", _GREY),
    ]
    if not is_apache(pool):
        del levels[1:]
    return _level_picture("Processes in total", run, "total", top, levels, width, height)


def _idle(run: Run, width: int, height: int) -> list[str]:
    pool = run.pool
    top = max(_peak(run, "idle"), 1.0)
    if pool.max_spare <= 4 * top:
        top = max(top, float(pool.max_spare))
    words = "processes" if pool.threads == 1 else "threads"
    levels = [
        (float(pool.max_spare), f"max {pool.max_spare}", _GREEN),
        (float(pool.min_spare), f"min {pool.min_spare}", _GREEN),
    ]
    if not is_apache(pool):
        levels.clear()
    return _level_picture(f"Idle {words}", run, "idle", top, levels, width, height)


def _level_picture(
    title: str, run: Run, name: str, top: float, levels: _Levels, width: int, height: int
) -> list[str]:
    """A curve with dashed levels named at the right; a level above the picture is named beside the title."""
    canvas = Canvas(width, height)
    _curve(canvas, run.series[name], top, _BLUE, filled=False)
    marks, above = [], ""
    for value, words, ink in levels:
        if value > top:
            above += f"   ({words} is above the picture)"
            continue
        dot = _dot(value, top, height)
        canvas.rule(dot, "┄", ink)
        marks.append((dot, _paint(words, ink)))
    return [title + above, *_frame(canvas, top, 0.0, marks)]


def _peak(run: Run, name: str) -> float:
    return float(run.series[name].max(initial=0.0))


def _dot(value: float, top: float, height: int) -> int:
    return round(value / top * (4 * height - 1))


def _extremes(values: Floats, columns: int) -> tuple[Floats, Floats]:
    """Lowest and highest value of each of ``columns`` stretches (of the nearest value in a short series)."""
    import numpy as np

    values = np.asarray(values, dtype=np.float64) if len(values) else np.zeros(1)
    edges = np.linspace(0, len(values), columns + 1)
    starts = np.minimum(edges[:-1].astype(np.int64), len(values) - 1)
    ends = np.maximum(edges[1:].astype(np.int64), starts + 1)
    parts = [values[start:end] for start, end in zip(starts, ends, strict=True)]
    return np.array([part.min() for part in parts]), np.array([part.max() for part in parts])


def _curve(
    canvas: Canvas, values: Floats, top: float, ink: str, *, filled: bool, skip_zero: bool = False
) -> None:
    lows, highs = _extremes(values, 2 * canvas.width)
    last: int | None = None
    for x, (low, high) in enumerate(zip(lows.tolist(), highs.tolist(), strict=True)):
        bottom, peak = _dot(low, top, canvas.height), _dot(high, top, canvas.height)
        if filled:
            bottom = 0
        elif last is not None:  # no gap between neighbouring columns
            bottom, peak = min(bottom, last), max(peak, last) if bottom > last else peak
        if high > 0 or not skip_zero:
            canvas.fill(x, bottom, peak, ink)
        last = _dot(high, top, canvas.height)


def _frame(canvas: Canvas, top: float, bottom: float, marks: Sequence[tuple[int, str]]) -> list[str]:
    """The canvas between its vertical axis and the words of its levels."""
    words: dict[int, str] = {}
    for dot, text in marks:
        row = canvas.height - 1 - min(dot // 4, canvas.height - 1)
        words[row] = f"{words[row]}, {text}" if row in words else text
    numbers = {0: count(round(top)), canvas.height - 1: count(round(abs(bottom)))}
    if bottom == 0.0:
        numbers[canvas.height // 2] = _middle(top * (1 - (canvas.height // 2 + 0.5) / canvas.height))
    lines = []
    for row, drawn in enumerate(canvas.rows()):
        axis = f"{numbers.get(row, ''):>{_LEFT - 2}} {'┤' if row in numbers else '│'}"
        lines.append(f"{axis}{drawn} {words.get(row, '')}")
    return lines


def _middle(value: float) -> str:
    return count(round(value)) if value >= 10 else count(round(value, 1))


def _time_axis(duration_s: float, width: int) -> str:
    """Times at the quarters under the last picture."""
    line = [" "] * (width + 12)
    for quarter in range(5):
        text = clock(duration_s * quarter / 4)
        left = round(quarter * width / 4) - (len(text) // 2 if quarter else 0)
        line[left : left + len(text)] = list(text)
    return (" " * _LEFT + "".join(line)).rstrip()
