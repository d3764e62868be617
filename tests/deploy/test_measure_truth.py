"""Is it true? Applications of known cost, measured in every server, cost what they cost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hosting import Hosting
from poolwise.deploy import Effort, Hosted, Request, find_interpreter, measure, server_for, service_user
from poolwise.model import InputError, Measured

pytestmark = pytest.mark.server

# 300 ms of CPU and 200 ms of sleep to load, 40 MB; 5 ms and 20 ms for a request
KNOWN = """
import time

def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

burn(0.3)
time.sleep(0.2)
HELD = bytearray(40_000_000)
for place in range(0, len(HELD), 4096):
    HELD[place] = 1

def application(environ, start_response):
    burn(0.005)
    time.sleep(0.020)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"known"]
"""
PLAIN = """
import hashlib, os, subprocess, sys, time
HELD = []

def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

def parts():
    for _ in range(4):
        burn(0.002)
        yield b"x" * 1000

def application(environ, start_response):
    path = environ["PATH_INFO"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/leak":
        HELD.append(bytearray(4000))
    elif path == "/child":
        code = "import time\\nwhile time.process_time() < 0.1: pass"
        subprocess.run(["/usr/bin/env", "python3", "-S", "-c", code], check=True)
    elif path == "/parts":
        return parts()
    elif path == "/dear":
        burn(0.004)
    elif path == "/unlocked":
        hashlib.pbkdf2_hmac("sha256", b"x", b"y", 60000)
    return [b"plain"]
"""
Measure = Callable[..., Measured]


@pytest.fixture
def measured(hosting: Hosting, site_folder: Path) -> Measure:
    """Measures an application of this text, once and shortly."""

    def run(
        text: str, *paths: str, server: str = "mod_wsgi", mod_wsgi: str = "", repeat: int = 1, **effort: float
    ) -> Measured:
        (site_folder / "known.py").write_text(text)
        interpreter = find_interpreter(hosting.python)
        return measure(
            Hosted("known", "known:application", str(site_folder)),
            interpreter,
            server_for(server, interpreter, mod_wsgi=mod_wsgi),
            tuple(map(Request, paths or ("/",))),
            user=service_user() if os.geteuid() == 0 else "",
            effort=Effort(**{"requests": 40, "seconds": 0.6, "threads": 3, **effort}),  # type: ignore[arg-type]
            repeat=repeat,
        )

    return run


DEBIANS = "/usr/lib/apache2/modules/mod_wsgi.so"


@pytest.mark.parametrize(
    ("server", "mod_wsgi"),
    [("mod_wsgi", ""), ("mod_wsgi", DEBIANS), ("gunicorn", ""), ("uwsgi", "")],
    ids=["mod_wsgi of the environment", "mod_wsgi of the system", "gunicorn", "uwsgi"],
)
def test_an_application_of_known_cost(
    measured: Measure, hosting: Hosting, server: str, mod_wsgi: str
) -> None:
    if mod_wsgi:
        try:
            server_for(server, find_interpreter(hosting.python), mod_wsgi=mod_wsgi)
        except InputError as error:
            pytest.skip(f"the system has no mod_wsgi for the environment's Python: {error}")
    found = measured(KNOWN, server=server, mod_wsgi=mod_wsgi)
    app = found.app
    assert app.import_cpu_s == pytest.approx(0.3, abs=0.06)  # and the filling of 40 MB
    assert app.import_wait_s == pytest.approx(0.2, abs=0.04)
    assert 39e6 < app.process_bytes - app.bare_bytes < 44e6
    middle = {name: figure.median for name, figure in found.figures.items()}
    assert middle["application_cpu_s"] == pytest.approx(0.005, rel=0.15)
    assert middle["request_wait_s"] == pytest.approx(0.020, rel=0.1)
    assert 0.0 <= middle["request_cpu_s"] - middle["application_cpu_s"] < 0.002  # the server's own
    assert 0.18 < app.cpu_share < 0.28
    assert middle["ready_s"] > 0.3  # 0.5, but a busy machine sees late that the process is there
    assert 0 < app.thread_bytes < 1e6 and 1e6 < app.shared_bytes < 40e6 and 0 < app.startup_cpu_s < 0.2
    assert (app.gil, app.loads, app.bursts, app.leak_bytes) == ("shared", "start", 1, 0)
    assert middle.get("parallel_cores", 0.0) < 1.1  # busy loops under one GIL, however busy the machine
    assert ("gil_wait_s" in middle) == (server == "mod_wsgi" and not mod_wsgi)


def test_growth_is_told_from_none(measured: Measure) -> None:
    found = measured(PLAIN, "/leak", requests=900, seconds=4)
    assert found.app.leak_bytes == pytest.approx(4000, rel=0.25)
    assert any("a leak, or a cache" in note for note in found.notes)
    found = measured(PLAIN, "/", requests=900, seconds=4)
    assert found.app.leak_bytes == 0
    assert any("would not be seen" in note for note in found.notes)


def test_what_is_made_while_it_is_sent_and_what_children_do_counts(measured: Measure) -> None:
    found = measured(PLAIN, "/parts", requests=20).figures
    assert found["application_cpu_s"].median == pytest.approx(0.008, rel=0.2)
    found = measured(PLAIN, "/child", requests=4, threads=1).figures
    assert found["request_cpu_s"].median > 0.1
    assert found["application_cpu_s"].median < 0.05
    assert "thread_bytes" not in found and "parallel_cores" not in found


def test_each_request_has_its_own_cost(measured: Measure) -> None:
    found = measured(PLAIN, "/", "/dear", requests=60, repeat=2)
    cheap, dear = found.costs
    assert (cheap.request, dear.request) == ("/", "/dear")
    assert dear.cpu_s - cheap.cpu_s == pytest.approx(0.004, rel=0.2)
    assert cheap.statuses.keys() == dear.statuses.keys() == {200}
    assert found.figures["application_cpu_s"].median == pytest.approx(0.002, rel=0.3)
    assert found.rounds == 2 and found.requests >= 60
    for figure in found.figures.values():
        assert figure.low <= figure.median <= figure.high
