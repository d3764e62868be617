"""Unit's processes, by hand from the comparisons that its router makes."""

import pytest

from poolwise.model import InputError
from poolwise.servers import peer_pool, unit_maintain, unit_retires


def test_pools() -> None:
    on_demand = peer_pool("unit", {"max": 10, "spare": 2, "idle_timeout": 20})
    assert (on_demand.start, on_demand.process_limit, on_demand.options["idle_timeout"]) == (2, 10, 20.0)
    static = peer_pool("unit", {"processes": 4})
    assert (static.start, static.process_limit, static.options["spare"]) == (4, 4, 4.0)
    assert peer_pool("unit", {"processes.max": 3, "threads": 2}).workers == 6
    with pytest.raises(InputError, match=r"spare must be 0 to max \(1\), not 2"):
        peer_pool("unit", {"spare": 2})


@pytest.mark.parametrize(
    ("active", "running", "starting", "idle", "spare", "threads", "start"),
    [(1, 0, 0, 0, 0, 1, 1),  # the first request starts the first process
     (2, 0, 1, 0, 0, 1, 0),  # one at a time without spare ones, whatever waits
     (2, 1, 0, 0, 0, 1, 1), (1, 1, 0, 0, 0, 1, 0), (9, 4, 0, 0, 0, 1, 0),  # never above max
     (0, 2, 0, 2, 2, 1, 0), (1, 2, 0, 1, 2, 1, 1), (3, 2, 1, 0, 2, 1, 1), (4, 2, 2, 0, 2, 1, 0),
     (4, 1, 0, 0, 0, 4, 0), (5, 1, 0, 0, 0, 4, 1)],  # threads count as room
)  # fmt: skip
def test_starts(
    active: int, running: int, starting: int, idle: int, spare: int, threads: int, start: int
) -> None:
    assert unit_maintain(active, running, starting, idle, spare, 4, threads) == start


def test_idle_ones_beyond_the_spare_ones_end() -> None:
    assert [unit_retires(idle, 2) for idle in (0, 2, 3, 7)] == [0, 0, 1, 5]
