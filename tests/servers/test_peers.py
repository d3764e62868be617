"""The servers behind one door: which there are, what holds their workers, how long connections idle."""

from dataclasses import replace

import pytest

from poolwise.model import InputError
from poolwise.servers import (
    HOLDS,
    PEERS,
    connection_limits,
    holds,
    peer_parameters,
    peer_pool,
    pool,
    settle,
)

UPLOAD, DOWNLOAD, IDLE, KEEPS = range(4)
# Seen on a real one each, except Unit and Passenger, whose sources were read (mod_wsgi: test_truth_mod_wsgi).
TABLE = {
    "prefork": (True, True, True, True),
    "worker": (True, True, True, True),
    "event": (True, True, False, True),
    "winnt": (True, True, True, True),
    "mod_wsgi_daemon": (True, False, False, False),
    "gunicorn_sync": (True, True, False, False),
    "gunicorn_gthread": (True, True, False, True),
    "uwsgi": (True, True, False, False),
    "unit": (False, False, False, True),
    "passenger": (False, False, False, True),
    "waitress": (False, False, False, True),
    "granian": (True, False, False, True),
}


def test_what_holds_a_worker() -> None:
    facts = {
        name: (row.holds_upload, row.holds_download, row.holds_idle, row.keeps_alive)
        for name, row in HOLDS.items()
    }
    assert facts == TABLE
    assert holds("uwsgi") is PEERS["uwsgi"]
    with pytest.raises(InputError, match="unknown architecture 'nginx': known are prefork"):
        holds("nginx")


@pytest.mark.parametrize(
    ("architecture", "asked", "expected"),
    [("gunicorn_sync", {}, (0, 0)), ("uwsgi", {}, (0, 0)), ("mod_wsgi_daemon", {}, (0, 0)),
     ("gunicorn_gthread", {"keepalive": 7}, (7, 0)), ("gunicorn_gthread", {"keepalive": 0}, (0, 0)),
     ("unit", {}, (180, 0)), ("waitress", {}, (120, 0)),
     ("granian", {"http1-keep-alive": "off"}, (0, 0)), ("granian", {}, (float("inf"), 0))],
)  # fmt: skip
def test_connections_of_a_peer(
    architecture: str, asked: dict[str, float | str], expected: tuple[float, int]
) -> None:
    assert connection_limits(peer_pool(architecture, asked)) == expected


def test_connections_of_apache() -> None:
    event = pool("event", settle("event", {}, "2.4"), "2.4.71")
    assert connection_limits(event) == (5.0, 100)
    assert connection_limits(replace(event, options={**event.options, "KeepAlive": 0.0})) == (0.0, 0)


def test_a_stranger_is_named() -> None:
    with pytest.raises(InputError, match="unknown server 'apache': known are mod_wsgi_daemon"):
        peer_pool("apache")
    with pytest.raises(InputError, match="unknown server"):
        peer_parameters("event")
