"""From what was seen of a rehearsal to the noun: the same ``Run`` that a simulation of it makes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from poolwise.deploy.rehearsal import client
from poolwise.deploy.rehearsal.answers import Answers
from poolwise.deploy.rehearsal.plan import Rehearsal
from poolwise.deploy.rehearsal.watch import FRONT, Glance, Offspring
from poolwise.model import BUCKETS, Histogram, LogLine, Pool, Run
from poolwise.simulation import Incident

if TYPE_CHECKING:
    from poolwise.model import Floats

WAITED_S = 0.01  # a request that had a worker at once is in the application after some 0.5 ms
NEARLY = 0.9  # of MaxConnectionsPerChild: httpd's own connections to its children count as well


@dataclass(frozen=True)
class Seen:
    """A rehearsal after its end."""

    plan: Rehearsal
    answers: Answers
    offspring: Sequence[Offspring]
    crashed: frozenset[int]
    glances: Sequence[Glance]
    incidents: Sequence[Incident]
    messages: tuple[LogLine, ...]
    assumptions: tuple[str, ...]
    cores: int  # that httpd could use
    machine_busy: float  # mean share of its cores in use

    @cached_property
    def seconds(self) -> int:
        """Length of the series."""
        return max(math.ceil(self.plan.load.duration_s), 1)

    @cached_property
    def middles(self) -> Floats:
        """The instants of the states."""
        middles: Floats = np.arange(self.seconds, dtype=np.float64) + 0.5
        return middles

    @cached_property
    def nothing(self) -> Floats:
        """A series without anything."""
        return np.zeros(self.seconds)

    @cached_property
    def places(self) -> Any:
        """For each request the group that runs it, -1 for Apache's own processes."""
        kinds = self.plan.load.kind
        where = np.array([self.plan.where.route(kind) for kind in range(len(self.plan.mounts))])
        return where[kinds if kinds is not None else np.zeros(len(self.plan.load), np.int64)]

    @cached_property
    def all(self) -> Any:
        """Every request."""
        return np.ones(len(self.places), bool)

    def run(self) -> Run:
        """The run of the front; ``stages`` holds those of the groups."""
        groups, a = self.plan.where.groups, self.answers
        return Run(
            label=self.plan.label,
            origin="rehearsed",
            pool=self.plan.front,
            duration_s=float(self.seconds),
            series=self._front_series(),
            ticks={},
            wait=histogram(a.start_s - a.connected_s),
            response=histogram(a.finished_s - a.connected_s),
            totals=self._processes(self._born(FRONT)) | self._requests(self.all),
            messages=self.messages,
            engine=f"httpd {self.plan.httpd.version}",
            assumptions=self.assumptions,
            details={
                "front_wait": histogram(a.apache_s - a.connected_s),
                "machine_busy": self.machine_busy,
                "cores": self.cores,
            },
            stages=tuple(self._group(k, pool) for k, pool in enumerate(groups)),
        )

    def _group(self, number: int, pool: Pool) -> Run:
        own, a = self.places == number, self.answers
        born = self._born(pool.name)
        states = self._states(born)
        busy = inside(a.group_s[own], a.end_s[own], self.middles)
        return Run(
            label=pool.name,
            origin="rehearsed",
            pool=pool,
            duration_s=float(self.seconds),
            series=states
            | {
                "busy": busy,
                "queued": self._queued(own, a.apache_s, a.group_s),
                "idle": np.maximum(states["total"] * pool.threads - busy, 0.0),
                "refused": self.nothing,
            },
            ticks={},
            wait=histogram((a.start_s - a.apache_s)[own]),
            response=histogram((a.end_s - a.apache_s)[own]),
            totals=self._processes(born, pool) | self._requests(own),
        )

    def _front_series(self) -> dict[str, Floats]:
        a = self.answers
        return (
            self._states(self._born(FRONT))
            | self._workers()
            | {
                "queued": self._queued(self.all, a.connected_s, a.apache_s),
                "arrived": self._per_second(a.first_sent_s),
                "refused": self._per_second(a.refused_s),
                "idle_connections": inside(a.idle_s[:, 0], a.idle_s[:, 1], self.middles),
                "loading": inside(a.loading_s, a.start_s, self.middles)
                if self.plan.imports
                else self.nothing,
                "cpu_cores": self._cores(),
                "gave_up": self._per_second(a.gave_up_s),
                "failed": self._per_second(a.finished_s[[state == client.FAILED for state in a.state]]),
            }
        )

    def _workers(self) -> dict[str, Floats]:
        """Busy and idle workers by the scoreboard, or else as far as the clients know of them."""
        if self.glances and self.glances[0].busy >= 0:
            return {"busy": self._glanced("busy"), "idle": self._glanced("idle")}
        a, pool = self.answers, self.plan.front
        busy = inside(a.apache_s, a.finished_s, self.middles)
        if pool.architecture != "event":
            busy += inside(a.idle_s[:, 0], a.idle_s[:, 1], self.middles)
        workers = self._states(self._born(FRONT))["total"] * pool.threads
        return {"busy": busy, "idle": np.maximum(workers - busy, 0.0)}

    # -- processes ----------------------------------------------------------------------------------

    def _born(self, group: str) -> list[Offspring]:
        return [child for child in self.offspring if (child.group or FRONT) == group]

    def _states(self, born: Sequence[Offspring]) -> dict[str, Floats]:
        starts = np.array([child.born_s for child in born])
        ends = np.array([child.ended_s for child in born])
        return {
            "total": inside(starts, ends, self.middles),
            "created": self._per_second(np.maximum(starts, 0.0)),
            "killed": self._per_second(ends),
        }

    def _processes(self, born: Sequence[Offspring], group: Pool | None = None) -> dict[str, float]:
        """Totals of processes: how many there were, and why they went."""
        until = float(self.seconds)
        starts = np.array([max(child.born_s, 0.0) for child in born])
        ends = np.array([min(child.ended_s, until) for child in born])
        fates = [self._fate(child, group) for child in born if child.ended_s < until]
        moments = np.sort(starts)
        return {
            "created": float((starts < until).sum()),
            "killed_idle": float(fates.count("killed")),
            "recycled": float(fates.count("recycled")),
            "restarted": float(fates.count("restarted")),
            "crashed": float(fates.count("crashed")),
            "process_s": float(np.maximum(ends - starts, 0.0).sum()),
            "peak_total": float(inside(starts, ends, moments).max(initial=0.0)),
        }

    def _fate(self, child: Offspring, group: Pool | None) -> str:
        if child.pid in self.crashed:
            return "crashed"
        for incident in self.incidents:
            if incident.kind != "crash" and child.born_s < incident.time_s <= child.ended_s:
                return "restarted"
        most = self.plan.front.max_connections_per_child
        if group is not None:
            return "recycled"
        if most > 0 and self.answers.connections.get(child.pid, 0) >= NEARLY * most:
            return "recycled"
        return "killed"

    # -- requests -----------------------------------------------------------------------------------

    def _requests(self, own: Any) -> dict[str, float]:
        a = self.answers
        states = [state for state, counts in zip(a.state, own, strict=True) if counts]
        waits = (a.start_s - a.connected_s)[own]
        return {
            "requests": float(len(states)),
            "served": float(states.count(client.SERVED)),
            "refused": float(states.count(client.REFUSED)),
            "lost": float(states.count(client.LOST)),
            "unfinished": float(states.count(client.OPEN)),
            "gave_up": float(states.count(client.GAVE_UP)),
            "failed": float(states.count(client.FAILED)),
            "retried": float(a.retried),
            "imports": float(np.isfinite(a.loading_s[own]).sum()) if self.plan.imports else 0.0,
            "waited": float((waits > WAITED_S).sum()),
            "busy_s": float(np.nansum((a.end_s - a.start_s)[own])),
        }

    def _queued(self, own: Any, came_s: Floats, begun_s: Floats) -> Floats:
        """Requests of ``own`` that have come to a stage where nothing has begun on them."""
        gone = np.where(np.isfinite(begun_s), begun_s, self.answers.finished_s)
        return inside(came_s[own], gone[own], self.middles)

    # -- in time ------------------------------------------------------------------------------------

    def _glanced(self, name: str) -> Floats:
        """A state of the scoreboard at the middle of each second, or the nearest to it."""
        if not self.glances:
            return np.zeros(self.seconds)
        times = np.array([glance.time_s for glance in self.glances])
        values = np.array([getattr(glance, name) for glance in self.glances], dtype=np.float64)
        nearest: Floats = values[np.abs(times[None, :] - self.middles[:, None]).argmin(axis=1)]
        return nearest

    def _cores(self) -> Floats:
        """Cores in use, mean of the time since the middle of the second before."""
        used = self._glanced("cpu_s") if self.glances else self.nothing
        cores: Floats = np.diff(used, prepend=used[0])
        return np.maximum(cores, 0.0)

    def _per_second(self, times_s: Floats) -> Floats:
        edges = np.arange(self.seconds + 1)
        return np.histogram(times_s[np.isfinite(times_s)], edges)[0].astype(np.float64)


def inside(starts: Floats, ends: Floats, at: Floats) -> Floats:
    """How many of the stretches ``[start, end)`` hold each instant; those without a start hold none."""
    begun = np.isfinite(starts)
    first = np.sort(starts[begun])
    last = np.sort(np.nan_to_num(ends[begun], nan=np.inf))
    counts = np.searchsorted(first, at, "right") - np.searchsorted(last, at, "right")
    return counts.astype(np.float64)


def histogram(durations_s: Floats) -> Histogram:
    """The durations that are numbers, counted."""
    known = np.maximum(durations_s[np.isfinite(durations_s)], 0.0)
    places = np.minimum(np.searchsorted(Histogram.edges_s(), known, side="right") - 1, BUCKETS - 1)
    counts = np.bincount(places, minlength=BUCKETS).astype(np.int64)
    return Histogram(counts, float(known.sum()), float(known.max(initial=0.0)))
