"""The applications that every server is measured with; ``write_site`` puts them into a folder."""

from __future__ import annotations

from pathlib import Path

HELLO = '''"""The smallest application: 13 bytes."""

BODY = b"Hello, world\\n"


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))])
    return [BODY]
'''

SHOP = '''"""A Flask application: a small JSON document at once, after 5 ms of CPU, after 20 ms of waiting."""

import time

from flask import Flask, jsonify

ITEMS = [{"id": number, "name": f"item {number}", "price": 9.5 + number} for number in range(10)]

application = Flask(__name__)


@application.get("/")
def items():
    return jsonify(ITEMS)


@application.get("/cpu")
def cpu():
    until = time.thread_time() + 0.005
    while time.thread_time() < until:
        sum(range(200))
    return jsonify(ITEMS)


@application.get("/wait")
def wait():
    time.sleep(0.02)
    return jsonify(ITEMS)
'''

VERSION = '''"""Takes a second to load, then says its version; a slow page takes five seconds."""

import time
from pathlib import Path

BODY = Path(__file__).with_name("version.txt").read_bytes()
time.sleep(1.0)


def application(environ, start_response):
    if environ.get("PATH_INFO") == "/slow":
        time.sleep(5.0)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))])
    return [BODY]
'''


def write_site(folder: Path) -> None:
    """The applications as the modules hello, shop and version."""
    folder.mkdir()
    for name, text in (("hello", HELLO), ("shop", SHOP), ("version", VERSION)):
        (folder / f"{name}.py").write_text(text, "utf-8")
    write_version(folder, "old")


def write_version(folder: Path, text: str) -> None:
    """What a process of the module version says when it is loaded from now on."""
    (folder / "version.txt").write_text(text, "utf-8")
