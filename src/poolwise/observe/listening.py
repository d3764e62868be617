"""Who listens on a port of this machine, as far as we may see it."""

from __future__ import annotations

import psutil

from poolwise.observe.processes import Process, process


def listener(port: int) -> Process | None:
    """The process that listens on a TCP port; None when there is none, or when it is another user's.

    Of several that share the socket (Apache and its children) it is the first that was started.
    """
    try:
        found = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return None
    pids = {each.pid for each in found if each.status == psutil.CONN_LISTEN and port in each.laddr}
    seen = [one for pid in pids if pid and (one := process(pid))]
    return min(seen, key=lambda each: (each.started, each.pid), default=None)
