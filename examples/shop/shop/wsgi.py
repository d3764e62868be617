"""The WSGI application: the standard library only, so that any Python can run it.

``/`` is a page, ``/items.json`` the data behind it, ``/slow?s=2`` waits as for a slow database, and
``/static/shop.css`` is a file, which the server in front sends itself when it is told where it lies.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

PRICES = {"tea": 4.5, "cups & saucers": 12.0, "pot": 30.0}
STATIC = Path(__file__).resolve().parent.parent / "static"
LONGEST_S = 30.0

Answer = tuple[str, str, str]  # status, type, text


def page(query: dict[str, list[str]]) -> Answer:
    """What is for sale."""
    rows = "".join(f"<li>{escape(name)}: {price:.2f}</li>" for name, price in PRICES.items())
    style = '<link rel="stylesheet" href="/static/shop.css">'
    return "200 OK", "text/html", f"<!doctype html><title>Shop</title>{style}<h1>Shop</h1><ul>{rows}</ul>"


def items(query: dict[str, list[str]]) -> Answer:
    """The same for programs, and which process answered."""
    return "200 OK", "application/json", json.dumps({"items": PRICES, "process": os.getpid()})


def slow(query: dict[str, list[str]]) -> Answer:
    """Waits ``s`` seconds, one by default, as an application does for its database."""
    try:
        seconds = float(query.get("s", ["1"])[0])
    except ValueError:
        return "400 Bad Request", "text/plain", "s is a number of seconds"
    time.sleep(min(max(0.0, seconds), LONGEST_S))
    return "200 OK", "text/plain", f"waited {seconds:g} s"


def style(query: dict[str, list[str]]) -> Answer:
    """The style sheet, for a server that does not send static files itself."""
    return "200 OK", "text/css", (STATIC / "shop.css").read_text("utf-8")


PAGES: dict[str, Callable[[dict[str, list[str]]], Answer]] = {
    "/": page,
    "/items.json": items,
    "/slow": slow,
    "/static/shop.css": style,
}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request (PEP 3333)."""
    show = PAGES.get(environ["PATH_INFO"])
    query = parse_qs(environ.get("QUERY_STRING", ""))
    status, kind, text = show(query) if show else ("404 Not Found", "text/plain", "there is no such page")
    body = text.encode("utf-8")
    start_response(status, [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
