"""What prefork decides at one maintenance pass: a pure function of the counts at that instant.

Plain Python on numbers, so that the simulation can compile it. Source: ``perform_idle_server_maintenance``
in server/mpm/prefork/prefork.c, the same from 2.2 to 2.4.71.
"""

from __future__ import annotations

from poolwise.servers.scaling_messages import MESSAGE_NONE, MESSAGE_REACHED, MESSAGE_SEEMS_BUSY

MAX_SPAWN_RATE = 32


def prefork_maintain(
    idle: int, free: int, rate: int, holdoff: int, min_spare: int, max_spare: int
) -> tuple[int, int, int, int, int]:
    """Decide one pass; return ``(spawn, kill, rate, holdoff, message)``.

    ``idle``: processes shown as starting or ready. ``free``: dead slots below MaxRequestWorkers, at
    most ``rate`` of them. A pass forks into every free slot it found, whatever the deficit is: this is
    the overshoot. ``holdoff``: passes that must still spawn without doubling (10 after a graceful restart).
    """
    if idle > max_spare:
        return 0, 1, 1, holdoff, MESSAGE_NONE
    if idle >= min_spare:
        return 0, 0, 1, holdoff, MESSAGE_NONE
    if free == 0:
        return 0, 0, 1, holdoff, MESSAGE_REACHED
    message = MESSAGE_SEEMS_BUSY if rate >= 8 else MESSAGE_NONE
    if holdoff > 0:
        return min(rate, free), 0, rate, holdoff - 1, message
    return min(rate, free), 0, min(2 * rate, MAX_SPAWN_RATE), 0, message
