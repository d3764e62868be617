"""Stopping a served folder from outside, by a signal to its poolwise; or cleaning up when that was killed."""

from __future__ import annotations

import os
import signal
import time

from poolwise.deploy.running.ending import FIRM_S
from poolwise.deploy.running.instances import forget_elsewhere
from poolwise.deploy.running.leftovers import clean_up
from poolwise.deploy.running.state import State
from poolwise.model import InputError, ServerError

SERVERS = 3  # nginx, httpd, the applications' own: each may need its time when the grace is over
LOOK_S = 0.05


def stop(state: State, *, now: bool = False) -> str:
    """End what is served; in words what was done.

    ``now``: without letting requests finish. Raises InputError when it is another user's, ServerError when
    it does not end in the time that it has for that.
    """
    name, poolwise = state.deployment.name, state.poolwise
    if not poolwise.alive:
        number = clean_up(state)
        forget_elsewhere(state.deployment.folder)
        left = (
            f"the {number} processes that it had left running are ended"
            if number
            else "nothing had been left"
        )
        return f"{name}: poolwise (pid {poolwise.pid}) had been killed; {left}"
    begun = time.monotonic()
    try:
        if now or state.phase != "stopping":  # a second SIGTERM would mean that requests may not finish
            os.kill(poolwise.pid, signal.SIGQUIT if now else signal.SIGTERM)
    except PermissionError as error:
        raise InputError(f"{name} is served by another user; only that user or root may stop it") from error
    except ProcessLookupError:
        pass
    patience_s = (0.0 if now else state.stop_s) + SERVERS * FIRM_S
    while poolwise.alive:
        if time.monotonic() - begun > patience_s:
            raise ServerError(
                f"{name} has not ended within {patience_s:g} s; it is poolwise with the pid {poolwise.pid}"
            )
        time.sleep(LOOK_S)
    return f"{name} has ended after {time.monotonic() - begun:.1f} s"
