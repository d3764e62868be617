"""What is no measurement: errors, answers without end; and that nothing of a measurement stays behind."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from hosting import Hosting, Program
from poolwise.deploy import (
    Effort,
    Hosted,
    Request,
    find_interpreter,
    measure,
    requests_of,
    server_for,
    service_user,
)
from poolwise.model import InputError, Measured, ServerError

pytestmark = pytest.mark.server

BAD = """
import os, sys, time

def application(environ, start_response):
    path = environ["PATH_INFO"]
    status = {"/none": "404 Not Found", "/away": "302 Found"}.get(path, "200 OK")
    if path == "/raises":
        raise ValueError("told you so")
    if path == "/ends":
        os._exit(3)
    if path == "/host" and environ["HTTP_HOST"] != "shop.example":
        status = "400 Bad Request"
    if path == "/echo":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        fine = (environ["REQUEST_METHOD"], body, environ.get("HTTP_X_KEY")) == ("POST", b"tea=3", "open")
        status = "201 Created" if fine else "405 Method Not Allowed"
    start_response(status, [("Content-Type", "text/plain")])
    return forever() if path == "/forever" else [b"x"]

def forever():
    while True:
        time.sleep(0.05)
        yield b"x"
"""
SHORT = Effort(requests=10, seconds=0.2, threads=2)
Measure = Callable[..., Measured]


@pytest.fixture
def measured(hosting: Hosting, site_folder: Path) -> Measure:
    """Measures the bad application, shortly."""
    (site_folder / "bad.py").write_text(BAD)
    interpreter = find_interpreter(hosting.python)

    def run(
        *requests: Request, target: str = "bad:application", effort: Effort = SHORT, accept: bool = False
    ) -> Measured:
        return measure(
            Hosted("bad", target, str(site_folder)),
            interpreter,
            server_for("mod_wsgi", interpreter),
            requests,
            user=service_user() if os.geteuid() == 0 else "",
            effort=effort,
            repeat=1,
            accept_errors=accept,
        )

    return run


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("/none", InputError, r"/none was answered with status 404 .*--url /path.*--accept-errors"),
        ("/host", InputError, r"status 400 .*--host-header"),
        ("/echo", InputError, r"status 405 .*--urls session.har"),
        ("/raises", ServerError, r"(?s)status 500 .*--accept-errors.*ValueError: told you so"),
        ("/ends", ServerError, r"/ends was answered with status 50\d"),
    ],
)
def test_errors_are_refused(measured: Measure, path: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        measured(Request(path))


def test_errors_and_redirects_can_be_meant(measured: Measure) -> None:
    found = measured(Request("/none"), accept=True)
    assert found.costs[0].statuses.keys() == {404}
    assert any("had status 404" in note for note in found.notes)
    found = measured(Request("/away"))
    assert any("redirects (302)" in note for note in found.notes)


def test_an_answer_without_end_is_no_request(measured: Measure) -> None:
    endless = Effort(requests=10, seconds=0.2, threads=2, patience_s=1.0)
    with pytest.raises(InputError, match="/forever: the answer did not end within 1 s"):
        measured(Request("/forever"), effort=endless)


def test_host_header_and_recorded_requests(measured: Measure) -> None:
    named = Effort(requests=10, seconds=0.2, threads=2, host="shop.example")
    assert measured(Request("/host"), effort=named).costs[0].statuses.keys() == {200}
    posted = {
        "method": "POST",
        "url": "https://shop.example/echo",
        "headers": [{"name": "X-Key", "value": "open"}, {"name": "Content-Length", "value": "5"}],
        "postData": {"text": "tea=3"},
    }
    (request,) = requests_of((), "s.har", json.dumps({"log": {"entries": [{"request": posted}]}}))
    (cost,) = measured(request).costs
    assert (cost.request, set(cost.statuses)) == ("POST /echo", {201})


def test_what_cannot_be_loaded_is_told_at_once(measured: Measure, site_folder: Path) -> None:
    (site_folder / "broken.py").write_text("import no_such_module_anywhere\n")
    with pytest.raises(InputError, match="no_such_module_anywhere"):
        measured(target="broken:application")
    with pytest.raises(InputError, match="bad has no 'nothing'"):
        measured(target="bad:nothing")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_nothing_stays_when_it_is_interrupted(
    start: Callable[..., Program], hosting: Hosting, site_folder: Path, number: signal.Signals
) -> None:
    (site_folder / "bad.py").write_text(BAD)
    options = ["--folder", str(site_folder), "--python", hosting.python, "--url", "/fine", "--seconds", "30"]
    argv = [sys.executable, "-m", "poolwise.cli", "measure", "bad:application", *options]
    argv += ["--requests", "1000000", "--threads", "1"]
    program = start(argv, env={**os.environ, "TMPDIR": str(site_folder)})
    ours = psutil.Process(program.popen.pid)
    program.until(lambda: len(ours.children(recursive=True)) >= 4)  # httpd, its child, two daemons
    servers = ours.children(recursive=True)
    program.popen.send_signal(number)
    code = program.over()
    end = time.monotonic() + 20
    while alive(servers) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(servers)
    if number is not signal.SIGKILL:
        assert code == 130, program.said
        assert list(site_folder.glob("poolwise-*")) == []


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
