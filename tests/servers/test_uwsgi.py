"""uWSGI's settings, and its rules by hand where no recording speaks (see test_truth_uwsgi)."""

import pytest

from poolwise.model import InputError
from poolwise.servers import (
    CHEAPER_BACKLOG,
    CHEAPER_BUSYNESS,
    CHEAPER_MANUAL,
    CHEAPER_SPARE,
    cheaper_backlog,
    cheaper_busyness,
    cheaper_busyness_start,
    cheaper_carries_out,
    cheaper_spare,
    peer_pool,
    recycle_after_in_slot,
    worker_busyness,
)


def test_the_algorithms_by_word() -> None:
    words = {"spare": CHEAPER_SPARE, "backlog": CHEAPER_BACKLOG, "busyness": CHEAPER_BUSYNESS,
             "manual": CHEAPER_MANUAL}  # fmt: skip
    for word, number in words.items():
        assert peer_pool("uwsgi", {"cheaper-algo": word}).options["cheaper-algo"] == number


@pytest.mark.parametrize(
    ("asked", "start"),
    [({"workers": 8}, 8), ({"processes": 8, "cheaper": 2}, 2),
     ({"workers": 8, "cheaper": 2, "cheaper-initial": 5}, 5),
     ({"workers": 8, "cheaper": 4, "cheaper-initial": 1}, 4),
     ({"workers": 8, "cheaper": 4, "cheaper-initial": 9}, 8), ({"workers": 8, "cheaper-initial": 3}, 8)],
)  # fmt: skip
def test_workers_at_start(asked: dict[str, float | str], start: int) -> None:
    made = peer_pool("uwsgi", asked)
    assert (made.start, made.process_limit) == (start, 8)


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"workers": 4, "cheaper": 4}, r"cheaper must be below workers \(4\), not 4"),
     ({"max-worker-lifetime": 10}, "max-worker-lifetime must be above min-worker-lifetime")],
)  # fmt: skip
def test_where_uwsgi_refuses_to_start(asked: dict[str, float | str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        peer_pool("uwsgi", asked)


def test_spare_counts_down_one_by_one() -> None:
    state, changes = (0, 0), []
    for busy in (2, 2, 1, 2, 2, 2, 2, 2, 2, 2):
        change, *rest = cheaper_spare(2, busy, *state, 1, 8, 3, 3)
        state = (rest[0], rest[1])
        changes.append(change)
    assert changes == [0, 0, 0, 0, 0, 3, 0, 0, 0, 3]


def test_spare_leaves_one_free_worker_alone() -> None:
    assert cheaper_spare(5, 4, 0, 2, 1, 8, 1, 3) == (0, 0, 2)
    assert cheaper_spare(5, 3, 0, 2, 1, 8, 1, 3) == (-1, 0, 3)


def test_backlog_stops_one_although_all_are_busy_and_rests_at_the_limit() -> None:
    assert cheaper_backlog(5, 0, 1, 8, 2, 3) == -1
    assert cheaper_backlog(5, 3, 1, 8, 2, 3) == 0
    assert cheaper_backlog(7, 4, 1, 8, 2, 3) == 1


def test_stops_that_find_no_idle_worker_are_owed() -> None:
    assert [cheaper_carries_out(decided, 1) for decided in (3, 0, -1, -2)] == [
        (3, 0), (0, 0), (-1, 0), (-1, -1),
    ]  # fmt: skip
    assert cheaper_carries_out(-1, 0) == (0, -1)


@pytest.mark.parametrize(
    ("finished_s", "seen", "percent"), [(1.5, 2, 50), (9.0, 3, 100), (0.0, 1, 100), (0.0, 0, 0), (0.02, 1, 0)]
)
def test_busyness_of_a_worker(finished_s: float, seen: int, percent: int) -> None:
    assert worker_busyness(finished_s, seen, 3) == percent


def busy_for(percents: list[int], running: int = 3) -> list[int]:
    """Changes at the looks of windows of one second, overload 1, multiplier 2, penalty 2."""
    state, changes = cheaper_busyness_start(1, 2), []
    for percent in percents:
        change, *rest = cheaper_busyness(
            running, percent, 0, *state, 1, 9, 1, 1, 25, 50, 2, 2, 33, 3, 1, 60
        )  # fmt: skip
        state = (rest[0], rest[1], rest[2], rest[3], rest[4], rest[5], rest[6], rest[7])
        changes.append(change)
        running += change
    return changes


def test_a_worker_that_is_needed_again_too_soon_raises_the_multiplier_and_it_comes_back() -> None:
    idle = [0] * 12
    assert busy_for([0, 0]) == [0, -1]
    # retired, needed again a second later: 2 + 2 windows to the next, then one less each, down to 2
    assert busy_for([0, 0, 90, *idle], 6) == [0, -1, 1, 0, 0, 0, -1, 0, 0, 0, -1, 0, 0, -1, 0]
    assert busy_for([0, 0, 30, 90, *idle[:4]], 6) == [0, -1, 0, 1, 0, 0, 0, -1]
    # needed again only after more windows than the multiplier says: not raised
    assert busy_for([0, 0, 30, 30, 30, 90, *idle[:4]], 6) == [0, -1, 0, 0, 0, 1, 0, -1, 0, -1]


def test_three_looks_between_the_limits_in_a_row_restart_the_timer() -> None:
    assert busy_for([0, 30, 30, 0]) == [0, 0, 0, -1]
    assert busy_for([30, 30, 30, 0, 0]) == [0, 0, 0, 0, -1]
    assert busy_for([30, 30, 0, 30, 0], 4) == [0, 0, 0, 0, -1]


def test_a_look_above_the_limit_breaks_the_row_even_when_none_can_be_started() -> None:
    assert busy_for([30, 30, 90, 30, 0], 9) == [0, 0, 0, 0, -1]


@pytest.mark.parametrize(("emergency", "timer"), [(0, 2), (1, 3)])
def test_a_long_queue_starts_a_worker_and_takes_the_multiplier_back(emergency: int, timer: int) -> None:
    after = cheaper_busyness(
        3, 30, 40, 0, 5, 7, 6, 2, 1, emergency, -1, 1, 9, 1, 1, 25, 50, 2, 2, 33, 3, 1, 60
    )
    assert after == (1, 0, timer, 8, 2, 1, 1, emergency + 1, -1)


def test_one_running_worker_is_left_alone() -> None:
    state = cheaper_busyness_start(1, 2)
    after = cheaper_busyness(1, 30, 0, *state, 1, 9, 1, 1, 25, 50, 2, 2, 33, 3, 1, 60)
    assert after == (0, 0, 1, state[2], 2, 0, 0, 0, -1)


def test_a_slot_has_its_own_number_of_requests() -> None:
    assert [recycle_after_in_slot(100, 7, slot) for slot in range(3)] == [100, 107, 114]
    assert recycle_after_in_slot(0, 7, 3) == 0
