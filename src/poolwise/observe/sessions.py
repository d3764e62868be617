"""The processes of a session: what a server that led one has left behind, its own end notwithstanding."""

from __future__ import annotations

import os
from contextlib import suppress

import psutil

from poolwise.observe.processes import Process, process


def session(number: int) -> tuple[Process, ...]:
    """The running processes of the session that the process ``number`` led or leads, by age."""
    found = []
    for pid in psutil.pids():
        with suppress(OSError):  # it has gone
            if os.getsid(pid) == number and (one := process(pid)):
                found.append(one)
    return tuple(sorted(found, key=lambda each: (each.started, each.pid)))
