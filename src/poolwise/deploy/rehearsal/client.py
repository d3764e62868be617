"""The clients of a rehearsal: one process, one thread, that sends every request at its time.

It works in the folder of the rehearsal: reads ``script.json``, waits until ``start`` holds the instant of
second 0 (monotonic clock), and at the end, or when told to end (SIGTERM), writes ``record.json``. Both hold
one list a column; the columns of the record are ``Attempt``'s.
"""

from __future__ import annotations

import gc
import heapq
import json
import os
import selectors
import shutil
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from poolwise.deploy.folder import replace_file
from poolwise.deploy.rehearsal.configuration import PID
from poolwise.deploy.rehearsal.reply import Reply
from poolwise.observe import make_urgent

SCRIPT, START, RECORD, READY = "script.json", "start", "record.json", "ready"
NEVER = float("inf")
REFUSED_S = 0.9  # a connection not made by then was dropped: the kernel knocks again after 1 s
LOOK_S = 0.002  # how often it is looked whether something has happened
MOST_S = 0.5  # how long a wait without anything is
HTTPD_S = 12.0  # that httpd may take to end
URGENT = -15  # nice, where permitted
ADDRESSES, PORTS = 16, 20_000  # connections come from 127.0.1.1, .2, ...: ports are used again late

OPEN, SERVED, FAILED, REFUSED, GAVE_UP, LOST = "open", "served", "failed", "refused", "gave up", "lost"


@dataclass(slots=True)
class Attempt:
    """One try of a request, in seconds of the monotonic clock; 0 for what has not happened.

    ``note``: what the application said of itself. ``fresh``: on a new connection.
    """

    request: int
    attempt: int
    due_s: float
    sent_s: float = 0.0
    connected_s: float = 0.0
    first_s: float = 0.0
    finished_s: float = 0.0
    status: int = 0
    note: str = ""
    state: str = OPEN
    fresh: bool = True


class Connection:
    """A connection to the server, and the attempt that uses it."""

    __slots__ = ("answer", "attempt", "idle_since_s", "name", "sock", "used")

    def __init__(self, sock: socket.socket, name: int) -> None:
        self.sock = sock
        self.name = name  # its number in the script; -1: for one request only
        self.attempt: Attempt | None = None
        self.answer = Reply()
        self.used = 0
        self.idle_since_s = 0.0


