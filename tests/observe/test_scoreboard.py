"""The scoreboard's layout, on segments made byte by byte and on that of a running httpd."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hosting import free_port
from poolwise.deploy.folder import scratch, write_tree
from poolwise.deploy.rehearsal.configuration import files
from poolwise.deploy.rehearsal.server import running
from poolwise.model import ServerError
from poolwise.observe import attached, child_pids, decode, scoreboard_file
from rehearsals import no_traffic, pool_text, rehearsing

STARTING, READY, WRITING, KEPT, CLOSING, GRACEFUL = 1, 2, 4, 5, 8, 9


def segment(
    threads: int,
    processes: dict[int, tuple[int, int, bool, bool, list[int]]],
    limits: tuple[int, int] = (4, 4),
) -> bytes:
    """A segment with these processes by slot: pid, generation, quiescing, not_accepting, worker states."""
    servers, per_child = limits
    parts = [struct.pack("<iii44x", servers, per_child, 1)]
    for slot in range(servers):
        pid, generation, quiescing, shut, _ = processes.get(slot, (0, 0, False, False, []))
        parts.append(struct.pack("<iibb30x", pid, generation, quiescing, shut))
    for slot in range(servers):
        states = processes.get(slot, (0, 0, False, False, []))[4]
        for thread in range(per_child):
            state = states[thread] if thread < min(len(states), threads) else 0
            parts.append(struct.pack("<20xB315x", state))
    body = b"".join(parts)
    return struct.pack("<Q", len(body) + 8) + body


def test_slots_in_use_with_the_state_of_each_worker() -> None:
    made = segment(
        3, {1: (77, 1, False, False, [READY, WRITING, KEPT]), 3: (78, 0, True, True, [GRACEFUL] * 3)}
    )
    board = decode(made, 4, 4, 3)
    assert board.generation == 1
    assert [(slot.number, slot.pid, slot.generation) for slot in board.slots] == [(1, 77, 1), (3, 78, 0)]
    assert [list(slot.states) for slot in board.slots] == [[READY, WRITING, KEPT], [GRACEFUL] * 3]
    assert [slot.busy for slot in board.slots] == [2, 3]
    assert [(slot.quiescing, slot.accepting) for slot in board.slots] == [(False, True), (True, False)]


def test_prefork_counts_children_that_start_or_wait_as_idle_whatever_their_generation() -> None:
    made = segment(1, {0: (1, 0, False, False, [STARTING]), 1: (2, 1, False, False, [READY]),
                       2: (3, 1, False, False, [WRITING]), 3: (4, 1, False, False, [CLOSING])})  # fmt: skip
    assert decode(made, 4, 4, 1).idle(threaded=False) == 2


def test_threaded_pools_count_unused_threads_of_processes_that_accept() -> None:
    free = [0, STARTING, READY]
    made = segment(3, {0: (1, 1, False, False, free), 1: (2, 1, True, False, free),
                       2: (3, 1, False, True, free), 3: (4, 0, False, False, free)})  # fmt: skip
    assert decode(made, 4, 4, 3).idle(threaded=True) == 3


@pytest.mark.parametrize("limits", [(4, 5), (5, 4), (256, 1)])
def test_a_segment_of_another_size_is_refused(limits: tuple[int, int]) -> None:
    with pytest.raises(ServerError, match="no scoreboard laid out as"):
        decode(segment(3, {}), *limits, 1)


def test_a_segment_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="cannot be watched"):
        decode(segment(3, {})[:12], 4, 4, 1)
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(ServerError, match="cannot read the scoreboard"), attached(empty):
        pass


@pytest.mark.server
@pytest.mark.parametrize(("mpm", "spare"), [("prefork", "MinSpareServers"), ("event", "MinSpareThreads")])
def test_a_running_httpd_shows_its_children(mpm: str, spare: str) -> None:
    asked = {"StartServers": 2, "ServerLimit": 20, spare: 1}
    plan = rehearsing(pool_text(mpm, asked), no_traffic(1)).plan()
    with scratch("test") as folder:
        write_tree(folder, files(plan, folder, free_port()))
        with running(plan.httpd.path, folder, plan) as httpd:
            assert httpd.scoreboard
            with attached(httpd.scoreboard) as shared:
                board = decode(shared, 20, plan.thread_limit, plan.front.threads)
            children = child_pids(httpd.child.pid)
            assert sorted(slot.pid for slot in board.slots) == sorted(children)
            assert board.idle(mpm == "event") == 2 * plan.front.threads
            assert httpd.scoreboard.exists()
            with pytest.raises(ServerError, match="ServerLimit 21 and"):
                scoreboard_file(httpd.child.pid, 21, plan.thread_limit)
        assert not httpd.scoreboard.exists()
        assert not any(Path(f"/proc/{pid}").exists() for pid in (httpd.child.pid, *children))
