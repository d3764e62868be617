"""Restarts, restarts during restarts, crashes and old releases: the corner cases of the parent's loop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from poolwise.model import App, Run
from poolwise.simulation import Incident, simulate
from sample_pools import at_once, nobody, prefork, threaded


def totals(run: Run) -> list[int]:
    return [int(total) for total in run.series["total"]]


def test_the_pass_at_the_signal_doubles_the_rate_that_outlives_the_restart() -> None:
    """Recorded on httpd 2.4.71: 1, 2, 4, signal at 2.5 (8 for a moment), none, then 1, 9, 17, 25."""
    pool = threaded("event", 1, 5, 100, 200, 200, 60)
    run = simulate(pool, nobody(8), incidents=[Incident(2.6, "graceful")], engine="plain")
    assert totals(run) == [1, 2, 4, 0, 1, 9, 17, 25]
    assert run.series["created"][2] == 2 + 4
    again = simulate(pool, nobody(6), incidents=[Incident(2.6, "restart")], engine="plain")
    assert totals(again) == [1, 2, 4, 1, 9, 25]


@pytest.mark.parametrize("architecture", ["worker", "event"])
def test_children_killed_a_second_apart_all_come_back(architecture: str) -> None:
    """Recorded on httpd 2.4.71: a series ends at the parent's next sleep."""
    plan = [Incident(2.3 + k, "crash") for k in range(5)]
    run = simulate(threaded(architecture, 4, 5, 5, 20), nobody(9), incidents=plan, engine="plain")
    assert totals(run) == [4, 4, 3, 3, 3, 3, 3, 4, 4]
    assert run.messages == ()


def test_a_hard_restart_forgets_what_a_graceful_one_still_owed() -> None:
    plan = [Incident(3.3, "graceful"), Incident(3.31, "restart")]
    run = simulate(prefork(5, 3, 20), nobody(8), incidents=plan, engine="plain")
    assert totals(run)[4:] == [5, 5, 5, 5]


def test_a_graceful_restart_cannot_stop_a_hard_one() -> None:
    plan = [Incident(3.0, "restart"), Incident(4.0, "graceful")]
    run = simulate(threaded("worker", 2, 5, 5, 20), at_once(1, 0.5, 60, 20), incidents=plan, engine="plain")
    assert run.totals["lost"] == 1
    assert run.series["busy"].tolist() == [0] + [1] * 11 + [0] * 8
    assert [line.id for line in run.messages] == ["AH00298", "AH00292"]


def test_a_second_graceful_restart_starts_what_is_owed_and_owes_it_anew() -> None:
    # the first generation has exited and is reaped right after the second signal: replaced one for one
    plan = [Incident(3.3, "graceful"), Incident(3.8, "graceful")]
    run = simulate(threaded("event", 3), nobody(8), incidents=plan, engine="plain")
    assert totals(run) == [3, 3, 3, 0, 3, 3, 3, 3]
    assert run.totals["created"] == 3 + 3 + 3
    assert run.totals["restarted"] == 3 + 3


@pytest.mark.parametrize("kind", ["graceful", "restart"])
def test_a_restart_before_the_first_pass(kind: str) -> None:
    run = simulate(threaded("event", 3), nobody(5), incidents=[Incident(0.2, kind)], engine="plain")  # type: ignore[arg-type]
    assert totals(run) == [0 if kind == "graceful" else 3, 3, 3, 3, 3]


def test_a_death_notice_does_not_outlive_a_graceful_restart() -> None:
    # twelve children that start slowly, one too many: notices are written that nobody has read yet
    app = App(startup_cpu_s=0.0, startup_wait_s=1.3)
    pool = prefork(12, 10, 11)
    run = simulate(pool, nobody(9), app=app, incidents=[Incident(1.1, "graceful")], engine="plain")
    assert totals(run)[5:] == [11, 11, 11, 11]


def test_crashes_lose_what_was_being_served() -> None:
    pool = threaded("worker", 2, 5, 5, 20)
    run = simulate(pool, at_once(7, 0.5, 30, 6), incidents=[Incident(2.3, "crash")], engine="plain")
    assert (run.totals["lost"], run.totals["served"]) == (4, 3)  # the two processes take them in turn
    assert run.series["busy"].tolist() == [0, 7, 3, 3, 3, 3]
    assert totals(run) == [2, 3, 2, 3, 3, 3]  # one forked at pass 1; the killed one is back at pass 3


def test_event_before_2_4_52_never_shrinks_a_full_scoreboard() -> None:
    full = threaded("event", 16)
    assert totals(simulate(replace(full, httpd_version="2.4.51"), nobody(6), engine="plain")) == [16] * 6
    assert totals(simulate(replace(full, httpd_version="2.4.52"), nobody(4), engine="plain")) == [
        16,
        15,
        15,
        14,
    ]
    slack = replace(threaded("event", 16, server_limit=17), httpd_version="2.4.51")
    assert totals(simulate(slack, nobody(8), engine="plain")) == [16, 15, 14, 13, 12, 11, 10, 10]
