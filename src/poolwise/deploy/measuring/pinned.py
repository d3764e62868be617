"""Client, server and application undisturbed on one processor, so that CPU times do not depend on others.

They take turns anyway: one request at a time. On several processors each turn wakes another one up, and
other programs that run in between leave cold caches behind: on a busy machine that made the CPU of a request
differ by a factor of two from one moment to the next. So they are kept on one processor and, where we may (as
root), before everything else there for as long as it takes: a few seconds, of which the kernel keeps a
twentieth for others (sched(7), SCHED_RR). What the application starts meanwhile runs as usual.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import psutil


@contextmanager
def pinned(pids: Iterable[int]) -> Iterator[None]:
    """Within, our thread and those of these processes run on one processor, first of all.

    Nothing happens where the system has no such thing, or does not allow it.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    known, allowed = tuple(pids), os.sched_getaffinity(0)
    try:
        _place(known, {max(allowed)}, os.SCHED_RR | os.SCHED_RESET_ON_FORK, 1)
        yield
    finally:
        _place(known, allowed, os.SCHED_OTHER, 0)


def _place(pids: Iterable[int], processors: set[int], policy: int, priority: int) -> None:
    for thread in (0, *(thread for pid in pids for thread in _threads(pid))):  # 0: we ourselves
        with suppress(OSError):
            os.sched_setaffinity(thread, processors)
        with suppress(OSError):
            os.sched_setscheduler(thread, policy, os.sched_param(priority))


def _threads(pid: int) -> tuple[int, ...]:
    with suppress(psutil.Error):
        return tuple(thread.id for thread in psutil.Process(pid).threads())
    return ()
