"""Passenger's processes, by hand from its conditions."""

import pytest

from poolwise.model import InputError
from poolwise.servers import passenger_collects, passenger_maintain, peer_pool


def test_pools() -> None:
    made = peer_pool("passenger")
    assert (made.start, made.process_limit, made.backlog, made.threads) == (1, 6, 100, 1)
    assert peer_pool("passenger", {"max_pool_size": 10, "max_instances": 4}).process_limit == 4
    assert peer_pool("passenger", {"max_instances": 9}).process_limit == 6
    assert peer_pool("passenger", {"max_request_queue_size": 0}).backlog > 10**6
    with pytest.raises(InputError, match="min_instances must be 0 to 6"):
        peer_pool("passenger", {"min_instances": 7})


@pytest.mark.parametrize(
    ("processes", "starting", "fully_busy", "waiting", "start"),
    [(0, 0, 0, 0, 1),  # below the minimum
     (0, 1, 0, 5, 0),  # never two at a time
     (2, 0, 1, 0, 0), (2, 0, 2, 0, 1), (2, 0, 0, 1, 1), (3, 0, 3, 9, 0), (1, 0, 0, 0, 0)],
)  # fmt: skip
def test_starts(processes: int, starting: int, fully_busy: int, waiting: int, start: int) -> None:
    assert passenger_maintain(processes, starting, fully_busy, waiting, 1, 3) == start


def test_without_a_minimum_an_idle_application_has_no_process() -> None:
    assert passenger_maintain(0, 0, 0, 0, 0, 3) == 0
    assert passenger_maintain(0, 0, 0, 1, 0, 3) == 1


def test_the_collector_leaves_the_minimum() -> None:
    assert [passenger_collects(idle, 4, 1) for idle in (0, 2, 4)] == [0, 2, 3]
    assert passenger_collects(2, 1, 3) == 0
