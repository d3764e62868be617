"""httpd's scoreboard, read from its shared memory: no request, no disturbance.

A server with ``ScoreBoardFile`` keeps its scoreboard in a mapping that others can attach. Layout
(include/scoreboard.h and server/scoreboard.c of 2.4.71, 64 bit; verified on a running server): 8 bytes with
the size, 56 for the server (ServerLimit, ThreadLimit and the generation first), 40 for each process slot
(pid, generation, quiescing, not_accepting), 336 for each worker (its state in byte 20). Another layout has
another size and is refused. A read is not atomic: a worker may change while others are copied.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from poolwise.model import ServerError

_HEADER, _SERVER, _PROCESS, _WORKER, _STATE = 8, 56, 40, 336, 20
_LIMITS = struct.Struct("=iii")  # ServerLimit, ThreadLimit, generation
_SLOT = struct.Struct("=iibb30x")  # pid, generation, quiescing, not_accepting

DEAD, STARTING, READY = 0, 1, 2
_FREE = bytes((DEAD, STARTING, READY))


@dataclass(frozen=True, slots=True)
class Slot:
    """A process slot that is in use; ``states`` holds one state (0 to 10) for each of its workers."""

    number: int
    pid: int
    generation: int
    quiescing: bool
    accepting: bool
    states: bytes

    @property
    def busy(self) -> int:
        """Workers that are held: by a request, an idle connection or a lingering close."""
        return len(self.states.translate(None, _FREE))


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """The slots in use at one instant."""

    generation: int
    slots: tuple[Slot, ...]

    def idle(self, threaded: bool) -> int:
        """Idle workers as the parent counts them (prefork.c, worker.c, event.c: idle server maintenance).

        prefork: children that start or wait, dead ones too. Threaded: threads not yet or no longer in
        use in processes that accept, are not told to go and are of the current generation.
        """
        if not threaded:
            return sum(slot.states[:1] in (b"\x01", b"\x02") for slot in self.slots)
        return sum(
            slot.states.count(DEAD) + slot.states.count(STARTING) + slot.states.count(READY)
            for slot in self.slots
            if slot.accepting and not slot.quiescing and slot.generation == self.generation
        )


def decode(segment: bytes | mmap.mmap, server_limit: int, thread_limit: int, threads: int) -> Scoreboard:
    """The scoreboard in a segment of a server with these limits and ``threads`` workers a process.

    Raises ServerError when the segment has another layout than the one described above.
    """
    check(segment[: _HEADER + _LIMITS.size], server_limit, thread_limit)
    generation = _LIMITS.unpack_from(segment, _HEADER)[2]
    first = _HEADER + _SERVER
    workers = first + _PROCESS * server_limit
    row = _WORKER * thread_limit
    slots = []
    for number, values in enumerate(_SLOT.iter_unpack(segment[first:workers])):
        pid, of, quiescing, not_accepting = values
        if not pid:
            continue
        start = workers + number * row + _STATE
        states = segment[start : start + threads * _WORKER - _STATE : _WORKER]
        slots.append(Slot(number, pid, of, bool(quiescing), not not_accepting, states))
    return Scoreboard(generation, tuple(slots))


def expected_bytes(server_limit: int, thread_limit: int) -> int:
    """Size of the segment of a server with these limits, as its header says it."""
    return _HEADER + _SERVER + _PROCESS * server_limit + _WORKER * server_limit * thread_limit


def check(head: bytes, server_limit: int, thread_limit: int) -> None:
    """ServerError unless ``head``, the first bytes of a segment, belong to such a server."""
    if not _fits(head, server_limit, thread_limit):
        raise _stranger(server_limit, thread_limit)


def _fits(head: bytes, server_limit: int, thread_limit: int) -> bool:
    if len(head) < _HEADER + _LIMITS.size:
        return False
    size = int.from_bytes(head[:_HEADER], "little")
    limits = _LIMITS.unpack_from(head, _HEADER)[:2]
    return size == expected_bytes(server_limit, thread_limit) and limits == (server_limit, thread_limit)


def _stranger(server_limit: int, thread_limit: int) -> ServerError:
    return ServerError(
        f"this httpd has no scoreboard laid out as that of a 64-bit httpd 2.4 with ServerLimit "
        f"{server_limit} and ThreadLimit {thread_limit} ({expected_bytes(server_limit, thread_limit):,} "
        "bytes), so it cannot be watched"
    )


def scoreboard_file(pid: int, server_limit: int, thread_limit: int) -> Path:
    """The file of the scoreboard that the parent process ``pid`` has mapped.

    The file is found among the process's mappings, wherever its APR put it (Debian's: /dev/shm). Raises
    ServerError when none of the files that it shares is such a scoreboard.
    """
    try:
        lines = Path(f"/proc/{pid}/maps").read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise ServerError(f"cannot see the memory of httpd (process {pid}): {error.strerror}") from error
    shared = [line.split(maxsplit=5) for line in lines if " rw-s " in line]
    paths = [Path(fields[5]) for fields in shared if len(fields) == 6]
    heads = {path: _head(path) for path in paths}
    for path, head in heads.items():
        if _fits(head, server_limit, thread_limit):
            return path
    raise _stranger(server_limit, thread_limit)


def _head(path: Path) -> bytes:
    with suppress(OSError), path.open("rb") as file:
        return file.read(_HEADER + _LIMITS.size)
    return b""


@contextmanager
def attached(path: Path) -> Iterator[mmap.mmap]:
    """The segment in ``path``, mapped for reading until the end. Raises ServerError."""
    try:
        with path.open("rb") as file:
            segment = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: an empty file
        raise ServerError(f"cannot read the scoreboard {path}: {error}") from error
    try:
        yield segment
    finally:
        segment.close()
