"""The stand-in application: each request says what it costs, and is told when that began and ended.

This file is copied into the folder of the rehearsal and runs in whatever Python its mod_wsgi has: the
standard library of 3.8 and later only. What is appended to the copy loads it (``script``, at the end).
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys  # noqa: F401 (for what is appended)
import time
from typing import Any

WORK = "HTTP_X_REHEARSED_WORK"  # "seconds cpu_seconds bursts" of a request
NOTE = "X-Rehearsed"  # of its answer: see ``note``
LOADING = [0.0, 0.0, 0.0]
APACHE, DAEMON = "mod_wsgi.request_start", "mod_wsgi.daemon_start"  # in microseconds since 1970


def burn(cpu_s: float) -> None:
    """Use so much of a processor, by this thread's own clock."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(100):
            pass


def now() -> tuple[float, float]:
    """When something begins: the monotonic clock, and this thread's CPU time."""
    return time.monotonic(), time.thread_time()


def load(began: tuple[float, float], wait_s: float, cpu_s: float) -> None:
    """What importing an application takes beside what it has taken since it ``began``."""
    if wait_s:
        time.sleep(wait_s)
    burn(cpu_s)
    LOADING[:] = [began[0], time.monotonic(), time.thread_time() - began[1]]


def work(asked: str) -> None:
    """What a request takes: work and waiting in turns, as often as it says, work first."""
    service, cpu, bursts = asked.split()
    cpu_s, turns = float(cpu), int(bursts)
    wait_s = (float(service) - cpu_s) / turns
    for _ in range(turns):
        if cpu_s:
            burn(cpu_s / turns)
        if wait_s > 0:
            time.sleep(wait_s)


def note(environ: dict[str, Any], began: tuple[float, float]) -> tuple[str, str]:
    """The header that tells the client: the process; when a worker of Apache's and one of the group had the
    request, when the application began and ended, its CPU; the same three of loading. Monotonic clock; 0 for
    what has not been.
    """
    since = time.time() - time.monotonic()
    workers = [float(environ[name]) / 1e6 - since if environ.get(name) else 0.0 for name in (APACHE, DAEMON)]
    times = (*workers, began[0], time.monotonic(), time.thread_time() - began[1], *LOADING)
    return NOTE, f"{os.getpid()} " + " ".join(f"{each:.6f}" for each in times)


def stand_in(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """The application in whose place this stands."""
    began = now()
    work(environ[WORK])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3"), note(environ, began)])
    return [b"ok\n"]


def imported(target: str) -> Any:
    """The application at ``module:callable``, or in a script file, where it is called ``application``."""
    if not target.startswith("/"):
        module, _, name = target.partition(":")
        return getattr(importlib.import_module(module), name or "application")
    loader = importlib.machinery.SourceFileLoader("rehearsed", target)
    spec = importlib.util.spec_from_loader("rehearsed", loader)
    made = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    loader.exec_module(made)
    return made.application


class Watched:
    """The user's own application, whose answers tell the same."""

    def __init__(self, application: Any) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Run it; the end in the note is that of its header."""
        began = now()

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, [*headers, note(environ, began)], *error)

        return self.application(environ, start)
