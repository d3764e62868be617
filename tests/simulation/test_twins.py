"""Independent twins: the plain loop, its compiled form, the long way round, and SimPy, request by request.

Start times must be identical, not close: every engine adds the same floats in the same order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poolwise.model import App, Pool, Run, Workload
from poolwise.simulation import Incident, Timing, facade, simulate
from sample_pools import prefork, threaded
from simpy_prefork import simpy_prefork


def same(one: Run, other: Run) -> None:
    assert np.array_equal(one.details["start_s"], other.details["start_s"], equal_nan=True)
    for name in one.series:
        assert np.array_equal(one.series[name], other.series[name]), name
    for name in one.ticks:
        assert np.array_equal(one.ticks[name], other.ticks[name]), name
    assert np.array_equal(one.wait.counts, other.wait.counts)
    assert np.array_equal(one.response.counts, other.response.counts)
    assert one.messages == other.messages
    for name, value in one.totals.items():
        assert value == pytest.approx(other.totals[name], rel=1e-9), name


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    architecture = draw(st.sampled_from(["prefork", "worker", "event"]))
    low, gap = draw(st.integers(1, 20)), draw(st.integers(1, 40))
    start, limit = draw(st.integers(0, 30)), draw(st.integers(1, 40))
    recycle = draw(st.sampled_from([0, 0, 0, 1, 5, 50, -1]))
    backlog = draw(st.sampled_from([0, 1, 7, 511]))
    if architecture == "prefork":
        return prefork(start, low, low + gap, limit, recycle, backlog)
    threads = draw(st.integers(1, 7))
    slots = limit + draw(st.integers(0, 5))
    pool = threaded(architecture, start, threads, low, low + gap, limit * threads, slots, recycle)
    return replace(pool, backlog=backlog)


@st.composite
def loads(draw: st.DrawFn) -> Workload:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(0, 400))
    seconds = draw(st.integers(3, 40))
    arrivals = np.sort(rng.uniform(0, seconds, count))
    if draw(st.booleans()):  # ties, and arrivals on the ticks
        arrivals = np.floor(arrivals * 4) / 4
    mean = draw(st.sampled_from([0.01, 0.3, 3.0, 30.0]))
    service = rng.lognormal(np.log(mean), draw(st.sampled_from([0.0, 1.0, 2.0])), count)
    return Workload("random", arrivals, service, float(seconds))


@st.composite
def incidents(draw: st.DrawFn) -> list[Incident]:
    kinds = draw(st.lists(st.sampled_from(["graceful", "restart", "crash"]), max_size=3))
    times = draw(st.lists(st.floats(0, 40), min_size=len(kinds), max_size=len(kinds)))
    return [Incident(t, kind, draw(st.integers(1, 5))) for t, kind in zip(times, kinds, strict=True)]  # type: ignore[arg-type]


TIMINGS = st.sampled_from([Timing(), Timing.ideal(), Timing(die_s=1.5, fork_s=0.05)])
MANY = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MANY
@given(pools(), loads(), incidents(), TIMINGS, st.sampled_from([0.0, 0.02, 2.5]))
def test_the_compiled_twin_equals_the_plain_loop(
    pool: Pool, load: Workload, plan: list[Incident], timing: Timing, ready: float
) -> None:
    kind: dict[str, Any] = {
        "app": App(startup_cpu_s=ready), "timing": timing, "incidents": plan, "keep_starts": True
    }  # fmt: skip
    same(simulate(pool, load, engine="plain", **kind), simulate(pool, load, engine="compiled", **kind))


@MANY
@given(pools(), loads(), incidents(), TIMINGS)
def test_the_short_way_equals_the_long_way(
    pool: Pool, load: Workload, plan: list[Incident], timing: Timing
) -> None:
    kind: dict[str, Any] = {"timing": timing, "incidents": plan, "keep_starts": True, "engine": "plain"}
    short = simulate(pool, load, **kind)
    with pytest.MonkeyPatch.context() as patch:
        usual = facade._plan
        patch.setattr(facade, "_plan", lambda *a: usual(*a)._replace(step_by_step=True))
        long = simulate(pool, load, **kind)
    same(short, long)


@MANY
@given(pools(), loads(), incidents())
def test_every_request_is_accounted_for(pool: Pool, load: Workload, plan: list[Incident]) -> None:
    run = simulate(pool, load, incidents=plan, engine="plain", keep_starts=True)
    t = run.totals
    assert t["served"] + t["refused"] + t["lost"] + t["unfinished"] == t["requests"] == len(load)
    starts = run.details["start_s"]
    served = starts >= 0
    assert (starts[served] >= load.arrivals_s[served]).all()
    assert (np.diff(starts[served]) >= 0).all()  # first come, first served
    assert run.series["busy"].max() <= (pool.server_limit + 40) * pool.threads
    assert run.series["total"].min() >= 0
    assert t["process_s"] <= t["created"] * run.duration_s + 1e-6


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 10),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(2, 40),
    st.sampled_from([0, 3, 511]),
    st.sampled_from([0.0, 0.4]),
    st.sampled_from([5.0, 30.0, 90.0]),
)
def test_simpy_starts_every_request_at_the_same_instant(
    seed: int, start: int, low: int, gap: int, limit: int, backlog: int, ready_s: float, rate: float
) -> None:
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, 300))
    load = Workload("random", arrivals, rng.lognormal(-1.5, 1.2, 300), float(arrivals[-1]) + 5)
    pool = prefork(min(start, limit), low, low + gap, limit, backlog=backlog)
    app = App(startup_cpu_s=0.0, startup_wait_s=ready_s)
    run = simulate(pool, load, app=app, timing=Timing.ideal(), keep_starts=True, engine="plain")
    starts, _ = simpy_prefork(pool, load, ready_s)
    assert np.array_equal(run.details["start_s"], np.array(starts))
