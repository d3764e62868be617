"""granian with a WSGI application: workers whose I/O runs in Rust, and threads that run the application.

Sources: granian 2.8.7, granian/cli.py and granian/server/common.py (settings and checks); what holds a thread
was asked of a real one. A thread whose application reads the body of a slow upload is held, and so is one
that yields its response in parts to a slow client; a response that is one string is not, nor is a kept-alive
connection. Threads are made on demand, up to blocking-threads, and end when they were idle for long.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from poolwise.model import InputError, Pool
from poolwise.servers.peer import Option, Peer, pool_of

_COMMON = "granian/server/common.py"
GRANIAN_OPTIONS: tuple[Option, ...] = (
    Option("workers", 1, 1, inf, "processes", _COMMON, "Worker processes, kept at this number."),
    Option("blocking-threads", 0, 0, inf, "threads", _COMMON,
           "Most threads of a worker that run the application; 0 means half of backpressure."),
    Option("blocking-threads-idle-timeout", 30, 5, 600, "s", _COMMON, "An idle thread ends after so long."),
    Option("backlog", 1024, 128, inf, "connections", _COMMON, "Connections that may wait in the kernel."),
    Option("backpressure", 0, 0, inf, "connections", _COMMON,
           "Connections that a worker takes at a time; 0 means backlog / workers."),
    Option("http1-keep-alive", 1, 0, 1, "", _COMMON,
           "Whether a connection may carry several requests; idle, it holds no thread.", flag=True),
    Option("workers-lifetime", 0, 0, inf, "s", _COMMON,
           "Age at which a worker is replaced, at least 60; 0 never does."),
    Option("respawn-interval", 3.5, 0, inf, "s", _COMMON,
           "Time from the start of a replacement to the end of the worker that it replaces.", whole=False),
)  # fmt: skip

GRANIAN = Peer(
    name="granian", holds_upload=True, holds_download=False, holds_idle=False, keeps_alive=True,
    summary="A fixed number of processes with threads on demand.",
    source="granian 2.8.7: granian/server/common.py, src/wsgi; a real one, asked",
    parameters=GRANIAN_OPTIONS, newest="2.8.7",
)  # fmt: skip


def granian_pool(values: Mapping[str, float], version: str) -> Pool:
    """The pool of workers and their threads. InputError for a workers-lifetime that granian refuses."""
    if 0 < values["workers-lifetime"] < 60:
        raise InputError(
            f"granian: workers-lifetime must be 0 or at least 60, not {values['workers-lifetime']:g}"
        )
    workers, backlog = int(values["workers"]), int(values["backlog"])
    taken = int(values["backpressure"]) or max(backlog // workers, 1)
    threads = int(values["blocking-threads"]) or max(taken // 2, 1)
    options = {**values, "backpressure": float(taken)}
    return pool_of(
        "granian", workers, workers, threads, backlog, 0, version, options,
        ("workers", "blocking-threads", "backlog"),
    )  # fmt: skip
