"""The probe around an application, called as a server calls it."""

from __future__ import annotations

import ast
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from poolwise.observe import probe_source
from poolwise.observe.inside import Inside

APPLICATION = """
import time

def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

class Body:
    closed = 0
    def __iter__(self):
        burn(0.01)
        yield b"made"
        time.sleep(0.02)
        yield b" later"
    def close(self):
        Body.closed += 1

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/raises":
        raise ValueError("no")
    start_response("200 OK", [])
    if path == "/wait":
        time.sleep(0.05)
    return Body() if path == "/body" else [b"at once"]
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "site.wsgi"
    path.write_text(APPLICATION)
    yield str(path)
    sys.modules.pop("poolwise_measured", None)


def call(probe: Inside, path: str, **more: Any) -> bytes:
    """One request, from the call to the end of the body."""
    body: Iterable[bytes] = probe({"PATH_INFO": path, **more}, lambda status, headers: None)
    try:
        return b"".join(body)
    finally:
        getattr(body, "close", lambda: None)()


def told(probe: Inside, question: str) -> dict[str, Any]:
    found: dict[str, Any] = ast.literal_eval(call(probe, f"/word/{question}").decode())
    return found


def test_it_tells_about_the_process_and_the_loading(script: str) -> None:
    probe = Inside(script, "word", (1.0, 2.0), lazy=True)
    said = told(probe, "info")
    assert said["loaded"] is None and said["begun"][:2] == [1.0, 2.0] and said["gil"] is True
    assert call(probe, "/") == b"at once"
    wall_s, cpu_s, delay_s = told(probe, "info")["loaded"]
    assert 0 < cpu_s < 10 and delay_s >= 0 and wall_s > 0
    assert Inside(script, "word", (0, 0), lazy=False).info["loaded"]
    assert told(probe, "gil") == {"gil_wait": None}  # this is no mod_wsgi


def test_each_request_is_a_row_until_it_is_asked_for(script: str) -> None:
    probe = Inside(script, "word", (0, 0), lazy=False)
    assert call(probe, "/body") == b"made later"
    call(probe, "/wait")
    with pytest.raises(ValueError, match="no"):
        call(probe, "/raises")
    said = told(probe, "rows")
    body, wait, raised = ([number / 1e9 for number in row] for row in said["rows"])
    assert said["children"] >= 0
    begin, end, cpu, delay = body
    assert cpu >= 0.01 and end - begin - cpu - delay == pytest.approx(0.02, abs=0.01)
    begin, end, cpu, delay = wait
    assert end - begin - cpu - delay == pytest.approx(0.05, abs=0.01)
    assert raised[1] >= raised[0]
    assert told(probe, "rows")["rows"] == []
    assert sys.modules["poolwise_measured"].Body.closed == 1


def test_bodies_that_are_complete_are_handed_on(script: str) -> None:
    probe = Inside(script, "word", (0, 0), lazy=False)
    assert type(probe({"PATH_INFO": "/"}, lambda *_: None)) is list

    class Wrapper(list[bytes]):
        pass

    wrapped = Wrapper([b"file"])
    probe.application = lambda environ, start_response: wrapped
    assert probe({"PATH_INFO": "/", "wsgi.file_wrapper": Wrapper}, lambda *_: None) is wrapped


def test_requests_that_belong_together_begin_together(script: str) -> None:
    probe = Inside(script, "word", (0, 0), lazy=False)
    threads = [
        threading.Thread(target=call, args=(probe, "/wait"), kwargs={"HTTP_POOLWISE_TOGETHER": "3"})
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    rows = told(probe, "rows")["rows"]
    assert len(rows) == 3
    assert max(row[0] for row in rows) < min(row[1] for row in rows)


def test_a_module_can_be_named_with_a_dotted_attribute(tmp_path: Path) -> None:
    (tmp_path / "measured_site.py").write_text(
        "class Site:\n    def app(environ, answer):\n        return [b'dotted']\n"
    )
    code = probe_source() + (
        f"\nsys.path.insert(0, {str(tmp_path)!r})\n"
        "probe = Inside('measured_site:Site.app', 'word', (0, 0), lazy=False)\n"
        "print(probe({'PATH_INFO': '/'}, None))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )  # as a copy, without poolwise at hand
    assert done.stdout == "[b'dotted']\n"
