"""What an application costs, as measured: the figures, what they mean, and what they could not tell."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from poolwise.model import Cost, Figure, Measured
from poolwise.report.quantities import count, duration, plural, share, size

PROCESSES, THREADS = 8, 5  # of the example in words
# below, nobody minds the spread of a start, of a request, of a size
SMALL_START_S, SMALL_S, SMALL_BYTES = 5e-3, 2e-5, 1e5
PARALLEL = 1.1  # cores: above, threads do compute side by side
MOST_COSTS = 20
MOST_THREADS = 64

START = {
    "ready_s": "loaded after",
    "startup_cpu_s": "CPU before loading",
    "startup_wait_s": "waiting before loading",
    "import_cpu_s": "CPU of loading",
    "import_wait_s": "waiting while loading",
}
MEMORY = {
    "process_bytes": "each process",
    "bare_bytes": "a process before loading",
    "thread_bytes": "each thread",
    "shared_bytes": "shared, once",
    "front_bytes": "the server's other processes",
    "leak_bytes": "growth with each request",
}
REQUEST = {
    "service_s": "time in the process",
    "request_cpu_s": "CPU of that",
    "application_cpu_s": "CPU of the application alone",
    "request_wait_s": "waiting",
    "front_cpu_s": "CPU of the server's others",
}
SECTIONS = {"Start": START, "Memory": MEMORY, "A request": REQUEST}


def app_text(measured: Measured) -> str:
    """The whole measurement on one screen."""
    parts = (
        _head(measured),
        _table(measured),
        _costs(measured.costs),
        ["What it means", "", *(f"  {line}" for line in meaning(measured))],
        _notes(measured),
    )
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(measured: Measured) -> list[str]:
    servers = plural(measured.rounds, "fresh server")
    return [
        f"{measured.target}, measured in {measured.server}, Python {measured.python}",
        f"{count(measured.requests)} requests one after the other, in {servers}: the median, and the range",
    ]


def _table(measured: Measured) -> list[str]:
    rows = []
    for title, labels in SECTIONS.items():
        for name in (name for name in labels if name in measured.figures):
            rows.append((title, labels[name], *_words(name, measured)))
            title = ""
    return _columns(rows, "<<><")


def _words(name: str, measured: Measured) -> tuple[str, str]:
    """A figure and its range."""
    figure = measured.figures[name]
    words: Callable[[float], str] = size if name.endswith("_bytes") else duration
    if name == "leak_bytes" and not figure.median:
        return "none seen", ""
    if measured.rounds < 2 or words(figure.low) == words(figure.high):
        return words(figure.median), ""
    return words(figure.median), f"{words(figure.low)} to {words(figure.high)}{_mark(name, figure)}"


def _mark(name: str, figure: Figure) -> str:
    return "  ?" if doubtful(name, figure) else ""


def doubtful(name: str, figure: Figure) -> bool:
    """Whether the spread exceeds the size, of something that is large enough to matter."""
    small = SMALL_BYTES if name.endswith("_bytes") else SMALL_START_S if name in START else SMALL_S
    return figure.doubtful and figure.high > small


def _columns(rows: Sequence[tuple[str, ...]], sides: str) -> list[str]:
    """Lines with aligned columns, each to its side."""
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(len(sides))]
    lines = (
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True))
        for row in rows
    )
    return [f"  {line}".rstrip() for line in lines]


def _costs(costs: Sequence[Cost]) -> list[str]:
    """What each kind of request takes, where there are several."""
    if len(costs) < 2:
        return []
    head = ("request", "time", "CPU", "answers")
    rows = [
        (cost.request, duration(cost.service_s), duration(cost.cpu_s), _answers(cost))
        for cost in sorted(costs, key=lambda cost: -cost.service_s)[:MOST_COSTS]
    ]
    more = len(costs) - len(rows)
    return [*_columns([head, *rows], "<>><"), *([f"  and {more} more, that take less"] if more else [])]


def _answers(cost: Cost) -> str:
    return ", ".join(f"{count(number)} × {status or 'none'}" for status, number in cost.statuses.items())


def meaning(measured: Measured) -> Iterator[str]:
    """What the figures say about a pool, sentence by sentence."""
    app = measured.app
    middle = {name: figure.median for name, figure in measured.figures.items()}
    memory = app.memory_bytes(PROCESSES, THREADS)
    pool = f"{PROCESSES} processes with {THREADS} threads each"
    yield f"{pool} take {size(memory)}, and the server's other processes {size(middle['front_bytes'])}."
    cpu_s = middle["request_cpu_s"] + middle["front_cpu_s"]
    if cpu_s > 0:
        yield f"One core serves about {_about(1 / cpu_s)} requests/s."
    yield f"A request computes for {share(app.cpu_share)} of its time: {_threads_for(app.cpu_share)}."
    yield from _threads(measured)
    work_s = middle["startup_cpu_s"] + middle["import_cpu_s"]
    yield f"Every process that is started costs {duration(work_s)} of a core before it is of use."


def _threads_for(cpu_share: float) -> str:
    """How many threads a core can take."""
    if cpu_share * MOST_THREADS < 1:
        return "what it waits for decides, not the processor"
    return f"{plural(math.ceil(1 / cpu_share - 0.05), 'thread')} can keep a core busy"


def _about(number: float) -> str:
    """A number with two digits that count."""
    digits = 1 - math.floor(math.log10(number))
    return count(round(number, digits))


def _threads(measured: Measured) -> Iterator[str]:
    """Whether threads of one process compute at the same time."""
    cores = measured.figures.get("parallel_cores")
    if cores is None:
        return
    if cores.median > PARALLEL:
        why = "it runs without the GIL" if measured.app.gil == "free-threaded" else "some is outside the GIL"
        yield f"Its threads have computed on {cores.median:.1f} cores at once: {why}."
    elif measured.app.gil == "shared":
        at_most = max(1.0, cores.median)
        yield f"Two threads of a process compute {at_most:.1f} times as much as one: they share the GIL."
    waited = measured.figures.get("gil_wait_s")
    if waited and waited.median > SMALL_S and measured.app.gil == "shared":
        number = plural(measured.threads, "request")
        each = duration(waited.median)
        yield f"With {number} at a time, mod_wsgi itself waited {each} for the GIL in each."


def _notes(measured: Measured) -> list[str]:
    """What the figures could not tell."""
    labels = {name: label for section in SECTIONS.values() for name, label in section.items()}
    vague = [labels[name] for name in labels if _vague(name, measured)]
    lines = list(measured.notes)
    if vague:
        lines.append(
            f"servers disagree (?) about: {', '.join(vague)}; --repeat, or a quieter machine, tells more"
        )
    return ["To know", "", *(f"  {line}" for line in lines)] if lines else []


def _vague(name: str, measured: Measured) -> bool:
    figure = measured.figures.get(name)
    return figure is not None and doubtful(name, figure)


def app_json(measured: Measured) -> str:
    """The measurement as JSON with sorted keys, ``"schema": "poolwise.app/1"``.

    ``app``: the fields of ``App``, which ``--app`` reads. ``measured``: ``figures`` by name with ``median low
    high doubtful``, ``costs``, ``server python target rounds requests threads notes``.
    """
    about = asdict(measured)
    app = about.pop("app")
    for name, figure in measured.figures.items():
        about["figures"][name]["doubtful"] = doubtful(name, figure)
    document = {"schema": "poolwise.app/1", "app": app, "measured": about}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
