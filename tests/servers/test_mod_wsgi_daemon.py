"""Daemon process groups: what the two generations of mod_wsgi make of the same options."""

import math

import pytest

from poolwise.model import InputError
from poolwise.servers import (
    EMBEDDED_OPTIONS,
    daemon_drain_s,
    daemon_is_modern,
    daemon_request_limit_s,
    peer_parameters,
    peer_pool,
    valid_options,
)


def test_defaults_by_version() -> None:
    old, new = peer_pool("mod_wsgi_daemon", {}, "4.9.4"), peer_pool("mod_wsgi_daemon")
    assert (old.process_limit, old.threads, old.backlog) == (1, 15, 100)
    assert (new.process_limit, new.threads, new.backlog) == (1, 15, 100)
    assert old.options["response-buffer-size"] == 65536 and new.options["response-buffer-size"] == 2**23
    assert (new.options["connect-timeout"], new.options["shutdown-timeout"]) == (15.0, 5.0)
    assert new.options["graceful-timeout"] == 15.0 and new.options["queue-timeout"] == 0.0
    assert "interrupt-timeout" not in old.options and "interrupt-timeout" in new.options
    assert (old.httpd_version, new.httpd_version) == ("4.9.4", "6.1.1")


def test_what_is_asked() -> None:
    made = peer_pool(
        "mod_wsgi_daemon", {"processes": 3, "threads": "5", "maximum-requests": 500, "queue-timeout": 45}
    )
    assert (made.start, made.workers, made.max_connections_per_child) == (3, 15, 500)
    assert made.options["queue-timeout"] == 45.0 and "maximum-requests" not in made.options
    with pytest.raises(InputError, match="interrupt-timeout is not a setting of mod_wsgi_daemon 4"):
        peer_pool("mod_wsgi_daemon", {"interrupt-timeout": 1}, "4.9")


@pytest.mark.parametrize(("threads", "times"), [(1, 1.0), (5, 2.61), (10, 3.3), (15, 3.71), (25, 4.22)])
def test_the_limit_of_the_oldest_request_since_6(threads: int, times: float) -> None:
    assert daemon_request_limit_s(60.0, threads, True) == pytest.approx(60 * times, rel=2e-3)


def test_the_limit_of_the_sum_before_6() -> None:
    assert daemon_request_limit_s(60.0, 5, False) == 300.0  # one alone: 300 s; five together: 60 s
    assert daemon_request_limit_s(60.0, 1, False) == daemon_request_limit_s(60.0, 1, True)
    assert daemon_request_limit_s(0.0, 5, True) == daemon_request_limit_s(0.0, 5, False) == math.inf


def test_versions() -> None:
    assert [daemon_is_modern(version) for version in ("4.9.4", "5.0.2", "6.0.0", "6.1")] == [
        False, False, True, True,
    ]  # fmt: skip
    rows = {row.name: row for row in peer_parameters("mod_wsgi_daemon", "5.0.2")}
    assert "Mean age" in rows["request-timeout"].summary


def test_how_long_a_process_drains() -> None:
    assert daemon_drain_s(15.0, 0.0, True) == daemon_drain_s(15.0, 40.0, False) == 15.0
    assert daemon_drain_s(15.0, 40.0, True) == 40.0


def test_embedded_directives_by_version() -> None:
    old = {row.name for row in valid_options(EMBEDDED_OPTIONS, "4.9.4")}
    new = {row.name for row in valid_options(EMBEDDED_OPTIONS, "6.1.1")}
    assert old - new == {"WSGILazyInitialization"}
    assert new - old == {"WSGISwitchInterval", "WSGIPerInterpreterGIL", "WSGIFreeThreading"}
