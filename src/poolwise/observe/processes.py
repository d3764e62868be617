"""Processes as the kernel counts them: their memory without counting shared pages twice, and their CPU time.

``pss_bytes`` (proportional set size) splits each shared page among those who share it: the sum over the
processes of a server is the memory that the server takes, where the sum of RSS counts it up to twice.
Processes come and go while they are read; one that has gone is None or left out, never an error.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

PROC = Path("/proc")
KB = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of one process or the sum over several, in bytes.

    ``exact``: False where the kernel did not let us read the shares of another user's process: RSS then
    stands for ``pss_bytes``, which is too high, and what maps files for ``shared_bytes``.
    """

    pss_bytes: int = 0
    private_bytes: int = 0
    shared_bytes: int = 0
    rss_bytes: int = 0
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Process:
    """One process at one instant. ``pid`` and ``started`` together name it for good: pids are used again."""

    pid: int
    parent: int
    started: int  # clock ticks after the machine's start
    title: str  # its command line, or what the process has put in its place ("(wsgi:shop) -k start")
    uid: int
    threads: int
    cpu_s: float  # of all its threads, those that have ended included
    pss_bytes: int
    private_bytes: int
    shared_bytes: int
    rss_bytes: int
    exact: bool  # False: see Memory


def process(pid: int) -> Process | None:
    """The process now; None when there is none, or when it has ended and only waits to be reaped."""
    try:
        stat = _stat(pid)
        if stat[0] in "ZX":
            return None
        title = (PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ")
        seen = _memory(pid)
        return Process(
            pid=pid,
            parent=int(stat[1]),
            started=int(stat[19]),
            title=title.decode("utf-8", "replace"),
            uid=psutil.Process(pid).uids().effective,
            threads=int(stat[17]),
            cpu_s=_cpu_s(pid, stat),
            pss_bytes=seen.pss_bytes,
            private_bytes=seen.private_bytes,
            shared_bytes=seen.shared_bytes,
            rss_bytes=seen.rss_bytes,
            exact=seen.exact,
        )
    except (OSError, psutil.Error):
        return None


def tree(pid: int) -> tuple[Process, ...]:
    """The process and all its descendants, itself first; empty when it has gone."""
    found = (process(each) for each in (pid, *_below(pid, recursive=True)))
    return tuple(each for each in found if each)


def children(pid: int) -> tuple[Process, ...]:
    """The processes that it has started itself and that still run."""
    found = (process(each) for each in _below(pid, recursive=False))
    return tuple(each for each in found if each)


def alive(pid: int, started: int) -> bool:
    """Whether the very process still runs, not another one that got its pid; a zombie does not run."""
    try:
        stat = _stat(pid)
    except OSError:
        return False
    return stat[0] not in "ZX" and int(stat[19]) == started


def memory(pids: Iterable[int]) -> Memory:
    """The memory of several processes together; those that have gone count nothing."""
    total = Memory()
    for pid in pids:
        with suppress(OSError):
            one = _memory(pid)
            total = Memory(
                total.pss_bytes + one.pss_bytes,
                total.private_bytes + one.private_bytes,
                total.shared_bytes + one.shared_bytes,
                total.rss_bytes + one.rss_bytes,
                total.exact and one.exact,
            )
    return total


def _below(pid: int, recursive: bool) -> list[int]:
    try:
        return [each.pid for each in psutil.Process(pid).children(recursive=recursive)]
    except psutil.Error:
        return []


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (proc(5) numbers it 3); OSError when it has gone."""
    text = (PROC / str(pid) / "stat").read_text("utf-8", "replace")
    return text.rpartition(")")[2].split()  # the name before it may hold blanks and brackets


def _cpu_s(pid: int, stat: list[str]) -> float:
    """CPU time by the process's own clock, to the nanosecond (clock_getcpuclockid(3)); else in ticks."""
    with suppress(OSError):
        return time.clock_gettime((~pid << 3) | 2)
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> Memory:
    """One process's memory; OSError when it has gone."""
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text("utf-8")
    except PermissionError:
        resident, shared = (int(n) * os.sysconf("SC_PAGE_SIZE") for n in _statm(pid)[1:3])
        return Memory(resident, resident - shared, shared, resident, exact=False)
    lines = (line.partition(":") for line in text.splitlines()[1:])
    sizes = Counter({name: int(value.split()[0]) * KB for name, _, value in lines})
    return Memory(
        pss_bytes=sizes["Pss"],
        private_bytes=sizes["Private_Clean"] + sizes["Private_Dirty"],
        shared_bytes=sizes["Shared_Clean"] + sizes["Shared_Dirty"],
        rss_bytes=sizes["Rss"],
    )


def _statm(pid: int) -> list[str]:
    return (PROC / str(pid) / "statm").read_text("utf-8").split()


def carrying(name: str, value: str) -> tuple[Process, ...]:
    """The processes that were started, or whose forefather was, with ``name=value`` in the environment."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if each.environ().get(name) == value and (one := process(each.pid)):
                found.append(one)
    return tuple(found)
