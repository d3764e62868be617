"""From the best trial to advice: the limits that follow from it, and only what is worth a restart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from poolwise.capacity.reasons import recommendations, remarks
from poolwise.capacity.search import RESERVE, Progress, Search, Trial, recycling
from poolwise.model import Advice, App, InputError, Machine, Pool, Target, Value, Workload

WORTH_CHANGING = 0.97  # an advice that does not save 3 % of the cost is not worth a restart


def tune(
    pool: Pool,
    values: Mapping[str, Value],
    workload: Workload,
    *,
    app: App,
    machine: Machine,
    target: Target,
    progress: Progress | None = None,
) -> Advice:
    """Find the settings of ``pool`` that need least memory and churn for ``workload`` within ``target``.

    ``values`` are today's settings with their origins (of a ``Site``). ``progress`` is called with the trials
    done and expected. Raises InputError for an empty workload or a target that makes no sense.
    """
    _check(workload, target, app)
    work = Search(pool, workload, app, machine, target, progress)
    today = work.judge(pool)
    best = _leave_alone(work, _settle_limit(work, work.best()))
    if today.met and (not best.met or today.cost * WORTH_CHANGING <= best.cost):
        best = today
    return Advice(
        pool=best.pool,
        changes=recommendations(today, best, values, work.demand, app),
        before=replace(today.run, label="today"),
        after=replace(best.run, label="advice"),
        target=target,
        met=best.met,
        tried=tuple((trial.pool, _figures(trial)) for trial in work.trials.values()),
        remarks=remarks(today, best, work.demand, app, machine),
    )


def _leave_alone(work: Search, best: Trial) -> Trial:
    """Put back each of today's settings that does as well: a change must pay for itself."""
    most = best.cost / WORTH_CHANGING
    for name in ("min_spare", "max_spare", "start"):
        pool = replace(best.pool, **{name: getattr(work.today, name)})
        if pool == best.pool or pool.max_spare < pool.min_spare + pool.threads + (pool.threads > 1):
            continue
        trial = work.judge(pool)
        if trial.misses <= best.misses and trial.cost <= most:
            best = trial
    return best


def _settle_limit(work: Search, best: Trial) -> Trial:
    """The same settings with a limit that has reserve: today's where it fits, else what the load needs."""
    today = work.today
    peak = max(int(best.run.totals["peak_total"]), math.ceil(RESERVE * work.peak_processes()))
    need = min(_rounded(peak, today), work.most_processes)
    limit = today.process_limit if _fits(work, need) else need
    pool = replace(
        best.pool,
        process_limit=limit,
        max_workers=limit * today.threads,
        server_limit=max(today.server_limit, limit),
        max_connections_per_child=recycling(work.today_run, work.demand),
    )
    return work.judge(pool)


def _fits(work: Search, need: int) -> bool:
    today, memory = work.today, work.target.memory_bytes or work.machine.memory_bytes
    worst = work.app.memory_bytes(today.process_limit, today.threads)
    return today.process_limit >= need and (not memory or worst <= memory)


def _rounded(processes: int, today: Pool) -> int:
    """Up to a round number that a person would write (prefork: tens from 20 on)."""
    if today.threads > 1 or processes < 20:
        return processes
    return math.ceil(processes / 10) * 10


def _figures(trial: Trial) -> dict[str, float]:
    run = trial.run
    return {
        "mean_processes": run.mean_total,
        "churn_per_hour": run.churn_per_hour,
        "wait_p95_s": run.wait.quantile_s(0.95),
        "refused": run.totals["refused"],
        "cost": trial.cost,
        "met": float(trial.met),
    }


def _check(workload: Workload, target: Target, app: App) -> None:
    if len(workload) == 0:
        raise InputError("the traffic has no requests: there is nothing to tune for")
    if not 0 < target.quantile < 1:
        raise InputError(f"target quantile {target.quantile} must be between 0 and 1 (0.95 for p95)")
    if target.wait_s < 0 or not 0 <= target.refused < 1:
        raise InputError("target wait must be >= 0 s and the refused share between 0 and 1")
    least = app.memory_bytes(1, 1)
    if target.memory_bytes and target.memory_bytes < least:
        raise InputError(
            f"the memory allowed ({target.memory_bytes / 1e6:.0f} MB, --memory) is less than one process of "
            f"the application needs ({least / 1e6:.0f} MB, --app-memory)"
        )
