"""How far is the simulation from a recording, and how far are two recordings of a case from one another?

A *course* is what one run shows: processes and busy workers each second, the processes at each pass, and
what requests waited. The simulation is *inside the server's own noise* when no measure of it is farther from
a real run than two real runs are from each other. Where identical runs part at one decision (``CHAOTIC``)
that says nothing: there the recording is replayed many times with every arrival moved by a few milliseconds,
and the real runs have to lie within what these replays show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np

from poolwise.model import Run, Workload
from recorded import recordings, replay

CHAOTIC = ("p08_maxconn20", "p09a_heavy_lazy", "p10_keepalive30")
SHAKEN = 20  # replays of each recording of these
SHAKE_S = 0.005  # by how much an arrival is moved, to both sides
QUANTILES = (0.5, 0.95)
AT_PASSES = "processes at each pass"
SAME_WAIT_S = 0.005  # a wait as near as this, or as ``SAME_WAIT``, is the same: httpd's own 0.5 ms for
SAME_WAIT = 0.03  # each request are not simulated
# as near as this the mean of a line is the same: a request that ends at mid-second is busy or not, and chance
# decides which of the daemon processes is the first to be idle once it has had its maximum of requests
SAME_MEAN = {"busy": 0.3, "busy in daemons": 0.3, "daemon processes": 0.1}
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Course:
    """What a run shows. ``lines``: by name, one value a second, taken at its middle (or one a pass)."""

    name: str
    lines: dict[str, Array]
    waits_s: tuple[float, ...]  # of ``QUANTILES``

    @property
    def total(self) -> Array:
        """httpd's processes."""
        return self.lines["processes"]


@dataclass(frozen=True)
class Apart:
    """How far two courses are apart: largest and mean difference of each line, and of the waits."""

    most: dict[str, float]
    mean: dict[str, float]
    waits_s: tuple[float, ...]

    @staticmethod
    def of(one: Course, other: Course) -> Apart:
        """The differences of two courses of one case."""
        off = {name: _off(line, other.lines[name]) for name, line in one.lines.items()}
        return Apart(
            {name: float(values.max()) for name, values in off.items()},
            {name: float(values.mean()) for name, values in off.items()},
            tuple(abs(a - b) for a, b in zip(one.waits_s, other.waits_s, strict=True)),
        )

    @staticmethod
    def worst(pairs: Sequence[Apart]) -> Apart:
        """The largest of each difference."""
        return Apart(
            {name: max(pair.most[name] for pair in pairs) for name in pairs[0].most},
            {name: max(pair.mean[name] for pair in pairs) for name in pairs[0].mean},
            tuple(max(waits) for waits in zip(*(pair.waits_s for pair in pairs), strict=True)),
        )


def _off(one: Array, other: Array) -> Array:
    common = min(len(one), len(other))  # a run whose passes drift less has one more
    difference: Array = np.abs(one[:common] - other[:common])
    return difference


@dataclass(frozen=True)
class Comparison:
    """All runs of a case: ``simulated[i]`` is the replay of ``real[i]``; ``shaken`` its many replays."""

    case: str
    about: dict[str, Any]
    real: tuple[Course, ...]
    simulated: tuple[Course, ...]
    shaken: tuple[Course, ...] = ()

    @property
    def apart(self) -> tuple[Apart, ...]:
        """Each simulated run from the real one that it replays."""
        pairs = zip(self.simulated, self.real, strict=True)
        return tuple(Apart.of(simulated, real) for simulated, real in pairs)

    @property
    def worst(self) -> Apart:
        """The largest of ``apart``."""
        return Apart.worst(self.apart)

    @property
    def noise(self) -> Apart:
        """The real runs among themselves, at most."""
        return Apart.worst([Apart.of(one, other) for one, other in combinations(self.real, 2)])

    @property
    def outside(self) -> list[str]:
        """The measures that are outside the server's own noise, in words; none when all are inside."""
        if self.shaken:
            return self._out_of_range()
        worst, noise, found = self.worst, self.noise, []
        allowed = {name: max(own, SAME_MEAN.get(name, 0.0)) for name, own in noise.mean.items()}
        beyond = {name for name in worst.mean if worst.mean[name] > allowed[name] + 1e-9}
        if not {"processes", AT_PASSES} <= beyond:  # seconds alone: only the clock of the passes is off
            beyond -= {"processes", AT_PASSES}
        for name in sorted(beyond):
            found.append(f"{name}: {worst.mean[name]:.2f} off, the real runs {noise.mean[name]:.2f}")
        for k, quantile in enumerate(QUANTILES):
            same = max(SAME_WAIT_S, SAME_WAIT * max(course.waits_s[k] for course in self.real))
            off, own = worst.waits_s[k], noise.waits_s[k]
            if off > max(own, same):
                found.append(f"p{100 * quantile:g} wait: {off:.3f} s off, the real runs {own:.3f} s")
        return found

    def _out_of_range(self) -> list[str]:
        found = []
        for name, of in MEASURES.items():
            values = [of(course) for course in self.shaken]
            low, high = min(values), max(values)
            slack = SAME_WAIT * high if "wait" in name else 0.0
            found += [
                f"{name}: {of(course):.2f} real, {low:.2f} to {high:.2f} in replays"
                for course in self.real
                if not low - slack <= of(course) <= high + slack
            ]
        return found


