"""Sockets as the kernel lists them: whose they are, and how many wait for connections on a port."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from pathlib import Path

import psutil

LISTENING = "0A"  # TCP_LISTEN; include/net/tcp_states.h
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def unix_sockets(pid: int) -> frozenset[str] | None:
    """The paths of a process's sockets, none when it has gone; None when they are not shown to us."""
    try:
        seen = psutil.Process(pid).net_connections(kind="unix")
    except psutil.AccessDenied:
        return None
    except (psutil.Error, OSError):
        return frozenset()
    return frozenset(str(each.laddr) for each in seen if each.laddr)


def listening_sockets(host: str, port: int) -> int:
    """How many TCP sockets listen on that very address, each counted once however many processes share it."""
    return sum(_address(line.split()) == (host, port) for table in TABLES for line in _lines(table))


def _lines(table: Path) -> list[str]:
    with suppress(OSError):  # no IPv6 here
        return table.read_text("ascii").splitlines()[1:]
    return []


def _address(fields: list[str]) -> tuple[str, int] | None:
    """Where a socket listens, None when it does not; addresses are words of the machine's own byte order."""
    if fields[3] != LISTENING:
        return None
    words, _, port = fields[1].partition(":")
    data = b"".join(struct.pack("=I", int(words[at : at + 8], 16)) for at in range(0, len(words), 8))
    family = socket.AF_INET if len(data) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, data), int(port, 16)
