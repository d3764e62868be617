"""What tests of real servers share: an environment to host with, folders that every user can read, ports.

``conftest.py`` makes the fixtures known to every test.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
MADE = ROOT / ".hosting"  # by scripts/hosting


@dataclass(frozen=True)
class Hosting:
    """A virtual environment with mod_wsgi, Flask and other servers; programs run as ``PYTHON -m NAME``."""

    python: str
    packages: Path  # site-packages


def service_account() -> pwd.struct_passwd:
    """The user to whom a server started by root gives the application."""
    for name in ("www-data", "apache", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AssertionError("there is no ordinary user to run a server as")


def run_as(account: pwd.struct_passwd) -> dict[str, Any]:
    """Arguments of ``subprocess`` that run a program as that user."""
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def free_port(host: str = "127.0.0.1") -> int:
    """A port of this machine on which nothing listens."""
    with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as tried:
        tried.bind((host, 0))
        return int(tried.getsockname()[1])


def world_readable(prefix: str) -> Path:
    """A new folder that every user can read; whoever makes it removes it."""
    folder = Path(tempfile.mkdtemp(prefix=f"poolwise-{prefix}-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


class Program:
    """A program that runs in the background; what it says is collected."""

    def __init__(self, command: Sequence[str], **rest: Any) -> None:
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **rest,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        streams = ((self.popen.stdout, self.out), (self.popen.stderr, self.err))
        self._readers = [Thread(target=self._read, args=each) for each in streams]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                lines.append(line.rstrip("\n"))

    @property
    def said(self) -> str:
        """All that it has said so far."""
        return "\n".join([*self.out, *self.err])

    def until(self, seen: Callable[[], object], patience_s: float = 60.0) -> None:
        """Wait until that is true, or fail with what it said."""
        end = time.monotonic() + patience_s
        while not seen():
            assert time.monotonic() < end, self.said
            time.sleep(0.02)

    def over(self, patience_s: float = 60.0) -> int:
        """Wait for its end; the exit code."""
        self.popen.wait(patience_s)
        for reader in self._readers:
            reader.join()
        return self.popen.returncode

    def end(self) -> None:
        """End it, whatever it does; what it started ends with it."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGQUIT)
        self.over()


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    """Start programs; what a failing test leaves running is ended."""
    started: list[Program] = []

    def begin(command: Sequence[str], **rest: Any) -> Program:
        started.append(Program(command, **rest))
        return started[-1]

    yield begin
    for each in started:
        each.end()


def fetched(port: int, path: str, timeout_s: float = 30.0) -> str:
    """What a server on this machine answers to a GET request. OSError when it does not, or with an error."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout_s) as answer:
        return str(answer.read().decode("utf-8"))


@pytest.fixture(scope="session")
def hosting() -> Iterator[Hosting]:
    """What ``scripts/hosting`` made, or a copy of it where the server's user cannot enter the checkout."""
    if not (MADE / "stamp").is_file():
        pytest.skip("there is no environment to host with; scripts/hosting makes it")
    if os.geteuid() != 0 or _readable(MADE / "bin" / "python"):
        yield _found(MADE)
        return
    place = world_readable("hosting")
    try:
        shutil.copytree(MADE, place / "venv", symlinks=True)
        yield _found(place / "venv")
    finally:
        shutil.rmtree(place)


def _readable(path: Path) -> bool:
    test = ["/usr/bin/test", "-x", str(path)]
    return subprocess.run(test, check=False, timeout=30, **run_as(service_account())).returncode == 0


def _found(environment: Path) -> Hosting:
    packages = next((environment / "lib").glob("python3*/site-packages"))
    return Hosting(str(environment / "bin" / "python"), packages)


@pytest.fixture
def site_folder() -> Iterator[Path]:
    """An empty folder for one test that every user can read."""
    folder = world_readable("site")
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def shop(site_folder: Path) -> Path:
    """A copy of the example application that every user can read, and the test may change."""
    place = site_folder / "shop"
    shutil.copytree(ROOT / "examples" / "shop", place, ignore=shutil.ignore_patterns("__pycache__"))
    return place
