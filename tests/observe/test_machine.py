"""The limits of a machine, from files as real machines have them: without groups, version 1, version 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from poolwise.observe import listen_backlog_limit, this_machine
from poolwise.observe.machine import core_limits, groups, memory_limit, memory_total

GB = 1 << 30
MEMINFO = "MemTotal:       16315340 kB\nMemFree:        11048928 kB\n"
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "24 18 0:21 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n"
    "26 24 0:23 {0} /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n"
    "27 24 0:24 {0} /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n"
    "28 24 0:25 / /sys/fs/cgroup/systemd rw,nosuid - cgroup cgroup rw,xattr,name=systemd\n"
)


def machine(top: Path, files: dict[str, str]) -> Path:
    """A folder with ``proc`` and ``sys`` in which these files lie."""
    for name, text in {"proc/meminfo": MEMINFO, **files}.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return top


def limits(root: Path) -> tuple[int, tuple[int, ...]]:
    return memory_limit(root), core_limits(root)


def test_without_control_groups_the_machine_is_all_there_is(tmp_path: Path) -> None:
    root = machine(tmp_path, {})
    assert limits(root) == (0, ())
    assert memory_total(root) == 16315340 * 1024
    found = this_machine(root)
    assert found.memory_bytes == 16315340 * 1024
    assert found.cores == len(os.sched_getaffinity(0))


def test_nothing_readable_is_nothing_known(tmp_path: Path) -> None:
    assert this_machine(tmp_path).memory_bytes == 0
    assert this_machine(tmp_path).cores >= 1
    assert listen_backlog_limit(tmp_path) == 4096


@pytest.mark.parametrize(
    ("quota", "cores"), [("150000 100000", (2,)), ("20000 100000", (1,)), ("max 100000", ())]
)
def test_version_2_in_a_container_of_its_own(tmp_path: Path, quota: str, cores: tuple[int, ...]) -> None:
    """With a namespace of its own, the container's group is the root of what it sees."""
    files = {"cpu.max": f"{quota}\n", "memory.max": f"{GB}\n"}
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
        },
    )
    assert limits(root) == (GB, cores)
    assert this_machine(root).memory_bytes == GB
    assert this_machine(root).cores == min([len(os.sched_getaffinity(0)), *cores])


def test_version_2_takes_the_least_up_the_hierarchy(tmp_path: Path) -> None:
    service = "sys/fs/cgroup/system.slice/shop.service"
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "0::/system.slice/shop.service\n",
            "proc/self/mountinfo": V2,
            f"{service}/memory.max": "max\n",
            f"{service}/cpu.max": "300000 100000\n",
            "sys/fs/cgroup/system.slice/memory.max": f"{3 * GB}\n",
            "sys/fs/cgroup/system.slice/cpu.max": "max 100000\n",
            "sys/fs/cgroup/other.slice/memory.max": "4096\n",  # not ours
        },
    )
    assert [str(folder.relative_to(tmp_path)) for folder in groups(root)] == [
        "sys/fs/cgroup/system.slice/shop.service",
        "sys/fs/cgroup/system.slice",
        "sys/fs/cgroup",
    ]
    assert limits(root) == (3 * GB, (3,))


def test_version_1_nested_with_its_way_to_say_no_limit(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "5:memory:/a/b\n3:cpu,cpuacct:/a\n1:name=systemd:/x\n0::/\n",
            "proc/self/mountinfo": V1.format("/"),
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/a/memory.limit_in_bytes": f"{2 * GB}\n",
            "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "250000\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
        },
    )
    assert limits(root) == (2 * GB, (3,))


def test_version_1_in_a_container_that_is_told_the_hosts_path(tmp_path: Path) -> None:
    """``/proc/self/cgroup`` has the path on the host, of which only the container's end is mounted."""
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "5:memory:/docker/c0ffee/inner\n3:cpu,cpuacct:/docker/c0ffee\n",
            "proc/self/mountinfo": V1.format("/docker/c0ffee"),
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GB}\n",
            "sys/fs/cgroup/memory/inner/memory.limit_in_bytes": f"{GB // 2}\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
    )
    assert limits(root) == (GB // 2, (1,))


def test_both_versions_side_by_side(tmp_path: Path) -> None:
    unified = V2.replace("/sys/fs/cgroup rw", "/sys/fs/cgroup/unified rw")
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "5:memory:/a\n0::/b\n",
            "proc/self/mountinfo": V1.format("/") + unified,
            "sys/fs/cgroup/memory/a/memory.limit_in_bytes": f"{GB}\n",
            "sys/fs/cgroup/unified/b/cpu.max": "200000 100000\n",
        },
    )
    assert limits(root) == (GB, (2,))


def test_a_limit_above_the_memory_of_the_machine_is_none(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/memory.max": "9223372036854771712\n",
        },
    )
    assert this_machine(root).memory_bytes == 16315340 * 1024


def test_files_with_nonsense_limit_nothing(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "nonsense\n0::/\n7\n",
            "proc/self/mountinfo": f"short - cgroup2\n{V2}\n",
            "sys/fs/cgroup/memory.max": "lots\n",
            "sys/fs/cgroup/cpu.max": "1 2 3\n",
            "sys/fs/cgroup/cpu.cfs_quota_us": "100\n",
            "sys/fs/cgroup/cpu.cfs_period_us": "0\n",
        },
    )
    assert limits(root) == (0, ())


def test_this_very_machine_has_cores_memory_and_a_backlog() -> None:
    found = this_machine()
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert 16_000_000 < found.memory_bytes <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 1.1
    assert listen_backlog_limit() >= 1
