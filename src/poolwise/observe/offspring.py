"""The children of a server's parent process, read often without disturbing it: who, since when, called what.

All from /proc (proc(5)): a list of children is one small file of the parent, the rest is read once a child.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def child_pids(pid: int) -> list[int]:
    """Its children, those that have ended and are not reaped yet included; empty when it has gone."""
    try:
        return [int(word) for word in (PROC / f"{pid}/task/{pid}/children").read_bytes().split()]
    except OSError:
        return []


def born_s(pid: int) -> float:
    """When a process was forked, in seconds of the monotonic clock; now when it has gone.

    The kernel counts in clock ticks (10 ms) that are complete: this is the end of the tick.
    """
    now = time.monotonic()
    with suppress(OSError):
        text = (PROC / str(pid) / "stat").read_text("utf-8", "replace")
        ticks = int(text.rpartition(")")[2].split()[19]) + 1
        asleep = time.clock_gettime(time.CLOCK_BOOTTIME) - now  # the machine, since its start
        return min(ticks / os.sysconf("SC_CLK_TCK") - asleep, now)
    return now


def cpu_s(pid: int) -> float:
    """CPU time of a process and all its threads, also of one that waits to be reaped; 0 when it has gone."""
    with suppress(OSError):
        return time.clock_gettime((~pid << 3) | 2)  # as clock_getcpuclockid(3) makes the number
    return 0.0


def title(pid: int) -> str:
    """Its command line, or what it has put in its place; "" when it has gone."""
    with suppress(OSError):
        line = (PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ")
        return line.decode("utf-8", "replace")
    return ""