class Client:
    """Everything that is due, and everything that is open."""

    def __init__(self, script: dict[str, Any], start_s: float, told: Told) -> None:
        self.script = script
        self.start_s = start_s
        self.address = (script["host"], script["port"])
        self.selector = selectors.DefaultSelector()
        self.due: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.count = 0
        self.attempts: list[Attempt] = []
        self.kept: dict[int, Connection] = {}  # by the number of the connection
        self.idle: list[tuple[float, float]] = []  # when a connection was idle
        self.following = self._chains()
        self.left = len(script["arrival_s"])
        self.opened = 0
        self.told = told

    def _chains(self) -> dict[int, int]:
        """Which request follows which on its connection; the others become due at their times."""
        last: dict[int, int] = {}
        following: dict[int, int] = {}
        for i, (arrival_s, number) in enumerate(
            zip(self.script["arrival_s"], self.script["connection"], strict=True)
        ):
            if number >= 0 and number in last:
                following[last[number]] = i
            else:
                self._at(self.start_s + arrival_s, self._begin, i, 0)
            if number >= 0:
                last[number] = i
        return following

    def _at(self, when_s: float, what: Callable[..., None], *arguments: Any) -> None:
        self.count += 1
        heapq.heappush(self.due, (when_s, self.count, what, arguments))

    def run(self) -> None:
        """Until the time is over and every request has had its end, or we are told to end."""
        end_s = self.start_s + self.script["duration_s"]
        while not self.told.to_end:
            now = time.monotonic()
            if now >= end_s and not self.left:
                break
            while self.due and self.due[0][0] <= now:
                when_s, _, what, arguments = heapq.heappop(self.due)
                what(when_s, *arguments)
                now = time.monotonic()
            next_s = min(self.due[0][0] if self.due else NEVER, end_s if now < end_s else NEVER)
            for key, _ in self.selector.select(min(max(next_s - now, 0.0), MOST_S)):
                key.data[0](key.data[1])

    def _begin(self, when_s: float, request: int, number: int) -> None:
        """Send a request: on its connection where that is open, else on a new one."""
        attempt = Attempt(request, number, when_s)
        self.attempts.append(attempt)
        name = self.script["connection"][request]
        connection = self.kept.pop(name, None) if name >= 0 else None
        attempt.sent_s = time.monotonic()
        if connection is not None:
            attempt.fresh = False
            attempt.connected_s = attempt.sent_s
            connection.attempt = attempt
            self.idle.append((connection.idle_since_s, attempt.sent_s))
            self._send(connection)
        else:
            self._open(attempt)
        if (patience_s := self.script["patience_s"]) is not None:
            self._at(when_s + patience_s, self._lose_patience, attempt)

    def _open(self, attempt: Attempt) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        connection = Connection(sock, self.script["connection"][attempt.request])
        connection.attempt = attempt
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            sock.bind((f"127.0.1.{1 + self.opened // PORTS % ADDRESSES}", 0))
        self.opened += 1
        sock.connect_ex(self.address)
        self._at(attempt.sent_s + REFUSED_S, self._give_up_connecting, connection, attempt)
        self._send(connection)

    def _writable(self, connection: Connection) -> None:
        self.selector.unregister(connection.sock)
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        """Write the request, or as soon as the connection is made."""
        attempt = connection.attempt
        assert attempt is not None
        try:
            connection.sock.send(self._request(attempt.request))
        except BlockingIOError:
            self.selector.register(connection.sock, selectors.EVENT_WRITE, (self._writable, connection))
            return
        except OSError:
            self._broken(connection)
            return
        if attempt.fresh:
            attempt.connected_s = time.monotonic()
        if connection.used == 0:
            self.selector.register(connection.sock, selectors.EVENT_READ, (self._readable, connection))
        connection.used += 1

    def _request(self, i: int) -> bytes:
        script = self.script
        work = f"{script['service_s'][i]:.6f} {script['cpu_s'][i]:.6f} {script['bursts']}"
        end = "" if script["connection"][i] >= 0 else "Connection: close\r\n"
        path = script["paths"][script["kind"][i]]
        return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Rehearsed-Work: {work}\r\n{end}\r\n".encode()

    def _give_up_connecting(self, when_s: float, connection: Connection, attempt: Attempt) -> None:
        if attempt.state is OPEN and not attempt.connected_s and connection.attempt is attempt:
            self._close(connection)
            self._end(attempt, REFUSED)

    def _lose_patience(self, when_s: float, attempt: Attempt) -> None:
        if attempt.state is not OPEN:
            return
        for key in list(self.selector.get_map().values()):
            if key.data[1].attempt is attempt:
                self._close(key.data[1])
        self._end(attempt, GAVE_UP)

    def _readable(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        attempt = connection.attempt
        if not data:
            self._ended(connection)
            return
        if attempt is None:
            return
        if not attempt.first_s:
            attempt.first_s = time.monotonic()
        connection.answer.take(data)
        if connection.name >= 0 and connection.answer.whole:
            self._answered(connection, attempt)

    def _ended(self, connection: Connection) -> None:
        """The server has closed."""
        attempt = connection.attempt
        if attempt is not None and connection.answer.status:
            self._answered(connection, attempt)
            self._close(connection)
        elif attempt is not None:
            self._broken(connection)
        else:
            self._close(connection)

    def _broken(self, connection: Connection) -> None:
        """Closed without an answer: a kept connection is opened anew for the request, else it is lost."""
        attempt = connection.attempt
        self._close(connection)
        assert attempt is not None
        if attempt.fresh:
            self._end(attempt, LOST if attempt.connected_s else REFUSED)
        else:
            attempt.fresh, attempt.connected_s = True, 0.0
            self._open(attempt)

    def _answered(self, connection: Connection, attempt: Attempt) -> None:
        attempt.finished_s = time.monotonic()
        answer = connection.answer
        attempt.status = answer.status
        attempt.note = answer.header(b"x-rehearsed").decode("latin-1")
        connection.attempt, connection.answer = None, Reply()
        if connection.name >= 0 and answer.header(b"connection").lower() != b"close":
            self.kept[connection.name] = connection
            connection.idle_since_s = attempt.finished_s
        self._end(attempt, SERVED if attempt.status < 500 else FAILED)

    def _close(self, connection: Connection) -> None:
        connection.attempt = None
        with suppress(KeyError, ValueError):
            self.selector.unregister(connection.sock)
        connection.sock.close()
        if self.kept.get(connection.name) is connection:
            del self.kept[connection.name]
            self.idle.append((connection.idle_since_s, time.monotonic()))

    def _end(self, attempt: Attempt, state: str) -> None:
        """An attempt is over: perhaps it is repeated, else the next request of the connection may come."""
        attempt.state = state
        now, i, script = time.monotonic(), attempt.request, self.script
        if state in (REFUSED, GAVE_UP) and attempt.attempt < script["retries"]:
            self._at(now + script["retry_s"] * 2**attempt.attempt, self._begin, i, attempt.attempt + 1)
            return
        self.left -= 1
        if (follows := self.following.get(i)) is not None:
            think_s = script["think_s"][follows]
            due_s = self.start_s + script["arrival_s"][follows] if think_s is None else now + think_s
            self._at(max(due_s, now), self._begin, follows, 0)

    def record(self) -> dict[str, list[Any]]:
        """What came of every attempt, a list a column; and ``idle_s``, when a connection was idle."""
        names = [each.name for each in fields(Attempt)]
        rows = [astuple(each) for each in self.attempts]
        now = time.monotonic()
        idle = [*self.idle, *((each.idle_since_s, now) for each in self.kept.values())]
        return {"idle_s": idle, **{name: [row[k] for row in rows] for k, name in enumerate(names)}}


class Told:
    """Whether we were told to end, by a signal."""

    def __init__(self) -> None:
        self.to_end = False
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self.to_end = True

    def wait(self, until: Callable[[], bool] = lambda: False) -> None:
        """Return when told to end, or when ``until`` says so."""
        while not (self.to_end or until()):
            time.sleep(LOOK_S)


def main(folder: Path) -> None:
    """Run the script in ``folder``, write the record, and stay until told to end.

    poolwise tells us; when it is killed, the kernel does, and then we are the last who can clean up.
    """
    parent, told = os.getppid(), Told()
    script = json.loads((folder / SCRIPT).read_text("utf-8"))
    make_urgent(os.getpid(), URGENT)
    replace_file(folder / READY, "")
    told.wait((folder / START).exists)
    if not told.to_end:
        gc.disable()
        client = Client(script, float((folder / START).read_text("utf-8")), told)
        client.run()
        if os.getppid() == parent:
            replace_file(folder / RECORD, json.dumps(client.record()))
            told.to_end = False  # that was for the requests
            told.wait(lambda: os.getppid() != parent)
    if os.getppid() != parent:
        until = time.monotonic() + HTTPD_S
        while (folder / PID).exists() and time.monotonic() < until:
            time.sleep(LOOK_S)
        shutil.rmtree(folder, ignore_errors=True)
