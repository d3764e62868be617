"""A mod_wsgi daemon process group: a fixed number of processes and threads behind Apache.

Sources: src/server/wsgi_daemon.c of mod_wsgi 4.9 (``wsgi_add_daemon_process``, ``wsgi_monitor_thread``,
``wsgi_manage_process``) and its mod_wsgi.c, and a real 4.9.4, asked. Of 6.x the documentation only
(modwsgi.readthedocs.io, WSGIDaemonProcess and the release notes): its source was not read, no 6.x was asked.
The names are those of the options of WSGIDaemonProcess.

The front passes the request on as soon as it has the header, so a thread whose application reads the body
waits for a slow upload, as a real 4.9.4 does. It does not wait for a slow download that fits into
response-buffer-size and the buffers of the sockets (there 300 kB; not 12 MB); nor for an idle connection.

What the options do, in the order in which a request meets them:

- *connect-timeout*: the front's worker knocks again while the queue (listen-backlog) is full, for so long in
  all, then answers 503.
- *queue-timeout*: looked at when a thread takes the request; one that waited longer is answered 504 at once.
- *socket-timeout*: the front gives up on a daemon that is silent for so long (504); the daemon works on.
- *request-timeout*: see ``daemon_request_limit_s``. In a group of several processes with a graceful-timeout
  the process goes by that first, otherwise straight to shutdown-timeout.
- *graceful-timeout*: a process that reached maximum-requests or restart-interval goes on taking requests
  until it is idle for a moment, at most so long. *eviction-timeout*: the same for SIGUSR1 to the process;
  0 takes graceful-timeout.
- *shutdown-timeout*: then no new requests; what still runs after so long is lost, the process is ended.
- *inactivity-timeout*: a process that had no request for so long is replaced by a fresh one; the clock
  starts with its first request.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, log

from poolwise.model import Pool
from poolwise.servers.peer import Option, Peer, numbered, pool_of

_DAEMON = "wsgi_add_daemon_process in wsgi_daemon.c"
_MANUAL = _DAEMON + "; manual: WSGIDaemonProcess"

DAEMON_OPTIONS: tuple[Option, ...] = (
    Option("processes", 1, 1, inf, "processes", _MANUAL,
           "Processes of the group, for the life of this Apache generation."),
    Option("threads", 15, 1, inf, "threads", _MANUAL,
           "Threads of each process; 0, a service without requests, is not described."),
    Option("listen-backlog", 100, 1, inf, "connections", _MANUAL,
           "Requests that may wait on the group's socket."),
    Option("connect-timeout", 15, 0, inf, "s", _MANUAL,
           "How long the front tries to reach a group whose queue is full before it answers 503."),
    Option("queue-timeout", 0, 0, inf, "s", _MANUAL,
           "A request that waited longer is answered 504 when a thread takes it; 0 does not look."),
    Option("socket-timeout", 0, 0, inf, "s", _MANUAL,
           "Longest silence between front and daemon; 0 takes Apache's Timeout."),
    Option("request-timeout", 0, 0, inf, "s", "wsgi_monitor_thread in wsgi_daemon.c; manual",
           "Mean age of the requests over all threads of a process at which it is restarted; 0: never.",
           until="6.0"),
    Option("request-timeout", 0, 0, inf, "s", "wsgi_monitor_thread in wsgi_daemon.c; manual",
           "Age of a request, divided by 1 + ln(threads), at which its process is restarted; 0: never.",
           since="6.0"),
    Option("interrupt-timeout", 0, 0, inf, "s", _MANUAL,
           "Before a restart for request-timeout an exception is raised in the thread, and so long waited.",
           since="6.0"),
    Option("maximum-requests", 0, 0, inf, "requests", _MANUAL,
           "Requests after which a process is replaced, without jitter; 0 never does."),
    Option("restart-interval", 0, 0, inf, "s", _MANUAL, "Age at which a process is replaced; 0 never does."),
    Option("inactivity-timeout", 0, 0, inf, "s", _MANUAL,
           "Time without a request after which a process is replaced; 0 never does."),
    Option("graceful-timeout", 15, 0, inf, "s", _MANUAL,
           "How long a process that is to be replaced may go on until it is idle."),
    Option("eviction-timeout", 0, 0, inf, "s", _MANUAL,
           "The same after SIGUSR1 to the process; 0 takes graceful-timeout."),
    Option("shutdown-timeout", 5, 0, inf, "s", _MANUAL,
           "What running requests may still take once the process stops; Apache's own stop allows 3 s."),
    Option("deadlock-timeout", 300, 0, inf, "s", _MANUAL,
           "A process whose GIL cannot be had for so long is restarted; 0 does not look."),
    Option("startup-timeout", 0, 0, inf, "s", _MANUAL,
           "A process that has not loaded the application so long after its first request is restarted."),
    Option("cpu-time-limit", 0, 0, inf, "s", _MANUAL,
           "CPU time after which a process is replaced; 0 never does."),
    Option("response-buffer-size", 65_536, 65_536, inf, "bytes", "manual: WSGIDaemonProcess",
           "Response that the front buffers for a slow client before the daemon waits.", until="6.0.2"),
    Option("response-buffer-size", 8_388_608, 65_536, inf, "bytes", "manual: WSGIDaemonProcess",
           "Response that the front buffers for a slow client before the daemon waits.", since="6.0.2"),
)  # fmt: skip

MOD_WSGI_DAEMON = Peer(
    name="mod_wsgi daemon process group", holds_upload=True, holds_download=False, holds_idle=False,
    keeps_alive=False,
    summary="A fixed number of processes and threads behind Apache, whose workers stay held meanwhile.",
    source="mod_wsgi 4.9: src/server/wsgi_daemon.c; 6.1: documentation only", parameters=DAEMON_OPTIONS,
    newest="6.1.1",
)  # fmt: skip


def mod_wsgi_daemon_pool(values: Mapping[str, float], version: str) -> Pool:
    """The pool of one process group."""
    processes = int(values["processes"])
    named = ("processes", "threads", "listen-backlog", "maximum-requests")
    return pool_of(
        "mod_wsgi_daemon", processes, processes, int(values["threads"]), int(values["listen-backlog"]),
        int(values["maximum-requests"]), version, values, named,
    )  # fmt: skip


def daemon_is_modern(version: str) -> bool:
    """Whether that version of mod_wsgi has the rules of 6.0. InputError when it is no version."""
    return numbered(version) >= (6,)


def daemon_request_limit_s(request_timeout_s: float, threads: int, modern: bool) -> float:
    """The limit that request-timeout makes in a process with ``threads`` threads; infinite when it is 0.

    Once a second the process compares. ``modern`` (6.0 and later): the age of its *oldest* request with
    request-timeout x (1 + ln(threads)). Before: the ages of all its requests, *added up*, with
    request-timeout x threads (the source divides the sum by the threads): one stuck request among idle
    threads may take ``threads`` times as long, requests on all threads together get the time itself.
    Source: ``wsgi_monitor_thread``.
    """
    if request_timeout_s <= 0.0:
        return inf
    if modern:
        return request_timeout_s * (1.0 + log(threads))
    return request_timeout_s * threads


def daemon_drain_s(graceful_timeout_s: float, eviction_timeout_s: float, evicted: bool) -> float:
    """How long a process that is to be replaced still takes requests: until it is idle, at most so long.

    ``evicted``: told so by SIGUSR1, rather than by maximum-requests or restart-interval. Afterwards
    shutdown-timeout counts.
    """
    if evicted and eviction_timeout_s > 0.0:
        return eviction_timeout_s
    return graceful_timeout_s
