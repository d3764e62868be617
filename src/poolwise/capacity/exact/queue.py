"""A queue whose service rate depends on how many are in service: every wait formula in one place.

Poisson arrivals, c places in service that together complete ``rates_rps[n - 1]`` requests a second while n
of them are busy, first come first served, and room for ``backlog`` more (None: without limit). It is a
birth-death chain: Kleinrock, *Queueing Systems* I (1975), chapter 3. Whoever waits sees all places busy, so
the wait of somebody who finds j waiting is a sum of j + 1 exponential times of rate ``rates_rps[c - 1]``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from poolwise.capacity.exact import ranges
from poolwise.capacity.exact.series import birth_death, poisson
from poolwise.model import InputError

if TYPE_CHECKING:
    from poolwise.model import Floats


@dataclass(frozen=True, eq=False)
class Queue:
    """The stationary state of a queue, with its waits (seconds; of requests that are not refused).

    ``probabilities``: P(n in system) for n = 0..places+backlog. Without a limit they end at n = places;
    from there on each is ``rate_rps / rates_rps[-1]`` times the one before.
    """

    rate_rps: float
    rates_rps: Floats  # shape (places,)
    backlog: int | None
    probabilities: Floats

    @property
    def places(self) -> int:
        """Requests that can be in service at once."""
        return len(self.rates_rps)

    @property
    def full(self) -> float:
        """Share of time in which every place is busy: what an arrival finds, too."""
        last = float(self.probabilities[self.places :].sum())
        return last if self.backlog is not None else last / (1.0 - self._ratio)

    @property
    def refused(self) -> float:
        """Share of requests that find no room."""
        return 0.0 if self.backlog is None else float(self.probabilities[-1])

    @property
    def wait_probability(self) -> float:
        """Share of the accepted requests that wait at all."""
        return max(self.full - self.refused, 0.0) / (1.0 - self.refused)

    @property
    def busy(self) -> float:
        """Mean number in service."""
        below = self.probabilities[: self.places]
        return float(below @ np.arange(self.places)) + self.places * self.full

    @property
    def queued(self) -> float:
        """Mean number waiting."""
        if self.backlog is None:
            return self.full * self._ratio / (1.0 - self._ratio)
        return float(self.probabilities[self.places :] @ np.arange(self.backlog + 1))

    @property
    def busy_share(self) -> float:
        """Mean share of the places that is busy, 0..1."""
        return self.busy / self.places

    @property
    def throughput_rps(self) -> float:
        """Requests completed a second."""
        return self.rate_rps * (1.0 - self.refused)

    @property
    def mean_wait_s(self) -> float:
        """Mean wait (Little's law)."""
        return self.queued / self.throughput_rps

    @property
    def mean_response_s(self) -> float:
        """Mean time from arrival to completion (Little's law)."""
        return (self.queued + self.busy) / self.throughput_rps

    def waits_longer(self, wait_s: float) -> float:
        """Share of the accepted requests that wait longer than ``wait_s`` (>= 0)."""
        wait_s = ranges.not_negative("wait_s", wait_s)
        rate = float(self.rates_rps[-1])
        if self.backlog is None:
            return self.full * math.exp(-(rate - self.rate_rps) * wait_s)
        if self.backlog == 0:
            return 0.0
        still = np.cumsum(poisson(rate * wait_s, self.backlog))  # P(at most j complete meanwhile)
        waiting = self.probabilities[self.places : -1]
        return float(waiting @ still) / (1.0 - self.refused)

    def wait_quantile_s(self, share: float) -> float:
        """The wait that this share of the accepted requests does not exceed (0 < share < 1)."""
        share = ranges.between("share", share, 0, 1)
        if self.wait_probability <= 1.0 - share:
            return 0.0
        if self.backlog is None:
            return math.log(self.full / (1.0 - share)) / (float(self.rates_rps[-1]) - self.rate_rps)
        low, high = 0.0, 1.0 / float(self.rates_rps[-1])
        while self.waits_longer(high) > 1.0 - share:
            low, high = high, 2.0 * high
        while high - low > 1e-13 * high:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.waits_longer(middle) > 1.0 - share else (low, middle)
        return 0.5 * (low + high)

    @property
    def _ratio(self) -> float:
        return self.rate_rps / float(self.rates_rps[-1])


def solve(rate_rps: float, rates_rps: Floats, backlog: int | None) -> Queue:
    """The queue in its stationary state. ``rates_rps``: shape (places,), above 0.

    Raises InputError: without a backlog the arrivals must be slower than the last rate.
    """
    rate_rps = ranges.positive("rate_rps", rate_rps)
    last = float(rates_rps[-1])
    if backlog is None:
        if rate_rps >= last:
            raise InputError(
                f"rate_rps is {rate_rps:g} and at most {last:g} requests a second can be served: the queue "
                "would grow for ever; give a lower rate, or a backlog"
            )
        finite = birth_death(np.full(len(rates_rps), rate_rps), rates_rps)
        tail = rate_rps / last
        mass = 1.0 + float(finite[-1]) * tail / (1.0 - tail)
        return Queue(rate_rps, rates_rps, None, finite / mass)
    backlog = ranges.count("backlog", backlog, 0)
    deaths = np.concatenate((rates_rps, np.full(backlog, last)))
    return Queue(rate_rps, rates_rps, backlog, birth_death(np.full(len(deaths), rate_rps), deaths))
