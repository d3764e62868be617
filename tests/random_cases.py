"""Random pools, loads and incidents for the property tests of the simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from poolwise.model import Pool, Workload
from poolwise.simulation import Incident, Timing
from sample_pools import prefork, threaded

MANY = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
TIMINGS = st.sampled_from([Timing(), Timing.ideal(), Timing(die_s=1.5, fork_s=0.003)])


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
    version = draw(st.sampled_from(["2.4.71", "2.4.71", "2.4.40"]))
    pool = threaded(architecture, start, threads, low, low + gap, limit * threads, slots, recycle)
    return replace(pool, backlog=backlog, httpd_version=version)


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
    kinds = draw(st.lists(st.sampled_from(["graceful", "restart", "crash"]), max_size=4))
    first = draw(st.floats(0, 40))
    times = [first + draw(st.sampled_from([0.0, 0.01, 0.5, 5.0, 20.0])) for _ in kinds]
    return [Incident(t, kind, draw(st.integers(1, 5))) for t, kind in zip(times, kinds, strict=True)]  # type: ignore[arg-type]
