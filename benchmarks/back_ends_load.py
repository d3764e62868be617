"""Load on a server of 127.0.0.1: wrk, and keep-alive clients that count the connections they lose."""

from __future__ import annotations

import re
import selectors
import socket
import subprocess
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What wrk saw: completed requests, their rate and latency, and what went wrong."""

    requests: int
    rate_rps: float
    p50_ms: float
    p99_ms: float
    failed: int  # socket errors and answers that are no 2xx or 3xx


def wrk(port: int, path: str, duration_s: int, clients: int = 16) -> Load:
    """Closed-loop keep-alive clients on one thread of wrk."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{clients}", f"-d{duration_s}s", "--latency", f"http://127.0.0.1:{port}{path}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=duration_s + 30,
    )
    return read_wrk(done.stdout)


def read_wrk(text: str) -> Load:
    """wrk's printed result as a value."""
    requests = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", text)
    if not requests or not rate:
        raise ValueError(f"wrk printed no result: {text!r}")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Load(
        requests=int(requests[1]),
        rate_rps=float(rate[1]),
        p50_ms=_percentile_ms(text, "50%"),
        p99_ms=_percentile_ms(text, "99%"),
        failed=(sum(map(int, errors.groups())) if errors else 0) + (int(other[1]) if other else 0),
    )


def _percentile_ms(text: str, name: str) -> float:
    found = re.search(rf"{name}\s+([\d.]+)(us|ms|s|m)\b", text)
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}[found[2]] if found else 0.0


@dataclass
class Kept:
    """What keep-alive clients met: answers, and connections that ended while an answer was owed."""

    answers: int = 0
    errors: int = 0  # answers that are no 200
    resets: int = 0  # the connection was reset
    cut: int = 0  # it was closed before the answer, or within it
    refused: int = 0  # it could not be opened
    announced: int = 0  # it was closed as the answer before had announced
    connections: int = 0

    @property
    def lost(self) -> int:
        """Requests that got no answer."""
        return self.resets + self.cut + self.refused


def keep_alive(port: int, path: str, clients: int, duration_s: float) -> Kept:
    """So many clients without a pause, each on one connection for as long as the server keeps it open.

    A client whose connection ends opens another. The answers have to have a Content-Length.
    """
    seen = Kept()
    until = time.monotonic() + duration_s
    with selectors.DefaultSelector() as watched:
        for client in [_Client(port, path, seen) for _ in range(clients)]:
            client.begin(watched)
        while watched.get_map() and time.monotonic() < until:
            for key, _ in watched.select(timeout=0.5):
                key.data.go_on(watched)
        for key in list(watched.get_map().values()):
            key.data.socket.close()
    return seen


class _Client:
    """Sends a request, reads the whole answer, sends the next."""

    def __init__(self, port: int, path: str, seen: Kept) -> None:
        self.address = ("127.0.0.1", port)
        self.request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        self.seen = seen
        self.socket = socket.socket()
        self.received = b""

    def begin(self, watched: selectors.BaseSelector) -> None:
        """Open a connection and send the first request; a client that fails three times is out."""
        for _ in range(3):
            self.socket.close()
            self.socket = socket.socket()
            try:
                self.socket.connect(self.address)
            except OSError:
                self.seen.refused += 1
                continue
            self.seen.connections += 1
            self.socket.setblocking(False)
            if self._send():
                watched.register(self.socket, selectors.EVENT_READ, self)
                return
        self.socket.close()

    def go_on(self, watched: selectors.BaseSelector) -> None:
        """Read what is there; when the connection has ended, open another."""
        if not self._receive():
            watched.unregister(self.socket)
            self.begin(watched)

    def _send(self) -> bool:
        self.received = b""
        try:
            self.socket.sendall(self.request)
        except OSError:
            self.seen.resets += 1
            return False
        return True

    def _receive(self) -> bool:
        """Whether the connection is still good after reading, and sending the next request."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            self.seen.resets += 1
            return False
        if not data:
            self.seen.cut += 1
            return False
        self.received += data
        head, whole, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if not whole or (length and len(body) < int(length[1])):
            return True
        self.seen.answers += 1
        self.seen.errors += head.split(None, 2)[1] != b"200"
        if re.search(rb"(?i)\r\nconnection: *close", head):
            self.seen.announced += 1
            return False
        return self._send()
