"""Tables from back_ends.json: Markdown, with ratios taken within a round against mod_wsgi-express."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from back_ends_servers import BASE, SERVERS

Found = dict[str, Any]
CASES = {
    "hello": "hello, 13 bytes",
    "json": "Flask, JSON",
    "cpu": "Flask, 5 ms of CPU",
    "wait": "Flask, 20 ms of waiting",
}


@dataclass(frozen=True)
class Ratio:
    """The median of the rounds' ratios, and the smallest and the largest of them."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        spread = f" [{self.low:.2f}–{self.high:.2f}]" if self.low != self.high else ""
        return f"{self.median:.2f}{spread}"


def ratio(found: Found, name: str, case: str, key: str, base: str = BASE) -> Ratio:
    """A server's figure over that of ``base``, round by round."""
    ours, theirs = (found["load"]["rows"][each][case][key] for each in (name, base))
    each = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Ratio(statistics.median(each), min(each), max(each))


def median(found: Found, name: str, case: str, key: str) -> float:
    """The median of the rounds."""
    return float(statistics.median(found["load"]["rows"][name][case][key]))


def markdown(found: Found) -> str:
    """Everything that was measured, as tables."""
    parts = [about(found)]
    if "load" in found:
        parts += [table(f"**{words}**", case_table(found, case)) for case, words in CASES.items()]
    for part, (title, lines) in PARTS.items():
        if part in found:
            parts.append(table(f"**{title}**", lines(found[part]["rows"])))
    return "\n\n".join(parts)


def table(title: str, lines: Iterator[str]) -> str:
    """A title and the lines of its table."""
    return "\n".join((title, "", *lines))


def about(found: Found) -> str:
    """On what, and under what, the figures were taken."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    lines = [f"{found['machine']}; {versions}."]
    for part in ("load", *PARTS):
        if part in found:
            before, after = found[part]["load_average"]
            lines.append(
                f"{part}: {found[part]['date']}, {found[part]['took_s']} s, load average {before} before "
                f"and {after} at the end."
            )
    return "\n".join(lines)


def case_table(found: Found, case: str) -> Iterator[str]:
    """Every server under one kind of request."""
    yield from header(
        (
            "server",
            "requests/s",
            "to express",
            "CPU ms",
            "to express",
            "p50 ms",
            "p99 ms",
            "MB idle",
            "MB",
            "failed",
        )
    )
    for name in found["load"]["rows"]:
        rate, cpu, p50, p99, idle, loaded = (
            median(found, name, case, key)
            for key in ("rate_rps", "cpu_ms", "p50_ms", "p99_ms", "idle_mb", "loaded_mb")
        )
        faster, dearer = (ratio(found, name, case, key) for key in ("rate_rps", "cpu_ms"))
        failed = sum(found["load"]["rows"][name][case]["failed"])
        speed = (f"{rate:.0f}", faster, f"{cpu:.3f}", dearer, f"{p50:.2f}", f"{p99:.1f}")
        yield row((SERVERS[name].title, *speed, f"{idle:.1f}", f"{loaded:.1f}", f"{failed:.0f}"))


def front_table(rows: Found) -> Iterator[str]:
    """Apache's own processes."""
    yield from header(("front", "modules", "processes", "threads", "MB"))
    for name, front in rows.items():
        yield row((name, front["modules"], front["processes"], front["threads"], f"{front['mb']:.1f}"))


def kept_table(rows: Found) -> Iterator[str]:
    """Keep-alive clients that lost their connection while an answer was owed."""
    yield from header(("server", "clients", "seconds", "answers", "connections", "lost requests"))
    for name, kept in rows.items():
        cells = (
            kept["clients"],
            f"{kept['duration_s']:.0f}",
            kept["answers"],
            kept["connections"],
            kept["lost"],
        )
        yield row((SERVERS[name].title, *cells))


def reload_table(rows: Found) -> Iterator[str]:
    """New code under load."""
    yield from header(
        ("server", "answers", "failed", "longest gap, s", "slow request", "old code gone after, s")
    )
    for name, seen in rows.items():
        slow = "answered" if seen["slow"] else "**lost**"
        gone = "never" if seen["old_s"] is None else f"{seen['old_s']:.1f}"
        yield row((SERVERS[name].title, seen["answers"], seen["failed"], f"{seen['gap_s']:.2f}", slow, gone))


PARTS = {
    "fronts": ("Apache's own processes before any request", front_table),
    "kept": ("Keep-alive clients", kept_table),
    "reload": ("New code under load", reload_table),
}


def header(titles: Sequence[str]) -> Iterator[str]:
    """The first two lines of a table; all columns but the first are numbers."""
    yield row(titles)
    yield "|---|" + "--:|" * (len(titles) - 1)


def row(cells: Sequence[object]) -> str:
    """A line of a table."""
    return f"| {' | '.join(map(str, cells))} |"
