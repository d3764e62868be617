"""The naive twin against numbers worked out by hand from the rules, one rule or two at a time.

Steps of httpd's parent are instant here and passes fall on whole seconds; times are exact to rounding.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from naive_by_hand import close, daemons, fixed, run
from naive_system import naive
from poolwise.model import App, Machine, Pool, Proxy, Topology, Workload
from poolwise.simulation import Timing, simulate
from random_cases import MANY, pools
from random_systems import TIMINGS, Case, loads, systems
from sample_pools import INSTANT, prefork, threaded

# rule 7


@pytest.mark.parametrize(
    ("cores", "ends"), [(1, [3.0, 5.0, 6.0]), (2, [1.5, 2.5, 3.5]), (3, [1.0, 2.0, 3.0])]
)
def test_three_cpu_jobs_share_the_cores(cores: int, ends: list[float]) -> None:
    """On two: 2/3 each until 1 is done (1.5); then a core each."""
    result = run(fixed("prefork", 3), [(0, 1), (0, 2), (0, 3)], App(startup_cpu_s=0, cpu_share=1), cores)
    assert result.end_s == close(ends)


@pytest.mark.parametrize(
    ("app", "kinds", "ends"),
    [
        (App(gil="shared"), [0, 0], [2.0, 3.0]),
        (App(gil="free-threaded"), [0, 0], [1.0, 2.0]),
        (App(gil="per-interpreter", interpreters=2), [0, 1], [1.0, 2.0]),
        (App(gil="per-interpreter", interpreters=2), [0, 2], [2.0, 3.0]),
    ],
)
def test_two_threads_of_one_process_on_two_cores(app: App, kinds: list[int], ends: list[float]) -> None:
    app = replace(app, startup_cpu_s=0.0, cpu_share=1.0)
    result = run(fixed("worker", 1, 2), [(0, 1), (0, 2)], app, kind=kinds)
    assert result.end_s == close(ends)


def test_a_process_gets_its_share_however_many_threads_it_has() -> None:
    """One core: half for the process with two threads, half for the other, until the latter is done at 2."""
    app = App(startup_cpu_s=0, cpu_share=1)
    assert run(fixed("worker", 2, 2), [(0, 1)] * 3, app, cores=1).end_s == close([3.0, 2.0, 3.0])


def test_forking_takes_cpu_from_the_pass() -> None:
    """Passes on two cores: at 1 (R = 2: a fork of 0.15), 2.15 (R = 3: 0.2 and 0.25), 3.6 (R = 5: 0.3)."""
    front = prefork(2, 9, 20, 6)
    load = Workload("by hand", np.full(6, 0.5), np.full(6, 9.0), 5.0, cpu_s=np.full(6, 9.0))
    app = App(startup_cpu_s=0)
    result = naive(Topology(front), load, app, Machine(2), Timing(1.0, 0.1, 0.0, 0.0))
    assert result.stages[0].forks_s == close([-0.2, -0.1, 1.0, 2.15, 2.35, 3.6])
    assert result.start_s == close([0.5, 0.5, 1.15, 2.35, 2.6, 3.9])


def test_processes_take_turns() -> None:
    """The request at 0.4 finds B waiting since 0.2, A since 0.3, when both had their last one."""
    app = replace(INSTANT, loads="first request", import_wait_s=5.0)
    load = [(0.1, 0.05), (0.2, 0.05), (0.3, 0.05), (0.4, 0.05)]
    result = run(fixed("worker", 2, 3), load, app)
    assert result.start_s == close([5.1, 5.2, 5.1, 5.2])


def test_bursts_alternate_with_waiting() -> None:
    """0.25 of each, twice: CPU is shared from 0.1 to 0.4 and from 0.75 to 1.05."""
    app = App(startup_cpu_s=0, cpu_share=0.5, bursts=2)
    assert run(fixed("prefork", 2), [(0, 1), (0.1, 1)], app, cores=1).end_s == close([1.3, 1.4])


def test_a_starting_process_takes_cpu_from_requests() -> None:
    """The first is ready at 1.2. The pass at 2 forks one: half speed from then on.

    0.8 of the request's 1.6 is left then, so it ends at 3.6; 0.4 of the start is left, for 4 with the next.
    """
    app = App(startup_cpu_s=1.2, cpu_share=1.0)
    result = run(prefork(1, 1, 4, 2), [(0.5, 1.6), (0.6, 2), (0.7, 1)], app, cores=1)
    assert result.start_s == close([1.2, 3.6, 4.4])


# rule 12


def test_the_first_request_loads_and_a_second_waits_for_it() -> None:
    app = replace(INSTANT, loads="first request", import_wait_s=0.4, import_cpu_s=1.0)
    result = run(fixed("worker", 1, 2), [(0, 1), (0.3, 1), (3, 1)], app)
    assert result.start_s == close([1.4, 1.4, 3.0])
    assert result.end_s == close([2.4, 2.4, 4.0])
    assert result.stages[0].busy[:4] == [2, 2, 0, 1]


def test_each_process_loads_for_itself() -> None:
    """One core, shared from 0.8 until 2.2."""
    app = replace(INSTANT, loads="first request", import_wait_s=0.5, import_cpu_s=1.0)
    assert run(fixed("prefork", 2), [(0, 1), (0.3, 1)], app, cores=1).start_s == close([2.2, 2.5])


@pytest.mark.parametrize(
    ("loads", "cores", "start"),
    [("start", 1, 2.9), ("start", 2, 1.8), ("preload", 2, 0.3), ("first request", 2, 1.8)],
)
def test_what_a_process_pays_before_the_first_request_begins(loads: Any, cores: int, start: float) -> None:
    """0.2 + 0.5 waiting, 0.1 + 1 CPU, for two processes at once."""
    app = App(startup_wait_s=0.2, startup_cpu_s=0.1, import_wait_s=0.5, import_cpu_s=1.0, loads=loads)
    assert run(fixed("prefork", 2), [(0, 1), (0, 1)], app, cores).start_s == close([start, start])


# rules 3, 5 and 10


def test_a_front_holds_the_link_and_a_proxy_takes_it_away() -> None:
    links: dict[str, Any] = {"upload_s": [1.0, 0.1], "download_s": [1.0, 0.25]}
    held = run(fixed("prefork", 1), [(0, 1), (0.5, 1)], **links)
    assert held.start_s == close([1.0, 3.1])
    assert held.end_s == close([3.0, 4.35])
    taken = run(fixed("prefork", 1), [(0, 1), (0.5, 1)], proxy=Proxy(), **links)
    assert taken.start_s == close([1.6, 0.6])
    assert taken.end_s == close([3.6, 1.85])


@pytest.mark.parametrize(
    ("kept", "held"),
    [(0, [1, 0, 0, 0, 0, 0, 0]), (1, [2, 1, 1, 1, 1, 1, 0]), (2, [2, 2, 2, 2, 2, 1, 0])],
)
def test_a_proxy_keeps_so_many_idle_connections(kept: int, held: list[int]) -> None:
    """They become idle at 0.4 and 0.7 and hold their workers for 5 s."""
    proxy = Proxy(upstream_keep_alive=kept)
    result = run(fixed("prefork", 3, KeepAliveTimeout=5), [(0, 0.4), (0.1, 0.6)], proxy=proxy)
    assert result.stages[0].busy[:7] == held


def test_a_proxy_uses_the_connection_that_became_idle_last() -> None:
    """The first is not used again and is over at 0.4 + 1.05; the second is held until 1.4 + 1.05."""
    front = fixed("prefork", 2, KeepAliveTimeout=1.05)
    load = [(0, 0.4), (0.1, 0.6), (1.0, 0.1), (1.3, 0.1)]
    result = run(front, load, proxy=Proxy(upstream_keep_alive=5))
    assert result.start_s == close([0.0, 0.1, 1.0, 1.3])
    assert result.stages[0].busy[:4] == [2, 1, 0, 0]


# rule 2 and the order of rules at equal times


def test_a_full_queue_refuses_and_a_worker_is_free_before_an_arrival_at_that_instant() -> None:
    front = replace(fixed("prefork", 1), backlog=1)
    result = run(front, [(0, 2), (1, 1), (1.5, 1), (2, 1), (3, 1)])
    assert result.start_s == close([0.0, 2.0, -1.0, 3.0, 4.0])
    assert result.status == ["served", "served", "refused", "served", "served"]
    assert result.decided_s[2] == 1.5


# rule 13


def test_a_recycled_child_is_replaced_by_the_second_pass() -> None:
    """Gone at 0.4; the pass at 1 still sees its slot taken and reaps it; the pass at 2 forks."""
    front = prefork(1, 1, 2, 1, recycle=2)
    assert run(front, [(0.1, 0.1), (0.3, 0.1), (0.5, 0.1)]).start_s == close([0.1, 0.3, 2.0])


def test_a_recycled_daemon_is_replaced_when_it_is_reaped() -> None:
    group = replace(daemons(1), max_connections_per_child=1)
    result = run(fixed("worker", 1, 3), [(0.1, 0.1), (0.3, 0.1), (0.4, 0.1)], groups=(group,))
    assert result.start_s == close([0.1, 1.0, 2.0])
    assert result.stages[1].forks_s[:3] == close([0.0, 1.0, 2.0])


def test_a_daemon_to_be_replaced_goes_on_until_nothing_runs_in_it() -> None:
    """Two requests from 0.1 on; 0.4 is the first end with nothing running, and the next one has to wait."""
    group = replace(daemons(1, 2), max_connections_per_child=1)
    front = fixed("worker", 1, 5)
    result = run(front, [(0.1, 0.1), (0.15, 0.15), (0.25, 0.15), (0.6, 0.1)], groups=(group,))
    assert result.start_s == close([0.1, 0.15, 0.25, 1.0])


def test_draining_has_an_end() -> None:
    """The limit is reached at 0.2; 0.4 is noticed at 0.5; at 0.6 the one that still runs is lost."""
    options = {"graceful-timeout": 0.2, "shutdown-timeout": 0.1}
    group = replace(daemons(1, 2), max_connections_per_child=1, options=options)
    load = [(0.1, 0.1), (0.15, 0.6), (0.25, 0.15), (0.55, 0.1)]
    result = run(fixed("worker", 1, 5), load, groups=(group,))
    assert result.status == ["served", "lost", "served", "served"]
    assert result.start_s == close([0.1, 0.15, 0.25, 1.0])
    assert result.end_s[1:2] == close([0.6])


def test_a_threaded_process_takes_nothing_after_its_last_connection() -> None:
    """The first connection ends at 0.2: the idle thread leaves with the busy one's process."""
    front = threaded("worker", 1, 2, 1, 4, 2, 1, recycle=1)
    assert run(front, [(0.1, 0.1), (0.3, 0.1)]).start_s == close([0.1, 1.0])


