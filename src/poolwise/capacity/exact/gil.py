"""Processes of Python threads: what the GIL and the cores leave of their capacity, as a queue.

``python_pool`` is the usual approximation: the threads inside are replaced by one station that serves n
requests as fast as they would if always n were there (a flow-equivalent server: Chandy, Herzog and Woo
1975). ``exact_threads`` is the exact Markov chain for one group of threads, to see how good that is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolwise.capacity.exact import ranges
from poolwise.capacity.exact.queue import Queue, solve
from poolwise.capacity.exact.repairman import python_threads
from poolwise.capacity.exact.series import stationary
from poolwise.model import InputError

MOST_STATES = 2000


@dataclass(frozen=True, eq=False)
class PythonPool:
    """Processes of threads under Poisson load. ``queue`` holds busy share, waits and refusals."""

    queue: Queue
    capacity_rps: float  # requests a second that it can complete
    cpu_share: float  # of the cores, 0..1
    gil_share: float  # share of time in which a process computes, 0..1; 0 without a GIL
    naive_busy_share: (
        float  # arrivals x (cpu_s + wait_s) / threads: what a calculation without contention says
    )


def python_pool(
    rate_rps: float,
    processes: int,
    threads: int,
    cpu_s: float,
    wait_s: float,
    cores: int,
    backlog: int | None = 511,
    gil: bool = True,
) -> PythonPool:
    """Processes with ``threads`` each; a request computes ``cpu_s`` and waits ``wait_s`` for something else.

    With n requests inside, ``n / processes`` a process, they complete at ``processes * X(n / processes)`` a
    second under the GIL, and never faster than n threads on ``cores`` cores would without one; X is from
    ``python_threads``. Raises InputError, also for a rate above the capacity without a backlog.
    """
    processes, threads = ranges.count("processes", processes), ranges.count("threads", threads)
    cores = ranges.count("cores", cores)
    rate_rps = ranges.positive("rate_rps", rate_rps)
    rates = python_threads(processes * threads, cpu_s, wait_s, cores).throughput_rps
    if gil:
        one = np.concatenate(([0.0], python_threads(threads, cpu_s, wait_s).throughput_rps))
        inside = np.arange(1, processes * threads + 1) / processes
        rates = np.minimum(rates, processes * np.interp(inside, np.arange(threads + 1), one))
    queue = solve(rate_rps, rates, backlog)
    computing = queue.throughput_rps * cpu_s
    naive = rate_rps * (cpu_s + wait_s) / (processes * threads)
    return PythonPool(
        queue, float(rates[-1]), computing / cores, computing / processes if gil else 0.0, naive
    )


@dataclass(frozen=True)
class ExactThreads:
    """The stationary state of one group of threads (``exact_threads``); means, times in seconds."""

    busy: float  # threads that hold a request
    computing: float  # threads that want a core; those of them that wait for one included
    queued: float
    refused: float
    mean_wait_s: float  # of those not refused
    mean_response_s: float


def exact_threads(
    rate_rps: float, threads: int, cpu_s: float, wait_s: float, cores: int = 1, backlog: int = 20
) -> ExactThreads:
    """One process: each request computes ``cpu_s``, then waits ``wait_s``, both exponential; then it ends.

    ``cores = 1`` is a process with a GIL; with more, free-threaded Python, or as many processes of one
    thread. First come, first served into the threads. Exact, by solving the chain of (in the threads,
    computing). Raises InputError where that takes more than ``MOST_STATES`` states.
    """
    rate_rps, cpu_s = ranges.positive("rate_rps", rate_rps), ranges.positive("cpu_s", cpu_s)
    wait_s, cores = ranges.positive("wait_s", wait_s), ranges.count("cores", cores)
    threads, backlog = ranges.count("threads", threads), ranges.count("backlog", backlog, 0)
    most = threads + backlog
    states = [(n, k) for n in range(most + 1) for k in range(min(n, threads) + 1)]
    if len(states) > MOST_STATES:
        raise InputError(
            f"{threads} threads and a backlog of {backlog} make {len(states)} states; at most {MOST_STATES}"
        )
    number = {state: i for i, state in enumerate(states)}
    rates = np.zeros((len(states), len(states)))
    for (n, k), i in number.items():
        if n < most:
            rates[i, number[n + 1, k + (n < threads)]] += rate_rps
        if k > 0:
            rates[i, number[n, k - 1]] += min(k, cores) / cpu_s
        if min(n, threads) > k:  # one ends; somebody who waits begins to compute
            rates[i, number[n - 1, k + (n > threads)]] += (min(n, threads) - k) / wait_s
    share = stationary(rates)
    n, k = np.array(states).T
    refused = float(share[n == most].sum())
    busy, queued = float(share @ np.minimum(n, threads)), float(share @ np.maximum(n - threads, 0))
    accepted = rate_rps * (1.0 - refused)
    return ExactThreads(
        busy, float(share @ k), queued, refused, queued / accepted, (busy + queued) / accepted
    )
