"""Hand-derived cases, each seen on a real httpd 2.4.71: the pool to the process, second by second.

A second's state is taken at its middle, so value ``k`` is what stands after pass ``k``.
"""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from poolwise.model import Pool, Run, Workload
from poolwise.servers import event_accepts
from poolwise.simulation import Incident, simulate
from sample_pools import at_once, nobody, prefork, threaded

ENGINES = ["plain", "compiled"]


def totals(run: Run) -> list[int]:
    return [int(total) for total in run.series["total"]]


def ids(run: Run) -> list[str]:
    return [line.id for line in run.messages]


def down(first: int, last: int) -> list[int]:
    return list(range(first, last - 1, -1))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "pool", "expected"),
    [
        ("G1", prefork(1, 5, 10, 50), [1, 2, 4, 8, 8, 8, 8]),
        ("G2", prefork(1, 100, 110), [1, 2, 4, 8, 16, 32, 64, 96, *down(128, 110), 110, 110]),
        ("G3", prefork(60), [*down(60, 10), 10, 10]),
        ("G4", prefork(20, 5, 3), [*down(20, 6), 6, 6]),
        ("G10", threaded("event", 1, 5, 100, 200, 200, 60), [1, 2, 4, 8, 16, 32, 32]),
        ("G11", threaded("worker", 1, 5, 100, 200, 200, 60), [1, 2, 4, 8, 16, 32, 32]),
        ("G12", threaded("event", 16), [16, 15, 15, 14, 14, 13, 13, 12, 12, 11, 11, 10, 10, 10]),
        ("G12 SL 33", threaded("event", 16, server_limit=33), [*down(16, 10), 10, 10]),
        ("G12 SL 32", threaded("event", 16, server_limit=32), [16, 15, 15, 14, 13, 12, 11, 10, 10]),
        ("G15", threaded("worker", 16), [*down(16, 10), 10, 10]),
        ("G17 idle", threaded("event"), [3, 3, 3, 3]),
    ],
)
def test_idle_pools_grow_and_shrink(name: str, pool: Pool, expected: list[int], engine: str) -> None:
    assert totals(simulate(pool, nobody(len(expected)), engine=engine)) == expected, name


def test_g5_a_minimum_above_the_limit_logs_on_an_idle_server() -> None:
    run = simulate(prefork(5, 50, 51, 10), nobody(8), engine="plain")
    assert totals(run) == [5, 6, 8, 10, 10, 10, 10, 10]
    assert [(line.id, round(line.time_s)) for line in run.messages] == [("AH00161", 4)]


def test_g6_twenty_long_requests() -> None:
    run = simulate(prefork(5, 5, 10, 50), at_once(20, 0.5, 100, 15), engine="plain")
    assert totals(run) == [5, 6, 8, 12, 20, *down(36, 30), 30, 30, 30]
    assert run.series["busy"][4] == 20


def test_g8_graceful_restart_grows_by_one_a_second() -> None:
    run = simulate(prefork(1, 20, 40, 100), nobody(25), incidents=[Incident(6.2, "graceful")], engine="plain")
    after = totals(run)[6:]
    assert after[:16] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 18, 26, 26]
    assert ids(run)[-3:] == ["AH00171", "AH00163", "AH00162"]


def test_g9_hard_restart_doubles_from_the_start() -> None:
    run = simulate(prefork(1, 20, 40, 100), nobody(15), incidents=[Incident(6.2, "restart")], engine="plain")
    assert totals(run)[6:13] == [1, 2, 4, 8, 16, 32, 32]


def test_g16_graceful_restart_of_event_leaves_a_second_without_children() -> None:
    pool = threaded("event", 1, 5, 100, 200, 200, 60)
    run = simulate(pool, nobody(25), incidents=[Incident(6.2, "graceful")], engine="plain")
    assert totals(run)[6:23] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 18, 26, 26]


def test_g17_one_busy_thread_of_stock_event_adds_a_process() -> None:
    run = simulate(threaded("event"), at_once(1, 2.2, 100, 6), engine="plain")
    assert totals(run) == [3, 3, 3, 4, 4, 4]


@pytest.mark.parametrize(("architecture", "line"), [("worker", "AH10393"), ("event", "AH10392")])
def test_g19_killed_children_come_back_at_once_but_only_two_of_a_series(architecture: str, line: str) -> None:
    pool = threaded(architecture, 4, 5, 5, 20)
    one = simulate(pool, nobody(6), incidents=[Incident(2.3, "crash")], engine="plain")
    assert totals(one) == [4, 4, 3, 4, 4, 4]
    four = simulate(pool, nobody(7), incidents=[Incident(2.3, "crash", 4)], engine="plain")
    assert totals(four) == [4, 4, 0, 2, 2, 2, 2]
    assert ids(four) == [line]


def test_prefork_does_not_replace_a_killed_child_at_once() -> None:
    run = simulate(prefork(7, 5, 10), nobody(8), incidents=[Incident(2.3, "crash", 4)], engine="plain")
    # the pass at 3 still counts the four dead ones as idle; the one at 4 sees 3 and forks
    assert totals(run) == [7, 7, 3, 3, 4, 6, 6, 6]


@pytest.mark.parametrize(("architecture", "line"), [("worker", "AH00288"), ("event", "AH03490")])
def test_g20_g21_serverlimit_below_the_need_logs_every_pass(architecture: str, line: str) -> None:
    pool = threaded(architecture, 2, 5, 5, 20, workers=50, server_limit=2)
    run = simulate(pool, at_once(10, 0.5, 100, 20), engine="plain")
    assert run.series["busy"].max() == 10
    assert ids(run).count(line) == 19
    assert set(ids(run)) == {line}


