"""``poolwise rehearse``: a real httpd, its run beside the simulated one, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from poolwise.cli import main
from poolwise.observe import child_pids
from rehearsals import servers

ONE = ["--traffic", "constant:4", "--service", "fixed:0.1"]


@pytest.fixture
def conf(tmp_path: Path) -> str:
    """A site with two daemon groups behind event."""
    file = tmp_path / "httpd.conf"
    file.write_text(
        "LoadModule mpm_event_module m.so\nLoadModule wsgi_module w.so\nListen 80\nStartServers 2\n"
        "MinSpareThreads 25\nMaxSpareThreads 75\nKeepAlive Off\n"
        "WSGIDaemonProcess shop processes=2 threads=2\nWSGIDaemonProcess api threads=3\n"
        "WSGIScriptAlias /api /srv/api.wsgi process-group=api application-group=%{GLOBAL}\n"
        "WSGIScriptAlias / /srv/shop.wsgi process-group=shop application-group=%{GLOBAL}\n"
    )
    return str(file)


@pytest.mark.server
def test_both_runs_and_their_differences(
    conf: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    servers()
    page = tmp_path / "rehearsal.svg"
    assert main(["rehearse", conf, *ONE, "--duration", "2s", "--share", "/api=50%", "--svg", str(page)]) == 0
    shown, said = capsys.readouterr()
    assert "simulated" in shown and "rehearsed" in shown
    assert "How far the rehearsal is from the simulation" in shown
    assert "shop: processes" in shown and "api: processes" in shown
    assert "rehearsed on httpd 2.4." in shown
    assert f"wrote {page}" in said
    assert page.stat().st_size > 1_000


@pytest.mark.server
def test_json_and_the_first_part_of_a_long_traffic(conf: str, capsys: pytest.CaptureFixture[str]) -> None:
    servers()
    assert main(["rehearse", conf, *ONE, "--duration", "1h", "--limit", "1s", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    simulated, rehearsed = document["runs"]
    assert rehearsed["origin"] == "rehearsed"
    assert rehearsed["engine"].startswith("httpd 2.4")
    assert rehearsed["totals"]["requests"] == simulated["totals"]["requests"] == 4
    assert rehearsed["series"]["total"] == [2.0]
    assert any("the first 1 s of 3600 s" in words for words in rehearsed["assumptions"])
    assert [stage["series"]["total"] for stage in rehearsed["stages"]] == [[1.0]]  # api, where all goes


@pytest.mark.server
def test_an_httpd_that_fails_is_the_servers_fault(
    conf: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = servers().httpd
    broken = tmp_path / "sbin/httpd"
    broken.parent.mkdir()
    broken.write_text(
        '#!/bin/sh\ncase "$*" in *FOREGROUND*) echo "no memory today" >&2; exit 5;; esac\n'
        f'exec {real.path} "$@"\n'
    )
    broken.chmod(0o755)
    (tmp_path / "lib/apache2").mkdir(parents=True)
    (tmp_path / "lib/apache2/modules").symlink_to(real.modules)
    assert main(["rehearse", conf, *ONE, "--duration", "1s", "--httpd", str(broken)]) == 3
    said = capsys.readouterr().err
    assert "httpd did not start (exit code 5). It said:\n  no memory today" in said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--loads", "preload", "--import-cpu", "1s"], "--loads preload cannot be rehearsed"),
        (["--gil", "free-threaded"], "--gil free-threaded cannot be rehearsed"),
        (["--upload", "fixed:1"], "--upload and --download cannot be rehearsed"),
        (["--scale", "900"], "--scale"),
        (["--share", "/nowhere=10%"], "/nowhere is no application"),
    ],
)
def test_what_cannot_be_rehearsed_is_your_input(
    conf: str, asked: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rehearse", conf, *ONE, *asked]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.server
def test_a_missing_httpd_or_python_is_your_input(conf: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", conf, *ONE, "--httpd", "/nowhere/httpd"]) == 2
    assert "/nowhere/httpd" in capsys.readouterr().err
    servers()
    assert main(["rehearse", conf, *ONE, "--python", "/nowhere/python"]) == 2
    assert "--python /nowhere/python" in capsys.readouterr().err


@pytest.fixture
def rehearsing(conf: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A rehearsal of a minute as a process of its own, and the folder that it works in."""
    servers()
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary:
        Path(temporary).chmod(0o755)
        command = [sys.executable, "-m", "poolwise.cli", "rehearse", conf, "--traffic", "constant:10"]
        command += ["--service", "fixed:0.5", "--duration", "1min"]
        environment = {**os.environ, "TMPDIR": temporary}
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                yield process, folder_of(Path(temporary))
            finally:
                process.kill()


def folder_of(temporary: Path) -> Path:
    """The folder of the rehearsal, once requests are being sent."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for folder in temporary.glob("poolwise-rehearse-*"):
            if (folder / "start").exists():
                time.sleep(1.0)
                return folder
        time.sleep(0.05)
    raise AssertionError("the rehearsal did not begin")


@pytest.mark.server
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_nothing_is_left_when_it_is_ended(
    rehearsing: tuple[subprocess.Popen[bytes], Path], number: signal.Signals, code: int
) -> None:
    process, folder = rehearsing
    httpd = int((folder / "httpd.pid").read_text("ascii"))
    pids = {httpd, *child_pids(httpd), *child_pids(process.pid)}
    assert len(pids) >= 1 + 2 + 1 + 1  # httpd, its children, a daemon, the clients
    maps = Path(f"/proc/{httpd}/maps").read_text("utf-8")
    shared = {Path(line.split()[-1]) for line in maps.splitlines() if "/dev/shm/" in line}
    process.send_signal(number)
    assert process.wait(timeout=20) == code
    until = time.monotonic() + 15
    while time.monotonic() < until and (folder.exists() or any(map(runs, pids))):
        time.sleep(0.05)
    assert not folder.exists()
    assert [pid for pid in pids if runs(pid)] == []
    assert [path for path in shared if path.exists()] == []


def runs(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] not in "ZX"
    return False
