"""While all is well: show what the logs say, and wait for a signal or for the end of a server.

poolwise with all that it knows takes 24 MB, more than a small site. So when a site serves, poolwise becomes
this file (execve(2)): the same process, with the same children, in 5 MB. Whatever happens, it becomes the
whole poolwise again, which then does what is to be done. This file is therefore a program of its own as
well: it imports nothing but a little of the standard library.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections import deque
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
    from types import FrameType, TracebackType
    from typing import Any, BinaryIO, Self

HANDLED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGCHLD,
)
TICK_S = 0.25
BLOCK = 1 << 20  # bytes of a log that are read at once, and the longest line that is waited for
MOST_BYTES = 64_000_000  # of a log; /run, where root's lie by default, is memory
ACCESS = ("access.log", "nginx-access.log")
WOKEN = "POOLWISE_WOKEN"  # the environment variable in which the vigil says why it ended


class Signals:
    """Signals as messages: a handler only notes the number and wakes up whoever waits.

    So no signal interrupts a step half done, and none is lost. The handlers from before are put back at the
    end. Only the main thread may enter it (signal(7); Python: signal.set_wakeup_fd).
    """

    def __init__(self, arrived: Iterable[signal.Signals] = ()) -> None:
        self._arrived = deque(arrived)
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in HANDLED:
            self._before[number] = signal.signal(number, self._note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._read)
        os.close(self._write)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._arrived.append(signal.Signals(number))

    def wait(self, seconds: float, *files: Any) -> None:
        """Return after that time, or as soon as a signal arrives or one of ``files`` can be read."""
        if not self._arrived:
            select.select([self._read, *files], [], [], max(0.0, seconds))
        with suppress(BlockingIOError):
            os.read(self._read, 4096)

    def take(self) -> tuple[signal.Signals, ...]:
        """What has arrived since the last time, oldest first."""
        taken = []
        while self._arrived:
            taken.append(self._arrived.popleft())
        return tuple(taken)

    def hold(self) -> tuple[signal.Signals, ...]:
        """The same; from now on signals wait in the system for whoever unblocks them, also beyond execve."""
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        return self.take()

    def release(self, arrived: Iterable[signal.Signals]) -> None:
        """Take signals again, these first."""
        self._arrived.extendleft(reversed(tuple(arrived)))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)


class Tail:
    """The lines that are added to a file from now on, also when it is cut off, or another takes its place.

    ``at``: where in it to begin, -1: at its end. A file that does not exist yet is waited for.
    """

    def __init__(self, path: str | os.PathLike[str], at: int = -1) -> None:
        self._path = os.fspath(path)
        self._file: BinaryIO | None = None
        self._rest = b""
        self._open(at)

    @property
    def at(self) -> int:
        """Where in the file the next line begins."""
        return self._file.tell() - len(self._rest) if self._file else 0

    def lines(self) -> Iterator[str]:
        """What is complete and new, one block at most, so that a flood does not keep its reader for ever."""
        if self._file is None:
            self._open(0)
        if self._file is None:
            return
        block = self._read(self._file)
        if not block and self._replaced(self._file):
            self.close()
            self._open(0)
            block = self._read(self._file) if self._file else b""
        *complete, self._rest = (self._rest + block).split(b"\n")
        if len(self._rest) > BLOCK:
            complete, self._rest = [*complete, self._rest], b""
        yield from (line.decode("utf-8", "replace") for line in complete)

    def close(self) -> None:
        """Let go of the file."""
        if self._file:
            self._file.close()
            self._file = None

    def _open(self, at: int) -> None:
        with suppress(OSError):
            self._file = open(self._path, "rb")  # noqa: PTH123, SIM115 (pathlib alone takes a megabyte)
            self._file.seek(max(at, 0), os.SEEK_END if at < 0 else os.SEEK_SET)

    def _read(self, file: BinaryIO) -> bytes:
        with suppress(OSError):
            if os.fstat(file.fileno()).st_size < file.tell():
                file.seek(0)
            return file.read(BLOCK)
        return b""

    def _replaced(self, file: BinaryIO) -> bool:
        try:
            return not os.path.samestat(os.fstat(file.fileno()), os.stat(self._path))  # noqa: PTH116
        except OSError:  # taken away, and nothing put in its place yet
            return False


class Streams:
    """All logs of a folder: from their ends, or from where ``at`` says; new ones from their beginning.

    A log that has grown to 64 MB is copied to ``NAME.1`` and cut off in its place, which servers that append
    to it do not notice; lines of the moment between are lost.
    """

    def __init__(self, folder: str, access_log: bool, at: Mapping[str, int] | None = None) -> None:
        self._folder = folder
        self._access = access_log
        self._tails: dict[str, Tail] = {}
        self._look(at or {}, -1)

    @property
    def at(self) -> dict[str, int]:
        """Where in each log its next line begins, by the file's name."""
        return {name: tail.at for name, tail in self._tails.items()}

    def lines(self) -> Iterator[tuple[str, str]]:
        """What is new: the log's file name, and the line."""
        self._look({}, 0)
        for name, tail in self._tails.items():
            yield from ((name, line) for line in tail.lines())
            with suppress(OSError):
                cut_off(os.path.join(self._folder, name))  # noqa: PTH118

    def close(self) -> None:
        """Let go of the files."""
        for tail in self._tails.values():
            tail.close()

    def _look(self, at: Mapping[str, int], other: int) -> None:
        """Follow the logs that have appeared."""
        names: list[str] = []
        with suppress(OSError):
            names = sorted(os.listdir(self._folder))  # noqa: PTH208
        for name in names:
            if name.endswith(".log") and name not in self._tails and (self._access or name not in ACCESS):
                self._tails[name] = Tail(os.path.join(self._folder, name), at.get(name, other))  # noqa: PTH118


