"""The kernel's running counts against a recount of its slots, workers and queues, at every pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st_

from poolwise.model import Pool, Workload
from poolwise.simulation import Incident, Timing, simulate
from poolwise.simulation import state as st
from poolwise.simulation.pool import facade, loop
from random_cases import MANY, TIMINGS, incidents, loads, pools
from sample_pools import INSTANT, at_once, prefork, threaded


def recount(n: st.Ints, c: st.Plan) -> None:
    """Every counter of the memory equals what its parts add up to."""
    phases = n[c.phase : c.phase + c.slots]
    doing = n[c.doing : c.doing + c.workers]
    orphan = n[c.orphan : c.orphan + c.workers]
    orphans, extras = n[c.orphans : c.orphans + c.slots], sum(n[c.extras : c.extras + c.slots])
    seen = n[c.seen : c.seen + c.slots]
    live, going = phases.count(st.LIVE), phases.count(st.GOING)
    assert n[st.LIVE_PROCESSES] == live
    assert n[st.ALIVE] == live + going + extras
    assert n[st.TOTAL] == live + going + phases.count(st.GONE) + extras + n[st.EXTRA_GONE]
    if c.architecture == st.EVENT:
        taken = [slot for slot in range(c.slots) if phases[slot] != st.FREE]
        assert n[st.ACTIVE] == sum(seen[slot] != 1 for slot in taken)
        assert extras == n[st.EXTRA_GONE] == 0
    assert n[st.LEAVING] == going + sum(orphans) == going + sum(mark > 0 for mark in orphan)
    busy = [worker for worker, task in enumerate(doing) if task >= 0]
    assert n[st.BUSY] == len(busy)
    assert n[st.LIVE_BUSY] == sum(phases[worker // c.threads] == st.LIVE for worker in busy)
    assert n[st.GHOSTS] == sum(n[c.ghost : c.ghost + c.slots])
    assert n[st.FILED] == sum(task != st.IDLE for task in doing)
    ring = [n[c.ring + (n[st.RING_HEAD] + i) % c.slots] for i in range(n[st.RING_SIZE])]
    if c.threads > 1:
        stacks = [n[c.ready + slot * c.threads :][: n[c.ready_in + slot]] for slot in range(c.slots)]
        assert sorted(ring) == [slot for slot in range(c.slots) if stacks[slot]]
        ring = [worker for stack in stacks for worker in stack]
        assert n[st.READY] == len(ring)
    ready = [w for w, task in enumerate(doing) if task == st.IDLE and phases[w // c.threads] == st.LIVE]
    assert sorted(ring) == ready
    assert n[st.QUEUE_SIZE] == 0 or not ready  # nobody waits while somebody is ready
    assert n[st.QUEUE_SIZE] <= c.backlog
    waiting = [n[c.queue + (n[st.QUEUE_HEAD] + i) % max(c.backlog, 1)] for i in range(n[st.QUEUE_SIZE])]
    assert waiting == sorted(waiting)
    assert n[st.NEXT] == n[st.SERVED] + n[st.REFUSED] + n[st.QUEUE_SIZE]


@pytest.fixture
def short_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on a queue after a minute, not an hour: many random pools never empty theirs."""
    monkeypatch.setattr(facade, "DRAIN_S", 60.0)


def audited(step: Callable[..., None], memory: list[Any]) -> Callable[..., None]:
    """``step`` with a recount before and after; the memory it worked on is left in ``memory``."""

    def around(n: st.Ints, x: st.Floats, c: st.Plan, *more: Any) -> None:
        recount(n, c)
        step(n, x, c, *more)
        recount(n, c)
        memory[:] = n, x, c

    return around


