"""A second server takes over the port of the first, when it has shown that it can.

Both listen on the same addresses (SO_REUSEPORT). Until the new one has loaded and answered well, every
connection is led to the old one, except for our own questions; from then on to the new one, and the old one
is left to finish what it has. Whatever happens before that moment, the old one serves as if nothing had been.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from poolwise.deploy.reloading.steering import NEWER, OLDER, Steering, steering
from poolwise.deploy.running.health import Health, Wait, ailment
from poolwise.model import ServerError

SETTLE_S = 1.0  # a client that had begun to connect has its last word within a round trip
MOST_SETTLE_S = 10.0
SHORT_S = 0.05
New = TypeVar("New")


def take_over(
    old: int,
    start: Callable[[], New],
    ready: Callable[[New], object],
    stop: Callable[[New], object],
    healths: Sequence[Health],
    *,
    say: Callable[[str], None],
    wait: Wait,
) -> New:
    """Start another server beside the one whose first process is ``old``; return it when it serves alone.

    ``start`` starts it and returns at once, ``ready`` waits until it has loaded, ``stop`` ends it; the old
    one is still to be ended, gracefully, by the caller. ``wait(seconds, *files)`` passes the time and may
    raise. Raises what these raise, and ServerError when the new one answers badly: it is stopped then.
    """
    begun = time.monotonic()
    with steering(old) as lead:
        if isinstance(lead, Steering):
            if others := lead.strangers():
                raise ServerError(f"another server listens on {', '.join(others)} as well; end that first")
            lead.all_to(OLDER)
        else:
            say(f"{lead}: meanwhile connections go to either server, also before the new one has loaded")
        new = start()
        try:
            ready(new)
            say(f"the new server has loaded after {time.monotonic() - begun:.1f} s")
            for health in healths:
                if bad := ailment(health, wait, lead.to_newer if isinstance(lead, Steering) else None):
                    raise ServerError(f"the new server is not healthy: {bad}; the old one goes on serving")
            if isinstance(lead, Steering):
                lead.all_to(NEWER)
                say(f"it is healthy, and gets every new connection after {time.monotonic() - begun:.1f} s")
        except BaseException:
            stop(new)  # connections stay led to the older one: the only one, from when the new one is gone
            raise
        _settle(lead, wait)
    return new


def _settle(lead: Steering | str, wait: Wait) -> None:
    """Give the old server time to accept who had already come to it."""
    begun = time.monotonic()
    wait(SETTLE_S)
    while isinstance(lead, Steering) and lead.waiting() and time.monotonic() < begun + MOST_SETTLE_S:
        wait(SHORT_S)
