"""The servers other than Apache: the pools that their settings make, and what holds a worker of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf

from poolwise.model import InputError, Pool
from poolwise.servers.granian import GRANIAN, granian_pool
from poolwise.servers.gunicorn import (
    GUNICORN_GTHREAD,
    GUNICORN_SYNC,
    gunicorn_gthread_pool,
    gunicorn_sync_pool,
)
from poolwise.servers.mod_wsgi_daemon import MOD_WSGI_DAEMON, mod_wsgi_daemon_pool
from poolwise.servers.nginx_unit import UNIT, unit_pool
from poolwise.servers.passenger import PASSENGER, passenger_pool
from poolwise.servers.peer import Holds, Option, Peer, effective, valid_options
from poolwise.servers.uwsgi import UWSGI, uwsgi_pool
from poolwise.servers.waitress import WAITRESS, waitress_pool

PEERS: Mapping[str, Peer] = {
    "mod_wsgi_daemon": MOD_WSGI_DAEMON,
    "gunicorn_sync": GUNICORN_SYNC,
    "gunicorn_gthread": GUNICORN_GTHREAD,
    "uwsgi": UWSGI,
    "unit": UNIT,
    "passenger": PASSENGER,
    "waitress": WAITRESS,
    "granian": GRANIAN,
}
_BUILDERS: Mapping[str, Callable[[Mapping[str, float], str], Pool]] = {
    "mod_wsgi_daemon": mod_wsgi_daemon_pool,
    "gunicorn_sync": gunicorn_sync_pool,
    "gunicorn_gthread": gunicorn_gthread_pool,
    "uwsgi": uwsgi_pool,
    "unit": unit_pool,
    "passenger": passenger_pool,
    "waitress": waitress_pool,
    "granian": granian_pool,
}

_MANUAL = "server/mpm/*; manual: "
HOLDS: Mapping[str, Holds] = {
    "prefork": Holds(
        "Apache prefork", True, True, True, True,
        "A process for each connection, from its first byte until it is closed.", _MANUAL + "prefork",
    ),
    "worker": Holds(
        "Apache worker", True, True, True, True,
        "A thread for each connection, from its first byte until it is closed.", _MANUAL + "worker",
    ),
    "event": Holds(
        "Apache event", True, True, False, True,
        "A thread for each request; a kept-alive connection waits at its process without one.",
        _MANUAL + "event",
    ),
    "winnt": Holds(
        "Apache winnt", True, True, True, True,
        "A thread for each connection, from its first byte until it is closed.", _MANUAL + "mpm_winnt",
    ),
    **PEERS,
}  # fmt: skip

# The setting that says how long a connection may idle, and the one that says how often it may be used.
_IDLE: Mapping[str, tuple[str, str]] = {
    "prefork": ("KeepAliveTimeout", "MaxKeepAliveRequests"),
    "worker": ("KeepAliveTimeout", "MaxKeepAliveRequests"),
    "event": ("KeepAliveTimeout", "MaxKeepAliveRequests"),
    "winnt": ("KeepAliveTimeout", "MaxKeepAliveRequests"),
    "gunicorn_gthread": ("keepalive", ""),
    "unit": ("settings.http.idle_timeout", ""),
    "waitress": ("channel_timeout", ""),
    "passenger": ("", ""),
    "granian": ("", ""),
}


def holds(architecture: str) -> Holds:
    """What keeps a worker of that architecture from serving another request. InputError when unknown."""
    if architecture not in HOLDS:
        raise InputError(f"unknown architecture {architecture!r}: known are {', '.join(HOLDS)}")
    return HOLDS[architecture]


def connection_limits(pool: Pool) -> tuple[float, int]:
    """How long a connection of the pool may idle, in s, and how many requests it may carry (0: any number).

    ``(0, 0)`` when the server, or its settings, keep no connections. Where the options are missing, a
    connection may idle for ever.
    """
    keeps = holds(pool.architecture).keeps_alive
    for flag in ("KeepAlive", "http1-keep-alive"):
        keeps = keeps and bool(pool.options.get(flag, 1.0))
    if not keeps:
        return 0.0, 0
    idle, often = _IDLE[pool.architecture]
    return pool.options.get(idle, inf), int(pool.options.get(often, 0.0))


def peer_parameters(architecture: str, version: str = "") -> tuple[Option, ...]:
    """Every setting of that server that is described, one row each. InputError when it is unknown."""
    peer = _peer(architecture)
    return valid_options(peer.parameters, version or peer.newest)


def peer_pool(
    architecture: str,
    asked: Mapping[str, float | str] | None = None,
    version: str = "",
    name: str = "",
) -> Pool:
    """The pool that a server makes of its settings, given in its own spelling (``-`` and ``_`` are the same).

    What is not ``asked`` has the default of ``version``, or of the newest one described. All effective
    settings that are no field of a Pool are its ``options``. InputError for an unknown server or setting,
    and for a value that the server refuses or that is out of its range.
    """
    peer = _peer(architecture)
    now = version or peer.newest
    pool = _BUILDERS[architecture](effective(peer.parameters, asked or {}, now, architecture), now)
    return replace(pool, name=name) if name else pool


def _peer(architecture: str) -> Peer:
    if architecture not in PEERS:
        raise InputError(f"unknown server {architecture!r}: known are {', '.join(PEERS)}")
    return PEERS[architecture]
