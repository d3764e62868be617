"""The vigil: no signal is lost and no line of a log, whatever happens to the file, and it wakes poolwise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import get_ident

import pytest

from hosting import Program
from poolwise.deploy.running import vigil
from poolwise.deploy.running.vigil import BLOCK, WOKEN, Signals, Streams, Tail, woken


def test_signals_arrive_in_order_and_once() -> None:
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        signals.wait(5.0)
        assert signals.take() == (signal.SIGHUP, signal.SIGTERM)
        assert signals.take() == ()


def test_a_signal_ends_the_wait_and_so_does_a_file_that_can_be_read() -> None:
    read, write = os.pipe()
    try:
        with Signals() as signals:
            begun = time.monotonic()
            os.write(write, b"x")
            signals.wait(60.0, read)
            os.kill(os.getpid(), signal.SIGUSR1)
            signals.wait(60.0)
            assert time.monotonic() - begun < 30.0
    finally:
        os.close(read)
        os.close(write)


def test_the_handlers_from_before_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_signals_that_are_held_wait_for_the_next_to_take_them() -> None:
    with Signals([signal.SIGHUP]) as signals:
        assert signals.hold() == (signal.SIGHUP,)
        signal.pthread_kill(get_ident(), signal.SIGUSR1)  # to this thread: pytest may have others
        signals.wait(0.0)
        taken = signals.take()
        signals.release([signal.SIGHUP])
        assert taken == ()
        assert signals.take() == (signal.SIGHUP, signal.SIGUSR1)


def add(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_only_what_is_new_and_only_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "error.log"
    add(log, "old\n")
    tail = Tail(log)
    add(log, "one\ntwo\nthr")
    assert list(tail.lines()) == ["one", "two"]
    add(log, "ee\n")
    assert list(tail.lines()) == ["three"]
    assert list(tail.lines()) == []
    tail.close()


def test_a_file_that_comes_later_is_cut_off_or_exchanged(tmp_path: Path) -> None:
    log = tmp_path / "error.log"
    tail = Tail(log)
    assert list(tail.lines()) == []
    add(log, "first line of all\n")
    assert list(tail.lines()) == ["first line of all"]
    log.write_text("cut\n")
    assert list(tail.lines()) == ["cut"]
    add(log, "before it is moved\n")
    log.rename(tmp_path / "error.log.1")
    add(log, "after\n")
    assert list(tail.lines()) == ["before it is moved"]
    assert list(tail.lines()) == ["after"]
    tail.close()


def test_a_flood_comes_in_blocks_and_an_endless_line_is_cut(tmp_path: Path) -> None:
    log = tmp_path / "error.log"
    tail = Tail(log)
    add(log, "x" * (3 * BLOCK) + "\nlast\n")
    found: list[str] = []
    for _ in range(5):
        lines = list(tail.lines())
        assert sum(map(len, lines)) <= 2 * BLOCK
        found += lines
    assert "".join(found).count("x") == 3 * BLOCK
    assert found[-1] == "last"
    tail.close()


def test_all_logs_of_a_folder_and_the_access_log_only_when_asked_for(tmp_path: Path) -> None:
    add(tmp_path / "error.log", "before\n")
    for access, expected in (
        (True, {"access.log", "error.log", "shop.log"}),
        (False, {"error.log", "shop.log"}),
    ):
        streams = Streams(str(tmp_path), access)
        for name in ("access.log", "error.log", "shop.log"):
            add(tmp_path / name, f"new in {name}\n")
        found = list(streams.lines())
        assert {name for name, _ in found} == expected
        assert "before" not in [text for _, text in found]
        streams.close()


def test_it_goes_on_where_another_has_stopped(tmp_path: Path) -> None:
    add(tmp_path / "error.log", "one\ntw")
    first = Streams(str(tmp_path), False)
    add(tmp_path / "error.log", "o\nthr")
    assert list(first.lines()) == [("error.log", "o")]
    second = Streams(str(tmp_path), False, first.at)
    first.close()
    add(tmp_path / "error.log", "ee\n")
    add(tmp_path / "shop.log", "new\n")
    assert list(second.lines()) == [("error.log", "three"), ("shop.log", "new")]
    second.close()


def test_a_log_that_has_grown_too_long_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vigil, "MOST_BYTES", 10)
    streams = Streams(str(tmp_path), True)
    for text in ("a short", "more, and longer", "again"):
        add(tmp_path / "access.log", f"{text}\n")
        assert list(streams.lines()) == [("access.log", text)]
    assert (tmp_path / "access.log").read_text() == "again\n"
    assert (tmp_path / "access.log.1").read_text() == "a short\nmore, and longer\n"
    streams.close()


Start = Callable[..., Program]


def test_it_shows_logs_and_a_signal_wakes_poolwise(tmp_path: Path, start: Start) -> None:
    add(tmp_path / "error.log", "a\n")
    wake = ["/bin/sh", "-c", f"echo $$ ${WOKEN}"]
    words = [str(tmp_path), "access", "error.log=0", "1", "0", *wake]
    program = start([sys.executable, "-S", "-P", vigil.__file__, *words])
    program.until(lambda: program.err == ["a"])
    add(tmp_path / "access.log", "b\x1b[31m\n")
    program.until(lambda: program.out == ["b\\x1b[31m"])
    program.popen.send_signal(signal.SIGHUP)
    assert program.over() == 0
    assert program.out[1:] == [f"{program.popen.pid} SIGHUP;error.log=2,access.log=7;0"]


def test_when_poolwise_is_there_no_more_what_it_served_is_ended(tmp_path: Path, start: Start) -> None:
    script = (
        "import subprocess; from poolwise.deploy.running import vigil\n"
        "child = subprocess.Popen(['/bin/sleep', '60'])\n"
        f"vigil.sleep({str(tmp_path)!r}, False, {{'a.log': 0}}, [child.pid], 0, ['/no/such/poolwise'])\n"
    )
    program = start([sys.executable, "-c", script])
    add(tmp_path / "a.log", "it listens\n")
    program.until(lambda: program.err)
    program.popen.send_signal(signal.SIGTERM)
    assert program.over() == 3
    assert "/no/such/poolwise cannot be run any more (No such file" in program.err[1]


def test_it_imports_next_to_nothing() -> None:
    heavy = {"pathlib", "re", "json", "typing", "dataclasses", "poolwise", "subprocess"}
    run = f"exec(open({vigil.__file__!r}).read(), {{'__name__': 'vigil'}})"
    script = f"import sys; {run}; print(*{heavy!r} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_what_wakes_poolwise_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(write)
    try:
        monkeypatch.setenv(WOKEN, f"SIGTERM,SIGHUP;error.log=5;{read}")
        found = woken()
        assert found
        assert found.signals == [signal.SIGTERM, signal.SIGHUP]
        assert (found.at, found.lock) == ({"error.log": 5}, read)
        assert woken() is None
    finally:
        os.close(read)
