"""A process that reports on a socket while we read what it prints, and of which nothing is left at the end.

It leads a session of its own; whatever it has started is ended with it: its process group, its descendants,
and those that have left both, which carry its mark in their environment.
"""

from __future__ import annotations

import ast
import ctypes
import os
import resource
import secrets
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from poolwise.deploy.finding.access import Identity
from poolwise.model import InputError
from poolwise.observe import alive, carrying, tree

MARK = "POOLWISE_PREFLIGHT"
KEPT_BYTES = 64_000  # of what it prints: the end
POLL_S = 0.05
STACK_S = 2.0  # for writing its stack when it is told to stop
ROUNDS = 20  # of ending what it has started, which may start more meanwhile
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Ended(Exception):
    """The process has ended without saying what was waited for."""


class Late(Exception):
    """The process has not said in time what was waited for."""


class Watched:
    """A running process: ``hear`` what it reports, ``go`` to let it continue."""

    def __init__(self, popen: subprocess.Popen[bytes], control: socket.socket, faults: int) -> None:
        self.pid = popen.pid
        self._control = control
        self._heard = {name: bytearray() for name in ("control", "faults", "output")}
        self._selector = selectors.DefaultSelector()
        assert popen.stdout
        numbers = (control.fileno(), faults, popen.stdout.fileno())
        for name, number in zip(self._heard, numbers, strict=True):
            os.set_blocking(number, False)
            self._selector.register(number, selectors.EVENT_READ, name)

    @property
    def output(self) -> str:
        """The end of what it has printed so far."""
        self._read_all()
        return self._heard["output"].decode("utf-8", "replace")

    @property
    def faults(self) -> str:
        """The stacks that its faulthandler has written."""
        self._read_all()
        return self._heard["faults"].decode("utf-8", "replace")

    def hear(self, patience_s: float) -> tuple[Any, ...]:
        """Its next message. Raises Late after ``patience_s`` seconds, Ended when there will be none."""
        until = time.monotonic() + patience_s
        heard = self._heard["control"]
        while True:
            while b"\n" not in heard:
                left = until - time.monotonic()
                if left <= 0:
                    raise Late
                if not self._read(min(left, POLL_S)) and self._ended() and not self._read(0.0):
                    raise Ended
            line, _, rest = bytes(heard).partition(b"\n")
            heard[:] = rest
            with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                message = ast.literal_eval(line.decode("ascii"))
                if isinstance(message, tuple):  # and nothing that the application wrote on our socket
                    return message

    def go(self) -> None:
        """Let it go on after a message that waits."""
        with suppress(OSError):
            self._control.send(b"\n")

    def exit_code(self) -> int:
        """How it ended: an exit code, or a negative signal number. It is not reaped: its pid stays its."""
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        assert ended
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def stop(self) -> None:
        """Make it write its stack (faulthandler, on SIGABRT) and end."""
        os.kill(self.pid, signal.SIGABRT)
        until = time.monotonic() + STACK_S
        while not self._ended() and time.monotonic() < until:
            self._read(POLL_S)

    def _read(self, patience_s: float) -> bool:
        """Take what has arrived, or arrives in time; False when that is nothing."""
        taken = False
        for key, _ in self._selector.select(patience_s):
            data = b""
            with suppress(OSError):
                data = os.read(key.fd, 1 << 16)
            if not data:
                self._selector.unregister(key.fd)
            self._heard[key.data] += data
            taken = True
        del self._heard["output"][:-KEPT_BYTES]
        return taken

    def _read_all(self) -> None:
        """Take what has arrived by now, of somebody who never stops a good deal."""
        for _ in range(100):
            if not self._read(0.0):
                break

    def _ended(self) -> bool:
        """Whether it has ended; what it has left running may hold its socket and pipes."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def close(self) -> None:
        """Look at its socket and pipes no more."""
        self._selector.close()


@contextmanager
def watched(
    argv: Callable[[int, int], list[str]],
    *,
    folder: str,
    environment: Mapping[str, str],
    identity: Identity,
) -> Iterator[Watched]:
    """Start a process, and end it with everything that it has started.

    ``argv``: makes its command from the numbers of the socket and of the pipe for stacks. Raises InputError
    when it cannot be run.
    """
    token = secrets.token_hex(8)
    ours, theirs = socket.socketpair()
    stacks, faults = os.pipe()
    command = argv(theirs.fileno(), faults)
    try:
        with ours:
            try:
                popen = subprocess.Popen(
                    command,
                    cwd=folder,
                    env={**environment, MARK: token},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=(theirs.fileno(), faults),
                    preexec_fn=_tied_to_us(),
                    **identity,
                )
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                said = getattr(error, "strerror", None) or error
                raise InputError(f"cannot run {command[0]}: {said}") from error
            finally:
                theirs.close()
                os.close(faults)
            with popen:
                child = Watched(popen, ours, stacks)
                try:
                    yield child
                finally:
                    _end_all(popen.pid, token)
                    popen.wait()
                    child.close()
    finally:
        os.close(stacks)


def _end_all(pid: int, token: str) -> None:
    """Kill the process, its group, its descendants, and all that carry the mark."""
    for _ in range(ROUNDS):
        found = {each.pid: each.started for each in tree(pid)}
        found |= {each.pid: each.started for each in carrying(MARK, token)}
        if not found:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        for each, started in found.items():
            if alive(each, started):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(each, signal.SIGKILL)
        time.sleep(0.01)


def _tied_to_us() -> Callable[[], None]:
    """What the process does before anything else: no core dumps, and an end when we are killed."""
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return tie
