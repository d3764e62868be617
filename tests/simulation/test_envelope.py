"""The envelope against the event loop: the same start times, seconds, passes and messages, to the bit."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_twins import same

from poolwise.model import App, InputError, Pool, Workload
from poolwise.simulation import Incident, Timing, Trace, prepare, simulate
from poolwise.simulation.pool import envelope_trace, facade
from poolwise.simulation.pool.envelope_load import busy_at, came_before
from random_cases import MANY, TIMINGS, pools
from sample_pools import poisson, prefork, threaded


@pytest.fixture
def short_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facade, "DRAIN_S", 60.0)


@st.composite
def busy_loads(draw: st.DrawFn) -> Workload:
    """Up to a few thousand requests: steady, in a crowd, with ties, none at all, short and very long ones."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    seconds, count = draw(st.integers(3, 60)), draw(st.sampled_from([0, 1, 30, 300, 3000]))
    arrivals = rng.uniform(0, seconds, count)
    if draw(st.booleans()):  # a crowd within two seconds
        arrivals = np.concatenate([arrivals, rng.uniform(0, 2, count // 2) + seconds / 3]).clip(0, seconds)
    arrivals.sort()
    if draw(st.sampled_from([False, False, True])):
        arrivals = np.floor(arrivals * 4) / 4
    mean = draw(st.sampled_from([0.0, 0.001, 0.1, 0.5, 3.0, 30.0]))
    service = mean * rng.lognormal(0, draw(st.sampled_from([0.0, 1.0, 2.0])), len(arrivals))
    return Workload(
        "random",
        arrivals,
        service,
        seconds - draw(st.sampled_from([0.0, 0.25])) if not count else float(seconds),
    )


@st.composite
def prefork_pools(draw: st.DrawFn) -> Pool:
    low, gap = draw(st.integers(1, 20)), draw(st.integers(1, 40))
    limit = draw(st.integers(1, draw(st.sampled_from([5, 40, 300]))))
    return prefork(draw(st.integers(0, 60)), low, low + gap, limit, 0, draw(st.sampled_from([0, 1, 7, 511])))


START_UPS = st.sampled_from([0.0, 0.02, 2.5])


@pytest.mark.usefixtures("short_drain")
@MANY
@given(prefork_pools(), busy_loads(), TIMINGS, START_UPS)
def test_truth_the_envelope_equals_the_event_loop(
    pool: Pool, load: Workload, timing: Timing, ready: float
) -> None:
    app = App(startup_cpu_s=ready)
    long = simulate(pool, load, app=app, timing=timing, keep_starts=True, engine="compiled")
    for engine in ("envelope", "envelope plain"):
        short = simulate(pool, load, app=app, timing=timing, keep_starts=True, engine=engine)
        assert short.engine.startswith("envelope") or not len(load)
        same(long, short)
        assert (short.response.max_s, short.wait.max_s) == (long.response.max_s, long.wait.max_s)


@pytest.mark.usefixtures("short_drain")
@MANY
@given(pools(), busy_loads(), TIMINGS)
def test_a_prepared_trace_stands_for_its_workload(pool: Pool, load: Workload, timing: Timing) -> None:
    """Whatever the pool, recycling and threads included; what is worked out later is the same too."""
    trace = prepare(load, compiled=False)
    same(
        simulate(pool, load, timing=timing, keep_starts=True, engine="plain"),
        simulate(pool, trace, timing=timing, keep_starts=True),
    )


@MANY
@given(busy_loads(), st.lists(st.floats(0, 2.99), min_size=1, max_size=5), st.integers(0, 1000))
def test_how_many_are_in_service_at_any_instant(load: Workload, times: list[float], some: int) -> None:
    """Asked for at arbitrary instants, and exactly where requests come and end."""
    trace = prepare(load, compiled=False)
    if len(load):
        at = some % len(load)
        times = [*times, float(load.arrivals_s[at]), float(load.arrivals_s[at] + load.service_s[at])]
    ends = load.arrivals_s + load.service_s
    for time_s in times:
        if time_s >= load.duration_s:
            continue
        came = int((load.arrivals_s < time_s).sum())
        busy = came - int((ends < time_s).sum())
        cell = int(time_s * trace.envelope.scale)
        assert came_before(trace.lists, time_s) == came
        assert busy_at(trace.lists, time_s) == busy
        assert trace.envelope.low[cell] <= busy <= trace.envelope.high[cell]
        assert busy <= trace.envelope.peak[int(time_s)]


def test_very_long_traces_stay_arrays_in_the_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    load = poisson(60, 0.1, 2000, 3)
    lists = simulate(prefork(), prepare(load, compiled=False), engine="envelope plain", keep_starts=True)
    monkeypatch.setattr(envelope_trace, "LISTED", 500)
    trace = prepare(load, compiled=False)
    assert isinstance(trace.lists.arrivals_s, np.ndarray)
    same(lists, simulate(prefork(), trace, engine="envelope plain", keep_starts=True))


def test_the_engine_says_which_it_was() -> None:
    load = poisson(50, 0.1, 2000, 1)
    trace = prepare(load, compiled=False)
    assert simulate(prefork(), trace, engine="auto").engine.startswith("envelope")
    assert simulate(prefork(), load, engine="plain").engine == "event-level, plain loop"
    assert simulate(prefork(recycle=100), trace).engine.startswith("event-level")
    assert simulate(prefork(), trace, incidents=[Incident(3.0, "crash")]).engine.startswith("event-level")
    assert simulate(threaded("event"), trace, engine="envelope").series["busy"].max() > 0


def test_what_is_worked_out_later_can_be_sent_to_another_process() -> None:
    run = simulate(prefork(), prepare(poisson(50, 0.1, 2000, 1), compiled=False), engine="envelope plain")
    copy = pickle.loads(pickle.dumps(run.series))
    assert list(copy) == list(run.series)
    assert len(copy) == len(run.series)
    assert np.array_equal(copy["busy"], run.series["busy"])


def test_a_trace_is_little_more_than_its_workload() -> None:
    load = poisson(500, 0.1, 100_000, 1)
    trace = prepare(load)
    assert isinstance(trace, Trace)
    assert len(trace) == 100_000
    assert trace.extra_bytes < 3.5 * len(load)


def test_a_workload_that_makes_no_sense_is_refused() -> None:
    load = poisson(50, 0.1, 100, 1)
    with pytest.raises(InputError, match="arrivals_s must be finite numbers in ascending order"):
        prepare(replace(load, arrivals_s=load.arrivals_s[::-1].copy()))