@pytest.mark.parametrize(
    ("architecture", "within", "reached"), [("worker", "AH00287", "AH00286"), ("event", "AH10159", "AH00484")]
)
def test_g22_within_then_reached_once_each(architecture: str, within: str, reached: str) -> None:
    pool = threaded(architecture, 2, 5, 5, 20, workers=10, server_limit=4)
    both = Workload("7 then 3", np.array([0.5] * 7 + [5.2] * 3), np.full(10, 100.0), 12)
    assert ids(simulate(pool, both, engine="plain")) == [within, reached]


def test_g23_prefork_says_reached_with_idle_children() -> None:
    run = simulate(prefork(10, 5, 10, 10), at_once(6, 0.5, 100, 5), engine="plain")
    assert ids(run) == ["AH00161"]
    assert run.ticks["idle"][0] == 4


def test_g28_long_requests_keep_the_slots_through_a_graceful_restart() -> None:
    pool = prefork(10, 5, 11, 10)
    run = simulate(pool, at_once(8, 0.5, 100, 12), incidents=[Incident(3.3, "graceful")], engine="plain")
    assert totals(run)[-1] == 10
    assert run.series["idle"][-1] == 2
    assert "AH00161" in ids(run)


def test_g29_event_without_slack_has_nobody_left_after_a_graceful_restart() -> None:
    def after(server_limit: int) -> Run:
        pool = threaded("event", 2, 5, 5, 20, workers=10, server_limit=server_limit)
        load = at_once(8, 0.5, 100, 12)
        return simulate(pool, load, incidents=[Incident(3.3, "graceful")], engine="plain")

    tight, slack = after(2), after(4)
    assert tight.series["idle"][4:].max() == 0
    assert ids(tight).count("AH03490") >= 6
    assert slack.series["idle"][5] == 10


@pytest.mark.parametrize(
    ("pool", "least", "most"),
    [
        (prefork(3, 2, 4, 6, recycle=10), 10, 10),
        (threaded("worker", 1, 4, 2, 20, 16, 4, recycle=10), 10, 13),
        (threaded("event", 1, 4, 2, 20, 16, 4, recycle=10), 10, 10),
    ],
)
def test_g30_connections_per_child(pool: Pool, least: int, most: int) -> None:
    rng = np.random.default_rng(7)
    arrivals = np.sort(rng.uniform(0.5, 39.5, 390))
    run = simulate(pool, Workload("steady", arrivals, np.full(390, 0.15), 42), engine="plain")
    recycled = run.totals["recycled"]
    assert run.totals["served"] == 390
    assert 390 / most - 4 <= recycled <= 390 / least


@pytest.mark.parametrize("architecture", ["worker", "event"])
def test_a_negative_limit_of_connections_serves_nothing_on_threaded_pools(architecture: str) -> None:
    pool = threaded(architecture, 2, 4, 2, 20, 16, 4, recycle=-1)
    run = simulate(pool, at_once(3, 1.5, 0.1, 6), engine="plain")
    assert run.totals["served"] == 0
    assert run.totals["unfinished"] == 3


def test_recycling_every_connection_is_bounded_by_the_spawn_rate() -> None:
    load = Workload("flood", np.linspace(0.2, 7.8, 2000), np.full(2000, 0.001), 8)
    run = simulate(prefork(41, 40, 60, recycle=1), load, engine="plain")
    served = np.diff(np.concatenate(([0.0], np.cumsum(run.series["created"]))))
    assert served[1:].max() <= 32
    assert run.totals["created"] >= 41 + 1 + 2 + 4 + 8 + 16 + 32


def test_a_slot_freed_in_a_sleep_is_usable_at_the_second_pass() -> None:
    # three children, all busy until 2.4; the limit is 3: what exits between passes 2 and 3 is free at pass 4
    pool = prefork(3, 3, 4, 3, recycle=1)
    run = simulate(pool, at_once(3, 0.2, 2.2, 8), engine="plain")
    assert totals(run)[:6] == [3, 3, 0, 0, 1, 3]


def test_worker_takes_over_the_slot_of_a_process_that_still_finishes_a_request() -> None:
    # 4 processes of 5 fill the limit; the oldest, with one long request, is told to go; then load comes
    pool = threaded("worker", 4, 5, 2, 9, workers=20, server_limit=4)
    arrivals = np.concatenate(([0.3], np.full(19, 6.4)))
    load = Workload("long, then full", arrivals, np.concatenate(([60.0], np.full(19, 20.0))), 30)
    run = simulate(pool, load, engine="plain")
    event = simulate(threaded("event", 4, 5, 2, 9, workers=20, server_limit=4), load, engine="plain")
    assert max(totals(run)) == 4 + 1  # more processes than the limit
    assert max(totals(event)) <= 4
    assert "AH03490" in ids(event)


def test_prefork_kills_the_child_idle_longest() -> None:
    pool = prefork(14, 2, 10)
    rounds = np.array(list(chain.from_iterable([t + 0.3, t + 0.32] for t in range(8))))
    run = simulate(pool, Workload("round", rounds, np.full(16, 0.01), 8), engine="plain")
    assert totals(run) == [*down(14, 10), 10, 10, 10]
    assert run.totals["waited"] == 0


@pytest.mark.parametrize(("factor", "stall", "resume"), [(2, 12, 9), (1, 8, 6), (3, 16, 12)])
def test_g24_connection_budget_of_an_event_process(factor: int, stall: int, resume: int) -> None:
    """Four threads, all idle, kept-alive clients come one by one until it stalls, then go one by one."""
    connections = 0
    while event_accepts(connections, 4, 4, factor, accepting=True):
        connections += 1
    assert connections == stall
    while not event_accepts(connections, 4, 4, factor, accepting=False):
        connections -= 1
    assert connections == resume
