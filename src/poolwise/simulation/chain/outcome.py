"""From the memory of a chain to the noun: the front's ``Run`` with those of its groups inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from poolwise.model import BUCKETS, Histogram, LogLine, Run
from poolwise.servers import MESSAGES
from poolwise.simulation import state as st
from poolwise.simulation.chain import memory as mem
from poolwise.simulation.chain.setup import Chain
from poolwise.simulation.pool.outcome import per_second

if TYPE_CHECKING:
    from poolwise.model import Floats


@dataclass(frozen=True)
class ChainOutcome:
    """A chain after its run, of which ``seconds`` were simulated."""

    chain: Chain
    seconds: int

    def run(self, engine: str, label: str, assumptions: tuple[str, ...], keep_starts: bool) -> Run:
        """The run of the front; ``stages`` holds those of the groups."""
        p, front = self.chain.p, self.chain.stages[0].pool
        details: dict[str, Any] = {"front_wait": self._front_wait(), "cores": p.cores}
        if keep_starts:
            details |= self._by_request()
        return Run(
            label=label or front.name,
            origin="simulated",
            pool=front,
            duration_s=float(self.seconds),
            series=self._series(0) | self._whole_chain(),
            ticks=self._ticks(),
            wait=self._histogram(0, self._places(0).wait, st.WAIT_SUM_S),
            response=self._histogram(0, self._places(0).response, st.RESPONSE_SUM_S),
            totals=self._totals(0) | self._clients(),
            messages=self._error_log(),
            engine=engine,
            assumptions=(*self.chain.workload.assumptions, *assumptions),
            details=details,
            stages=tuple(self._group(k) for k in range(1, p.stages)),
        )

    def _group(self, k: int) -> Run:
        pool = self.chain.stages[k].pool
        c = self._places(k)
        return Run(
            label=pool.name,
            origin="simulated",
            pool=pool,
            duration_s=float(self.seconds),
            series=self._series(k),
            ticks={},
            wait=self._histogram(k, c.wait, st.WAIT_SUM_S),
            response=self._histogram(k, c.response, st.RESPONSE_SUM_S),
            totals=self._totals(k),
        )

    def _places(self, k: int) -> st.Plan:
        return self.chain.cs[k]

    def _row(self, k: int, start: int, length: int) -> Floats:
        return self.chain.ns[k, start : start + length].astype(np.float64)

    def _series(self, k: int) -> dict[str, Floats]:
        c, r, rows = self._places(k), self.chain.rs[k], self.seconds
        names = {
            "busy": c.sample_busy, "queued": c.sample_queued, "total": c.sample_total, "idle": c.sample_idle,
            "created": c.created, "killed": c.killed, "refused": c.refused,
        }  # fmt: skip
        series = {name: self._row(k, start, rows) for name, start in names.items()}
        series["memory_bytes"] = self.chain.y[r.memory0 : r.memory0 + rows].copy()
        return series

    def _whole_chain(self) -> dict[str, Floats]:
        """Series that belong to no stage alone: what comes, the processor, clients, all memory."""
        m, y, p, rows = self.chain.m, self.chain.y, self.chain.p, self.seconds
        used_s = y[p.used_s : p.used_s + rows]
        return {
            "arrived": per_second(self.chain.workload.arrivals_s, rows),
            "clients": self._clients_inside(rows),
            "memory_bytes": np.sum([y[r.memory0 : r.memory0 + rows] for r in self.chain.rs], axis=0),
            "cpu_cores": np.diff(used_s, prepend=0.0) / np.where(np.arange(rows) == 0, 0.5, 1.0),
            "idle_connections": _floats(m, p.sample_idle_connections, rows),
            "loading": _floats(m, p.sample_loading, rows),
            "gave_up": _floats(m, p.gave_up, rows),
            "failed": _floats(m, p.failed, rows),
        }

    def _clients_inside(self, rows: int) -> Floats:
        """Clients between the coming of their request and its end, wherever they are (also at a proxy)."""
        y, p = self.chain.y, self.chain.p
        middles = np.arange(rows) + 0.5
        came, ended = (
            np.sort(y[start : start + p.requests]) for start in (p.came_s, p.end_s)
        )  # NaN, "never", stands last
        inside = np.searchsorted(came, middles, side="right") - np.searchsorted(ended, middles, side="right")
        return inside.astype(np.float64)

    def _ticks(self) -> dict[str, Floats]:
        c, rows = self._places(0), int(self.chain.ns[0, st.TICKS])
        names = {
            "total": c.tick_total, "idle": c.tick_idle, "busy": c.tick_busy, "queued": c.tick_queued,
            "created": c.tick_created, "killed": c.tick_killed,
        }  # fmt: skip
        ticks = {name: self._row(0, start, rows) for name, start in names.items()}
        return {"time_s": self.chain.xs[0, c.tick_s : c.tick_s + rows].copy(), **ticks}

    def _histogram(self, k: int, start: int, sum_place: int) -> Histogram:
        x = self.chain.xs[k]
        counts = self.chain.ns[k, start : start + BUCKETS].copy()
        return Histogram(counts, float(x[sum_place]), float(x[sum_place + 1]))

    def _front_wait(self) -> Histogram:
        p = self.chain.p
        counts = self.chain.m[p.front_wait : p.front_wait + BUCKETS].copy()
        middles = Histogram.edges_s()
        held = counts.nonzero()[0]
        longest = float(middles[held[-1] + 1]) if len(held) and held[-1] else 0.0
        return Histogram(counts, float((counts * middles[:-1]).sum()), longest)

    def _by_request(self) -> dict[str, Any]:
        y, p = self.chain.y, self.chain.p
        state = self.chain.m[p.state : p.state + p.requests].copy()
        starts = y[p.start_s : p.start_s + p.requests].copy()
        starts[state == mem.REFUSED_AT_FRONT] = -1.0
        return {"start_s": starts, "end_s": y[p.end_s : p.end_s + p.requests].copy(), "state": state}

    def _totals(self, k: int) -> dict[str, float]:
        n, x, c = self.chain.ns[k], self.chain.xs[k], self._places(k)
        counts = {
            "requests": n[st.SERVED],
            "served": n[st.SERVED],
            "refused": n[st.REFUSED],
            "lost": n[st.LOST],
            "unfinished": 0,
            "waited": n[st.WAITED],
            "created": n[c.created : c.created + self.seconds].sum(),
            "killed_idle": n[st.KILLED_IDLE],
            "recycled": n[st.RECYCLED],
            "restarted": n[st.RESTARTED],
            "crashed": n[st.CRASHED],
            "process_s": x[st.PROCESS_S],
            "busy_s": x[st.RESPONSE_SUM_S] - x[st.WAIT_SUM_S],
            "peak_total": n[st.PEAK],
        }
        return {name: float(value) for name, value in counts.items()}

    def _clients(self) -> dict[str, float]:
        m, y, p = self.chain.m, self.chain.y, self.chain.p
        state = m[p.state : p.state + p.requests]
        open_at_end = int((state <= mem.INSIDE).sum())
        counts = {
            "requests": p.requests,
            "served": m[mem.ANSWERED_COUNT],
            "lost": m[mem.LOST_COUNT],
            "unfinished": open_at_end,
            "gave_up": m[mem.GAVE_UP_COUNT],
            "failed": m[mem.FAILED_COUNT],
            "retried": m[mem.RETRIED],
            "imports": m[mem.IMPORTS],
            "cpu_s": y[mem.USED_S],
        }
        return {name: float(value) for name, value in counts.items()}

    def _error_log(self) -> tuple[LogLine, ...]:
        """What httpd and mod_wsgi would print, in one log."""
        lines = [line for k in range(self.chain.p.stages) for line in self._messages(k)]
        return tuple(sorted(lines, key=lambda line: line.time_s))

    def _messages(self, k: int) -> list[LogLine]:
        n, x, c = self.chain.ns[k], self.chain.xs[k], self._places(k)
        pool = self.chain.stages[k].pool
        lines = []
        for line in range(min(int(n[st.LOGGED]), c.lines) if pool.architecture in MESSAGES else 0):
            message = MESSAGES[pool.architecture][int(n[c.log_code + line])]
            start = c.log_numbers + 4 * line
            numbers = (int(number) for number in n[start : start + 4])
            text = message[2].format(*numbers, name=pool.name)
            lines.append(LogLine(float(x[c.log_s + line]), message[0], message[1], text))
        return lines


def _floats(values: Any, start: int, length: int) -> Floats:
    found: Floats = values[start : start + length].astype(np.float64)
    return found