# everything


def test_the_work_of_one_core_does_not_depend_on_who_shares_it() -> None:
    """Busy periods end when they do first come, first served (Lindley); ends in between differ."""
    rng = np.random.default_rng(4)
    requests = np.column_stack([np.cumsum(rng.exponential(1.0, 120)), rng.exponential(0.7, 120)])
    app = App(startup_cpu_s=0, cpu_share=1)
    result = run(fixed("worker", 2, 60), requests.tolist(), app, cores=1, seconds=200.0)
    free_s, ends = 0.0, []
    for arrival_s, service_s in requests:
        if free_s and arrival_s > free_s:
            ends.append(free_s)
        free_s = max(free_s, arrival_s) + service_s
    assert len(ends) > 20
    found = np.sort(result.end_s)
    assert all(np.abs(found - end_s).min() < 1e-9 for end_s in [*ends, free_s])


@MANY
@given(systems())
def test_every_request_is_decided_and_takes_at_least_its_time(case: Case) -> None:
    result = naive(case.topology, case.load, case.app, case.machine, case.timing)
    assert "unfinished" not in result.status
    assert len(result.stages[0].busy) == int(case.load.duration_s)
    assert max(result.stages[0].busy) <= case.topology.front.server_limit * case.topology.front.threads
    for i, status in enumerate(result.status):
        assert result.decided_s[i] >= result.came_s[i]
        if status == "served":
            assert result.start_s[i] >= result.came_s[i]
            assert result.end_s[i] - result.start_s[i] >= case.load.service_s[i] - 1e-9
        if status == "refused":
            assert result.start_s[i] == -1


@MANY
@given(
    pools(),
    st.integers(0, 2**32 - 1),
    st.data(),
    st.sampled_from(TIMINGS),
    st.sampled_from([0.0, 0.0211, 2.5178]),
)
def test_it_equals_the_kernel_of_a_single_pool(
    pool: Pool, seed: int, data: st.DataObject, timing: Timing, ready_s: float
) -> None:
    """Where nobody wants CPU the chain is one pool, and its simulation another program."""
    assume(pool.max_connections_per_child >= 0)
    load = data.draw(loads(frozenset(), 1, np.random.default_rng(seed)))
    app = App(startup_cpu_s=0.0, startup_wait_s=ready_s)
    kernel = simulate(pool, load, app=app, timing=timing, keep_starts=True, engine="plain")
    twin = naive(Topology(pool), load, app, Machine(), timing)
    assert np.allclose(kernel.details["start_s"], twin.start_s, rtol=0, atol=1e-9)
    stage = twin.stages[0]
    assert kernel.series["total"].tolist() == stage.total
    assert kernel.series["busy"].tolist() == stage.busy
    assert kernel.series["queued"].tolist() == stage.queued
    assert kernel.totals["created"] == len(stage.forks_s)
