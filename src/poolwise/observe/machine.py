"""The machine we run on: the cores and the memory that we may really use, limits of containers included.

A container sees the host's cores and memory in most places; what it may use stands in its control group and
in the groups above it (manual: cgroups(7); kernel: admin-guide/cgroup-v2, cgroup-v1/memory). Version 1,
version 2 and both side by side are read. Every function takes the folder below which ``proc`` and ``sys``
lie, so that the files of any machine can be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from poolwise.model import Machine

MEMORY_FILES = ("memory.max", "memory.limit_in_bytes")


def this_machine(root: str | Path = "/") -> Machine:
    """Cores and memory that this process may use: the least of what the machine has and of every limit.

    ``memory_bytes`` is 0 where the system does not say.
    """
    place = Path(root)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = [size for size in (memory_total(place), memory_limit(place)) if size]
    return Machine(cores=min([usable, *core_limits(place)]), memory_bytes=min(memory, default=0))


def memory_total(root: Path) -> int:
    """The memory of the machine in bytes (MemTotal of /proc/meminfo), 0 when unknown."""
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return 0


def memory_limit(root: Path) -> int:
    """The least memory limit of our control group and those above it, in bytes; 0 when there is none."""
    texts = [_text(folder / name) for folder in groups(root) for name in MEMORY_FILES]
    return min((int(text) for text in texts if text.isdigit()), default=0)


def core_limits(root: Path) -> tuple[int, ...]:
    """The cores that each CPU quota up the hierarchy allows, rounded up, at least 1; empty without any."""
    return tuple(limit for folder in groups(root) for limit in _cores(folder))


def _cores(folder: Path) -> Iterator[int]:
    """The quota of one group: CPU time in each period, both in microseconds."""
    unified = _text(folder / "cpu.max").split()
    old = (_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us"))
    for quota, period in (unified if len(unified) == 2 else ("", ""), old):
        if quota.isdigit() and period.isdigit() and int(period):  # "max" and "-1" are no limit
            yield max(1, -(-int(quota) // int(period)))


def groups(root: Path) -> tuple[Path, ...]:
    """The folders of our control group and all above it, for each mounted hierarchy, deepest first.

    In a container ``/proc/self/cgroup`` may name the group as the host sees it, while only that group is
    mounted: the part that the mount's own root takes away says so (proc(5), mountinfo field 4).
    """
    ours = [line.split(":", 2) for line in _text(root / "proc/self/cgroup").splitlines()]
    folders: dict[Path, None] = {}
    for kinds, within, mounted in _mounts(root):
        for _, controllers, path in (parts for parts in ours if len(parts) == 3):
            if set(filter(None, controllers.split(","))) <= kinds and bool(controllers) == bool(kinds):
                below = Path(path)
                inner = below.relative_to(within) if below.is_relative_to(within) else Path()
                place = root / mounted.lstrip("/")
                chain = [place / inner, *(place / inner).parents]
                folders.update(dict.fromkeys(f for f in chain if f.is_relative_to(place)))
    return tuple(folders)


def _mounts(root: Path) -> Iterator[tuple[set[str], str, str]]:
    """Mounted hierarchies: their controllers (none: version 2), the root within it, where it is mounted."""
    for line in _text(root / "proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        fields, what = left.split(), right.split()
        if len(fields) >= 5 and what and what[0] in ("cgroup", "cgroup2"):
            kinds = set(what[-1].split(",")) - {"rw", "ro"} if what[0] == "cgroup" else set()
            yield kinds, fields[3], fields[4]


def listen_backlog_limit(root: str | Path = "/") -> int:
    """The most connections that may wait for ``accept`` on one socket (net.core.somaxconn)."""
    text = _text(Path(root) / "proc/sys/net/core/somaxconn")
    return int(text) if text.isdigit() else 4096  # the kernel's default since 5.4


def _text(path: Path) -> str:
    """What a small file says, "" when it cannot be read."""
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text("utf-8").strip()
    return ""
