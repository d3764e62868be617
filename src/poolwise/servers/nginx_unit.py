"""NGINX Unit: a router takes the connections; the processes of an application come and go on demand.

Sources, Unit 1.35: src/nxt_router.c (``nxt_router_app_can_start``, ``nxt_router_app_need_start``,
``nxt_router_app_port_get``, ``nxt_router_req_headers_ack_handler``, ``nxt_router_app_port_close``,
``nxt_router_app_port_release``, ``nxt_router_adjust_idle_timer``, ``nxt_router_conf_create``);
unit.nginx.org/configuration.

The router reads the whole request first and takes the whole response; requests wait in one queue of the
application, which any of its processes takes from. Settings are written as in the application's object;
those of other objects with their path.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from poolwise.model import InputError, Pool
from poolwise.servers.peer import Option, Peer, pool_of

_ROUTER = "nxt_router_conf_create in src/nxt_router.c"
UNIT_OPTIONS: tuple[Option, ...] = (
    Option("processes", 0, 0, inf, "processes", _ROUTER,
           "A number instead of an object: so many processes, always; 0 stands for the object."),
    Option("max", 1, 1, inf, "processes", _ROUTER, "Most processes.", ("processes.max",)),
    Option("spare", 0, 0, inf, "processes", _ROUTER,
           "Idle processes that are kept, also before the first request; and most starts at a time.",
           ("processes.spare",)),
    Option("idle_timeout", 15, 0, inf, "s", _ROUTER,
           "An idle process beyond spare ends after so long.", ("processes.idle_timeout",)),
    Option("threads", 1, 1, inf, "threads", "docs: Python", "Threads of each process."),
    Option("limits.requests", 0, 0, inf, "requests", "docs: request limits",
           "Requests after which a process is replaced; 0 never does."),
    Option("limits.timeout", 0, 0, inf, "s", "nxt_router_req_headers_ack_handler in src/nxt_router.c",
           "A request that the process has had for so long is answered 503; 0 waits for ever.", whole=False),
    Option("listeners.backlog", 511, 1, inf, "connections", "docs: listeners",
           "Connections that may wait in the kernel for the router, which takes them at once."),
    Option("settings.http.idle_timeout", 180, 0, inf, "s", "docs: settings",
           "How long a connection may idle until its next request; it holds no process.", whole=False),
)  # fmt: skip

UNIT = Peer(
    name="NGINX Unit", holds_upload=False, holds_download=False, holds_idle=False, keeps_alive=True,
    summary="A router in front of processes that are started on demand and end when idle.",
    source="NGINX Unit 1.35: src/nxt_router.c", parameters=UNIT_OPTIONS, newest="1.35.0",
)  # fmt: skip


def unit_pool(values: Mapping[str, float], version: str) -> Pool:
    """The pool of one application. InputError when spare is above max, which Unit's validation refuses."""
    static = int(values["processes"])
    most = static or int(values["max"])
    spare = static or int(values["spare"])
    if spare > most:
        raise InputError(f"unit: spare must be 0 to max ({most}), not {spare}")
    options = {**values, "spare": float(spare)}
    return pool_of(
        "unit", spare, most, int(values["threads"]), int(values["listeners.backlog"]),
        int(values["limits.requests"]), version, options,
        ("processes", "max", "threads", "limits.requests", "listeners.backlog"),
    )  # fmt: skip


def unit_maintain(
    active: int, running: int, starting: int, idle: int, spare: int, maximum: int, threads: int = 1
) -> int:
    """How many processes to start now: 0 or 1.

    ``active``: requests that the application has, waiting ones and the newest included. ``running``:
    processes that are ready, ``starting``: not yet. ``idle``: ready ones without a request. Unit asks when
    a request arrives (before it is given to a process), when an idle process takes one, and when a process
    has ended; at the start, until nothing is missing. When a process gets ready it does *not* ask.
    At most ``spare`` (at least 1) start at the same time. Source: ``nxt_router_app_can_start`` and
    ``nxt_router_app_need_start``, which compares requests with threads.
    """
    at_once = spare if spare > 0 else 1
    if running + starting >= maximum or starting >= at_once:
        return 0
    return 1 if active > running * threads + starting or spare > idle + starting else 0


def unit_retires(idle: int, spare: int) -> int:
    """How many idle processes are to end, the one idle longest first, once idle for ``idle_timeout``.

    A process that became idle while there were fewer than ``spare`` is a spare one and stays. Source:
    ``nxt_router_adjust_idle_timer``.
    """
    return idle - spare if idle > spare else 0
