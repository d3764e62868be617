"""Prefork's own algorithm as an exact Markov chain: pool size, churn, waits and refusals without simulating.

Poisson arrivals, exponential service, passes at fixed times. Each decision is ``prefork_maintain``'s, the
very function that the simulation runs. The stationary distribution comes from iterated aggregation and
disaggregation (Takahashi 1975; Koury, McAllister and Stewart 1984): a few passes of the chain, then the
small chain of (processes, spawn rate) solved without subtraction, and so on until no figure changes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from poolwise.capacity.exact import ranges
from poolwise.capacity.exact.passes import Passes
from poolwise.model import InputError

if TYPE_CHECKING:
    from poolwise.model import Floats, Pool

FEW_NUMBERS = 3_000_000  # in the two tables of transitions: solved in about a second
MOST_NUMBERS = 30_000_000  # a quarter of a gigabyte, half a minute
NEGLIGIBLE = 1e-12
MOST_ROUNDS = 4000


@dataclass(frozen=True, eq=False)
class PreforkState:
    """What a prefork pool is like in the long run. Means are over passes, taken just before the decision.

    ``process_probabilities[k]``: P(k processes), k = 0..process_limit. ``system_probabilities[n]``: P(n
    requests in the system), n = 0..process_limit + backlog. Both end earlier where the chain was cut.
    """

    busy: float  # requests in service
    processes: float
    processes_sd: float
    queued: float  # requests waiting
    created_rps: float  # processes started a second; as many are stopped
    refused: float  # share of requests, over all time
    mean_wait_s: float  # of the others, over all time
    process_probabilities: Floats
    system_probabilities: Floats
    residual: float  # sum of |distribution after one more pass - distribution|


def prefork_chain(
    pool: Pool, rate_rps: float, service_s: float, startup_s: float = 0.0, pass_s: float = 1.0
) -> PreforkState:
    """Solve the chain of a ``prefork`` pool that neither recycles processes nor keeps connections.

    ``rate_rps``, ``service_s``: arrivals a second and mean service. ``startup_s``: from fork to ready, at
    least 0 and below ``pass_s``, the time between two passes. A chain with too many states is cut to those
    that are reached with a probability above ``NEGLIGIBLE``; then ``refused`` is an upper bound below that.
    Raises InputError, also when even so it is too large: a large pool of which nearly all is needed, or a
    service that lasts thousands of passes.
    """
    rate_rps, service_s = ranges.positive("rate_rps", rate_rps), ranges.positive("service_s", service_s)
    pass_s, startup_s = ranges.positive("pass_s", pass_s), ranges.not_negative("startup_s", startup_s)
    if startup_s >= pass_s:
        raise InputError(
            f"startup_s is {startup_s:g}; give a number of at least 0 and below pass_s, {pass_s:g}"
        )
    _check(pool)
    load = rate_rps * service_s
    limit, most = pool.process_limit, pool.process_limit + pool.backlog
    if _numbers(pool, limit, most) > FEW_NUMBERS:
        start = math.ceil(load + 6.0 * math.sqrt(load)) + 32
        limit = min(start + pool.max_spare, limit)
        most = min(max(limit, start + 64), most)
    while _numbers(pool, limit, most) <= MOST_NUMBERS:
        cut = replace(pool, process_limit=limit)
        state = _solve(Passes(cut, most, rate_rps, service_s, startup_s, pass_s), rate_rps)
        full = limit < pool.process_limit and state.process_probabilities[-1] > NEGLIGIBLE
        long = most < limit + pool.backlog and state.refused > NEGLIGIBLE
        if not full and not long:
            return state
        limit = min(limit * 5 // 4, pool.process_limit) if full else limit
        most = min(max(most * 5 // 4 if long else most, limit), pool.process_limit + pool.backlog)
    raise InputError(
        f"process_limit {pool.process_limit} and backlog {pool.backlog} at {load:g} Erlangs make a chain too "
        "large to solve; give a lower load, a smaller pool, or simulate"
    )


def _check(pool: Pool) -> None:
    """Refuse what the chain does not describe."""
    if pool.architecture != "prefork":
        raise InputError(f"the pool is {pool.architecture}; the exact chain is for prefork")
    if pool.max_connections_per_child:
        raise InputError("max_connections_per_child must be 0 (no recycling) for the exact chain")
    ranges.count("process_limit", pool.process_limit)
    ranges.count("min_spare", pool.min_spare)
    ranges.count("max_spare", pool.max_spare, pool.min_spare + 1)
    ranges.count("backlog", pool.backlog, 0)


def _numbers(pool: Pool, limit: int, most: int) -> int:
    """How many numbers the two tables hold for ``limit`` processes and ``most`` requests in the system."""
    return 2 * (max(limit - pool.max_spare, 0) + 1) * (most + 1) ** 2


def _solve(chain: Passes, rate_rps: float) -> PreforkState:
    """The stationary state, iterated until no figure changes any more."""
    state = chain.sweeps(chain.start())
    figures = chain.figures(state)
    for _ in range(MOST_ROUNDS):
        state = chain.sweeps(chain.balance(state))
        before, figures = figures, chain.figures(state)
        if np.all(np.abs(figures - before) <= 1e-12 * np.abs(figures)):
            break
    else:
        raise InputError("service_s is too long beside pass_s for the chain to settle; at most 1000 passes")
    busy, queued, created, refused, waiting = (float(figure) for figure in figures)
    workers, by_total = chain.decisions.workers, state.sum(axis=(1, 2))
    mean = float(by_total @ workers)
    sizes = np.zeros(int(workers[-1]) + 1)
    sizes[workers] = by_total
    return PreforkState(
        busy=busy,
        processes=mean,
        processes_sd=math.sqrt(float(by_total @ (workers - mean) ** 2)),
        queued=queued,
        created_rps=created,
        refused=refused,
        mean_wait_s=waiting / (rate_rps * (1.0 - refused)),
        process_probabilities=sizes,
        system_probabilities=state.sum(axis=(0, 1)),
        residual=float(np.abs(chain.sweep(state) - state).sum()),
    )
