"""The advice: is it the best there is, does it keep the target, and does it leave alone what is good?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poolwise.capacity import tune
from poolwise.capacity.search import Search
from poolwise.model import Advice, App, InputError, Machine, Pool, Target, Value, Where, Workload
from sample_pools import at_once, nobody, prefork, threaded

APP, MACHINE = App(), Machine()


def waves(seed: int = 3, seconds: int = 900) -> Workload:
    """Five requests a second, fifty for ten seconds of every minute, 0.4 s each."""
    rng = np.random.default_rng(seed)
    rate = np.where(np.arange(seconds) % 60 < 10, 50, 5)
    arrivals = np.sort(np.concatenate([second + rng.random(n) for second, n in enumerate(rng.poisson(rate))]))
    return Workload("waves", arrivals, rng.lognormal(-1.4, 1.0, len(arrivals)), float(seconds))


def advise(pool: Pool, load: Workload, target: Target | None = None) -> Advice:
    values = {"MinSpareServers": Value("MinSpareServers", pool.min_spare, "processes", Where("a.conf", 3))}
    return tune(pool, values, load, app=APP, machine=MACHINE, target=target or Target())


def test_the_advice_keeps_a_target_that_today_misses() -> None:
    advice = advise(prefork(), waves())
    assert advice.before.wait.quantile_s(0.95) > advice.target.wait_s
    assert advice.met
    assert advice.after.wait.quantile_s(0.95) <= advice.target.wait_s
    assert advice.after.churn_per_hour < 0.2 * advice.before.churn_per_hour


def test_the_advice_holds_for_other_traffic_of_the_same_kind() -> None:
    advice = advise(prefork(), waves(seed=3))
    work = Search(advice.pool, waves(seed=4), APP, MACHINE, Target())
    assert work.judge(advice.pool).run.wait.quantile_s(0.95) <= 2 * Target().wait_s


def test_no_setting_of_an_exhaustive_search_is_more_than_three_percent_cheaper() -> None:
    load = waves(seconds=240)
    advice = advise(prefork(), load)
    work = Search(prefork(), load, APP, MACHINE, Target())
    every = [work.trial(low, gap) for low in range(1, 26) for gap in range(1, 41)]
    cheapest = min(trial.cost for trial in every if trial.met)
    found = work.judge(advice.pool)
    assert found.met
    assert found.cost <= 1.03 * cheapest


def test_each_change_says_from_to_and_why() -> None:
    advice = advise(prefork(), waves())
    changes = {change.name: change for change in advice.changes}
    assert "MaxSpareServers" in changes
    for change in advice.changes:
        assert change.reason.endswith(".")
        assert change.without.endswith(".")
    if "MinSpareServers" in changes:
        today = changes["MinSpareServers"].today
        assert today is not None
        assert str(today.where) == "a.conf:3"


def test_good_settings_are_left_alone() -> None:
    first = advise(prefork(), waves())
    again = advise(first.pool, waves())
    assert again.changes == ()
    assert again.pool == first.pool
    assert any("no other setting" in remark for remark in again.remarks)


def test_a_limit_below_the_need_is_raised_and_serverlimit_with_it() -> None:
    load = at_once(60, 5.0, 1.0, 30)
    pool = replace(prefork(5, 5, 10, 20), server_limit=20)
    advice = advise(pool, load, Target(quantile=0.5, wait_s=0.05))
    names = {change.name: change.value for change in advice.changes}
    assert names["MaxRequestWorkers"] == advice.pool.process_limit >= 90
    assert names["ServerLimit"] == advice.pool.server_limit >= advice.pool.process_limit


def test_memory_ceiling_that_cannot_hold_the_load_is_said() -> None:
    ceiling = int(APP.memory_bytes(4, 1))
    advice = advise(prefork(), waves(), Target(memory_bytes=ceiling))
    assert not advice.met
    assert APP.memory_bytes(advice.after.totals["peak_total"], 1) <= ceiling


def test_low_recycling_is_raised_until_a_process_lives_an_hour() -> None:
    advice = advise(prefork(recycle=20), waves())
    change = next(change for change in advice.changes if change.name == "MaxConnectionsPerChild")
    assert isinstance(change.value, int)
    assert change.value >= 1000
    assert advice.after.totals["recycled"] == 0


@pytest.mark.parametrize("architecture", ["worker", "event"])
def test_threaded_pools_keep_whole_processes(architecture: str) -> None:
    rng = np.random.default_rng(2)
    arrivals = np.sort(rng.uniform(0, 300, 60_000))
    load = Workload("busy", arrivals, rng.lognormal(-1.0, 0.5, 60_000), 300.0)
    advice = advise(threaded(architecture, 2, 25, 25, 75, 150), load)
    pool = advice.pool
    assert advice.met
    assert pool.process_limit * pool.threads == pool.max_workers
    assert pool.min_spare % 25 == 0
    assert pool.max_spare >= pool.min_spare + pool.threads + 1


def test_progress_is_reported_and_ends_full() -> None:
    seen: list[tuple[int, int]] = []
    tune(
        prefork(), {}, waves(seconds=120), app=APP, machine=MACHINE, target=Target(),
        progress=lambda done, expected: seen.append((done, expected)),
    )  # fmt: skip
    assert len(seen) > 10
    assert seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize(
    ("load", "target", "word"),
    [
        (nobody(60), Target(), "no requests"),
        (waves(seconds=60), Target(quantile=1.5), "quantile"),
        (waves(seconds=60), Target(wait_s=-1), "wait"),
        (waves(seconds=60), Target(memory_bytes=1000), "memory"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(load: Workload, target: Target, word: str) -> None:
    with pytest.raises(InputError, match=word):
        advise(prefork(), load, target)


def test_a_negative_recycling_limit_that_stops_a_threaded_pool_is_cured() -> None:
    advice = advise(threaded("event", 2, 25, 25, 75, 150, recycle=-1), waves(seconds=60))
    assert advice.met
    change = next(change for change in advice.changes if change.name == "MaxConnectionsPerChild")
    assert change.value == 0
    assert "Nothing is served" in change.without