def cut_off(path: str) -> None:
    """Let a log that is too long begin anew; what it held is kept where there is room. OSError."""
    if os.stat(path).st_size <= MOST_BYTES:  # noqa: PTH116
        return
    with suppress(OSError):
        _copy(path, f"{path}.1")
    os.truncate(path, 0)


def _copy(old: str, new: str) -> None:
    read = os.open(old, os.O_RDONLY | os.O_CLOEXEC)
    write = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        while os.sendfile(write, read, None, BLOCK):
            pass
    finally:
        os.close(read)
        os.close(write)


def ended(ours: Container[int]) -> int:
    """One of these children of ours that has ended and can be reaped, 0 when none has; others are reaped."""
    with suppress(ChildProcessError):
        while seen := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if seen.si_pid in ours:
                return seen.si_pid
            os.waitpid(seen.si_pid, 0)
    return 0


def show(log: str, text: str) -> None:
    """A line of a log on the terminal: requests on standard output, everything else on standard error."""
    plain = text if text.isprintable() else "".join(map(_visible, text))
    data = f"{plain}\n".encode("utf-8", "backslashreplace")
    with suppress(OSError):  # nobody looks any more
        while data:
            data = data[os.write(1 if log in ACCESS else 2, data) :]


def _visible(character: str) -> str:
    if character.isprintable() or character == "\t":
        return character
    return character.encode("unicode_escape").decode("ascii")


def sleep(
    folder: str, access_log: bool, at: Mapping[str, int], pids: Iterable[int], lock: int, wake: Sequence[str]
) -> None:
    """Become the vigil: watch over these children until something happens, then run ``wake``.

    ``folder`` holds the logs, which are shown from ``at`` on; the file ``lock`` is kept open. Signals have to
    be held, and standard output to be flushed. Returns only when it cannot be done.
    """
    access = "access" if access_log else ""
    words = [folder, access, _written(at), ",".join(map(str, pids)), str(lock), *wake]
    os.set_inheritable(lock, True)
    with suppress(OSError):
        # -S: without the site's packages; -P: without this file's folder, full of names like the library's
        os.execv(sys.executable, [sys.executable, "-S", "-P", __file__, *words])
    os.set_inheritable(lock, False)


def main(arguments: Sequence[str]) -> None:
    """The vigil; the arguments are those that ``sleep`` gives."""
    folder, access, at, numbers, lock, *wake = arguments
    pids = [int(number) for number in numbers.split(",")]
    with Signals() as signals:
        streams = Streams(folder, bool(access), _read(at))
        arrived: list[signal.Signals] = []
        while not arrived and not ended(pids):
            signals.wait(TICK_S)
            for log, text in streams.lines():
                show(log, text)
            arrived = [each for each in signals.take() if each != signal.SIGCHLD]
        arrived += signals.hold()
        words = (",".join(each.name for each in arrived), _written(streams.at), lock)
        try:
            os.execve(wake[0], wake, {**os.environ, WOKEN: ";".join(words)})
        except OSError as error:
            show(
                "", f"poolwise: {wake[0]} cannot be run any more ({error.strerror}); what it served is ended"
            )
            for pid in pids:
                os.kill(pid, signal.SIGTERM)
                os.waitpid(pid, 0)
            sys.exit(3)


class Woken:
    """How the vigil ended: the signals that came, how far it has shown the logs, the lock that it kept."""

    def __init__(self, written: str) -> None:
        names, at, lock = written.split(";")
        self.signals = [signal.Signals[name] for name in names.split(",") if name]
        self.at = _read(at)
        self.lock = int(lock)
        os.set_inheritable(self.lock, False)


def woken() -> Woken | None:
    """How the vigil ended that this process was, None when it was none; asked for once."""
    written = os.environ.pop(WOKEN, "")
    return Woken(written) if written else None


def _written(at: Mapping[str, int]) -> str:
    return ",".join(f"{name}={number}" for name, number in at.items())


def _read(at: str) -> dict[str, int]:
    return {name: int(number) for name, _, number in (each.rpartition("=") for each in at.split(",") if each)}


if __name__ == "__main__":
    main(sys.argv[1:])
