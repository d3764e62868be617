"""Threads that alternate between computing and waiting: the machine repairman, with the GIL as the repairman.

Sources: Kleinrock, *Queueing Systems* I (1975), chapter 3 (birth-death, several repairmen); Reiser and
Lavenberg 1980 (mean value analysis: the same numbers for one core). With processor sharing the result holds
for every law of the times (Baskett, Chandy, Muntz and Palacios 1975), unless all bursts are exactly equal
and the threads fall into step; first come, first served, for exponential work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from poolwise.capacity.exact import ranges
from poolwise.capacity.exact.series import birth_death

if TYPE_CHECKING:
    from poolwise.model import Floats


@dataclass(frozen=True, eq=False)
class Threads:
    """What 1, 2, ..., N threads achieve; arrays of shape (N,), the first is for one thread."""

    throughput_rps: Floats  # requests a second, all threads together
    response_s: (
        Floats  # computing, with waiting for the GIL or a core, for one request; without the other waiting
    )
    using_cpu: Floats  # mean cores in use


def python_threads(most: int, cpu_s: float, wait_s: float, cores: int = 1) -> Threads:
    """Threads that never lack work: each request computes ``cpu_s`` (> 0) and waits ``wait_s`` (>= 0).

    ``cores = 1`` is a process with a GIL; more cores are for free-threaded Python, or for code that
    releases the GIL while it computes. The order and the number of the bursts do not matter, only their
    sums.
    """
    most, cores = ranges.count("most", most), ranges.count("cores", cores)
    cpu_s, wait_s = ranges.positive("cpu_s", cpu_s), ranges.not_negative("wait_s", wait_s)
    using = np.array([_using(n, cpu_s, wait_s, cores) for n in range(1, most + 1)])
    throughput = using / cpu_s
    return Threads(throughput, np.arange(1, most + 1) / throughput - wait_s, using)


def _using(n: int, cpu_s: float, wait_s: float, cores: int) -> float:
    """Mean number of cores in use by n threads."""
    if wait_s == 0.0:
        return float(min(n, cores))
    computing = np.arange(n + 1)
    rates = np.minimum(computing, cores)
    state = birth_death((n - computing[:-1]) / wait_s, rates[1:] / cpu_s)
    return float(state @ rates)