MEASURES: dict[str, Callable[[Course], float]] = {
    "mean of the processes": lambda course: float(course.total.mean()),
    "most processes": lambda course: float(course.total.max()),
    "p95 wait": lambda course: course.waits_s[1],
}


@cache
def comparison(case: str) -> Comparison:
    """The case's recordings and their replays."""
    runs = recordings(case)
    return Comparison(
        case,
        runs[0],
        tuple(_real(recording) for recording in runs),
        tuple(_replayed(recording) for recording in runs),
        tuple(_replayed(recording, seed) for recording in runs for seed in range(1, SHAKEN + 1))
        if case in CHAOTIC
        else (),
    )


def _replayed(recording: dict[str, Any], seed: int = 0) -> Course:
    """The replay; with a ``seed`` every arrival is moved by up to ``SHAKE_S`` (their order stays)."""
    played = replay(recording)
    if seed:
        played = replace(played, load=_moved(played.load, np.random.default_rng(seed)))
    run = played.run()
    waits = run.details["start_s"] - played.load.arrivals_s
    return Course(recording["run"], _lines(recording, run), _quantiles(waits[np.isfinite(waits)]))


def _moved(load: Workload, chance: np.random.Generator) -> Workload:
    moved = load.arrivals_s + chance.uniform(-SHAKE_S, SHAKE_S, len(load))
    return replace(load, arrivals_s=np.clip(np.sort(moved), 0.0, load.duration_s))


def _lines(recording: dict[str, Any], run: Run) -> dict[str, Array]:
    passes = run.ticks["time_s"] <= recording["duration_s"]
    lines = {"processes": run.series["total"], AT_PASSES: run.ticks["total"][passes]}
    lines["busy"] = run.series["busy"]
    if recording["daemon"]:
        group = run.stages[0]
        lines |= {"daemon processes": group.series["total"], "busy in daemons": group.series["busy"]}
    return lines


def _real(recording: dict[str, Any]) -> Course:
    """A worker is busy in the application, loading it, on an idle connection, or waiting for a daemon."""
    states = {name: np.array(recording[name], dtype=float) for name in STATES}
    lines = {"processes": states["alive"], AT_PASSES: np.array(recording["pass_total"], dtype=float)}
    if recording["daemon"]:
        lines |= {"busy": states["sb_busy"], "daemon processes": states["daemons"]}
        lines |= {"busy in daemons": states["in_app"]}
    else:
        lines["busy"] = states["in_app"] + states["loading"]
        if recording["mpm"] != "event":
            lines["busy"] += states["sb_keepalive"]
    waits = np.array([wait for wait in recording["wait_s"] if wait is not None], dtype=float)
    return Course(recording["run"], lines, _quantiles(waits))


STATES = ("alive", "daemons", "in_app", "loading", "sb_busy", "sb_keepalive")


def _quantiles(waits_s: Array) -> tuple[float, ...]:
    return tuple(float(np.quantile(waits_s, q)) if len(waits_s) else 0.0 for q in QUANTILES)
