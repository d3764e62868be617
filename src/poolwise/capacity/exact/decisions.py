"""Prefork's decision in every state of its chain, tabulated from ``prefork_maintain``.

A *group* is (processes, spawn rate). Just after a pass a state belongs to a *plan*: at so many processes,
either nothing was started (column 0) or the deficit was answered at spawn rate j (column j + 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from poolwise.servers import prefork_maintain

if TYPE_CHECKING:
    from poolwise.model import Ints, Pool


@dataclass(frozen=True, eq=False)
class Decisions:
    """Where each state goes at a pass; flat indices over (processes, rate or plan, n in system)."""

    workers: Ints  # shape (p,): the numbers of processes that the pool can have in the long run
    states: int  # n in system: 0 .. states - 1
    rates: tuple[int, ...]  # the spawn rates
    plan: Ints  # shape (p * rates * states,): flat index of the plan, over (p, rates + 1, states)
    group: Ints  # shape (p * (rates + 1),): group that the plan ends in when the new processes are ready
    forks: Ints  # shape (p * (rates + 1),): processes that the plan starts
    reached: Ints  # the groups that are possible in the long run, ascending

    @property
    def groups(self) -> int:
        """Number of groups, reachable or not."""
        return len(self.workers) * len(self.rates)


def decide(pool: Pool, most: int) -> Decisions:
    """Tabulate the decisions of a prefork pool with at most ``most`` (>= process_limit) in the system."""
    rates = _rates()
    # idle processes are stopped down to max_spare only, so the long run never sees fewer
    workers = np.arange(min(max(pool.max_spare, 1), pool.process_limit), pool.process_limit + 1)
    states = most + 1
    shape = (len(workers), len(rates) + 1, states)
    plan = np.empty((len(workers), len(rates), states), dtype=np.int64)
    group = np.zeros(shape[:2], dtype=np.int64)
    group[:, 0] = np.arange(len(workers)) * len(rates)
    forks = np.zeros(shape[:2], dtype=np.int64)
    for p, total in enumerate(workers.tolist()):
        for j, rate in enumerate(rates):
            free = min(rate, pool.process_limit - total)
            for n in range(total + 1):  # more in the system leave as few idle: none
                spawn, kill, after, _, _ = prefork_maintain(
                    total - n, free, rate, 0, pool.min_spare, pool.max_spare
                )
                column = j + 1 if spawn else 0
                plan[p, j, n] = np.ravel_multi_index((p - kill, column, n), shape)
                if spawn:
                    group[p, column] = (p + spawn) * len(rates) + rates.index(after)
                    forks[p, column] = spawn
            plan[p, j, total:] = plan[p, j, total] + np.arange(states - total)
    made = Decisions(
        workers, states, rates, plan.ravel(), group.ravel(), forks.ravel(), np.empty(0, np.int64)
    )
    return _with_reached(made, pool.backlog)


def _rates() -> tuple[int, ...]:
    """The spawn rates that the rule can reach from 1."""
    rates = [1]
    while True:
        after = prefork_maintain(0, rates[-1], rates[-1], 0, 1, 2)[2]
        if after in rates:
            return tuple(rates)
        rates.append(after)


def _with_reached(made: Decisions, backlog: int) -> Decisions:
    """Add what can be reached from the full pool, which is possible from everywhere."""
    ends = made.group[made.plan // made.states].reshape(made.groups, made.states)
    reached, new = set[int](), {(len(made.workers) - 1) * len(made.rates)}
    while new:
        reached |= new
        possible = {
            int(end)
            for g in new
            for end in np.unique(ends[g, : made.workers[g // len(made.rates)] + backlog + 1])
        }
        new = possible - reached
    return Decisions(
        made.workers, made.states, made.rates, made.plan, made.group, made.forks, np.array(sorted(reached))
    )
