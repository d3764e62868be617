"""The search for settings that need least memory and churn within a target, by exact simulations.

Two numbers decide almost everything: the lower spare limit and the gap to the upper one. The limit on the
pool matters only when it binds, and StartServers only after a start, so both follow from the trial's
own run. The search walks a geometric grid over (lower limit, gap), then refines around the best point
until no neighbour is better. The trace is the same in every trial (common random numbers), so that
differences are real.

Memory, churn and waiting are counted in one currency, the process-second: creating a process costs as much
as keeping one for ``FORK_WORTH_S`` (it loads the application again), and a second that a visitor waits as
much as ``WAIT_WORTH_S``. And no harm is done: where one request in a thousand waits longer than today (and
longer than the target allows), the setting is not advised, however good the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from poolwise.model import App, Machine, Pool, Run, Target, Workload
from poolwise.simulation import prepare, simulate

FORK_WORTH_S = 360.0
WAIT_WORTH_S = 60.0
NO_HARM = 0.999  # this quantile of waits may not become worse than today
RESERVE = 1.5  # the advised limit leaves room for this many times the most workers ever needed at once
GRID = (1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 90, 135, 200, 300, 450, 675, 1000)
MOST_ROUNDS = 12

Progress = Callable[[int, int], None]  # trials done, trials expected


@dataclass(frozen=True, eq=False)
class Trial:
    """One setting and what it led to."""

    pool: Pool
    run: Run
    cost: float  # in processes kept: see ``cost``
    misses: float  # 0 when every target is kept; else how badly, as a factor

    @property
    def met(self) -> bool:
        """Whether the run kept every target."""
        return self.misses == 0.0


class Search:
    """A pool, its load and its target, with every trial made so far."""

    def __init__(
        self,
        today: Pool,
        workload: Workload,
        app: App,
        machine: Machine,
        target: Target,
        progress: Progress | None = None,
    ) -> None:
        self.today, self.trace = today, prepare(workload)  # read once, asked by every trial
        self.app, self.machine, self.target = app, machine, target
        self.progress = progress
        self.trials: dict[tuple[int, int], Trial] = {}
        self.most_processes = _most_processes(today, app, target)
        self.today_run = self._simulate(today)
        # the load itself, undisturbed by any limit: as many workers as it ever wants
        instant = replace(app, startup_cpu_s=0.0, startup_wait_s=0.0)
        self.demand = simulate(self._open_pool(), self.trace, app=instant, machine=machine)

    def best(self) -> Trial:
        """The cheapest trial that keeps the target; the least bad one when none does."""
        grid = list(self._grid())
        for done, (low, gap) in enumerate(grid):
            self._report(done, len(grid) + MOST_ROUNDS)
            self.trial(low, gap)
        for done in range(MOST_ROUNDS):
            self._report(len(grid) + done, len(grid) + MOST_ROUNDS)
            before = self._leader()
            for low, gap in _neighbours(self._place(before), done):
                self.trial(low, gap)
            if self._leader() is before and done > 2:
                break
        self._report(1, 1)
        return self._leader()

    def trial(self, low: int, gap: int) -> Trial:
        """Simulate with the lower limit at ``low`` and the upper at ``low + gap`` processes (memoised)."""
        low = min(max(low, 1), self.most_processes)
        gap = min(max(gap, 1), self.most_processes)
        if (low, gap) not in self.trials:
            self.trials[low, gap] = self.judge(self._pool(low, gap))
        return self.trials[low, gap]

    def judge(self, pool: Pool) -> Trial:
        """Simulate ``pool`` under the load and hold it against the target."""
        run = self.today_run if pool == self.today else self._simulate(pool)
        return Trial(pool, run, cost(run), self._misses(run))

    def peak_processes(self) -> int:
        """Processes that the load would fill at its busiest instant seen, if nothing limited it."""
        busy = max(float(self.demand.series["busy"].max()), float(self.demand.ticks["busy"].max(initial=0)))
        return max(math.ceil(busy / self.today.threads), 1)

    def _misses(self, run: Run) -> float:
        allowed_s = max(self.today_run.wait.quantile_s(NO_HARM), self.target.wait_s)
        harm = max(run.wait.quantile_s(NO_HARM) - allowed_s, 0.0)
        return misses(run, self.target, self.app) + harm

    def _simulate(self, pool: Pool) -> Run:
        return simulate(pool, self.trace, app=self.app, machine=self.machine)

    def _grid(self) -> Iterator[tuple[int, int]]:
        top = self._useful_spare()
        sizes = [size for size in GRID if size <= top] or [1]
        for low in sizes:
            for gap in sizes:
                yield low, gap

    def _useful_spare(self) -> int:
        """No lower limit above the most workers ever needed at once can help (in processes)."""
        return min(max(self.peak_processes() + 2, 3), self.most_processes)

    def _open_pool(self) -> Pool:
        return replace(
            self.today,
            start=self.most_processes,
            min_spare=1,
            max_spare=self.most_processes * self.today.threads + self.today.threads + 2,
            process_limit=self.most_processes,
            server_limit=max(self.today.server_limit, self.most_processes),
            max_workers=self.most_processes * self.today.threads,
            max_connections_per_child=0,
        )

    def _pool(self, low: int, gap: int) -> Pool:
        threads = self.today.threads
        min_spare = low * threads
        max_spare = (low + gap) * threads if threads == 1 else min_spare + (gap + 1) * threads
        mean_busy = self.demand.totals["busy_s"] / self.demand.duration_s / threads
        start = min(math.ceil(mean_busy) + low, max_spare // threads, self.most_processes)
        return replace(
            self.today,
            start=start,
            min_spare=min_spare,
            max_spare=max_spare,
            process_limit=self.most_processes,
            server_limit=max(self.today.server_limit, self.most_processes),
            max_workers=self.most_processes * threads,
            max_connections_per_child=0,  # without recycling first: it is put back at the end
        )

    def _place(self, trial: Trial) -> tuple[int, int]:
        return next(place for place, known in self.trials.items() if known is trial)

    def _leader(self) -> Trial:
        return min(self.trials.values(), key=lambda trial: (trial.misses, trial.cost))

    def _report(self, done: int, expected: int) -> None:
        if self.progress is not None:
            self.progress(done, expected)


def search(
    today: Pool,
    workload: Workload,
    app: App,
    machine: Machine,
    target: Target,
    progress: Progress | None = None,
) -> tuple[Trial, Search]:
    """The best trial, and the search with all of them."""
    work = Search(today, workload, app, machine, target, progress)
    return work.best(), work


def cost(run: Run) -> float:
    """What a run costs, in processes kept: their mean number, with churn and waiting priced in."""
    created = max(run.totals["created"] - run.pool.initial, 0.0)
    extra_s = FORK_WORTH_S * created + WAIT_WORTH_S * run.wait.sum_s
    return run.mean_total + extra_s / run.duration_s


def misses(run: Run, target: Target, app: App) -> float:
    """How far ``run`` is from the target: 0 when it keeps it."""
    wait_s = run.wait.quantile_s(target.quantile)
    requests = max(run.totals["requests"], 1.0)
    refused = (run.totals["refused"] + run.totals["unfinished"]) / requests
    late = max(wait_s / target.wait_s - 1.0, 0.0) if target.wait_s else wait_s
    turned_away = max(refused - target.refused, 0.0) * 1000.0
    memory = 0.0
    if target.memory_bytes:
        peak = app.memory_bytes(run.totals["peak_total"], run.pool.threads)
        memory = max(peak / target.memory_bytes - 1.0, 0.0) * 10.0
    return late + turned_away + memory


def recycling(today: Run, demand: Run) -> int:
    """MaxConnectionsPerChild such that a process lives an hour at the least, where today's is lower."""
    asked = today.pool.max_connections_per_child
    if asked <= 0:
        return 0 if today.pool.threads > 1 else asked  # a negative value ends threaded children at once
    if today.totals["recycled"] == 0:
        return asked  # it did not matter
    busy = max(demand.totals["busy_s"] / demand.duration_s / today.pool.threads, 1.0)
    an_hour = demand.totals["requests"] / demand.duration_s * 3600.0 / busy
    return max(asked, math.ceil(an_hour / 1000.0) * 1000)


def _most_processes(today: Pool, app: App, target: Target) -> int:
    most = max(today.process_limit, 4 * max(256 // today.threads, 1))
    if target.memory_bytes:
        each = app.process_bytes + today.threads * app.thread_bytes
        most = min(most, max((target.memory_bytes - app.shared_bytes) // each, 1))
    return int(most)


def _neighbours(place: tuple[int, int], done: int) -> list[tuple[int, int]]:
    """Points around ``place``, closer in each round."""
    low, gap = place
    step = 1.0 / (2 + done)
    lows = {low, math.floor(low * (1 - step)), math.ceil(low * (1 + step)), low - 1, low + 1}
    gaps = {gap, math.floor(gap * (1 - step)), math.ceil(gap * (1 + step)), gap - 1, gap + 1}
    return [(a, b) for a in sorted(lows) for b in sorted(gaps) if a >= 1 and b >= 1]
