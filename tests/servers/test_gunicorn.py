"""gunicorn's numbers: settings, the arbiter, max_requests."""

import pytest

from poolwise.model import InputError
from poolwise.servers import arbiter_maintain, peer_parameters, peer_pool, recycle_after


def test_threads_make_the_other_kind_of_worker() -> None:
    assert peer_pool("gunicorn_gthread", {"workers": 2, "threads": 8}).workers == 16
    with pytest.raises(InputError, match="threads must be 1, more make it gunicorn_gthread"):
        peer_pool("gunicorn_sync", {"threads": 2})


def test_sync_keeps_no_connections_and_has_no_such_setting() -> None:
    names = {row.name for row in peer_parameters("gunicorn_sync")}
    assert not names & {"keepalive", "worker_connections"} and "timeout" in names


def test_the_arbiter_keeps_the_number() -> None:
    assert [arbiter_maintain(workers, 4) for workers in (0, 3, 4, 6)] == [4, 1, 0, -2]


def test_jitter_draws_each_number_alike() -> None:
    drawn = [recycle_after(100, 3, place / 1000) for place in range(1000)]
    assert {number: drawn.count(number) for number in set(drawn)} == {100: 250, 101: 250, 102: 250, 103: 250}
    assert recycle_after(100, 0, 0.99) == 100
    assert recycle_after(0, 50, 0.5) == 0
    assert recycle_after(100, 3, 0.9999999999999999) == 103
