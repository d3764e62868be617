"""The httpd of a rehearsal: started in its folder, its first second known, ended without a trace."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from poolwise.deploy.folder import remove_file
from poolwise.deploy.rehearsal.configuration import LOG
from poolwise.deploy.rehearsal.plan import Rehearsal
from poolwise.deploy.running.child import Child, start_child
from poolwise.deploy.running.logs import last_lines
from poolwise.deploy.running.vigil import Tail
from poolwise.model import ServerError
from poolwise.observe import child_pids, make_urgent, scoreboard_file

START_S = 30.0  # for httpd to start its first processes
GRACE_S = 0.5  # for its children to end by themselves
STOP_S = 12.0
LOOK_S = 0.005
STAMP = "%Y-%m-%d %H:%M:%S.%f"
READY = re.compile(r"AH\d{5}: .* configured -- resuming normal operations")
SAID = re.compile(
    r"^\[(?P<stamp>[\d-]+ [\d:.]+)\] \[(?P<module>\S*):(?P<level>\w+)\] \[pid (?P<pid>\d+)\] (?P<text>.*)"
)
OUTPUT = "httpd.out"


@dataclass(frozen=True)
class Running:
    """httpd as it runs. ``start_s``: second 0 on the monotonic clock, ``stamp`` the same in its log.

    Second 0 is when httpd says that it resumes normal operations: the first processes are forked, and the
    parent's next step is its first sleep. ``scoreboard``: None where it is laid out otherwise than we can
    read.
    """

    child: Child
    scoreboard: Path | None
    start_s: float
    stamp: datetime


@contextmanager
def running(httpd: str, folder: Path, plan: Rehearsal) -> Iterator[Running]:
    """httpd on the configuration in ``folder`` until the end of the block.

    Raises ServerError, with what httpd said, when it does not start.
    """
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    command = [httpd, "-f", str(folder / "httpd.conf"), "-D", "FOREGROUND"]
    child = start_child("httpd", command, folder / OUTPUT, environment=environment)
    make_urgent(child.pid, os.getpriority(os.PRIO_PROCESS, 0))  # as we are: its session begins with 0
    if plan.cores:
        os.sched_setaffinity(child.pid, sorted(os.sched_getaffinity(0))[: plan.cores])
    segment: Path | None = None
    try:
        stamp = _wait(child, folder)
        start_s = time.monotonic() - (datetime.now() - stamp).total_seconds()
        with suppress(ServerError):
            segment = scoreboard_file(child.pid, plan.front.server_limit, plan.thread_limit)
        yield Running(child, segment, start_s, stamp)
    finally:
        end(child)
        if segment:
            remove_file(segment)


def _wait(child: Child, folder: Path) -> datetime:
    """When httpd was ready, by its own log."""
    log = Tail(folder / LOG, at=0)
    until = time.monotonic() + START_S
    try:
        while time.monotonic() < until:
            for line in log.lines():
                found = SAID.match(line)
                if found and READY.search(found["text"]):
                    return datetime.strptime(found["stamp"], STAMP)
            if not child.alive:
                raise ServerError(f"httpd did not start ({child.ending}). It said:\n{said(folder)}")
            time.sleep(LOOK_S)
    finally:
        log.close()
    raise ServerError(f"httpd was not ready within {START_S:g} s. It said:\n{said(folder)}")


def said(folder: Path) -> str:
    """The last that httpd said, on its standard error and in its log."""
    lines = [*last_lines(folder / OUTPUT), *last_lines(folder / LOG)]
    return "\n".join(f"  {line}" for line in lines) or "  nothing"


def end(child: Child) -> None:
    """End httpd, which takes away what is its own; its children, whose requests nobody needs, are not waited
    for (httpd itself lets them work on for up to 10 s).
    """
    child.tell(signal.SIGTERM)
    since = time.monotonic()
    while not child.gone and time.monotonic() < since + STOP_S:
        if time.monotonic() > since + GRACE_S:
            for pid in child_pids(child.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(LOOK_S)
    child.tell_all(signal.SIGKILL)
    child.popen.wait()
