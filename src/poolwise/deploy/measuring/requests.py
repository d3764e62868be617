"""The requests to measure with: paths, a file of them, or what a browser has recorded (HAR)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from poolwise.model import InputError

# what our own client says itself
OWN_HEADERS = {
    "host",
    "connection",
    "keep-alive",
    "content-length",
    "transfer-encoding",
    "te",
    "upgrade",
    "expect",
}
SAFE = "/?#[]@!$&'()*+,;=:%-._~"


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``path`` holds the query as well; ``host`` and ``headers`` are what was recorded."""

    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    host: str = ""

    def __str__(self) -> str:
        return self.path if self.method == "GET" else f"{self.method} {self.path}"


def requests_of(paths: Sequence[str], file: str, text: str) -> tuple[Request, ...]:
    """The requests of ``--url``, and of the ``text`` of the file of ``--urls``; "/" when there are none.

    Raises InputError that names the path, or the file and its line or entry.
    """
    found = [_request(path, f"--url {path}") for path in paths]
    if text.lstrip().startswith("{"):
        found += _recorded(file, text)
    else:
        lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
        found += [_request(line, f"{file}:{number}") for number, line in lines if line and line[0] != "#"]
    if not found and file:
        raise InputError(f"{file} holds no request; write one path a line, as /products?page=2")
    return tuple(found) or (Request(),)


def _request(url: str, place: str) -> Request:
    """A request for a path, or for the path of a whole URL."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InputError(f"{place}: {url!r} is no URL ({error})") from error
    path = quote(parts.path or "/", SAFE) + (f"?{quote(parts.query, SAFE)}" if parts.query else "")
    if not path.startswith("/") or parts.scheme not in ("", "http", "https"):
        raise InputError(f"{place}: {url!r} is no path of the application; write it as /products?page=2")
    return Request(path, host=parts.netloc.rpartition("@")[2])


def _recorded(file: str, text: str) -> Iterator[Request]:
    """The requests of a HAR file (HAR 1.2, as browsers save it) to the host of the first of them."""
    try:
        asked = [entry["request"] for entry in json.loads(text)["log"]["entries"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{file} is neither a list of paths nor a HAR file (log.entries): {error}"
        ) from error
    first = None
    for number, one in enumerate(asked, 1):
        place = f"{file}, entry {number}"
        try:
            host = urlsplit(one["url"]).netloc
            first = host if first is None else first
            if host == first:
                plain = _request(one["url"], place)
                yield Request(plain.path, _method(one["method"]), _headers(one), _body(one), plain.host)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InputError(f"{place} is no request: {error!r}") from error


def _method(method: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{1,20}", method):
        raise ValueError(f"method {method!r}")
    return method.upper()


def _headers(request: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """What was recorded, without what belongs to a connection."""
    found = []
    for header in request.get("headers", ()):
        name, value = header["name"], header["value"]
        if name.startswith(":") or name.lower() in OWN_HEADERS:
            continue
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not re.fullmatch(
            r"[\t -~\xa0-\xff]*", value
        ):
            raise ValueError(f"header {name!r}")
        found.append((name, value))
    return tuple(found)


def _body(request: dict[str, Any]) -> bytes:
    data = request.get("postData") or {}
    if "text" not in data and data.get("params"):
        return urlencode([(one["name"], one.get("value", "")) for one in data["params"]]).encode("ascii")
    text: str = data.get("text") or ""
    return base64.b64decode(text, validate=True) if data.get("encoding") == "base64" else text.encode("utf-8")
