"""When a server is ready: the port answers, and every process of the applications has loaded.

The script that is rendered for an application leaves ``run/ready/NAME.PID`` when it has loaded in a
process, and ``run/failed/NAME.PID`` with the traceback when it could not.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from poolwise.deploy.folder import remove_file
from poolwise.deploy.plan import Deployment
from poolwise.deploy.running.health import Health, Wait, ailment, health_of
from poolwise.model import ServerError

READY, FAILED = "run/ready", "run/failed"
SHORT_S = 0.05
MOST_BYTES = 100_000  # of a traceback
ANSWER_S, WELL_S = 5.0, 2.0  # for one answer; for good ones, while there are bad ones


def loaded(folder: str | Path, name: str, sessions: Collection[int]) -> tuple[int, ...]:
    """The processes in which the application has loaded, of the servers that lead these sessions."""
    return tuple(sorted(pid for _, pid in _markers(folder, READY, name) if _session(pid) in sessions))


def failure(folder: str | Path, name: str) -> str:
    """The newest traceback of a process in which the application could not be loaded, "" without any."""
    return max((_text(path) for path, _ in _markers(folder, FAILED, name)), default=(0, ""))[1]


def _text(path: Path) -> tuple[int, str]:
    """When a marker was written, and what it says; the application could put anything in its place."""
    with suppress(OSError):
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(number, "rb") as file:
            found = os.fstat(number)
            if stat.S_ISREG(found.st_mode):
                return found.st_mtime_ns, file.read(MOST_BYTES).decode("utf-8", "replace")
    return 0, ""


def forget_markers(folder: str | Path) -> None:
    """Remove what processes that run no more have left behind."""
    for kind in (READY, FAILED):
        for path, pid in _markers(folder, kind):
            if _session(pid) < 0:
                remove_file(path)


def _markers(folder: str | Path, kind: str, name: str = "") -> Iterator[tuple[Path, int]]:
    with suppress(OSError):
        for path in sorted((Path(folder) / kind).iterdir()):
            owner, _, pid = path.name.rpartition(".")
            if pid.isdecimal() and (not name or owner == name):
                yield path, int(pid)


def _session(pid: int) -> int:
    """The session that a process belongs to, -1 when it has gone."""
    try:
        return os.getsid(pid)
    except (OSError, OverflowError):
        return -1


def missing(deployment: Deployment, sessions: Collection[int]) -> dict[str, int]:
    """How many processes have not loaded yet, for each application where there are any."""
    left = {
        each.name: each.processes - len(loaded(deployment.folder, each.name, sessions))
        for each in deployment.applications
    }
    return {name: number for name, number in left.items() if number > 0}


def until_ready(deployment: Deployment, sessions: Collection[int], wait: Wait, patience_s: float) -> None:
    """Wait until every process has loaded, and for a moment for good answers to the health checks.

    ``wait`` passes the time, and may raise. Raises ServerError with the traceback of an application that
    could not be loaded, or with what was still missing after ``patience_s``. An application that answers
    with an error is ready all the same: it is the application's own error.
    """
    until = time.monotonic() + patience_s
    while left := missing(deployment, sessions):
        for name in left:
            if text := failure(deployment.folder, name):
                raise ServerError(f"{name} could not be loaded:\n{text.rstrip()}")
        if time.monotonic() > until:
            words = ", ".join(f"{number} of {name}" for name, number in left.items())
            raise ServerError(f"after {patience_s:g} s processes have not loaded their application: {words}")
        wait(SHORT_S)
    for health in quick_checks(deployment):
        enough = min(until, time.monotonic() + WELL_S)
        while ailment(health, wait) and time.monotonic() < enough:
            wait(SHORT_S)


def quick_checks(deployment: Deployment) -> tuple[Health, ...]:
    """The health check of each application, asked once and not waited for long."""
    checks = (health_of(deployment.front, each) for each in deployment.applications)
    return tuple(replace(each, requests=1, patience_s=ANSWER_S) for each in checks)
