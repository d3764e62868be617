"""Children that are ours: their end is noticed, ours is theirs, and none of their own children is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from poolwise.deploy.running.child import Child, start_child
from poolwise.deploy.running.ending import Ending
from poolwise.model import InputError
from poolwise.observe import process, session

STUBBORN = "trap '' TERM WINCH; echo ready; while :; do sleep 0.1; done"
WITH_CHILD = "sleep 60 & echo ready; wait"


def started(tmp_path: Path, script: str) -> Child:
    """A shell that has set its traps."""
    log = tmp_path / "log"
    child = start_child("shell", ["/bin/sh", "-c", script], log)
    until = time.monotonic() + 20
    while "ready" not in log.read_text("utf-8") and time.monotonic() < until:
        time.sleep(0.01)
    return child


def ended(ending: Ending, patience_s: float = 20.0) -> bool:
    until = time.monotonic() + patience_s
    while not ending.over() and time.monotonic() < until:
        time.sleep(0.01)
    return ending.over()


def test_what_it_prints_is_in_its_log_and_how_it_ended_is_known(tmp_path: Path) -> None:
    child = start_child("echo", ["/bin/sh", "-c", "echo out; echo err >&2; exit 7"], tmp_path / "log")
    child.popen.wait(20)
    assert (tmp_path / "log").read_text("utf-8") == "out\nerr\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    assert child.ending == "exit code 7"
    assert child.gone


def test_a_link_in_the_logs_place_and_a_missing_program_are_refused(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    with pytest.raises(InputError, match="cannot write"):
        start_child("echo", ["/bin/echo"], tmp_path / "log")
    assert not (tmp_path / "victim").exists()
    with pytest.raises(InputError, match=r"cannot run /no/such/program: No such file"):
        start_child("no", ["/no/such/program"], tmp_path / "other")


def test_it_leads_a_session_and_no_signal_of_ours_is_blocked_in_it(tmp_path: Path) -> None:
    child = started(tmp_path, WITH_CHILD)
    try:
        assert {one.pid for one in session(child.pid)} > {child.pid}
        assert os.getsid(child.pid) == child.pid
    finally:
        assert ended(Ending.begin(child, 0.0))
    assert session(child.pid) == ()


def test_grandchildren_of_a_server_that_died_are_ended(tmp_path: Path) -> None:
    child = started(tmp_path, WITH_CHILD)
    child.tell(signal.SIGKILL)
    child.popen.wait(20)
    assert child.ending == "killed by SIGKILL"
    assert not child.gone
    assert ended(Ending.begin(child, 60.0))
    assert child.gone


def test_a_stubborn_one_is_forced_in_the_end(tmp_path: Path) -> None:
    child = started(tmp_path, STUBBORN)
    ending = Ending.begin(child, 60.0)
    assert not ending.over()
    ending.hasten()
    assert not ending.over()
    assert ending.firm
    ending.force_at = time.monotonic()
    assert ended(ending)
    assert child.ending == "killed by SIGKILL"


def test_it_ends_when_we_are_killed(tmp_path: Path) -> None:
    script = (
        "import signal, time\nfrom poolwise.deploy.running.child import start_child\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"  # as whoever starts us could have
        f"print(start_child('sleep', ['/bin/sleep', '60'], {str(tmp_path / 'log')!r}).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert process(pid)
        parent.kill()
    until = time.monotonic() + 20
    while process(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert process(pid) is None
