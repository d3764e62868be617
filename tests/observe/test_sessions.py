"""The processes of a session, its leader gone or not."""

from __future__ import annotations

import os
import subprocess

from poolwise.observe import session


def test_those_that_a_leader_left_behind_are_found() -> None:
    script = "sleep 60 & echo $!; read line"
    with subprocess.Popen(
        ["/bin/sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as leader:
        assert leader.stdin and leader.stdout
        left = int(leader.stdout.readline())
        assert [each.pid for each in session(leader.pid)] == [leader.pid, left]
        leader.stdin.close()
        leader.wait(20)
        assert [each.pid for each in session(leader.pid)] == [left]
        os.kill(left, 9)
    assert os.getpid() in {each.pid for each in session(os.getsid(0))}