@pytest.mark.usefixtures("short_drain")
@MANY
@given(pools(), loads(), incidents(), TIMINGS)
def test_every_counter_equals_its_parts(
    pool: Pool, load: Workload, plan: list[Incident], timing: Timing
) -> None:
    memory: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        for step in ("wake", "incident"):
            patch.setattr(loop, step, audited(getattr(loop, step), memory))
        run = simulate(pool, load, timing=timing, incidents=plan, engine="plain")
    n, x, c = memory
    totals, created, killed = run.totals, run.series["created"], run.series["killed"]
    assert totals["created"] == created.sum() <= n[st.SEQUENCE]
    assert totals["peak_total"] >= run.series["total"].max()
    causes = sum(totals[cause] for cause in ("killed_idle", "recycled", "restarted", "crashed"))
    assert killed.sum() <= causes
    if n[st.SEQUENCE] == created.sum() and n[st.QUEUE_SIZE] == 0:  # nothing was forked after the period
        exits = (x[c.exit_s + slot] for slot in range(c.slots) if n[c.phase + slot] == st.GONE)
        assert created.sum() - killed.sum() >= n[st.ALIVE] + sum(at_s >= c.horizon_s for at_s in exits)
    assert (np.cumsum(created) >= np.cumsum(killed)).all()
    assert run.series["refused"].sum() == totals["refused"]
    assert run.series["arrived"].sum() == len(load)
    for name in ("total", "idle", "busy", "queued"):
        assert run.series[name].min() >= 0, name


@st_.composite
def on_the_second(draw: st_.DrawFn) -> Workload:
    """Requests that come and end at full seconds."""
    pairs = draw(st_.lists(st_.tuples(st_.integers(0, 24), st_.integers(1, 12)), max_size=60))
    arrivals = np.array(sorted(at for at, _ in pairs), dtype=float)
    return Workload("grid", arrivals, np.array([length for _, length in pairs], dtype=float), 25)


@st_.composite
def tight_workers(draw: st_.DrawFn) -> Pool:
    """Pools in which processes take over the slots of others, twice and more."""
    threads, limit = draw(st_.integers(2, 3)), draw(st_.integers(1, 3))
    recycle = draw(st_.sampled_from([0, 1, 3]))
    return threaded("worker", 3, threads, draw(st_.integers(1, 2)), 3, limit * threads, limit, recycle)


@pytest.mark.usefixtures("short_drain")
@MANY
@given(
    pools() | tight_workers(),
    on_the_second(),
    st_.lists(st_.tuples(st_.integers(0, 24), st_.integers(1, 3)), max_size=2),
)
def test_the_series_add_up_to_the_seconds_lived_and_worked(
    pool: Pool, load: Workload, crashes: list[tuple[int, int]]
) -> None:
    """With everything on full seconds the middle of a second stands for the whole of it."""
    plan = [Incident(float(at), "crash", count) for at, count in crashes]
    run = simulate(
        pool, load, app=INSTANT, timing=Timing.ideal(), incidents=plan, engine="plain", keep_starts=True
    )
    assert run.totals["process_s"] == pytest.approx(run.series["total"].sum(), abs=1e-6)
    if run.totals["lost"] == 0:
        starts = run.details["start_s"]
        served = (starts >= 0) & (starts < 25)
        ends = np.minimum(starts[served] + load.service_s[served], 25)
        assert run.series["busy"].sum() == pytest.approx((ends - starts[served]).sum(), abs=1e-6)


def test_what_happens_while_the_queue_empties_is_not_counted_in_the_period() -> None:
    run = simulate(prefork(2, 2, 4, 4, recycle=1), at_once(60, 0.5, 0.2, 3), engine="plain")
    assert run.totals["served"] == 60  # fifteen times the processes of the three seconds
    assert run.totals["created"] == run.series["created"].sum() < 12
    assert run.totals["recycled"] == run.series["killed"].sum()


def test_a_refusal_at_the_very_end_is_in_the_last_second() -> None:
    run = simulate(prefork(1, 1, 2, 1, backlog=0), at_once(3, 3.0, 5.0, 3), engine="plain")
    assert run.totals["refused"] == 2
    assert run.series["refused"].tolist() == [0, 0, 2]
