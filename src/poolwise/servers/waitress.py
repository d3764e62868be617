"""waitress: one process; a loop takes requests and sends responses, a fixed number of threads runs the app.

Sources, waitress 3.0.2: waitress/adjustments.py, waitress/channel.py, waitress/server.py, waitress/task.py.
The loop reads a whole request before a thread gets it, and sends what the thread has written (a thread waits
only while more than outbuf_high_watermark is unsent). Connections beyond connection_limit wait in the kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from poolwise.model import Pool
from poolwise.servers.peer import Option, Peer, pool_of

_ADJUSTMENTS = "Adjustments in waitress/adjustments.py"
WAITRESS_OPTIONS: tuple[Option, ...] = (
    Option("threads", 4, 1, inf, "threads", _ADJUSTMENTS, "Threads that run the application."),
    Option("backlog", 1024, 1, inf, "connections", _ADJUSTMENTS, "Connections that may wait in the kernel."),
    Option("connection_limit", 100, 1, inf, "connections", _ADJUSTMENTS,
           "Connections that the loop takes; more wait in the kernel."),
    Option("channel_timeout", 120, 0, inf, "s", _ADJUSTMENTS,
           "How long a connection may idle until its next request; it holds no thread."),
    Option("cleanup_interval", 30, 0, inf, "s", _ADJUSTMENTS, "Least time between looks for idle ones."),
    Option("outbuf_high_watermark", 16_777_216, 0, inf, "bytes", _ADJUSTMENTS,
           "Unsent output above which the thread waits."),
)  # fmt: skip

WAITRESS = Peer(
    name="waitress", holds_upload=False, holds_download=False, holds_idle=False, keeps_alive=True,
    summary="One process with a fixed number of threads.",
    source="waitress 3.0.2: adjustments.py, channel.py",
    parameters=WAITRESS_OPTIONS, newest="3.0.2",
)  # fmt: skip


def waitress_pool(values: Mapping[str, float], version: str) -> Pool:
    """The one process and its threads."""
    return pool_of(
        "waitress", 1, 1, int(values["threads"]), int(values["backlog"]), 0, version, values,
        ("threads", "backlog"),
    )  # fmt: skip
