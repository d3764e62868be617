"""Python threads: the machine repairman, pools of processes with a GIL, and the exact chain beside them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from poolwise.capacity import allen_cunneen, exact_threads, mmck, python_pool, python_threads
from poolwise.model import InputError


def mean_value_analysis(most: int, cpu_s: float, wait_s: float) -> list[float]:
    """Throughputs by the recursion of Reiser and Lavenberg: an arrival sees the network with one less."""
    queue, found = 0.0, []
    for n in range(1, most + 1):
        response = cpu_s * (1 + queue)
        found.append(n / (wait_s + response))
        queue = found[-1] * response
    return found


def test_machine_repairman() -> None:
    found = python_threads(15, 0.005, 0.02).throughput_rps
    golden = [40, 76.9230769231, 137.86407767, 160.186625194, 193.915988355, 199.996992162]
    assert found[[0, 1, 3, 4, 7, 14]] == pytest.approx(golden, rel=3e-12)
    assert python_threads(15, 0.01, 0.09).throughput_rps[-1] == pytest.approx(98.0131518615, rel=3e-12)


@pytest.mark.parametrize(("cpu", "wait"), [(0.005, 0.02), (1.0, 0.0), (0.3, 100.0)])
def test_it_is_mean_value_analysis(cpu: float, wait: float) -> None:
    found = python_threads(60, cpu, wait)
    assert found.throughput_rps == pytest.approx(mean_value_analysis(60, cpu, wait), rel=1e-11)
    inside = found.throughput_rps * (found.response_s + wait)
    assert inside == pytest.approx(np.arange(1, 61), rel=1e-11)  # Little's law
    assert found.using_cpu == pytest.approx(found.throughput_rps * cpu, rel=1e-12)


def test_enough_cores_mean_no_contention() -> None:
    found = python_threads(6, 0.01, 0.04, cores=6)
    assert found.response_s == pytest.approx(np.full(6, 0.01), rel=1e-12)
    two = python_threads(40, 0.01, 0.04, cores=2)
    assert two.throughput_rps[-1] == pytest.approx(200.0, rel=1e-6)
    assert np.all(two.throughput_rps >= python_threads(40, 0.01, 0.04).throughput_rps - 1e-9)


@pytest.mark.parametrize(
    ("processes", "threads", "rate", "predicted", "simulated", "naive"),
    [
        (1, 5, 60, 0.710, 0.709, 0.600),
        (1, 5, 75, 0.925, 0.925, 0.750),
        (1, 15, 80, 0.459, 0.454, 0.267),
        (4, 5, 250, 0.724, 0.725, 0.625),
        (4, 5, 320, 0.997, 0.998, 0.800),
        (8, 3, 320, 0.744, 0.768, 0.667),
    ],
)
def test_busy_share_under_the_gil(
    processes: int, threads: int, rate: float, predicted: float, simulated: float, naive: float
) -> None:
    pool = python_pool(rate, processes, threads, 0.01, 0.04, cores=4)
    assert pool.queue.busy_share == pytest.approx(predicted, abs=6e-4)
    assert pool.queue.busy_share == pytest.approx(simulated, rel=0.035)
    assert pool.naive_busy_share == pytest.approx(naive, abs=6e-4)
    assert pool.naive_busy_share < pool.queue.busy_share


def test_the_capacity_is_neither_threads_over_time_nor_cores_over_cpu() -> None:
    pool = python_pool(320, 4, 5, 0.01, 0.04, cores=4)
    assert pool.capacity_rps == pytest.approx(2 * 160.186625194, rel=1e-11)  # not 20 / 50 ms, not 4 / 10 ms
    assert pool.cpu_share == pytest.approx(pool.gil_share)  # a process for each core
    free = python_pool(320, 4, 5, 0.01, 0.04, cores=4, gil=False)
    assert free.capacity_rps == pytest.approx(python_threads(20, 0.01, 0.04, 4).throughput_rps[-1])
    assert free.queue.mean_response_s < 0.1 * pool.queue.mean_response_s
    assert free.gil_share == 0.0


def test_one_thread_a_process_has_no_gil_to_wait_for() -> None:
    gil, free = (python_pool(320, 20, 1, 0.01, 0.04, 4, gil=gil).queue for gil in (True, False))
    assert gil.mean_response_s == pytest.approx(free.mean_response_s, rel=1e-12)
    alone = python_pool(15, 1, 1, 0.01, 0.04, 4, backlog=None).queue
    assert alone.mean_response_s == pytest.approx(0.2, rel=1e-12)  # M/M/1
    assert allen_cunneen(alone.mean_wait_s, 1, 1 / 3) + 0.05 == pytest.approx(0.15, rel=1e-12)


def test_without_contention_it_is_mmck() -> None:
    pool = python_pool(50, 2, 4, 1e-12, 0.1, cores=64, backlog=9).queue
    plain = mmck(50, 0.1, 8, 9)
    assert pool.refused == pytest.approx(plain.refused, rel=1e-6)
    assert pool.mean_wait_s == pytest.approx(plain.mean_wait_s, rel=1e-6)


@pytest.mark.parametrize(("threads", "rate", "cores"), [(5, 60, 1), (5, 75, 1), (15, 80, 1), (20, 320, 4)])
def test_the_approximation_beside_the_exact_chain(threads: int, rate: float, cores: int) -> None:
    exact = exact_threads(rate, threads, 0.01, 0.04, cores, 60)
    rough = python_pool(rate, 1, threads, 0.01, 0.04, cores, 60, gil=cores == 1).queue
    assert rough.busy == pytest.approx(exact.busy, rel=0.01)
    assert exact.queued < rough.queued < 1.3 * exact.queued + 0.7  # it errs to the safe side
    accepted = rate * (1 - exact.refused)
    assert exact.mean_response_s == pytest.approx((exact.busy + exact.queued) / accepted, rel=1e-12)
    assert exact.busy - exact.computing == pytest.approx(accepted * 0.04, rel=1e-9)  # who waits, waits 40 ms


def test_the_exact_chain_of_one_thread_is_a_two_stage_service() -> None:
    found = exact_threads(10.0, 1, 0.02, 0.03, 1, 400)
    cv2 = (0.02**2 + 0.03**2) / 0.05**2
    assert found.mean_wait_s == pytest.approx(0.5 * 0.5 * 0.05 * (1 + cv2) / 0.5, rel=1e-9)
    assert found.refused < 1e-20


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: python_threads(0, 1, 1), "most is 0; give a whole number of at least 1"),
        (lambda: python_threads(2, 0, 1), "cpu_s is 0; give a number above 0"),
        (lambda: python_threads(2, 1, -1), "wait_s is -1; give a number of at least 0"),
        (lambda: python_threads(2, 1, 1, 0), "cores is 0; give a whole number of at least 1"),
        (lambda: python_pool(1, 0, 1, 1, 1, 1), "processes is 0; give a whole number of at least 1"),
        (lambda: python_pool(1, 1, 0, 1, 1, 1), "threads is 0; give a whole number of at least 1"),
        (lambda: python_pool(0, 1, 1, 1, 1, 1), "rate_rps is 0; give a number above 0"),
        (lambda: python_pool(400, 4, 5, 0.01, 0.04, 4, None), "at most 320.373 requests a second"),
        (lambda: exact_threads(1, 100, 1, 1, 1, 5), "make 5656 states; at most 2000"),
        (lambda: exact_threads(1, 2, 1, 0, 1, 5), "wait_s is 0; give a number above 0"),
    ],
)
def test_bad_arguments_are_named_with_their_range(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
