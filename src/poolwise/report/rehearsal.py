"""A rehearsal beside its simulation: how far apart they are, as a short table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from poolwise.model import Run
from poolwise.report.measures import measures, table
from poolwise.report.quantities import clock, count, duration, share
from poolwise.report.runs import run_json

if TYPE_CHECKING:
    from poolwise.model import Floats

SCHEMA = "poolwise.rehearsal/1"
FIGURES = (
    ("processes created", "created", count),
    ("killed as idle", "killed_idle", count),
    ("recycled", "recycled", count),
    ("wait p50", "wait_p50_s", duration),
    ("     p95", "wait_p95_s", duration),
    ("     longest", "wait_max_s", duration),
    ("requests refused", "refused", count),
    ("requests unfinished", "unfinished", count),
)


CHANCES = (
    ("processes, mean", "processes_mean", count),
    ("           peak", "processes_peak", count),
    ("created", "created", count),
    ("wait p50", "wait_p50_s", duration),
    ("     p95", "wait_p95_s", duration),
)
# what is as near as this, absolute or as a share, is the same: httpd's own 0.5 ms, a pass that is late
SAME = {"wait_p50_s": (0.01, 0.03), "wait_p95_s": (0.01, 0.03), "processes_mean": (0.1, 0.01)}


@dataclass(frozen=True, slots=True)
class Apart:
    """One state of two runs at the middle of each second: how far apart, and since when (s, -1: never)."""

    name: str
    mean: float
    most: float
    first_s: float
    equal: float  # share of the seconds in which it is the same


@dataclass(frozen=True, slots=True)
class Chance:
    """A figure of the rehearsal, and between what simulations of nearly the same traffic have it."""

    name: str
    low: float
    high: float
    rehearsed: float

    @property
    def inside(self) -> bool:
        """Whether the rehearsal has what the simulations may have."""
        least, part = SAME.get(self.name, (0.0, 0.0))
        slack = max(least, part * self.high)
        return self.low - slack <= self.rehearsed <= self.high + slack


def chances(rehearsed: Run, shaken: Sequence[Run]) -> list[Chance]:
    """``shaken``: simulations whose arrivals were moved a little; where they part, chance decides."""
    found, figures = measures(rehearsed), [measures(run) for run in shaken]
    return [
        Chance(name, min(each[name] for each in figures), max(each[name] for each in figures), found[name])
        for _, name, _ in CHANCES
    ]


def differences(simulated: Run, rehearsed: Run) -> list[Apart]:
    """Processes and busy workers of the front, then of each group."""
    pairs = [("", simulated, rehearsed)]
    pairs += [
        (f"{one.pool.name}: ", one, other)
        for one, other in zip(simulated.stages, rehearsed.stages, strict=False)
    ]
    return [
        _apart(f"{prefix}{words}", one.series[name], other.series[name])
        for prefix, one, other in pairs
        for words, name in (("processes", "total"), ("busy workers", "busy"))
    ]


def _apart(name: str, one: Floats, other: Floats) -> Apart:
    seconds = min(len(one), len(other))
    off = abs(one[:seconds] - other[:seconds])
    first = next((second for second, value in enumerate(off) if value), -1)
    return Apart(name, float(off.mean()), float(off.max()), float(first), float((off == 0).mean()))


def rehearsal_text(simulated: Run, rehearsed: Run, shaken: Sequence[Run] = ()) -> str:
    """The states second by second, figures of both with the difference, and what chance decides."""
    rows = [
        [
            each.name,
            count(each.mean),
            count(each.most),
            clock(each.first_s) if each.first_s >= 0 else "never",
            share(each.equal),
        ]
        for each in differences(simulated, rehearsed)
    ]
    return "\n".join(
        [
            "How far the rehearsal is from the simulation, at the middle of each second:",
            *table(["", "mean off", "most", "first at", "equal seconds"], rows),
            "",
            *table(["", "simulated", "rehearsed", "difference"], list(_figures(simulated, rehearsed))),
            *(_chance(rehearsed, shaken) if shaken else ()),
            "",
        ]
    )


def _chance(rehearsed: Run, shaken: Sequence[Run]) -> Iterator[str]:
    spells = {name: (words, spell) for words, name, spell in CHANCES}
    rows = []
    for each in chances(rehearsed, shaken):
        words, spell = spells[each.name]
        values = map(spell, (each.low, each.high, each.rehearsed))
        rows.append([words, *values, "inside" if each.inside else "outside"])
    yield ""
    yield f"What chance decides: {len(shaken)} simulations with every request sent a few ms earlier or later:"
    yield from table(["", "least", "most", "rehearsed", ""], rows)


def _figures(simulated: Run, rehearsed: Run) -> Iterator[list[str]]:
    one, other = measures(simulated), measures(rehearsed)
    for words, name, spell in FIGURES:
        off = other[name] - one[name]
        sign = "+" if off > 0 else "−" if off < 0 else ""
        if name != "recycled" or one[name] or other[name]:
            yield [words, spell(one[name]), spell(other[name]), sign + spell(abs(off))]


def rehearsal_json(simulated: Run, rehearsed: Run, shaken: Sequence[Run] = ()) -> str:
    """``run_json`` of both, the simulated run first, with ``differences`` and ``chances``."""
    document = json.loads(run_json([simulated, rehearsed]))
    document["schema"] = SCHEMA
    document["differences"] = [asdict(each) for each in differences(simulated, rehearsed)]
    document["chances"] = [
        {**asdict(each), "inside": each.inside} for each in (chances(rehearsed, shaken) if shaken else ())
    ]
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
