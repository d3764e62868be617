"""The page that shows every recording beside its replay, and its pictures.

The numbers come from ``tests/compare_recordings.py``, which the tests use too.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))

from compare_recordings import (  # noqa: E402
    SAME_MEAN,
    SAME_WAIT,
    SHAKE_S,
    SHAKEN,
    Comparison,
    Course,
    comparison,
)
from poolwise.report import png  # noqa: E402
from poolwise.report.style import INK, SCHEMA, SKY, VERMILION, config  # noqa: E402

PAGE = ROOT / "docs/explanation/recordings.md"
PICTURES = ROOT / "docs/recordings"
WIDTH, HEIGHT = 330, 84  # of one panel, pixels
SCALE = 1.5
Spec = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """Cases that show the same: the name of their picture, a title, and what each case is."""

    name: str
    title: str
    cases: dict[str, str]


GROUPS = (
    Group(
        "idle",
        "Idle pools",
        {
            "p01_idle_start1": "prefork, StartServers 1: doubles past MinSpareServers 5",
            "p02_idle_start100": "prefork, StartServers 100: one process less a pass",
            "w12_idle_start1": "worker, StartServers 1",
            "w11_idle_start3": "worker, StartServers 3: nothing to do",
            "w24_clamp": "worker, MaxSpareThreads below MinSpareThreads + ThreadsPerChild is raised",
            "e24_clamp": "event, the same",
            "e19_idle_start16": "event, StartServers 16 of ServerLimit 16: one process less every two passes",
            "e19b_idle_serverlimit64": "event, ServerLimit 64: one every pass",
        },
    ),
    Group(
        "bursts",
        "Bursts and overload",
        {
            "p04_burst100": "prefork, 100 clients at once for 10 s",
            "p07_overload20": "prefork, MaxRequestWorkers 20 against 60 at once, then 20 a second of 1 s",
            "w15_burst350": "worker, 350 clients at once for 10 s",
            "e15_burst350": "event, the same",
        },
    ),
    Group(
        "ramps",
        "Ramps",
        {
            "p03_ramp40": "prefork, 0 to 40 to 0 requests at once",
            "w13_ramp300": "worker, 0 to 300 to 0",
            "e16_ramp300": "event, the same",
        },
    ),
    Group(
        "random",
        "Random traffic",
        {
            "p05_poisson_churn": "prefork, 40/s of 0.5 s (exponential), spares 5 to 10",
            "p06_poisson_plateau": "prefork, the same, MaxSpareServers 150",
            "w14a_poisson": "worker, 100/s of 1 s (exponential), default spares",
            "w14b_poisson_tight": "worker, the same, spares 25 to 50",
            "e17a_poisson": "event, default spares",
            "e17b_poisson_tight": "event, spares 25 to 50",
        },
    ),
    Group(
        "recycling",
        "Recycling",
        {"p08_maxconn20": "prefork, MaxConnectionsPerChild 20 under 40/s: two processes end every second"},
    ),
    Group(
        "loading",
        "An application that is slow to load",
        {
            "p09a_heavy_lazy": "prefork, 1.2 s of waiting and 0.3 s of CPU in the first request of a process",
            "p09b_heavy_preload": "prefork, the same at the start of a process",
        },
    ),
    Group(
        "keepalive",
        "Keep-alive",
        {
            "p10_keepalive30": "prefork, 30 clients, a request every 3 s; the first one races a pass",
            "p10b_keepalive30_offset": "prefork, the same 50 ms clear of the passes",
            "e18_keepalive30": "event, the same",
        },
    ),
    Group(
        "cpu",
        "CPU-bound requests on two cores",
        {
            "p11_cpu_half": "prefork, 10/s of 0.1 s of CPU: half of what the cores can do",
            "p12_cpu_over": "prefork, 30/s for 10 s: one and a half times as much, MaxRequestWorkers 60",
        },
    ),
    Group(
        "daemons",
        "Daemon processes behind event",
        {
            "d20_daemon_overload": "3 processes x 5 threads, waves of 30 and 60/s of 0.5 s",
            "d21_daemon_maxreq": "3 x 5, maximum-requests 100, 20/s of 0.3 s (exponential)",
            "d22_daemon_backlog": "3 x 5, 250 at once against listen-backlog 100",
        },
    ),
)


# What decides where a case is outside; shown only while it is.
WHY = {
    "d22_daemon_backlog": "one second: waves of 15 requests end within milliseconds of its middle, where it "
    "is chance whether they still count.",
    "p03_ramp40": "one decision of one run. The clock of the passes is 8 ms early, so that at second 19 a "
    "pass sees 5 idle processes and not 4; three seconds later the pools are the same again.",
    "p04_burst100": "one second, in whose middle 32 children become ready; in the simulation 40 ms later.",
    "p12_cpu_over": "the median wait is 5 % shorter; the 95th percentile agrees.",
    "w14b_poisson_tight": "a process that goes ends with its longest request (exponential service). Which "
    "of 100 requests a second it has taken is chance, on the server too; its end decides when a pass acts.",
}


def recordings_page() -> str:
    """The page: what is compared, a table and a picture for each group of cases."""
    every = [comparison(case) for group in GROUPS for case in group.cases]
    runs = sum(len(case.real) for case in every)
    inside = sum(not case.outside for case in every)
    parts = [
        f"""# Every recording beside its replay

