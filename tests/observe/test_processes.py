"""Processes of our own making: who they are, what they take, and that they are gone when they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from poolwise.observe import Memory, alive, carrying, children, memory, process, tree

MB = 1_000_000
# a parent with two children that share its 30 MB; one of them has 20 MB more and a second thread
FAMILY = """
import os, sys, threading, time
shared = bytearray(b"x") * 30_000_000
pids = []
for own in (0, 20_000_000):
    pid = os.fork()
    if pid == 0:
        private = bytearray(b"x") * own
        if own:
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        os.write(1, b".")
        time.sleep(60)
        os._exit(0)
    pids.append(pid)
while True:
    time.sleep(60)
"""


@contextmanager
def running(script: str, signs: int = 1, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that has said that many signs on standard output; it and its children end after."""
    command = [sys.executable, "-c", script, "some title"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, **options) as popen:  # type: ignore[call-overload]
        try:
            assert popen.stdout
            popen.stdout.read(signs)
            yield popen
        finally:
            os.killpg(popen.pid, signal.SIGKILL)


def test_a_process_says_who_it_is() -> None:
    with running("import os, time; os.write(1, b'.'); time.sleep(60)") as popen:
        seen = process(popen.pid)
        assert seen
        assert (seen.pid, seen.parent, seen.uid, seen.threads) == (popen.pid, os.getpid(), os.geteuid(), 1)
        assert seen.title.startswith(f"{sys.executable} -c import os")
        assert seen.title.endswith(" some title")
        assert alive(seen.pid, seen.started)
        assert not alive(seen.pid, seen.started - 1)
        again = process(popen.pid)
        assert again
        assert again.started == seen.started
    assert process(popen.pid) is None
    assert not alive(seen.pid, seen.started)


def test_cpu_time_is_exact_and_counts_threads_that_have_ended() -> None:
    script = (
        "import os, threading, time\n"
        "def burn():\n  while time.thread_time() < 0.05: pass\n"
        "thread = threading.Thread(target=burn); thread.start(); thread.join()\n"
        "os.write(1, b'.'); print(time.process_time(), flush=True); time.sleep(60)"
    )
    with running(script) as popen:
        assert popen.stdout
        own_s = float(popen.stdout.readline())
        seen = process(popen.pid)
        assert seen
        assert seen.cpu_s == pytest.approx(own_s, abs=0.02)
        assert seen.cpu_s >= own_s


def test_shared_memory_is_counted_once() -> None:
    with running(FAMILY, signs=2) as popen:
        parent, *below = tree(popen.pid)
        assert parent.pid == popen.pid
        assert {each.pid for each in below} == {each.pid for each in children(popen.pid)}
        plain, large = sorted(below, key=lambda each: each.private_bytes)
        assert (plain.threads, large.threads) == (1, 2)
        assert 19 * MB < large.private_bytes - plain.private_bytes < 25 * MB
        assert all(each.shared_bytes > 30 * MB for each in (parent, plain, large))
        assert all(9 * MB < each.pss_bytes - each.private_bytes < 16 * MB for each in (parent, plain, large))
        total = memory(each.pid for each in (parent, plain, large))
        assert total.exact
        assert 49 * MB < total.pss_bytes < 80 * MB < 110 * MB < total.rss_bytes
        assert total.private_bytes == parent.private_bytes + plain.private_bytes + large.private_bytes


def test_what_has_gone_is_nothing_and_no_error() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as popen:
        os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOWAIT)
        assert process(popen.pid) is None  # it has ended, and waits to be reaped
        assert not alive(popen.pid, 0)
        popen.wait()
    assert process(popen.pid) is None
    assert tree(popen.pid) == children(popen.pid) == ()
    assert memory([popen.pid]) == Memory()


def test_processes_that_vanish_while_they_are_read() -> None:
    script = (
        "import os, time\nos.write(1, b'.')\nwhile True:\n"
        "  pid = os.fork()\n  if pid == 0: os._exit(0)\n  os.waitpid(pid, 0)\n"
    )
    with running(script) as popen:
        for _ in range(30):
            assert tree(popen.pid)[0].pid == popen.pid


def test_a_kernel_thread_has_no_memory() -> None:
    seen = process(2)
    if seen and seen.parent == 0 and not seen.title:  # not so in a container, where 2 may be anybody
        assert seen.rss_bytes == 0


def test_another_users_process_is_told_by_its_resident_memory() -> None:
    """Root drops its rights for this; anybody else looks at the first process of all."""
    with running("import os, time; os.write(1, b'.'); time.sleep(60)") as popen:
        drop = "os.setgroups([]); os.setgid(65534); os.setuid(65534)"
        root = os.geteuid() == 0
        script = (
            "import os, sys\nfrom poolwise.observe import process\n"
            f"{drop if root else ''}\nseen = process({popen.pid if root else 1})\n"
            "print(seen.exact, seen.rss_bytes > 1_000_000, seen.pss_bytes == seen.rss_bytes, "
            "seen.private_bytes + seen.shared_bytes == seen.rss_bytes, seen.uid)"
        )
        command = [sys.executable, "-c", script]
        said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert said.stdout == "False True True True 0\n", said.stderr


def test_a_mark_is_carried_to_whoever_is_forked() -> None:
    script = "import os, time\nif os.fork() == 0: os.setsid()\nos.write(1, b'.'); time.sleep(5)"
    with running(script, signs=2, env={**os.environ, "MARK_OF_TEST": "a"}) as popen:
        found = carrying("MARK_OF_TEST", "a")
        assert len(found) == 2
        assert popen.pid in {each.pid for each in found}
        assert carrying("MARK_OF_TEST", "b") == ()
        for each in found:
            os.kill(each.pid, signal.SIGKILL)
