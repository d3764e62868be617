"""The naive twin's connections, patience and daemon groups against numbers worked out by hand.

Steps of httpd's parent are instant here and passes fall on whole seconds.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from naive_by_hand import NAN, close, daemons, fixed, run
from poolwise.model import Clients
from sample_pools import threaded

# rule 8


@pytest.mark.parametrize(
    ("options", "closes", "start"),
    [
        ({"KeepAliveTimeout": 2.0}, True, 4.5),
        ({"KeepAliveTimeout": 2.0}, False, 6.5),
        ({"KeepAliveTimeout": 2.0, "MaxKeepAliveRequests": 2}, True, 2.5),
        ({"KeepAliveTimeout": 2.0, "MaxKeepAliveRequests": 1}, True, 1.0),
        ({"KeepAliveTimeout": 0.4}, True, 1.4),
        ({"KeepAliveTimeout": 0.4}, False, 3.4),
        ({}, False, 1.0),
    ],
)
@pytest.mark.parametrize("architecture", ["prefork", "worker"])
def test_an_idle_connection_holds_a_worker(
    architecture: str, options: dict[str, float], closes: bool, start: float
) -> None:
    """Two requests of one connection, 0 to 1 and 1.5 to 2.5 while it is open; another client comes at 0.5."""
    result = run(
        fixed(architecture, 1, 1, **options), [(0, 1), (0.5, 1), (0.5, 1)],
        connection=[0, -1, 0], think_s=[NAN, NAN, 0.5], clients=Clients(closes=closes),
    )  # fmt: skip
    assert result.start_s[1:2] == close([start])


def test_a_request_on_a_connection_comes_after_the_response_before() -> None:
    """After its pause; without one at its own time, or at once after the response when that is later."""
    result = run(
        fixed("prefork", 1, KeepAliveTimeout=9), [(0, 1), (0.2, 1), (0.3, 1), (5, 1)],
        connection=[4] * 4, think_s=[9.0, 0.5, NAN, NAN],
    )  # fmt: skip
    assert result.came_s == close([0.0, 1.5, 2.5, 5.0])
    assert result.start_s == close([0.0, 1.5, 2.5, 5.0])


def test_event_parks_a_connection_and_holds_one_thread_back() -> None:
    """Two threads, both busy until 1; then one connection is parked, one served, one thread idle.

    The process was full, so a thread is held back: 2 connections are not below 2 + 0. When the second client
    leaves at 1.2, 1 is below 2 + 1 * 2, and the waiting one is taken. The parked one needs no permission.
    """
    front = fixed("event", 1, 2, KeepAliveTimeout=9, AsyncRequestWorkerFactor=2)
    result = run(
        front, [(0, 1), (0.2, 1), (0.5, 1), (0.6, 0.05)],
        connection=[0, -1, -1, 0], think_s=[NAN, NAN, NAN, 0.1],
    )  # fmt: skip
    assert result.start_s == close([0.0, 0.2, 1.2, 1.1])


def test_event_closes_a_parked_connection_whose_process_has_no_idle_thread() -> None:
    """It is opened again at 1.0, before the client of 1.1, and is the first in the queue."""
    front = fixed("event", 1, 2, KeepAliveTimeout=9, AsyncRequestWorkerFactor=2)
    load = [(0, 0.5), (0.6, 2), (0.7, 2.5), (0.8, 1), (1.1, 1)]
    result = run(front, load, connection=[0, -1, -1, 0, -1], think_s=[NAN, NAN, NAN, 0.5, NAN])
    assert result.start_s == close([0.0, 0.6, 0.7, 2.6, 3.2])
    refused = run(
        replace(front, backlog=0), load, connection=[0, -1, -1, 0, -1], think_s=[NAN, NAN, NAN, 0.5, NAN]
    )
    assert refused.status == ["served", "served", "served", "refused", "refused"]


def test_a_process_told_to_go_closes_what_is_parked() -> None:
    """The second connection is its last: the first one's next request finds the process gone."""
    front = replace(threaded("event", 1, 2, 1, 4, 2, 1, recycle=2), options={"KeepAliveTimeout": 9.0})
    result = run(front, [(0.1, 0.1), (0.3, 0.1), (0.4, 0.1)], connection=[0, -1, 0], think_s=[NAN, NAN, 0.3])
    assert result.start_s == close([0.1, 0.3, 2.0])  # reaped by the pass at 1, forked by the one at 2


# rule 11


def test_a_client_gives_up_and_the_server_does_not_know() -> None:
    result = run(fixed("prefork", 1), [(0, 3), (0.5, 1), (3.5, 1)], clients=Clients(patience_s=2))
    assert result.status == ["gave up", "gave up", "served"]
    assert result.decided_s == close([2.0, 2.5, 5.0])
    assert result.end_s == close([NAN, NAN, 5.0])
    assert result.start_s == close([0.0, NAN, 4.0])


