"""One server of the comparison while it runs, started by the commands of ``back_ends_servers``."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from back_ends_servers import Place, Start

from poolwise.deploy import Command
from poolwise.observe import Process, tree

MINIMAL = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
READY_S, STOP_S = 20.0, 10.0


class Running:
    """A started server: its processes, all of them."""

    def __init__(self, started: Sequence[subprocess.Popen[bytes]]) -> None:
        self.started = started

    def processes(self) -> tuple[Process, ...]:
        """Every process of the server that lives, with its memory."""
        return tuple(one for each in self.started for one in tree(each.pid))

    def members(self) -> list[psutil.Process]:
        """The same, and those that have ended and were not waited for yet."""
        roots = [psutil.Process(each.pid) for each in self.started]
        return [*roots, *(one for root in roots for one in root.children(recursive=True))]


@contextmanager
def running(server: Start, place: Place, path: str = "/") -> Iterator[Running]:
    """The server from when it answers ``path`` well ("": in any way); afterwards all of it has ended."""
    started: list[subprocess.Popen[bytes]] = []
    printed = place.folder / "printed.log"
    try:
        with printed.open("wb") as output:
            for command in server(place):
                started.append(_started(command, output.fileno()))
        _until_ready(place.port, path, started, printed)
        yield Running(started)
    finally:
        for each in reversed(started):
            _end(each)


def _started(command: Command, output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command.argv,
        cwd=command.folder,
        env={**MINIMAL, **command.environment},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        user=command.user or None,
        group=command.group or None,
        extra_groups=[] if command.user else None,
    )


def _until_ready(port: int, path: str, started: Sequence[subprocess.Popen[bytes]], printed: Path) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and all(each.poll() is None for each in started):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path or '/'}", timeout=5) as answer:
                answer.read()
                return
        except urllib.error.HTTPError as error:
            error.close()
            if not path:
                return
        except OSError:
            pass
        time.sleep(0.05)
    logs = [printed, *printed.parent.glob("**/*error*.log"), *printed.parent.glob("**/error_log")]
    said = "\n".join(log.read_text("utf-8", "replace")[-2000:] for log in logs)
    raise SystemExit(f"a server did not get ready:\n{said}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """Stop a server, and whatever is left of its session."""
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(STOP_S)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
