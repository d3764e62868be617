"""Sizes: the arithmetic at its corners, and that every number has its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from poolwise.deploy import Loaded, Sizes, choose
from poolwise.model import Machine

MB = 1_000_000
LOADED = Loaded(0.5, 0.4, 8 * MB, 7 * MB, 46_500_000, 45 * MB, request_wall_s=0.05, request_cpu_s=0.01)
MACHINE = Machine(cores=4, memory_bytes=8_000 * MB)


def numbers(sizes: Sizes) -> tuple[int, int, int]:
    return sizes.processes, sizes.threads, sizes.connections


def warnings(sizes: Sizes) -> list[str]:
    return [reason for reason in sizes.reasons if reason.startswith("warning:")]


def test_a_process_for_each_core_and_threads_by_what_a_request_waits() -> None:
    sizes = choose(MACHINE, LOADED)
    assert numbers(sizes) == (4, 5, 100)
    assert sizes.reasons == (
        "4 processes: one for each core",
        "5 threads a process: a request is 20% CPU, the rest is waiting, and of a process's threads one at a "
        "time computes",
        "100 connections: who waits, or is slow, holds a cheap thread of Apache",
        "about 210 MB of memory (50 MB a process) of the 6,000 MB that they may take",
    )


def test_nothing_measured_nothing_known() -> None:
    sizes = choose(Machine(cores=1))
    assert numbers(sizes) == (2, 5, 100)
    assert "one serves while the other is replaced" in sizes.reasons[0]
    assert "not known" in sizes.reasons[1]


@pytest.mark.parametrize(
    ("wall_s", "cpu_s", "threads"),
    [(0.05, 0.05, 2), (0.05, 0.04, 2), (0.05, 0.06, 2), (0.06, 0.02, 3), (1.0, 0.001, 15), (1.0, 0.0, 15)],
)
def test_threads_follow_the_share_of_cpu(wall_s: float, cpu_s: float, threads: int) -> None:
    assert choose(MACHINE, replace(LOADED, request_wall_s=wall_s, request_cpu_s=cpu_s)).threads == threads


def test_a_request_that_is_over_at_once_tells_nothing() -> None:
    assert choose(MACHINE, replace(LOADED, request_wall_s=0.001, request_cpu_s=0.001)).threads == 5


@pytest.mark.parametrize(("memory_mb", "processes"), [(281, 4), (279, 3), (100, 1), (12, 1)])
def test_memory_bounds_the_processes_that_were_not_asked_for(memory_mb: int, processes: int) -> None:
    """Four take 4 x 50 MB and 10 MB for Apache: 75 % of 280 MB."""
    sizes = choose(Machine(cores=4, memory_bytes=memory_mb * MB), LOADED)
    assert sizes.processes == processes
    assert ("memory is short" in sizes.reasons[0]) == (processes < 4)
    assert bool(warnings(sizes)) == (memory_mb < 80)


def test_what_is_asked_for_is_kept_and_its_consequence_told() -> None:
    sizes = choose(Machine(cores=4, memory_bytes=300 * MB), LOADED, processes=8, threads=5, connections=30)
    assert numbers(sizes) == (8, 5, 30)
    few, short = warnings(sizes)
    assert "never bring 40 requests at once: 10 threads" in few
    assert "410 MB of memory (50 MB a process) is more than the 225 MB" in short


def test_connections_are_plenty() -> None:
    assert choose(MACHINE, processes=8, threads=15).connections == 240


def test_every_number_has_one_reason_in_good_words() -> None:
    sizes = choose(MACHINE, processes=1, threads=1, connections=1)
    assert sizes.reasons == (
        "1 process: as asked for",
        "1 thread a process: as asked for",
        "1 connection: as asked for",
    )
