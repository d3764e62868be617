"""Are chains of stages simulated as the rules say, and as theory does?

Against the naive twin (``naive_system``, written from docs/explanation/the-model.md alone) on random systems:
every start, end and status, every second of every stage. Against closed forms within four standard errors of
batch means.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from naive_by_hand import fixed
from naive_system import naive
from poolwise.capacity import exact_threads, mmc, processor_sharing, python_threads
from poolwise.model import App, Machine, Pool, Run, Topology, Workload
from poolwise.simulation import Timing, simulate
from random_systems import FEATURES, Case, systems

STATES = {"served": 2, "refused": 3, "gave up": 4, "503": 5, "504": 5, "lost": 5}
N = 30_000
slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def compare(case: Case) -> None:
    """The kernel's run equals the twin's: counts exactly, times to 1e-9 s.

    Where many bursts of threads share a GIL and a core, rounding grows from one to the next: then only what
    happens within the observed period is compared, to 1e-6 s.
    """
    near_s, until_s = (1e-9, math.inf) if case.app.bursts == 1 else (1e-6, case.load.duration_s)
    twin = naive(case.topology, case.load, case.app, case.machine, case.timing)
    assume(not twin.tied)
    run = simulate(
        case.topology, case.load, app=case.app, machine=case.machine, timing=case.timing,
        keep_starts=True, engine="plain",
    )  # fmt: skip
    state = run.details["state"]
    assert state.tolist() == [STATES[status] for status in twin.status]
    starts_s, ends_s = np.array(twin.start_s), np.array(twin.end_s)
    started = ((state == 2) | (state == 3)) & (starts_s < until_s)
    served = (state == 2) & (ends_s < until_s)
    assert run.details["start_s"][started] == pytest.approx(starts_s[started], rel=0, abs=near_s)
    assert run.details["end_s"][served] == pytest.approx(ends_s[served], rel=0, abs=near_s)
    for stage, seen in zip((run, *run.stages), twin.stages, strict=True):
        assert stage.series["busy"].tolist() == seen.busy
        assert stage.series["queued"].tolist() == seen.queued
        assert stage.series["total"].tolist() == seen.total
        assert stage.totals["created"] == len(seen.forks_s)


@settings(max_examples=400, deadline=None, suppress_health_check=slow)
@given(systems())
def test_any_mixture_is_simulated_as_the_rules_say(case: Case) -> None:
    compare(case)


@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature_alone_is_simulated_as_the_rules_say(feature: str) -> None:
    needed = {"limits": {"groups"}, "recycling": {"scaling"}, "bursts": {"cpu"}}.get(feature, set())

    @settings(max_examples=60, deadline=None, suppress_health_check=slow)
    @given(systems(frozenset({feature} | needed)))
    def alone(case: Case) -> None:
        compare(case)

    alone()


def batch_error(values: np.ndarray, batches: int = 30) -> float:
    means = [part.mean() for part in np.array_split(values, batches)]
    return float(np.std(means, ddof=1) / math.sqrt(batches))


def run(front: Pool, load: Workload, cores: int, groups: tuple[Pool, ...] = (), **app: object) -> Run:
    """Instant starts and ideal passes."""
    given = App(startup_cpu_s=0.0, **app)  # type: ignore[arg-type]
    return simulate(
        Topology(front, groups), load, app=given, machine=Machine(cores), timing=Timing.ideal(),
        keep_starts=True, engine="plain",
    )  # fmt: skip


def times(law: str, mean_s: float, rng: np.random.Generator, count: int = N) -> np.ndarray:
    if law == "fixed":
        return np.full(count, mean_s)
    if law == "lognormal":
        return rng.lognormal(math.log(mean_s) - 0.5, 1.0, count)
    return rng.exponential(mean_s, count)


@pytest.mark.parametrize("law", ["exponential", "fixed", "lognormal"])
@pytest.mark.parametrize(("cores", "load"), [(1, 0.7), (2, 1.5), (4, 3.2)])
def test_processes_share_the_cores(cores: int, load: float, law: str) -> None:
    """M/G/n with processor sharing: the mean does not depend on the law."""
    rng = np.random.default_rng(cores)
    arrivals, service = np.cumsum(rng.exponential(1 / load, N)), times(law, 1.0, rng)
    traffic = Workload(law, arrivals, service, float(arrivals[-1]) + 1)
    found = run(fixed("prefork", 120), traffic, cores, cpu_share=1.0).details["end_s"] - arrivals
    expected = processor_sharing(load, 1.0, cores).mean_response_s
    assert found.mean() == pytest.approx(expected, abs=4 * batch_error(found))


@pytest.mark.parametrize("gil", ["shared", "free-threaded"])
def test_threads_of_one_process_share_its_gil_or_the_cores(gil: str) -> None:
    rng = np.random.default_rng(8)
    load, cores = (0.75, 1) if gil == "shared" else (1.5, 2)
    arrivals, service = np.cumsum(rng.exponential(1 / load, N)), times("lognormal", 1.0, rng)
    traffic = Workload(gil, arrivals, service, float(arrivals[-1]) + 1)
    front = fixed("worker", 1, 120)
    found = run(front, traffic, 2, cpu_share=1.0, gil=gil).details["end_s"] - arrivals
    expected = processor_sharing(load, 1.0, cores).mean_response_s
    assert found.mean() == pytest.approx(expected, abs=4 * batch_error(found))


def test_the_response_is_proportional_to_the_work() -> None:
    """M/G/1 with processor sharing: x / (1 - rho), for the short and for the long."""
    rng = np.random.default_rng(3)
    arrivals = np.cumsum(rng.exponential(1 / 0.7, N))
    service = np.where(rng.random(N) < 0.9, 0.5, 5.5)
    traffic = Workload("two", arrivals, service, float(arrivals[-1]) + 1)
    found = run(fixed("prefork", 120), traffic, 1, cpu_share=1.0).details["end_s"] - arrivals
    for work_s in (0.5, 5.5):
        slowdown = found[service == work_s] / work_s
        assert slowdown.mean() == pytest.approx(1 / 0.3, abs=4 * batch_error(slowdown))


@pytest.mark.parametrize(("workers", "load"), [(5, 0.9), (10, 1.2)])
def test_few_processes_on_one_core_refuse_as_theory_says(workers: int, load: float) -> None:
    """M/G/1/K with processor sharing."""
    rng = np.random.default_rng(workers)
    arrivals, service = np.cumsum(rng.exponential(1 / load, N)), times("lognormal", 1.0, rng)
    traffic = Workload("K", arrivals, service, float(arrivals[-1]) + 1)
    front = replace(fixed("prefork", workers), backlog=0)
    found = run(front, traffic, 1, cpu_share=1.0).details
    expected = processor_sharing(load, 1.0, 1, limit=workers)
    refused = found["start_s"] < 0
    assert refused.mean() == pytest.approx(expected.refused, abs=4 * batch_error(refused))
    response = (found["end_s"] - arrivals)[~refused]
    assert response.mean() == pytest.approx(expected.mean_response_s, abs=4 * batch_error(response))


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("clients", [2, 5, 15])
def test_machine_repairman(clients: int, cores: int) -> None:
    """Clients that think and come again to one process: a GIL, or two cores without one."""
    rng = np.random.default_rng(clients)
    cycles = N // clients
    count = cycles * clients
    arrivals = np.zeros(count)
    arrivals[:clients] = np.sort(rng.exponential(0.02, clients))
    arrivals[clients:] = arrivals[clients - 1]
    traffic = Workload(
        "closed", arrivals, rng.exponential(0.005, count), 1.0,
        connection=np.tile(np.arange(clients), cycles), think_s=rng.exponential(0.02, count),
    )  # fmt: skip
    gil = "shared" if cores == 1 else "free-threaded"
    ends = np.sort(run(fixed("worker", 1, clients), traffic, 2, cpu_share=1.0, gil=gil).details["end_s"])
    gaps = np.diff(ends[cycles // 10 : -5 * clients])  # all of them are there
    expected = python_threads(clients, 0.005, 0.02, cores).throughput_rps[-1]
    assert gaps.mean() == pytest.approx(1 / expected, abs=4 * batch_error(gaps))


@pytest.mark.parametrize(("threads", "rate"), [(3, 60.0), (5, 75.0)])
def test_a_process_with_few_threads_computes_and_waits(threads: int, rate: float) -> None:
    """Each request computes 10 ms, then waits 40 ms, both exponential; what is beyond the threads queues."""
    rng = np.random.default_rng(threads)
    arrivals = np.cumsum(rng.exponential(1 / rate, N))
    cpu, wait = rng.exponential(0.01, N), rng.exponential(0.04, N)
    traffic = Workload("open", arrivals, cpu + wait, float(arrivals[-1]) + 1, cpu_s=cpu)
    front = replace(fixed("worker", 1, threads), backlog=20)
    found = run(front, traffic, 2).details
    accepted = found["start_s"] >= 0
    expected = exact_threads(rate, threads, 0.01, 0.04, backlog=20)
    waits = (found["start_s"] - arrivals)[accepted]
    response = (found["end_s"] - arrivals)[accepted]
    assert (~accepted).mean() == pytest.approx(expected.refused, abs=4 * batch_error(~accepted))
    assert waits.mean() == pytest.approx(expected.mean_wait_s, abs=4 * batch_error(waits))
    assert response.mean() == pytest.approx(expected.mean_response_s, abs=4 * batch_error(response))


@pytest.mark.parametrize(("processes", "threads", "load"), [(1, 5, 4.0), (3, 2, 4.5)])
def test_erlang_c_at_a_daemon_group(processes: int, threads: int, load: float) -> None:
    rng = np.random.default_rng(threads)
    arrivals, service = np.cumsum(rng.exponential(1 / load, N)), rng.exponential(1.0, N)
    workers = processes * threads
    group = Pool(
        "group", "mod_wsgi_daemon", threads, processes, workers, workers, processes, processes, workers,
        0, 100_000, options={"connect-timeout": 1e6, "socket-timeout": 1e6},
    )  # fmt: skip
    traffic = Workload("M/M/c", arrivals, service, float(arrivals[-1]) + 1)
    found = run(fixed("worker", 1, 400), traffic, 2, (group,)).details["start_s"] - arrivals
    expected = mmc(load, 1.0, workers)
    assert found.mean() == pytest.approx(expected.mean_wait_s, abs=4 * batch_error(found))
    assert (found > 1e-9).mean() == pytest.approx(
        expected.wait_probability, abs=4 * batch_error(found > 1e-9)
    )
