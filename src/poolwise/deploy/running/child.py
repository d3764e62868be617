"""A server that we start: its own session of processes, that neither outlives us nor is left half ended.

Each child leads a session of its own, so that a Ctrl-C at the terminal reaches only poolwise, and what is
left of a server whose first process died can be found and ended by the number of that session. When
poolwise itself is killed, the kernel sends SIGTERM to the child (prctl(2), PR_SET_PDEATHSIG: it goes with
the thread that started it, so only the main thread starts children).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poolwise.deploy.running.vigil import ended
from poolwise.model import InputError, ServerError
from poolwise.observe import process

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


class Adopted:
    """A child of this process that was started before it became what it is now (execve(2))."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, or a negative signal number; None while it runs."""
        return self._waited(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, whatever ``timeout`` says; its exit code."""
        return self._waited(0) or 0

    def send_signal(self, number: int) -> None:
        """Send it a signal; nothing happens when it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _waited(self, how: int) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, how)
            except ChildProcessError:
                pid, status = self.pid, 0
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


@dataclass(slots=True)
class Child:
    """A process that we started. ``started``: clock ticks after the machine's start, 0 when unknown."""

    role: str  # "httpd", "nginx", or the name of the application that it runs
    generation: str
    popen: subprocess.Popen[bytes] | Adopted
    started: int

    @property
    def pid(self) -> int:
        """Its process id, and the number of its session and of its process group."""
        return self.popen.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs; reaps it when it has ended."""
        return self.popen.poll() is None

    @property
    def gone(self) -> bool:
        """Whether nothing of its session is left."""
        return not self.alive and not tell_group(self.pid, 0)

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to this process alone; nothing happens when it has ended."""
        self.popen.send_signal(number)

    def tell_all(self, number: signal.Signals) -> None:
        """Send a signal to every process of its session that is left."""
        tell_group(self.pid, number)

    @property
    def ending(self) -> str:
        """How it ended, in words: "exit code 1", "killed by SIGKILL"."""
        code = self.popen.returncode or 0
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def tell_group(number: int, signal_number: int) -> bool:
    """Send a signal (0: none) to all of a process group; False when there is none, or none of ours."""
    try:
        os.killpg(number, signal_number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def start_child(
    role: str,
    argv: Sequence[str],
    log: str | Path,
    *,
    generation: str = "",
    cwd: str = "/",
    environment: Mapping[str, str] | None = None,
    user: str = "",
    group: str = "",
) -> Child:
    """Start a server whose standard output and error go to the end of the file ``log``.

    ``user`` and ``group``: whose rights it gets, ours by default. Raises InputError when the program
    cannot be run, ServerError when the system starts no more processes.
    """
    output = open_log(log)
    try:
        popen = subprocess.Popen(
            argv,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            user=user or None,
            group=group or None,
            extra_groups=[] if user else None,
            preexec_fn=_tied_to_us(),
        )
    except (BlockingIOError, MemoryError) as error:
        raise ServerError(f"{role} was not started: the system starts no more processes now") from error
    except (OSError, LookupError, subprocess.SubprocessError) as error:
        raise InputError(f"cannot run {argv[0]}: {getattr(error, 'strerror', None) or error}") from error
    finally:
        os.close(output)
    seen = process(popen.pid)
    return Child(role, generation, popen, seen.started if seen else 0)


def adopted(role: str, generation: str, pid: int, started: int) -> Child:
    """A child that this process started before it became what it is now."""
    return Child(role, generation, Adopted(pid), started)


def open_log(path: str | Path) -> int:
    """A file descriptor that appends to a log of our own; a symbolic link is refused (InputError)."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def _tied_to_us() -> Callable[[], None]:
    """What the child does before it becomes the server: it asks the kernel to end it when we end."""
    libc, parent = ctypes.CDLL(None), os.getpid()

    def tie() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # whatever whoever started us had blocked
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # we were killed before the kernel knew
            os._exit(1)

    return tie


def adopt_orphans() -> None:
    """From now on a process whose parent dies below us becomes our child, instead of the system's."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def reap(children: Sequence[Child]) -> None:
    """Let every process below us that has ended go; ``children`` keep how theirs ended."""
    known = {child.pid: child for child in children}
    while pid := ended(known):
        known.pop(pid).popen.poll()
