"""Children of a process as the kernel shows them, and how urgent they are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from poolwise.observe import born_s, child_pids, cpu_s, make_urgent, title

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP, start_new_session=True) as process:
        yield process
        process.kill()


def test_a_child_is_seen_with_its_age_and_its_name(child: subprocess.Popen[bytes]) -> None:
    assert child.pid in child_pids(os.getpid())
    assert time.monotonic() - 10 < born_s(child.pid) <= time.monotonic()
    assert born_s(child.pid) >= born_s(os.getpid())
    assert title(child.pid).endswith("time.sleep(60)")


def test_one_that_waits_to_be_reaped_is_still_there_with_its_cpu_time() -> None:
    with subprocess.Popen([sys.executable, "-c", "sum(range(10**6))"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert process.pid in child_pids(os.getpid())
        assert cpu_s(process.pid) > 0
    assert process.pid not in child_pids(os.getpid())


def test_one_that_has_gone_is_no_error() -> None:
    with subprocess.Popen(["/bin/true"]) as process:
        pass
    gone = process.pid
    assert (child_pids(gone), title(gone), cpu_s(gone)) == ([], "", 0.0)
    assert born_s(gone) == pytest.approx(time.monotonic(), abs=5)
    make_urgent(gone, 3)


def test_a_process_and_its_session_get_their_nice(child: subprocess.Popen[bytes]) -> None:
    make_urgent(child.pid, 3)
    assert os.getpriority(os.PRIO_PROCESS, child.pid) == 3
    session = Path(f"/proc/{child.pid}/autogroup")
    assert not session.exists() or session.read_text("ascii").split()[-1] == "3"
