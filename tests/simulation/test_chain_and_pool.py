"""A chain of one stage with nothing else to do is the pool: the same starts, series, passes and messages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.model import App, LogLine, Pool, Run, Topology, Workload
from poolwise.simulation import Incident, Timing, simulate
from poolwise.simulation.pool import facade
from random_cases import MANY, TIMINGS, incidents, loads, pools
from sample_pools import poisson, prefork


def same(chain: Run, pool: Run) -> None:
    assert np.array_equal(chain.details["start_s"], pool.details["start_s"], equal_nan=True)
    for name in ("busy", "queued", "total", "idle", "created", "killed", "refused", "arrived"):
        assert np.array_equal(chain.series[name], pool.series[name]), name
    passes = (pool.ticks["time_s"] < pool.duration_s).sum()  # the chain goes on until all are answered
    for name in pool.ticks:
        assert np.array_equal(chain.ticks[name][:passes], pool.ticks[name][:passes]), name
    assert said(chain) == said(pool)
    if chain.totals["unfinished"] == 0:
        assert chain.totals["served"] == pool.totals["served"]
    for name in ("refused", "created", "killed_idle", "recycled", "process_s", "peak_total"):
        assert chain.totals[name] == pytest.approx(pool.totals[name], rel=1e-9), name


def said(run: Run) -> list[LogLine]:
    return [line for line in run.messages if line.time_s < run.duration_s]


@pytest.fixture
def short_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facade, "DRAIN_S", 60.0)


@pytest.mark.usefixtures("short_drain")
@MANY
@given(pools(), loads(), TIMINGS, st.sampled_from([0.0, 0.02, 2.5]))
def test_one_stage_is_a_pool(pool: Pool, load: Workload, timing: Timing, ready_s: float) -> None:
    kind = {"app": App(startup_cpu_s=0.0, startup_wait_s=ready_s), "timing": timing, "keep_starts": True}
    same(
        simulate(Topology(pool), load, engine="plain", **kind),  # type: ignore[arg-type]
        simulate(pool, load, engine="plain", **kind),  # type: ignore[arg-type]
    )


@pytest.mark.usefixtures("short_drain")
@MANY
@given(pools(), loads(), incidents())
def test_so_it_is_through_restarts_and_crashes(pool: Pool, load: Workload, plan: list[Incident]) -> None:
    kind = {"app": App(startup_cpu_s=0.0, startup_wait_s=0.1), "incidents": plan, "keep_starts": True}
    chain = simulate(Topology(pool), load, engine="plain", **kind)  # type: ignore[arg-type]
    alone = simulate(pool, load, engine="plain", **kind)  # type: ignore[arg-type]
    for name in ("busy", "queued", "total", "idle", "created", "killed", "refused"):
        assert np.array_equal(chain.series[name], alone.series[name]), name
    assert said(chain) == said(alone)


@pytest.mark.parametrize("app", [App(leak_bytes=10**6), App(pool_bytes=10**6)])
def test_memory_that_grows_is_not_left_out_for_a_single_pool(app: App) -> None:
    pool, load = prefork(), poisson(10.0, 0.1, 300, seed=1)
    runs = [simulate(system, load, app=app) for system in (pool, Topology(pool))]
    plain = simulate(pool, load)
    assert plain.series["memory_bytes"].max() < runs[0].series["memory_bytes"].max()
    assert np.array_equal(runs[0].series["memory_bytes"], runs[1].series["memory_bytes"])


def test_what_is_said_of_an_application_by_the_name_of_its_pool_counts() -> None:
    pool, load, slow = prefork(), poisson(10.0, 0.1, 300, seed=1), App(startup_wait_s=2.0)
    by_name = simulate(pool, load, apps={pool.name: slow}, keep_starts=True)
    assert np.array_equal(
        by_name.details["start_s"], simulate(pool, load, app=slow, keep_starts=True).details["start_s"]
    )
