"""From the kernel's memory to the noun: the second-by-second series, histograms, totals and log lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from poolwise.model import BUCKETS, App, Histogram, LogLine, Pool, Run, Workload
from poolwise.servers import MESSAGES
from poolwise.simulation import state as st

if TYPE_CHECKING:
    from poolwise.model import Floats, Ints


@dataclass(frozen=True)
class Outcome:
    """The two memories after a run, with what was put in."""

    pool: Pool
    workload: Workload
    app: App
    c: st.Plan
    n: Ints
    x: Floats
    arrived: Floats | None = None  # arrivals of each second, where they have been counted already
    requests: int | None = None  # where they are not those of the workload

    def run(
        self, engine: str, label: str, details: Mapping[str, Any], full: Callable[[], Run] | None = None
    ) -> Run:
        """The ``Run`` that this memory holds; series and passes from ``full``, once looked at."""
        return Run(
            label=label or self.pool.name,
            origin="simulated",
            pool=self.pool,
            duration_s=self.c.horizon_s,
            series=self.series() if full is None else Later(lambda: full().series),
            ticks=self.ticks() if full is None else Later(lambda: full().ticks),
            wait=self._histogram(self.c.wait, st.WAIT_SUM_S, int(self.n[st.SERVED] - self.n[st.WAITED])),
            response=self._histogram(self.c.response, st.RESPONSE_SUM_S, 0),
            totals=self._totals(),
            messages=self._messages(),
            engine=engine,
            assumptions=self.workload.assumptions,
            details=details,
        )

    def series(self) -> dict[str, Floats]:
        """One value a second, see ``Run.series``."""
        c, seconds = self.c, self.c.seconds
        total = self._stretch(c.sample_total, seconds)
        return {
            "busy": self._stretch(c.sample_busy, seconds),
            "queued": self._stretch(c.sample_queued, seconds),
            "total": total,
            "idle": self._stretch(c.sample_idle, seconds),
            "created": self._stretch(c.created, seconds),
            "killed": self._stretch(c.killed, seconds),
            "refused": self._stretch(c.refused, seconds),
            "arrived": per_second(self.workload.arrivals_s, seconds)
            if self.arrived is None
            else self.arrived,
            "memory_bytes": self.app.shared_bytes
            + total * (self.app.process_bytes + self.pool.threads * self.app.thread_bytes),
        }

    def ticks(self) -> dict[str, Floats]:
        """One value a maintenance pass, see ``Run.ticks``."""
        c, rows = self.c, int(self.n[st.TICKS])
        return {
            "time_s": self.x[c.tick_s : c.tick_s + rows].copy(),
            "total": self._stretch(c.tick_total, rows),
            "idle": self._stretch(c.tick_idle, rows),
            "busy": self._stretch(c.tick_busy, rows),
            "queued": self._stretch(c.tick_queued, rows),
            "created": self._stretch(c.tick_created, rows),
            "killed": self._stretch(c.tick_killed, rows),
        }

    def _stretch(self, start: int, length: int) -> Floats:
        return self.n[start : start + length].astype(np.float64)

    def _histogram(self, start: int, sum_place: int, zeros: int) -> Histogram:
        counts = self.n[start : start + BUCKETS].copy()
        counts[0] += zeros
        return Histogram(counts, float(self.x[sum_place]), float(self.x[sum_place + 1]))

    def _totals(self) -> dict[str, float]:
        n = self.n
        requests = len(self.workload) if self.requests is None else self.requests
        counts = {
            "requests": requests,
            "served": n[st.SERVED] - n[st.LOST],
            "refused": n[st.REFUSED],
            "lost": n[st.LOST],
            "unfinished": requests - n[st.SERVED] - n[st.REFUSED],
            "waited": n[st.WAITED],
            "created": n[self.c.created : self.c.created + self.c.seconds].sum(),
            "killed_idle": n[st.KILLED_IDLE],
            "recycled": n[st.RECYCLED],
            "restarted": n[st.RESTARTED],
            "crashed": n[st.CRASHED],
            "process_s": self.x[st.PROCESS_S],
            "busy_s": self.x[st.RESPONSE_SUM_S] - self.x[st.WAIT_SUM_S],
            "peak_total": n[st.PEAK],
        }
        return {name: float(value) for name, value in counts.items()}

    def _messages(self) -> tuple[LogLine, ...]:
        c, lines = self.c, []
        for line in range(min(int(self.n[st.LOGGED]), c.lines)):
            message = MESSAGES[self.pool.architecture][int(self.n[c.log_code + line])]
            start = c.log_numbers + 4 * line
            text = message[2].format(*(int(number) for number in self.n[start : start + 4]))
            lines.append(LogLine(float(self.x[c.log_s + line]), message[0], message[1], text))
        return tuple(sorted(lines, key=lambda line: line.time_s))


class Later(Mapping[str, "Floats"]):
    """Arrays by name that are worked out when somebody first looks at one."""

    def __init__(self, work_out: Callable[[], Mapping[str, Floats]]) -> None:
        self._work_out = work_out

    @cached_property
    def _arrays(self) -> Mapping[str, Floats]:
        return self._work_out()

    def __getitem__(self, name: str) -> Floats:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __reduce__(self) -> tuple[type, tuple[dict[str, Floats]]]:
        return dict, (dict(self._arrays),)


def per_second(times_s: Floats, seconds: int) -> Floats:
    """How many of the ascending ``times_s`` fall into each second; the last one includes its end."""
    edges = np.searchsorted(times_s, np.arange(seconds))
    return np.diff(edges, append=len(times_s)).astype(np.float64)