def test_a_client_comes_again_after_one_and_two_seconds() -> None:
    """It gives up at 2, 5 and 9. Its next request thinks from 9 on; the worker is held until 10."""
    result = run(
        fixed("prefork", 1), [(0, 3), (0, 1)], connection=[0, 0], think_s=[NAN, 0.7],
        clients=Clients(patience_s=2, retries=2, retry_s=1),
    )  # fmt: skip
    assert [result.came_s[0], result.start_s[0], result.decided_s[0]] == close([7.0, 7.0, 9.0])
    assert [result.came_s[1], result.start_s[1], result.end_s[1]] == close([9.7, 10.0, 11.0])
    assert result.status == ["gave up", "served"]


def test_a_refused_client_comes_again() -> None:
    """Refused at 1; at 2 the worker becomes free first."""
    front = replace(fixed("prefork", 1), backlog=0)
    load = [(0, 2), (1, 1)]
    assert run(front, load, clients=Clients(retries=1, retry_s=1)).start_s == close([0.0, 2.0])
    assert run(front, load, clients=Clients(retries=1, retry_s=0.5)).start_s == close([0.0, -1.0])


# rules 4 and 14


def test_a_group_is_held_for_upload_and_application() -> None:
    """It reads while the client sends; the front's workers are held for everything."""
    result = run(
        fixed("worker", 1, 3), [(0, 1), (0.1, 1)], groups=(daemons(1),),
        upload_s=[0.3, 0.0], download_s=[0.6, 0.6],
    )  # fmt: skip
    assert result.start_s == close([0.3, 1.3])
    assert result.end_s == close([1.9, 2.9])
    front, group = result.stages
    assert (front.busy[:3], group.busy[:3], group.queued[:3]) == ([2, 2, 1], [1, 1, 0], [1, 0, 0])


def test_the_kind_chooses_the_group() -> None:
    front = fixed("worker", 1, 4)
    load = [(0, 1), (0.1, 1), (0.2, 1), (0.3, 1)]
    result = run(front, load, groups=(daemons(1), daemons(1)), routes=(1, 0, -1), kind=[0, 0, 1, 2])
    assert result.start_s == close([0.0, 1.0, 0.2, 0.3])


def test_queue_timeout_is_looked_at_when_a_worker_picks_the_request_up() -> None:
    group = daemons(1, queue_timeout=0.5)
    result = run(fixed("worker", 1, 4), [(0, 1), (0.1, 1), (0.7, 1)], groups=(group,))
    assert result.status == ["served", "504", "served"]
    assert result.start_s == close([0.0, NAN, 1.0])
    assert result.end_s == close([1.0, 1.0, 2.0])


def test_an_error_needs_no_download() -> None:
    group = daemons(1, socket_timeout=0.5)
    result = run(fixed("prefork", 1), [(0, 1), (0.1, 0.4)], groups=(group,), download_s=[0.7, 0.7])
    assert result.status == ["504", "504"]
    assert result.end_s == close([0.5, 1.0])


def test_beyond_the_backlog_requests_wait_in_order_until_connect_timeout() -> None:
    """One in service until 1, one in the backlog; the third and fourth get into it at 1 and 1.2."""
    load = [(0, 1), (0.1, 0.2), (0.2, 0.2), (0.3, 0.2)]
    front = fixed("worker", 1, 5)
    group = daemons(1, listen_backlog=1, connect_timeout=0.85)
    result = run(front, load, groups=(group,))
    assert result.status == ["served", "served", "served", "503"]
    assert result.start_s == close([0.0, 1.0, 1.2, NAN])
    assert result.end_s[3:] == close([1.15])
    group = daemons(1, listen_backlog=1, connect_timeout=0.95)
    assert run(front, load, groups=(group,)).start_s == close([0.0, 1.0, 1.2, 1.4])


def test_a_group_works_on_for_a_front_that_gave_up() -> None:
    group = daemons(1, socket_timeout=0.5)
    result = run(fixed("worker", 1, 3), [(0, 1), (0.1, 1), (1.9, 0.2)], groups=(group,))
    assert result.status == ["504", "504", "served"]
    assert result.end_s == close([0.5, 0.6, 2.2])
    assert result.start_s == close([0.0, NAN, 2.0])  # the second begins at 1.0, after its answer
    group = daemons(1, socket_timeout=0.5, listen_backlog=1)
    result = run(fixed("worker", 1, 4), [(0, 1), (0.1, 1), (0.2, 1), (1.9, 0.2)], groups=(group,))
    assert result.status == ["504", "504", "504", "served"]
    assert result.start_s[3:] == close([2.0])  # the third never got into the backlog
