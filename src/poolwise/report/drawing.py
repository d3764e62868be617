"""What the pictures of a figure are drawn with: common scales, axes, curves, levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poolwise.model import Pool, Run
from poolwise.report.stages import EXTRA_STATES, cores, is_apache, present
from poolwise.report.style import Spec, rule
from poolwise.report.thin import bucket_s, thin_counts

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
    cores: float
    connections: float
    groups: tuple[float, ...]
    shown: tuple[str, ...]  # states beyond those of a pool, present in some run
    even: bool  # whether all runs have the same number of groups

    @staticmethod
    def of(runs: Sequence[Run]) -> Scales:
        """Scales that hold every run's largest values, and the limits that are not far above them."""
        apache = [run.pool for run in runs if is_apache(run.pool)]
        limits = [run.pool.maximum for run in runs] + [pool.floor for pool in apache]
        fixed = [run.pool.workers for run in runs if not is_apache(run.pool)]
        bands = [pool.max_spare for pool in apache]
        requests = max(_peak(runs, "busy"), _peak(runs, "queued"), 1.0)
        most = max(len(run.stages) for run in runs)
        return Scales(
            requests=max(_reach(requests, fixed), 1.0) * 1.06 if fixed else requests * 1.06,
            created=_most(runs, "created"),
            killed=_most(runs, "killed"),
            total=_reach(_peak(runs, "total"), limits) * 1.08,
            idle=_reach(_peak(runs, "idle"), bands) * 1.08,
            memory=max(_peak(runs, "memory_bytes"), 1.0) * 1.06,
            cores=max(_peak(runs, "cpu_cores"), *(float(cores(run)) for run in runs), 1e-3) * 1.08,
            connections=max(_peak(runs, "idle_connections"), 1.0) * 1.06,
            groups=tuple(_group_top(runs, number) for number in range(most)),
            shown=tuple(name for name in EXTRA_STATES if any(present(run, name) for run in runs)),
            even=all(len(run.stages) == most for run in runs),
        )


def _group_top(runs: Sequence[Run], number: int) -> float:
    """The upper end for the groups of that number in all runs."""
    stages = [run.stages[number] for run in runs if len(run.stages) > number]
    peak = max(_peak(stages, "busy"), _peak(stages, "queued"), 1.0)
    return _reach(peak, [stage.pool.workers for stage in stages]) * 1.06


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


def y_axis(field: str, title: str, scale: Spec, **axis: object) -> Spec:
    """The vertical channel of a picture: a field on a common scale."""
    shown = {"title": title, "tickCount": 4, "minExtent": 34, "maxExtent": 34, "format": ",~r", **axis}
    return {"field": field, "type": "quantitative", "axis": shown, "scale": scale}


def scale_to(top: float) -> Spec:
    """A scale from 0 to ``top``, exactly."""
    return {"domain": [0, top], "nice": False}


def state(column: Column, name: str, y: Spec, colour: str, fill: float, shape: str = "linear") -> list[Spec]:
    """A state as a line over a tinted area; in a thinned run also the band from lowest to highest."""
    area = {"type": "area", "color": colour, "clip": True, "interpolate": shape, "tooltip": None}
    line = {"color": colour, "strokeWidth": 1.4, "opacity": 1}
    layers: list[Spec] = [{"mark": {**area, "fillOpacity": fill, "line": line}, "encoding": {"y": y}}]
    if column.bucket > 1:
        band = {"y": {**y, "field": f"{name}_low"}, "y2": {"field": f"{name}_high"}}
        layers.insert(0, {"mark": {**area, "fillOpacity": 0.35}, "encoding": band})
    return layers


def levels_of(column: Column, levels: list[tuple[int, str, str]], scale: Spec) -> list[Spec]:
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


def stairs(column: Column) -> str:
    """Counts of processes move in steps; means of buckets do not."""
    return "step" if column.bucket == 1 else "linear"
