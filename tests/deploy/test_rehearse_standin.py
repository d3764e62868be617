"""The stand-in application, run in this process as mod_wsgi would."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from poolwise.deploy.rehearsal import standin


def answer(application: Any, environ: dict[str, Any]) -> tuple[str, dict[str, str], list[bytes]]:
    said: list[Any] = []
    body = application(environ, lambda *given: said.append(given))
    status, headers = said[0]
    return status, dict(headers), list(body)


def test_it_takes_what_it_is_told_and_says_when() -> None:
    before = time.monotonic()
    environ = {standin.WORK: "0.06 0.02 2", "mod_wsgi.request_start": str(int(time.time() * 1e6))}
    status, headers, body = answer(standin.stand_in, environ)
    assert (status, headers["Content-Length"], body) == ("200 OK", "3", [b"ok\n"])
    pid, apache, group, began, ended, cpu, *_ = map(float, headers[standin.NOTE].split())
    assert pid > 1
    assert apache == pytest.approx(before, abs=0.05)
    assert group == 0.0
    assert before <= began <= ended - 0.06
    assert 0.02 <= cpu < 0.06


def test_work_without_waiting_and_waiting_without_work() -> None:
    before = time.thread_time()
    standin.work("0.03 0.03 3")
    assert time.thread_time() - before >= 0.03
    before = time.thread_time()
    standin.work("0.03 0 1")
    assert time.thread_time() - before < 0.02


def test_an_application_is_watched_and_gets_through_what_it_says() -> None:
    def own(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [("X-Mine", "1")])
        return [b"none"]

    status, headers, body = answer(standin.Watched(own), {})
    assert (status, headers["X-Mine"], body) == ("404 Not Found", "1", [b"none"])
    assert len(headers[standin.NOTE].split()) == 9


def test_loading_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standin, "LOADING", [0.0, 0.0, 0.0])
    began = standin.now()
    standin.load(began, 0.02, 0.01)
    begun, loaded, cpu = standin.LOADING
    assert begun == began[0]
    assert loaded - begun >= 0.03
    assert cpu >= 0.01


def test_modules_and_script_files_are_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rehearsed_shop.py").write_text("application = 1\nother = 2\n")
    (tmp_path / "shop.wsgi").write_text("application = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert standin.imported("rehearsed_shop") == 1
    assert standin.imported("rehearsed_shop:other") == 2
    assert standin.imported(str(tmp_path / "shop.wsgi")) == 3