<!-- made by scripts/docs; change the program, not this page -->

{len(every)} cases, {runs} runs of Debian's httpd 2.4.71 ([how they were
made](../../tests/data/traces/README.md)), each replayed from the arrivals that the server saw. In the
pictures the wide pale lines are the real runs, one over the other; the thin line is the simulation, once for
each run.

*Off* is how far the simulation is from the server at the middle of each second: the mean of the seconds, and
after the stroke the largest, of the worst run. *Noise* is the same between two real runs. The last column:

- **equal**: the processes are the same in every second of every run.
- **inside**: no mean is larger than the noise (for busy workers: than the noise or {SAME_MEAN["busy"]}), and
  the median and the 95th percentile of the waits (the two columns) agree within the noise or
  {100 * SAME_WAIT:.0f} %. Processes may also agree pass by pass instead of second by second: then only the
  clock of the passes is off.
- **chance**: real runs part at one decision. {SHAKEN} replays of each run, every arrival moved by up to
  {1000 * SHAKE_S:.0f} ms, hold the real mean, the real peak and the real waits between them.
- **outside**: none of these, with what is off.

{inside} of the {len(every)} cases are equal, inside or chance.
"""
    ]
    for group in GROUPS:
        parts += list(_section(group))
    return "".join(parts)


def _section(group: Group) -> Iterator[str]:
    yield f"\n## {group.title}\n\n"
    yield "| case | what | processes off | noise | busy off | noise | waits, s: server | simulation | |\n"
    yield "|---|---|---|---|---|---|---|---|---|\n"
    for case, words in group.cases.items():
        yield _row(comparison(case), words)
    for case in group.cases:
        if comparison(case).outside and case in WHY:
            yield f"\n`{case}`: {WHY[case]}\n"
    yield f"\n![{group.title}: server and simulation](../recordings/{group.name}.png)\n"


def _row(case: Comparison, words: str) -> str:
    worst, noise = case.worst, case.noise
    waits = [_waits(course.waits_s) for course in (case.real[-1], case.simulated[-1])]
    cells = [
        f"`{case.case}`",
        words,
        *(_off(apart.mean["processes"], apart.most["processes"]) for apart in (worst, noise)),
        *(_off(apart.mean["busy"], apart.most["busy"]) for apart in (worst, noise)),
        *waits,
        _verdict(case),
    ]
    return f"| {' | '.join(cells)} |\n"


def _off(mean: float, most: float) -> str:
    return f"{mean:.2f} / {most:.0f}" if most else "0"


def _waits(waits_s: tuple[float, ...]) -> str:
    return ", ".join(f"{wait:.2f}" for wait in waits_s) if max(waits_s) >= 0.005 else "none"


def _verdict(case: Comparison) -> str:
    if case.outside:
        return f"**outside**: {'; '.join(case.outside)}"
    if case.shaken:
        return "chance"
    return "inside" if case.worst.most["processes"] else "equal"


def pictures() -> Iterator[tuple[Path, bytes]]:
    """Each group's picture."""
    for group in GROUPS:
        yield PICTURES / f"{group.name}.png", _tight(png(_figure(group), scale=SCALE))


