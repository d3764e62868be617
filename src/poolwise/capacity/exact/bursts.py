"""Bursty traffic on a pool of fixed size: MMPP(2)/M/c, the arrivals switching between two rates.

Source: Neuts, *Matrix-Geometric Solutions in Stochastic Models* (1981); the rate matrix by the
logarithmic reduction of Latouche and Ramaswami 1993. The parameters are those of the traffic shape
``mmpp``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from poolwise.capacity.exact import ranges
from poolwise.capacity.exact.series import stationary

if TYPE_CHECKING:
    from poolwise.model import Floats


@dataclass(frozen=True)
class BurstQueue:
    """The stationary state of a queue under bursts, without a limit to the queue."""

    rate_rps: float  # mean arrivals a second
    busy: float  # mean number in service
    queued: float  # mean number waiting
    wait_probability: float  # of an arrival

    @property
    def mean_number(self) -> float:
        """Mean number in the system."""
        return self.busy + self.queued

    @property
    def mean_wait_s(self) -> float:
        """Mean wait in seconds (Little's law)."""
        return self.queued / self.rate_rps


def mmpp_queue(
    low_rps: float, high_rps: float, low_s: float, high_s: float, service_s: float, servers: int = 1
) -> BurstQueue:
    """Traffic of ``low_rps`` (>= 0) for ``low_s`` and ``high_rps`` for ``high_s``, in turns.

    Both spells are exponential with these means, the arrivals of each Poisson. Exponential service of mean
    ``service_s`` by ``servers``. Raises InputError, also for a mean load that the servers cannot carry.
    """
    rates = np.array([ranges.not_negative("low_rps", low_rps), ranges.positive("high_rps", high_rps)])
    stay = np.array([ranges.positive("low_s", low_s), ranges.positive("high_s", high_s)])
    service_s, servers = ranges.positive("service_s", service_s), ranges.count("servers", servers)
    mean = float(rates @ stay / stay.sum())
    ranges.stable(mean * service_s, servers)
    switch = np.array([[-1 / stay[0], 1 / stay[0]], [1 / stay[1], -1 / stay[1]]])
    full = servers / service_s
    up = np.diag(rates)
    geometric = _rate_matrix(up, switch - up - full * np.eye(2), full * np.eye(2))
    ratios = [geometric]  # level n+1 = level n @ ratio
    for n in range(servers - 1, 0, -1):
        inner = switch - up - n / service_s * np.eye(2) + ratios[-1] * ((n + 1) / service_s)
        ratios.append(up @ np.linalg.inv(-inner))
    edge = switch - up + ratios[-1] / service_s
    levels = np.empty((servers, 2))
    levels[0] = stationary(np.maximum(edge, 0.0))
    for n, ratio in enumerate(ratios[:0:-1], 1):
        levels[n] = levels[n - 1] @ ratio
        if levels[n].sum() > 1e100:
            levels[: n + 1] /= levels[n].sum()
    return _means(levels, geometric, rates, mean)


def _means(levels: Floats, geometric: Floats, rates: Floats, mean: float) -> BurstQueue:
    """Sums over the levels 0..servers-1 as given, and the geometric rest."""
    rest = np.linalg.inv(np.eye(2) - geometric)
    full = levels[-1] @ geometric @ rest
    mass = float(levels.sum() + full.sum())
    servers = len(levels)
    busy = float(np.arange(servers) @ levels.sum(axis=1) + servers * full.sum())
    queued = float((levels[-1] @ geometric @ geometric @ rest @ rest).sum())
    return BurstQueue(mean, busy / mass, queued / mass, float(full @ rates) / mean / mass)


def _rate_matrix(up: Floats, local: Floats, down: Floats) -> Floats:
    """R of a quasi-birth-death process: level n+1 is level n times R; logarithmic reduction."""
    rise, fall = np.linalg.solve(-local, up), np.linalg.solve(-local, down)
    first_passage, reach = fall.copy(), rise.copy()
    one = np.eye(len(up))
    for _ in range(64):
        back = one - rise @ fall - fall @ rise
        rise, fall = np.linalg.solve(back, rise @ rise), np.linalg.solve(back, fall @ fall)
        first_passage += reach @ fall
        reach = reach @ rise
        if np.abs(reach).max() < 1e-17:
            break
    result: Floats = up @ np.linalg.inv(-(local + up @ first_passage))
    return result
