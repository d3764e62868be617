"""What the event MPM decides at one maintenance pass: a pure function of the counts at that instant.

Plain Python on numbers, so that the simulation can compile it. Source: ``perform_idle_server_maintenance``
in server/mpm/event/event.c, 2.4.54 and later, and the kill rule of 2.4.24 to 2.4.51; one listener bucket.
Not told apart: before 2.4.49 the number forked was not cut at the process limit, before 2.4.38 there was no
message for "a few idle threads left", before 2.4.24 processes shared slots as in the worker MPM.
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


def event_maintain(
    idle: int,
    free: int,
    rate: int,
    holdoff: int,
    min_spare: int,
    max_spare: int,
    active: int,
    max_workers: int,
    active_processes: int,
    total_processes: int,
    process_limit: int,
    server_limit: int,
    old_kill_rule: bool,
) -> tuple[int, int, int, int, int]:
    """Decide one pass; return ``(spawn, kill, rate, holdoff, message)``.

    As for worker, and: a process is only told to go when no other one is still going away
    (``active_processes == total_processes``) or when the scoreboard has slots to spare; at stock sizing
    it has none, so at best every second pass kills. ``total_processes`` counts every process not yet
    reaped, ``active_processes`` those not known to be quiescing. With ``old_kill_rule`` (2.4.24 to 2.4.51)
    one is told to go only while the total is within the process limit and below ServerLimit: a pool that
    fills its scoreboard never shrinks again.
    """
    if idle > max_spare:
        if old_kill_rule:
            if total_processes <= process_limit and total_processes < server_limit:
                return 0, 1, 1, holdoff, MESSAGE_NONE
            return 0, 0, rate, holdoff, MESSAGE_NONE
        settled = active_processes == total_processes
        slack = server_limit - total_processes > process_limit
        return 0, 1 if settled or slack else 0, 1, holdoff, MESSAGE_NONE
    if idle >= min_spare:
        return 0, 0, 1, holdoff, MESSAGE_NONE
    if active >= max_workers:
        return 0, 0, 1, holdoff, MESSAGE_REACHED if idle == 0 else MESSAGE_WITHIN
    if free == 0:
        return 0, 0, 1, holdoff, MESSAGE_FULL
    spawn = min(rate, free)
    if active_processes >= process_limit:
        spawn, rate, holdoff = 0, 1, holdoff + 1
    elif active_processes + spawn > process_limit:
        spawn = process_limit - active_processes
    message = MESSAGE_SEEMS_BUSY if rate >= 8 else MESSAGE_NONE
    if holdoff > 0:
        return spawn, 0, rate, holdoff - 1, message
    return spawn, 0, min(2 * rate, MAX_SPAWN_RATE), 0, message


def event_accepts(connections: int, idle: int, threads: int, factor: int, accepting: bool) -> bool:
    """Whether a process takes one more connection.

    ``connections``: open ones, those in lingering close left out. ``idle``: idle threads of the process.
    ``factor``: AsyncRequestWorkerFactor as used (an integer, at least 1). While the listener is switched
    off one idle thread is held back, so that it is not switched on and off at every connection. With all
    threads idle a process holds ``threads * (1 + factor)`` connections. Source:
    ``connections_above_limit`` in server/mpm/event/event.c, 2.4.30 and later.
    """
    spare = idle if accepting else idle - 1
    return idle > 0 and connections < threads + spare * factor
