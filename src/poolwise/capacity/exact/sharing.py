"""Requests that share processors: M/G/n-PS, with or without a limit to how many are let in.

k requests on n cores proceed at min(1, n / k) each. The number inside depends on the service law only
through its mean, and a request of x CPU seconds takes a multiple of x on average, the same multiple for
all: Cohen 1979 (the multiple phase service network with generalized processor sharing). One core and a
limit is the model of a web server of Cao, Andersson, Nyberg and Kihl 2003 (M/G/1/K*PS).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolwise.capacity.exact import ranges
from poolwise.capacity.exact.queue import Queue, solve


@dataclass(frozen=True, eq=False)
class Sharing:
    """The stationary state; ``queue.probabilities``, ``queue.refused``, ... describe the number inside."""

    cpu_s: float
    cores: int
    queue: Queue

    @property
    def refused(self) -> float:
        """Share of requests that find as many inside as are let in."""
        return self.queue.refused

    @property
    def mean_number(self) -> float:
        """Mean number of requests inside."""
        return self.queue.busy + self.queue.queued

    @property
    def mean_response_s(self) -> float:
        """Mean time from arrival to completion, of those let in."""
        return self.queue.mean_response_s

    @property
    def slowdown(self) -> float:
        """How many times longer than alone on a core a request takes, on average; at least 1."""
        return self.mean_response_s / self.cpu_s

    def response_s(self, cpu_s: float) -> float:
        """Mean time of a request that needs ``cpu_s`` (>= 0) seconds of CPU."""
        return self.slowdown * ranges.not_negative("cpu_s", cpu_s)

    def number(self, n: int) -> float:
        """P(n requests inside), n >= 0."""
        n = ranges.count("n", n, 0)
        known, last = self.queue.probabilities, self.queue.places
        if self.queue.backlog is None and n > last:
            return float(known[-1]) * (self.queue.rate_rps / float(self.queue.rates_rps[-1])) ** (n - last)
        return float(known[n]) if n < len(known) else 0.0


def processor_sharing(rate_rps: float, cpu_s: float, cores: int = 1, limit: int | None = None) -> Sharing:
    """Poisson arrivals, any service law of mean ``cpu_s``, on ``cores``; at most ``limit`` (>= 1) are let in.

    Raises InputError, also for a load of at least ``cores`` Erlangs without a limit.
    """
    cpu_s, cores = ranges.positive("cpu_s", cpu_s), ranges.count("cores", cores)
    if limit is None:
        return Sharing(cpu_s, cores, solve(rate_rps, np.arange(1, cores + 1) / cpu_s, None))
    limit = ranges.count("limit", limit)
    places = min(cores, limit)
    return Sharing(cpu_s, cores, solve(rate_rps, np.arange(1, places + 1) / cpu_s, limit - places))
