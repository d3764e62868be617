"""What the worker MPM decides at one maintenance pass: a pure function of the counts at that instant.

Plain Python on numbers, so that the simulation can compile it. Source: ``perform_idle_server_maintenance``
in server/mpm/worker/worker.c, 2.4; one listener bucket.
"""

from __future__ import annotations

from poolwise.servers.scaling_messages import (
    MESSAGE_FULL,
    MESSAGE_NONE,
    MESSAGE_REACHED,
    MESSAGE_SEEMS_BUSY,
    MESSAGE_WITHIN,
)
from poolwise.servers.scaling_prefork import MAX_SPAWN_RATE


def worker_maintain(
    idle: int,
    free: int,
    rate: int,
    holdoff: int,
    min_spare: int,
    max_spare: int,
    active: int,
    max_workers: int,
) -> tuple[int, int, int, int, int]:
    """Decide one pass; return ``(spawn, kill, rate, holdoff, message)``.

    ``idle``: threads dead, starting or ready in processes that are not quiescing: a process counts all
    its threads as idle the moment it is forked. ``free``: slots that a new process may take, at most
    ``rate``. ``active``: threads that are up, *idle ones included*; ``max_workers``: MaxRequestWorkers,
    not lowered when ServerLimit cuts the processes.
    """
    if idle > max_spare:
        return 0, 1, 1, holdoff, MESSAGE_NONE
    if idle >= min_spare:
        return 0, 0, 1, holdoff, MESSAGE_NONE
    if free == 0:
        if active < max_workers:
            return 0, 0, 1, holdoff, MESSAGE_FULL
        return 0, 0, 1, holdoff, MESSAGE_REACHED if idle == 0 else MESSAGE_WITHIN
    message = MESSAGE_SEEMS_BUSY if rate >= 8 else MESSAGE_NONE
    if holdoff > 0:
        return min(rate, free), 0, rate, holdoff - 1, message
    return min(rate, free), 0, min(2 * rate, MAX_SPAWN_RATE), 0, message
