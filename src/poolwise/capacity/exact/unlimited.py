"""A pool in which nobody ever waits: how many workers are busy when traffic changes, and how it fluctuates.

Sources: Eick, Massey and Whitt 1993 (M_t/G/infinity queues with sinusoidal arrival rates, Management
Science 39: 241-252); the autocovariance of M/G/infinity is in Riordan 1951 and Benes 1957. The number of
busy workers is Poisson with the mean given here, for any changing rate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from poolwise.capacity.exact import ranges
from poolwise.model import InputError

if TYPE_CHECKING:
    from poolwise.model import Floats


def busy_under_a_wave(
    rate_rps: float, amplitude_rps: float, period_s: float, service_s: float, time_s: float
) -> float:
    """Mean busy workers at ``time_s`` while the rate is rate + amplitude sin(2 pi t / period).

    Exponential service. The traffic has been so for ever. ``amplitude_rps`` is between 0 and ``rate_rps``.
    """
    rate_rps, period_s = ranges.positive("rate_rps", rate_rps), ranges.positive("period_s", period_s)
    service_s, time_s = ranges.positive("service_s", service_s), ranges.finite("time_s", time_s)
    if ranges.not_negative("amplitude_rps", amplitude_rps) > rate_rps:
        raise InputError(
            f"amplitude_rps is {amplitude_rps:g}; give a number of at most rate_rps, {rate_rps:g}"
        )
    turn = 2.0 * math.pi / period_s
    lag = turn * service_s
    wave = (math.sin(turn * time_s) - lag * math.cos(turn * time_s)) / (1.0 + lag * lag)
    return service_s * (rate_rps + amplitude_rps * wave)


def busy_under_steps(rates_rps: Floats, step_s: float, service_s: float, busy: float = 0.0) -> Floats:
    """Mean busy workers at the end of each step, shape (n,); exponential service.

    The rate is constant during a step. ``rates_rps``: shape (n,), >= 0. ``busy``: the mean at the start.
    """
    step_s, service_s = ranges.positive("step_s", step_s), ranges.positive("service_s", service_s)
    busy = ranges.not_negative("busy", busy)
    rates = np.asarray(rates_rps, dtype=np.float64)
    if rates.ndim != 1 or not np.all(np.isfinite(rates)) or np.any(rates < 0):
        raise InputError("rates_rps holds something else than numbers of at least 0, in one dimension")
    kept = math.exp(-step_s / service_s)
    result = np.empty(len(rates))
    for i, rate in enumerate(rates):
        busy = rate * service_s * (1.0 - kept) + busy * kept
        result[i] = busy
    return result


def covariance_exponential(rate_rps: float, service_s: float, lag_s: float) -> float:
    """Covariance of the busy workers ``lag_s`` (>= 0) apart, exponential service; at lag 0 the variance."""
    rate_rps, service_s = ranges.positive("rate_rps", rate_rps), ranges.positive("service_s", service_s)
    return rate_rps * service_s * math.exp(-ranges.not_negative("lag_s", lag_s) / service_s)


def covariance_lognormal(rate_rps: float, service_s: float, sigma: float, lag_s: float) -> float:
    """The same for lognormal service with this mean; ``sigma`` (> 0): standard deviation of its logarithm."""
    rate_rps, service_s = ranges.positive("rate_rps", rate_rps), ranges.positive("service_s", service_s)
    sigma, lag_s = ranges.positive("sigma", sigma), ranges.not_negative("lag_s", lag_s)
    if lag_s == 0.0:
        return rate_rps * service_s
    d = math.log(service_s / lag_s) / sigma
    return rate_rps * (service_s * _normal(d + 0.5 * sigma) - lag_s * _normal(d - 0.5 * sigma))


def covariance_of_durations(rate_rps: float, durations_s: Floats, lag_s: float) -> float:
    """The same for durations out of a log, shape (n,), n >= 1: rate times their mean excess over the lag."""
    rate_rps, lag_s = ranges.positive("rate_rps", rate_rps), ranges.not_negative("lag_s", lag_s)
    durations = np.asarray(durations_s, dtype=np.float64)
    if durations.size == 0 or not np.all(np.isfinite(durations)) or np.any(durations < 0):
        raise InputError("durations_s is empty or holds something else than numbers of at least 0")
    return rate_rps * float(np.maximum(durations - lag_s, 0.0).mean())


def _normal(x: float) -> float:
    """The normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))
