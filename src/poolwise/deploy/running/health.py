"""Whether a server answers as it should: a few requests, each on a connection of its own."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from poolwise.deploy.plan import Front, Hosted
from poolwise.deploy.reloading.steering import bound
from poolwise.model import InputError

Wait = Callable[..., None]  # wait(seconds, *files): passes the time, or less when a file can be read

CONNECT_S, SHORT_S = 2.0, 0.05
MOST_BYTES = 1 << 20  # of an answer that are read before we hang up
FAILED = 500
EVERY = {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Health:
    """What is asked, and what is a healthy answer: any status below 500, or one of ``statuses``."""

    host: str  # the address that is connected to
    port: int
    path: str = "/"
    name: str = ""  # of the site, for the Host header and TLS; the host when it is ""
    tls: bool = False
    statuses: frozenset[int] = frozenset()
    requests: int = 3
    patience_s: float = 15.0  # for each answer

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{self.port}{self.path}"

    def good(self, status: int) -> bool:
        """Whether an answer with this status is a healthy one."""
        return status in self.statuses if self.statuses else 0 < status < FAILED


@dataclass(frozen=True, slots=True)
class Ailment:
    """An answer that was not a healthy one; ``status`` 0: there was none."""

    status: int
    text: str

    def __str__(self) -> str:
        return self.text


def health_of(front: Front, application: Hosted) -> Health:
    """The health check of an application behind a front, asked from this machine."""
    tls = front.tls is not None and front.tls.only
    bare = front.host.strip("[]")
    return Health(
        host=EVERY.get(bare, bare),
        port=front.tls.port if front.tls and tls else front.port,
        path=f"{application.mount.rstrip('/')}/{application.health.lstrip('/')}",
        name=front.names[0] if front.names else "",
        tls=tls,
    )


def health_from(url: str, name: str = "") -> Health:
    """The check of a URL as people write it; ``name``: the site's, when it is not the URL's host.

    Raises InputError when it is no URL that we can ask.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError as error:
        raise InputError(f"{url}: {error}; write it as http://127.0.0.1:8000/health") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or " " in url:
        raise InputError(f"{url} cannot be asked; write it as http://127.0.0.1:8000/health")
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Health(parts.hostname, port or (443 if tls else 80), path, name, tls)


def ailment(
    health: Health, wait: Wait, steered: Callable[[socket.socket], None] | None = None
) -> Ailment | None:
    """Ask as often as ``health.requests`` says; what was wrong with an answer, None when all were healthy.

    ``steered``: told of each socket before it connects, so that it can be led to one of two servers.
    """
    for _ in range(health.requests):
        try:
            status = _status(health, wait, steered)
        except OSError as error:  # TimeoutError and ssl.SSLError are ones
            return Ailment(0, f"{health} did not answer ({error.strerror or error})")
        if not health.good(status):
            text = f"{health} answered {status}" if status else f"what {health} answered is no HTTP"
            return Ailment(status, text)
    return None


def _status(health: Health, wait: Wait, steered: Callable[[socket.socket], None] | None) -> int:
    """The status code of one answer, 0 when it was none. OSError when there was no answer at all."""
    asking = bound(health.host) if steered else socket.socket(_family(health.host), socket.SOCK_STREAM)
    try:
        if steered:
            steered(asking)
        asking.settimeout(CONNECT_S)
        asking.connect((health.host, health.port))
        if health.tls:
            asking = _unverified().wrap_socket(asking, server_hostname=health.name or health.host)
        asking.sendall(_request(health))
        words = _answer(asking, wait, time.monotonic() + health.patience_s).split(None, 2)
    finally:
        asking.close()
    good = len(words) >= 2 and words[0].startswith(b"HTTP/") and words[1].isdigit()
    return int(words[1]) if good else 0


def _request(health: Health) -> bytes:
    host = health.name or (f"[{health.host}]" if ":" in health.host else health.host)
    lines = (f"GET {health.path} HTTP/1.1", f"Host: {host}", "User-Agent: poolwise", "Connection: close")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii", "replace")


def _answer(asked: socket.socket, wait: Wait, until: float) -> bytes:
    """The beginning of what comes back; the rest is read so that the server is not cut off."""
    head, size = b"", 0
    asked.settimeout(0)
    while size < MOST_BYTES:
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            data = asked.recv(1 << 16)
            head, size = (head + data)[:64], size + len(data)
            if not data:
                break
            continue
        if time.monotonic() > until:
            if head:
                break
            raise TimeoutError("no answer in time")
        wait(SHORT_S, asked)
    return head


def _family(host: str) -> socket.AddressFamily:
    return socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][0]


def _unverified() -> ssl.SSLContext:
    """We ask on this machine: the certificate is for the site's name, and may be self-signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def pause(seconds: float, *files: Any) -> None:
    """Pass the time, or less when one of ``files`` can be read."""
    select.select(files, [], [], seconds)
