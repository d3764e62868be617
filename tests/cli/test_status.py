"""``poolwise status``: what runs, what does not, and what is wrong with it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from test_serve import Site, children

from hosting import Hosting, Program
from poolwise.cli import main
from poolwise.deploy import find_httpd
from poolwise.observe import process

pytestmark = pytest.mark.server


@pytest.fixture
def site(hosting: Hosting, start: Callable[..., Program], site_folder: Path, shop: Path) -> Site:
    if not find_httpd():
        pytest.skip("no httpd is installed")
    return Site(hosting, start, site_folder, shop)


def test_all_is_well(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    program = site.serve("--processes", "3", "--threads", "4")
    assert main(["status", str(site.state)]) == 0
    shown = capsys.readouterr().out
    assert f"shop at http://127.0.0.1:{site.port}/, running for" in shown
    assert "3 × 4 threads" in shown
    assert f"poolwise {program.popen.pid}, httpd {children(site.state)[0]}" in shown
    assert "!" not in shown
    assert main(["status", str(site.state), "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["sites"]
    assert found["well"] is True
    assert found["troubles"] == []
    assert found["phase"] == "running"
    assert len(found["groups"][0]["pids"]) == 3
    assert found["memory_bytes"] > found["groups"][0]["memory_bytes"] > 1_000_000
    assert found["folder"] == str(site.state)


def test_all_that_this_user_serves(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.serve()
    assert main(["status"]) in (0, 1)  # another test may serve something as well
    assert str(site.state) in capsys.readouterr().out


def test_an_application_that_answers_with_errors(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.write("def application(environ, start_response):\n    raise ValueError('always')\n")
    site.serve()
    assert main(["status", str(site.state)]) == 1
    shown = capsys.readouterr().out
    assert f"! http://127.0.0.1:{site.port}/ answered 500" in shown
    assert "last error" in shown


def test_killed_and_nothing_left(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    program = site.serve()
    (leader,) = children(site.state)
    program.popen.kill()
    program.until(lambda: process(leader) is None)
    assert main(["status", str(site.state)]) == 1
    shown = capsys.readouterr().out
    assert "shop is not served" in shown
    assert f"! poolwise (pid {program.popen.pid}) was killed; nothing is left running" in shown
    assert f"poolwise stop {site.state}" in shown
    assert main(["stop", str(site.state)]) == 0
    assert main(["status", str(site.state)]) == 2
    assert f"nothing is served in {site.state}" in capsys.readouterr().err


def test_killed_and_something_left(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    program = site.serve()
    (leader,) = children(site.state)
    os.kill(leader, signal.SIGSTOP)  # it cannot act on the signal that the kernel sends it
    program.popen.kill()
    program.over()
    assert main(["status", str(site.state)]) == 1
    assert "was killed; 4 processes are left running; clean up:" in capsys.readouterr().out
    assert main(["stop", str(site.state)]) == 0
    assert "the 4 processes that it had left running are ended" in capsys.readouterr().out
    assert process(leader) is None


def test_one_that_cannot_be_read_does_not_hide_the_others(
    site: Site, site_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = site_folder / "broken"
    (broken / "state").mkdir(0o700, parents=True)
    (broken / "state" / "state.json").write_text("{}")
    site.serve()
    monkeypatch.setattr("poolwise.deploy.served_folders", lambda: (broken, site.state))
    assert main(["status"]) == 1
    out, err = capsys.readouterr()
    assert f"127.0.0.1:{site.port}" in out
    assert f"{broken}/state/state.json is not a state of this poolwise" in err


def test_nothing_of_that_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "no-such-site"]) == 2
    assert "nothing called no-such-site is served" in capsys.readouterr().err


def test_a_state_that_is_none(site_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (site_folder / "state").mkdir(0o700)
    (site_folder / "state" / "state.json").write_text("{}")
    assert main(["status", str(site_folder)]) == 2
    assert "is not a state of this poolwise" in capsys.readouterr().err
