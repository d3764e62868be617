"""Twins: the plain loop, its compiled form, the long way round, SimPy and Ciw, request by request.

Start times must be identical, not close: every engine adds the same floats in the same order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ciw_prefork import ciw_prefork
from poolwise.model import App, InputError, Pool, Run, Workload
from poolwise.simulation import Incident, Timing, simulate
from poolwise.simulation.pool import facade
from poolwise.simulation.pool.loop import run
from random_cases import MANY, TIMINGS, incidents, loads, pools
from sample_pools import poisson, prefork
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
    rounding = 1e-11 * one.response.sum_s  # "busy_s" is the difference of two sums
    for name, value in one.totals.items():
        assert value == pytest.approx(other.totals[name], rel=1e-9, abs=rounding), name


@pytest.fixture
def short_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on a queue after a minute, not an hour: many random pools never empty theirs."""
    monkeypatch.setattr(facade, "DRAIN_S", 60.0)


@pytest.mark.usefixtures("short_drain")
@MANY
@given(pools(), loads(), incidents(), TIMINGS, st.sampled_from([0.0, 0.02, 2.5]))
def test_the_compiled_twin_equals_the_plain_loop(
    pool: Pool, load: Workload, plan: list[Incident], timing: Timing, ready: float
) -> None:
    kind: dict[str, Any] = {
        "app": App(startup_cpu_s=ready), "timing": timing, "incidents": plan, "keep_starts": True
    }  # fmt: skip
    same(simulate(pool, load, engine="plain", **kind), simulate(pool, load, engine="compiled", **kind))


@pytest.mark.usefixtures("short_drain")
@MANY
@given(pools(), loads(), incidents(), TIMINGS)
def test_the_short_way_equals_the_long_way(
    pool: Pool, load: Workload, plan: list[Incident], timing: Timing
) -> None:
    kind: dict[str, Any] = {"timing": timing, "incidents": plan, "keep_starts": True, "engine": "plain"}
    short = simulate(pool, load, **kind)
    with pytest.MonkeyPatch.context() as patch:
        usual = facade.make_plan
        patch.setattr(facade, "make_plan", lambda *a: usual(*a)._replace(step_by_step=True))
        long = simulate(pool, load, **kind)
    same(short, long)


@pytest.mark.usefixtures("short_drain")
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


@settings(max_examples=500, deadline=None)
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
def test_simpy_and_ciw_start_every_request_at_the_same_instant(
    seed: int, start: int, low: int, gap: int, limit: int, backlog: int, ready_s: float, rate: float
) -> None:
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(1 / rate, 300)
    arrivals = np.cumsum(gaps)
    load = Workload("random", arrivals, rng.lognormal(-1.5, 1.2, 300), float(arrivals[-1]) + 5)
    pool = prefork(min(start, limit), low, low + gap, limit, backlog=backlog)
    kind: dict[str, Any] = {"app": App(startup_cpu_s=0.0, startup_wait_s=ready_s), "timing": Timing.ideal()}
    told, _ = simpy_prefork(pool, load, ready_s)
    runs = [
        simulate(pool, load, engine=engine, keep_starts=True, **kind)
        for engine in ("plain", "compiled", "envelope plain", "envelope")
    ]
    for found in runs:
        assert np.array_equal(found.details["start_s"], np.array(told)), found.engine
        for name, values in runs[0].series.items():
            assert np.array_equal(found.series[name], values), (found.engine, name)
    if seed % 5 == 0:  # Ciw takes its time
        assert np.array_equal(told, ciw_prefork(pool, load, gaps.tolist(), ready_s)[0])


def test_an_interruption_says_how_far_it_had_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run looks at the keyboard every few million requests (here: every hundred)."""
    monkeypatch.setattr(facade, "STRETCH", 100)
    looks = 0

    def impatient(*memory: Any) -> bool:
        nonlocal looks
        looks += 1
        if looks == 4:
            raise KeyboardInterrupt
        return run(*memory)

    monkeypatch.setattr(facade, "run", impatient)
    with pytest.raises(KeyboardInterrupt, match=r"interrupted at \d+% .* of 1,000 requests simulated"):
        simulate(prefork(), poisson(50, 0.1, 1000, 1), engine="plain")


@pytest.mark.parametrize("engine", ["compiled", "envelope"])
def test_stretches_do_not_show(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load = poisson(100, 0.3, 3000, 2)
    whole = simulate(prefork(limit=40), load, engine=engine, keep_starts=True)
    monkeypatch.setattr(facade, "STRETCH", 10)
    same(whole, simulate(prefork(limit=40), load, engine=engine, keep_starts=True))


def test_more_requests_than_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(facade, "fresh_memory", full)
    with pytest.raises(InputError, match="workload: 100 requests do not fit into the memory"):
        simulate(prefork(), poisson(50, 0.1, 100, 1))
