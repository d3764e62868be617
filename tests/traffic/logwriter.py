"""Writes access log lines as httpd does, independently of the code that reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

BEGIN = 1_700_000_000  # 14/Nov/2023:22:13:20 +0000


@dataclass(frozen=True)
class Request:
    """One request as the server knows it; times in integer microseconds of Unix time."""

    begin_us: int
    took_us: int
    zone_minutes: int = 0
    host: str = "192.0.2.1"
    user: str = "-"
    line: bytes = b"GET / HTTP/1.1"
    status: int = 200
    size: int = 0
    referer: bytes = b"-"
    agent: bytes = b"-"


def escaped(value: bytes) -> bytes:
    """ap_escape_logitem of httpd's server/util.c: quotes, backslashes and everything unprintable."""
    named = {
        0x08: b"\\b",
        0x0A: b"\\n",
        0x0D: b"\\r",
        0x09: b"\\t",
        0x0B: b"\\v",
        0x22: b'\\"',
        0x5C: b"\\\\",
    }
    plain = range(0x20, 0x7F)
    return b"".join(named[c] if c in named else bytes([c]) if c in plain else b"\\x%02x" % c for c in value)


def record(form: str, request: Request) -> bytes:
    """The line that httpd writes for a request under ``form`` (quotes not escaped)."""
    pattern = r"%([!<>,\d]*)(?:\{([^}]*)\})?([<>]?)([a-zA-Z%])|([^%]+)"
    return b"".join(_part(match, request) for match in re.finditer(pattern, form))


def _part(match: re.Match[str], request: Request) -> bytes:
    modifiers, argument, _, letter, literal = match.groups()
    if literal is not None:
        return literal.encode()
    statuses = re.findall(r"\d+", modifiers)
    if statuses and (str(request.status) in statuses) == ("!" in modifiers):
        return b"-"
    return _value(letter, argument or "", request)


def _value(letter: str, argument: str, request: Request) -> bytes:
    if letter == "t":
        return _time(argument, request).encode()
    if letter == "T":
        return b"%d" % (request.took_us // {"": 10**6, "s": 10**6, "ms": 1000, "us": 1}[argument])
    if letter == "i":
        return escaped(request.referer if argument.lower() == "referer" else request.agent)
    simple = {
        "%": b"%",
        "h": request.host.encode(),
        "a": request.host.encode(),
        "l": b"-",
        "u": escaped(request.user.encode()),
        "r": escaped(request.line),
        "m": b"GET",
        "U": b"/a path",
        "q": b"?q",
        "H": b"HTTP/1.1",
        "s": b"%d" % request.status,
        "b": b"%d" % request.size if request.size else b"-",
        "O": b"%d" % request.size,
        "I": b"77",
        "X": b"+",
        "v": b"www.example.org",
        "p": b"443",
        "P": b"4711",
        "D": b"%d" % request.took_us,
    }
    return simple[letter]


def _time(argument: str, request: Request) -> str:
    moment, rest = "begin", argument
    if argument.startswith(("begin:", "end:")):
        moment, _, rest = argument.partition(":")
    at_us = request.begin_us + (request.took_us if moment == "end" else 0)
    tokens = {
        "sec": str(at_us // 10**6),
        "msec": str(at_us // 1000),
        "usec": str(at_us),
        "msec_frac": f"{at_us // 1000 % 1000:03}",
        "usec_frac": f"{at_us % 10**6:06}",
    }
    if rest in tokens:
        return tokens[rest]
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at_us // 10**6)).astimezone(
        timezone(timedelta(minutes=request.zone_minutes))
    )
    rest = rest.replace("%s", str(at_us // 10**6))  # Python's own %s knows only the local zone
    return local.strftime(rest or "[%d/%b/%Y:%H:%M:%S %z]")


def many(count: int) -> list[bytes]:
    """Lines of a combined log with %D, 40 a second, request i taking i + 1 microseconds."""
    stamps = [record("%t", Request((BEGIN + i) * 10**6, 0)) for i in range(count // 40 + 1)]
    rest = b'"GET / HTTP/1.1" 200 5 "-" "Mozilla/5.0"'
    return [b"192.0.2.1 - - %s %s %d" % (stamps[i // 40], rest, i + 1) for i in range(count)]