def _tight(picture: bytes) -> bytes:
    """The same PNG with its pixels compressed as far as zlib can: a quarter of the size."""
    made, pixels, place = picture[:8], b"", 8
    while place < len(picture):
        length, kind = struct.unpack(">I4s", picture[place : place + 8])
        if kind == b"IDAT":
            pixels += picture[place + 8 : place + 8 + length]
        elif kind == b"IEND":
            body = b"IDAT" + zlib.compress(zlib.decompress(pixels), 9)
            made += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        if kind != b"IDAT":
            made += picture[place : place + 12 + length]
        place += 12 + length
    return made


def _figure(group: Group) -> Spec:
    cases = [_case(comparison(case), words) for case, words in group.cases.items()]
    figure = {"$schema": SCHEMA, "config": config(), "spacing": 26}
    if all(len(case["hconcat"]) == 1 for case in cases):
        return {**figure, "vconcat": [_legend(), {"concat": cases, "columns": 2, "spacing": 26}]}
    return {**figure, "vconcat": [_legend(), *cases]}


def _case(case: Comparison, words: str) -> Spec:
    lines = ["processes", "busy"] if case.about["connected_s"] else ["processes"]
    if case.about["daemon"]:
        recycles = "maximum-requests" in case.about["daemon"]
        lines = ["daemon processes" if recycles else "processes", "busy", "busy in daemons"]
    width = min((2 * WIDTH + 60) // len(lines) - 30, WIDTH)
    views = [_panel(case, line, width) for line in lines]
    title = {"text": case.case, "subtitle": words, "fontSize": 12, "subtitleFontSize": 11, "offset": 6}
    return {"title": {**title, "subtitleColor": INK}, "spacing": 16, "hconcat": views}


TITLES = {"busy": "busy workers", "busy in daemons": "busy in daemons"}


def _panel(case: Comparison, line: str, width: int) -> Spec:
    """One line of a case over time: every real run wide and pale, every replay thin on top."""
    top = max(float(course.lines[line].max()) for course in (*case.real, *case.simulated))
    whole = {"tickCount": max(1, min(4, int(top))), "format": "d", "minExtent": 34}
    axis = {"title": TITLES.get(line, line), **whole}
    corner = {"title": "s", "titleAnchor": "end", "titleAlign": "left", "titleX": width + 8, "titleY": 4}
    span = {"domain": [0, case.about["duration_s"]], "nice": False}
    x = {"field": "t", "type": "quantitative", "axis": {**corner, "tickCount": 8}, "scale": span}
    y = {"field": "n", "type": "quantitative", "axis": axis, "scale": {"domain": [0, max(top, 1) * 1.06]}}
    mark = {"type": "line", "interpolate": "step", "clip": True}
    real = {**mark, "color": SKY, "strokeWidth": 5, "opacity": 0.55, "strokeJoin": "round"}
    thin = {**mark, "color": VERMILION, "strokeWidth": 1.2}
    layers = [
        {
            "data": {"values": _rows(courses, line)},
            "mark": look,
            "encoding": {"x": x, "y": y, "detail": DETAIL},
        }
        for courses, look in ((case.real, real), (case.simulated, thin))
    ]
    return {"width": width, "height": HEIGHT, "layer": layers}


DETAIL = {"field": "run", "type": "nominal"}


def _rows(courses: tuple[Course, ...], line: str) -> list[dict[str, Any]]:
    return [
        {"t": second + 0.5, "n": int(value), "run": course.name}
        for course in courses
        for second, value in enumerate(course.lines[line])
    ]


def _legend() -> Spec:
    """What the two kinds of line are, drawn as they are."""
    keys = [("the real server, each run", SKY, 5.0, 0.55, 0), ("the simulation", VERMILION, 1.4, 1.0, 210)]
    layers = []
    for words, colour, width, opacity, x in keys:
        line = {"type": "rule", "color": colour, "strokeWidth": width, "opacity": opacity}
        place = {"x": {"value": x}, "x2": {"value": x + 34}, "y": {"value": 8}}
        layers.append({"data": {"values": [{}]}, "mark": line, "encoding": place})
        text = {"type": "text", "align": "left", "baseline": "middle", "fontSize": 12, "color": INK}
        at = {"x": {"value": x + 42}, "y": {"value": 8}, "text": {"value": words}}
        layers.append({"data": {"values": [{}]}, "mark": text, "encoding": at})
    return {"width": 2 * WIDTH, "height": 16, "layer": layers}
