"""Queues with general or fixed service: Pollaczek-Khinchine for one server, Crommelin for several.

Sources: Kleinrock, *Queueing Systems* I (1975), chapter 5; Crommelin 1932; Franx 2001 (a simple solution
for the M/D/c waiting time distribution, Operations Research Letters 29:221-229), whose terms are all
positive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from poolwise.capacity.exact import ranges
from poolwise.capacity.exact.series import poisson, stationary
from poolwise.model import InputError

if TYPE_CHECKING:
    from poolwise.model import Floats

MOST_STATES = 2000
SLOWEST_DECAY = 0.005  # of the logarithm of Crommelin's terms


def pollaczek_khinchine(rate_rps: float, service_s: float, service_cv2: float) -> float:
    """Mean wait in seconds: M/G/1, one worker. ``service_cv2`` (>= 0): variance / mean^2 of the service."""
    load = ranges.positive("rate_rps", rate_rps) * ranges.positive("service_s", service_s)
    cv2 = ranges.not_negative("service_cv2", service_cv2)
    ranges.stable(load, 1)
    return 0.5 * load * service_s * (1.0 + cv2) / (1.0 - load)


def mdc_mean_wait(rate_rps: float, service_s: float, servers: int) -> float:
    """Mean wait in seconds: M/D/c, every request takes exactly ``service_s`` (Crommelin's series).

    Its term k is E[(k service - the time of k c arrivals)+] / k. The terms fall geometrically; where that
    is slow, close to saturation, the roots of z^c = exp(load (z - 1)) in the unit disk give the same
    number.
    """
    load = ranges.positive("rate_rps", rate_rps) * ranges.positive("service_s", service_s)
    servers = ranges.count("servers", servers)
    ranges.stable(load, servers)
    use = load / servers
    if servers * (use - 1.0 - math.log(use)) < SLOWEST_DECAY:
        return _queued_by_roots(load, servers) / rate_rps
    wait, k = 0.0, 0
    while True:
        k += 1
        arrivals, mean = k * servers, k * load
        first = math.exp(arrivals * math.log(mean) - mean - math.lgamma(arrivals + 1))
        term = first * (1.0 - _further(mean, arrivals) * (1.0 - use) / use)
        wait += term
        if term <= 1e-17 * wait or first == 0.0:
            return wait * service_s


def _queued_by_roots(load: float, servers: int) -> float:
    """Mean number waiting in M/D/c: Tijms, *A First Course in Stochastic Models* (2003)."""
    use = load / servers
    turn = np.exp(2j * np.pi * np.arange(1, servers) / servers)
    root = np.zeros(servers - 1, dtype=complex)
    for _ in range(60):  # Newton: 1 is not among the roots, so the slope is never 0
        value = turn * np.exp(use * (root - 1.0))
        root -= (root - value) / (1.0 - use * value)
    rest = (load * load - servers * (servers - 1)) / (2.0 * servers * (1.0 - use))
    return float(np.sum(1.0 / (1.0 - root)).real) + rest


def _further(mean: float, n: int) -> float:
    """P(N > n) / P(N = n) for a Poisson number with ``mean`` < n."""
    term = total = mean / (n + 1)
    while term > 1e-17 * total:
        n += 1
        term *= mean / (n + 1)
        total += term
    return total


@dataclass(frozen=True, eq=False)
class FixedService:
    """M/D/c in its stationary state: fixed service times, first come first served, no limit to the queue."""

    rate_rps: float
    service_s: float
    servers: int
    probabilities: Floats  # P(n in system), n = 0, 1, ...; cut where they are below 1e-19

    @property
    def wait_probability(self) -> float:
        """Share of requests that wait at all."""
        return float(self.probabilities[self.servers :].sum())

    @property
    def mean_wait_s(self) -> float:
        """Mean wait (Little's law)."""
        waiting = np.maximum(np.arange(len(self.probabilities)) - self.servers, 0)
        return float(self.probabilities @ waiting) / self.rate_rps

    def waits_longer(self, wait_s: float) -> float:
        """Share of requests that wait longer than ``wait_s`` (>= 0)."""
        k = math.floor(ranges.not_negative("wait_s", wait_s) / self.service_s) + 1
        terms = k * self.servers
        arriving = poisson(self.rate_rps * (k * self.service_s - wait_s), terms)
        # at most m wait, for m = terms - 1, ..., 0
        queue = np.cumsum(self.probabilities)[self.servers :]
        queue = np.concatenate((queue, np.full(max(terms - len(queue), 0), queue[-1])))[:terms]
        return max(1.0 - float(arriving @ queue[::-1]), 0.0)


def mdc(rate_rps: float, service_s: float, servers: int) -> FixedService:
    """M/D/c with its wait distribution (M/D/1 for one server).

    Solves the number in system one service time apart. Raises InputError where that takes more than
    ``MOST_STATES`` states: near saturation (above 0.99 for one server).
    """
    load = ranges.positive("rate_rps", rate_rps) * ranges.positive("service_s", service_s)
    servers = ranges.count("servers", servers)
    ranges.stable(load, servers)
    states = servers + _states(load, servers)
    if states > MOST_STATES:
        raise InputError(
            f"the load is {load:g} Erlangs on {servers} servers: too close to saturation for the "
            "distribution (it would need too many states); ask for mdc_mean_wait, or give a lower load"
        )
    arriving = poisson(load, 2 * states)
    at_least = np.cumsum(arriving[::-1])[::-1]
    matrix = np.zeros((states, states))
    for n in range(states):
        left = max(n - servers, 0)
        matrix[n, left:-1] = arriving[: states - left - 1]
        matrix[n, -1] = at_least[states - left - 1]
    return FixedService(rate_rps, service_s, servers, stationary(matrix))


def _states(load: float, servers: int) -> int:
    """How many wait with a probability of 1e-19: it decays by the root > 1 of z^c = e^(load (z-1))."""
    low, high = 1.0 + 1e-9, 2.0
    while servers * math.log(high) > load * (high - 1.0):
        high *= 2.0
    for _ in range(80):
        z = 0.5 * (low + high)
        low, high = (z, high) if servers * math.log(z) > load * (z - 1.0) else (low, z)
    return math.ceil(19.0 * math.log(10.0) / math.log(high)) + 2
