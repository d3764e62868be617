"""A pool under a rate: what ``simulate`` is to a trace, for loads that are too large for one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from poolwise.model import BUCKETS, App, Histogram, InputError, Machine, Pool, Run, Workload
from poolwise.simulation import state as st
from poolwise.simulation.checks import check_costs, check_pool
from poolwise.simulation.compiled import available, compiled_rates, record
from poolwise.simulation.incident import Timing
from poolwise.simulation.pool.facade import (
    MEASURED,
    SMALL_APP,
    TWO_CORES,
    fresh_memory,
    make_plan,
)
from poolwise.simulation.pool.hybrid import H_FLOATS, run_rates
from poolwise.simulation.pool.outcome import Outcome

if TYPE_CHECKING:
    from poolwise.model import Floats

STRETCH_S = 20_000.0  # simulated, between two looks at the keyboard
ASSUMPTIONS = (
    "arrivals are Poisson with the given rate in each second, service times exponential",
    "while nobody can wait, the number in service has its exact law; otherwise time goes in steps of 20 ms",
    "a process that is told to go leaves at once, and others finish the requests that it had",
    "measured against the event loop, where at least one request in a thousand waits: busy workers and "
    "processes within 1 %, the mean wait within 6 %, the share that waits within 10 %; the distribution of "
    "waits is coarse (quantiles within 20 %, twice as long where most of them come from one short crowd)",
    "rarer waits are not resolved",
)


def simulate_rates(
    pool: Pool,
    rate_rps: Floats,
    mean_service_s: float,
    *,
    seed: int = 1,
    app: App = SMALL_APP,
    machine: Machine = TWO_CORES,
    timing: Timing = MEASURED,
    engine: str = "auto",
    label: str = "",
) -> Run:
    """Simulate ``pool`` under Poisson arrivals whose rate is ``rate_rps[i]`` a second in second ``i``.

    Service is exponential with mean ``mean_service_s``. The cost is that of the seconds, not of the requests;
    ``Run.assumptions`` says what is approximate. The same ``seed`` gives the same run, whatever the
    ``engine``: "compiled", "plain" or "auto". Raises InputError naming the argument.
    """
    rates = np.ascontiguousarray(rate_rps, dtype=np.float64)
    _check(pool, rates, mean_service_s, engine)
    check_costs((app,), machine, timing)
    c = make_plan(pool, app, machine, timing, float(len(rates)), int(rates.sum()), mean_service_s)
    n, x = fresh_memory(c)
    arrived, batches = np.zeros(len(rates)), np.zeros(3 * (c.backlog + 2))
    rng = np.random.default_rng(seed)
    inputs: list[Any] = [np.zeros(H_FLOATS), rates, mean_service_s, arrived, batches, rng, np.empty(0)]
    if engine == "plain" or not available():
        used = "rates, plain loop"
        items = [item.tolist() if isinstance(item, np.ndarray) else item for item in inputs]
        lists = n.tolist(), x.tolist()
        _in_stretches(run_rates, (*lists, c, *items), c)
        n, x, arrived = np.array(lists[0]), np.array(lists[1]), np.array(items[3])
    else:
        used = "rates, compiled"
        _in_stretches(compiled_rates(), (n, x, record(c), *inputs), c)
    _respond_at_once(n, x, c, mean_service_s, rng)
    load = Workload("rates", np.empty(0), np.empty(0), float(len(rates)), ASSUMPTIONS)
    return Outcome(pool, load, app, c, n, x, arrived, int(arrived.sum())).run(used, label, {})


def _check(pool: Pool, rates: Floats, mean_service_s: float, engine: str) -> None:
    check_pool(pool, st.ARCHITECTURES)
    if pool.max_connections_per_child != 0:
        raise InputError(
            f"pool {pool.name!r}: max_connections_per_child must be 0: rates know no connections"
        )
    if rates.ndim != 1 or not 0 < len(rates) < 1e8:
        raise InputError("rate_rps must be one number for each second, at least one")
    if not (np.isfinite(rates).all() and (rates >= 0).all() and rates.max() <= 1e9):
        raise InputError("rate_rps must be numbers between 0 and 1e9 requests a second")
    if not 0 < mean_service_s <= 1e6:
        raise InputError(f"mean_service_s = {mean_service_s} must be above 0 and at most 1e6 seconds")
    if engine not in ("auto", "compiled", "plain"):
        raise InputError(f"engine {engine!r}: choose auto, compiled or plain")
    if engine == "compiled" and not available():
        raise InputError("engine 'compiled' needs numba: pip install 'poolwise[fast]'")


def _in_stretches(kernel: Any, memory: tuple[Any, ...], c: st.Plan) -> None:
    pause_s = STRETCH_S
    try:
        while not kernel(*memory, pause_s):
            pause_s += STRETCH_S
    except KeyboardInterrupt:
        done = min(memory[1][st.WAKE_S] / c.horizon_s, 1.0)
        raise KeyboardInterrupt(f"interrupted at {done:.0%} of the simulated time") from None


def _respond_at_once(n: Any, x: Any, c: st.Plan, mean_s: float, rng: np.random.Generator) -> None:
    """Add the responses of those who did not wait: exponential, by expected counts rounded to whole ones."""
    at_once = int(n[st.SERVED] - n[st.WAITED])
    below = -np.expm1(-Histogram.edges_s()[1:-1] / mean_s)
    counts = np.diff(np.rint(at_once * below), prepend=0.0, append=at_once)
    n[c.response : c.response + BUCKETS] += counts.astype(np.int64)
    x[st.RESPONSE_SUM_S] = n[st.SERVED] * mean_s + x[st.WAIT_SUM_S]
    if n[st.SERVED]:
        longest_s = -mean_s * math.log(-math.expm1(math.log(rng.random()) / float(n[st.SERVED])))
        x[st.RESPONSE_MAX_S] = max(longest_s, x[st.WAIT_MAX_S])
