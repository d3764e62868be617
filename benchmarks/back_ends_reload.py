"""New code while clients are served: who waits, who gets no answer, when is the old code gone?"""

from __future__ import annotations

import http.client
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from back_ends_running import running
from back_ends_servers import (
    EMBEDDED_THREADS,
    PROCESSES,
    THREADS,
    Place,
    Start,
    account,
    debian_daemon,
    debian_embedded,
    express,
    granian,
    gunicorn,
    uwsgi,
)
from back_ends_site import write_version

from poolwise.deploy import Backend, Command

BEFORE_S, AFTER_S, MOST_S, QUIET_S = 1.0, 5.0, 20.0, 1.0
PAUSE_S, PATIENCE_S = 0.005, 20.0
CLIENTS = 2


@dataclass(frozen=True)
class Reloaded:
    """What clients met around a reload."""

    answers: int
    failed: int  # requests on new connections that got no 200
    gap_s: float  # the longest time without an answer
    slow: bool  # a request of five seconds, begun a second before, was answered
    old_s: (
        float | None
    )  # from the signal to the last answer of the old code; None: it was still there at the end


@dataclass
class _Answers:
    """What the clients saw: the time of each answer, and whether it was the old code's."""

    old: list[float] = field(default_factory=list)
    new: list[float] = field(default_factory=list)
    failed: int = 0


def poolwise_serve(backend: Backend) -> Start:
    """``poolwise serve``, as its users start it."""

    def start(place: Place) -> list[Command]:
        argv = [sys.executable, "-m", "poolwise.cli", "serve", f"{place.module}:application"]
        argv += ["--folder", str(place.site), "--python", str(place.environment), "--backend", backend]
        threads = EMBEDDED_THREADS if backend == "embedded" else THREADS
        argv += ["--processes", str(PROCESSES), "--threads", str(threads), "--port", str(place.port)]
        argv += ["--state", str(place.folder / "state")]
        argv += ["--user", account()] if account() else []
        return [Command("poolwise", tuple(argv), {}, str(place.folder))]

    return start


#: how it is started, and the signal to its first process by which its documentation has it take new code
RELOADS: dict[str, tuple[Start, signal.Signals]] = {
    "express": (express, signal.SIGUSR1),
    "daemon": (poolwise_serve("daemon"), signal.SIGHUP),
    "embedded": (poolwise_serve("embedded"), signal.SIGHUP),
    "apache-uwsgi": (poolwise_serve("uwsgi"), signal.SIGHUP),
    "debian-embedded": (debian_embedded, signal.SIGUSR1),
    "debian-daemon": (debian_daemon, signal.SIGUSR1),
    "gunicorn": (gunicorn, signal.SIGHUP),
    "uwsgi": (uwsgi, signal.SIGHUP),
    "granian": (granian, signal.SIGHUP),
}


def reload(name: str, place: Place) -> Reloaded:
    """Start the server with the old version, change it under load, ask it to reload."""
    start, number = RELOADS[name]
    write_version(place.site, "old")
    with running(start, place) as server:
        leader = server.started[0]
        return _watched(place, lambda: leader.send_signal(number))


def _watched(place: Place, act: Callable[[], None]) -> Reloaded:
    """Clients with a new connection for each request, and one slow request, while the version changes."""
    seen, over = _Answers(), threading.Event()
    slow: list[bool] = []
    clients = [threading.Thread(target=_ask_on, args=(place.port, seen, over)) for _ in range(CLIENTS)]
    clients.append(threading.Thread(target=lambda: slow.append(_ask(place.port, "/slow") is not None)))
    begun = time.monotonic()
    for client in clients:
        client.start()
    time.sleep(BEFORE_S)
    write_version(place.site, "new")
    signalled = time.monotonic()
    act()
    while time.monotonic() < signalled + MOST_S:
        time.sleep(0.1)
        last = max((*seen.old, signalled + AFTER_S - QUIET_S))
        if time.monotonic() > last + QUIET_S and max(seen.new, default=0.0) > last:
            break
    over.set()
    for client in clients:
        client.join()
    times = [begun, *sorted(seen.old + seen.new), time.monotonic()]
    last_old, last_new = max(seen.old, default=signalled), max(seen.new, default=0.0)
    return Reloaded(
        answers=len(times) - 2,
        failed=seen.failed,
        gap_s=round(max(later - sooner for sooner, later in pairwise(times)), 2),
        slow=bool(slow and slow[0]),
        old_s=round(max(0.0, last_old - signalled), 2) if last_new > last_old + QUIET_S / 2 else None,
    )


def _ask_on(port: int, seen: _Answers, over: threading.Event) -> None:
    while not over.is_set():
        body = _ask(port, "/")
        if body is None:
            seen.failed += 1
        else:
            (seen.old if body == b"old" else seen.new).append(time.monotonic())
        time.sleep(PAUSE_S)


def _ask(port: int, path: str) -> bytes | None:
    """The body of one request on a connection of its own; None when it is no 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return body if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
