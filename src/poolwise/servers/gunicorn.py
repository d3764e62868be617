"""gunicorn: an arbiter that keeps a number of forked workers, with one thread (sync) or several (gthread).

Sources, gunicorn 27.0.1: gunicorn/config.py (settings), gunicorn/arbiter.py (``manage_workers``,
``spawn_workers``, ``murder_workers``), gunicorn/workers/base.py (``Worker.__init__``),
gunicorn/workers/sync.py, gunicorn/workers/gthread.py.

The number of workers is what it was told to be; nothing in it looks at the load. A sync worker answers
``Connection: close``. A gthread worker accepts up to worker_connections and lets those beyond its threads
wait inside the process, where no other worker can help; kept-alive ones wait in its poller, for keepalive
seconds, without a thread. The next request on one of those queues for a thread of that process, it is not
closed when none is free; a worker that has to stop keeps them for 2 s more (STOP_KEEPALIVE_LINGER). Both
were seen on a real one. The simulation lets a new connection wait outside until a thread is idle, and closes
kept ones as soon as their worker has to stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from poolwise.model import InputError, Pool
from poolwise.servers.peer import Option, Peer, pool_of

_CONFIG = "gunicorn/config.py"
GUNICORN_OPTIONS: tuple[Option, ...] = (
    Option("workers", 1, 1, inf, "processes", _CONFIG,
           "Worker processes, kept at this number; WEB_CONCURRENCY sets the default.", ("w",)),
    Option("threads", 1, 1, inf, "threads", _CONFIG,
           "Threads of each worker; above 1 makes a sync worker a gthread worker."),
    Option("backlog", 2048, 1, inf, "connections", _CONFIG, "Connections that may wait in the kernel."),
    Option("worker_connections", 1000, 1, inf, "connections", _CONFIG,
           "gthread: connections that one worker holds, waiting and kept alive included."),
    Option("keepalive", 2, 0, inf, "s", _CONFIG,
           "gthread: how long a connection may idle until its next request; sync does not keep any."),
    Option("max_requests", 0, 0, inf, "requests", "gunicorn/workers/base.py",
           "Requests after which a worker is replaced; 0 never does."),
    Option("max_requests_jitter", 0, 0, inf, "requests", "gunicorn/workers/base.py",
           "At most so many, drawn for each worker, are added to max_requests."),
    Option("timeout", 30, 0, inf, "s", "murder_workers in gunicorn/arbiter.py",
           "A worker silent for so long is killed (a sync worker is silent during a request); 0: none is."),
    Option("graceful_timeout", 30, 0, inf, "s", _CONFIG,
           "What a worker that has to stop may still take before it is killed."),
    Option("preload_app", 0, 0, 1, "", _CONFIG,
           "The application is loaded once, before the workers are forked.", flag=True),
)  # fmt: skip

GUNICORN_SYNC = Peer(
    name="gunicorn, sync workers", holds_upload=True, holds_download=True, holds_idle=False,
    keeps_alive=False, summary="A fixed number of processes, one request at a time in each.",
    source="gunicorn 27.0.1: arbiter.py, workers/sync.py", newest="27.0.1",
    parameters=tuple(row for row in GUNICORN_OPTIONS if row.name not in ("worker_connections", "keepalive")),
)  # fmt: skip
GUNICORN_GTHREAD = Peer(
    name="gunicorn, gthread workers", holds_upload=True, holds_download=True, holds_idle=False,
    keeps_alive=True, summary="A fixed number of processes with a fixed number of threads.",
    source="gunicorn 27.0.1: arbiter.py, workers/gthread.py", newest="27.0.1",
    parameters=GUNICORN_OPTIONS,
)  # fmt: skip


def gunicorn_sync_pool(values: Mapping[str, float], version: str) -> Pool:
    """The pool of sync workers. InputError for more than one thread, which makes them gthread workers."""
    if values["threads"] > 1:
        raise InputError("gunicorn_sync: threads must be 1, more make it gunicorn_gthread")
    return _gunicorn_pool("gunicorn_sync", values, version)


def gunicorn_gthread_pool(values: Mapping[str, float], version: str) -> Pool:
    """The pool of gthread workers."""
    return _gunicorn_pool("gunicorn_gthread", values, version)


def _gunicorn_pool(architecture: str, values: Mapping[str, float], version: str) -> Pool:
    workers, named = int(values["workers"]), ("workers", "threads", "backlog", "max_requests")
    return pool_of(
        architecture, workers, workers, int(values["threads"]), int(values["backlog"]),
        int(values["max_requests"]), version, values, named,
    )  # fmt: skip


def arbiter_maintain(workers: int, number: int) -> int:
    """How many workers to start (above 0) or to stop, oldest first (below), so that there are ``number``.

    The arbiter looks when a worker has ended and once a second; a worker that was told to stop counts
    until it has ended. Source: ``manage_workers``.
    """
    return number - workers


def recycle_after(maximum_requests: int, jitter: int, draw: float) -> int:
    """Requests after which a new worker will be replaced; 0 for never.

    ``draw``: uniform in [0, 1), one for each worker. Each of 0 to ``jitter`` is as likely. Source:
    ``Worker.__init__`` in gunicorn/workers/base.py.
    """
    if maximum_requests <= 0:
        return 0
    return maximum_requests + min(int(draw * (jitter + 1)), jitter)
