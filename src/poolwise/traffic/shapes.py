"""Rates over time, and exact arrivals from them. Pure: the generator is passed in, nothing is global.

A ``Rate`` is piecewise linear. Its Poisson process is made by inversion: a Poisson process of rate 1 on
[0, expected number] is mapped through the inverse of the integrated rate (Çinlar, "Introduction to
Stochastic Processes", 1975, section 4.7). The sinusoid, whose integral has no closed inverse, is thinned
(Lewis and Shedler, Naval Research Logistics Quarterly 26, 1979). Both are exact, not approximations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from poolwise.model import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from poolwise.model import Floats

MOST_ARRIVALS = 200_000_000  # 3.2 GB with their service times


@dataclass(frozen=True, slots=True, eq=False)
class Rate:
    """Requests per second over time, piecewise linear.

    In segment i, from ``edges_s[i]`` to ``edges_s[i + 1]``, the rate goes from ``left_rps[i]`` to
    ``right_rps[i]``. Shapes: (k + 1,), (k,), (k,).
    """

    edges_s: Floats
    left_rps: Floats
    right_rps: Floats

    @property
    def duration_s(self) -> float:
        """Where the last segment ends."""
        return float(self.edges_s[-1])

    def cumulative(self) -> Floats:
        """Expected arrivals before each edge, shape (k + 1,)."""
        area = np.diff(self.edges_s) * (self.left_rps + self.right_rps) / 2
        return np.concatenate(([0.0], np.cumsum(area)))

    def until(self, duration_s: float) -> Rate:
        """The same rate cut at ``duration_s``, or continued at 0 requests per second."""
        if duration_s > self.duration_s:
            edges = np.append(self.edges_s, duration_s)
            return Rate(edges, np.append(self.left_rps, 0.0), np.append(self.right_rps, 0.0))
        keep = int(np.searchsorted(self.edges_s, duration_s, side="left"))
        edges, left, right = (
            self.edges_s[: keep + 1].copy(),
            self.left_rps[:keep],
            self.right_rps[:keep].copy(),
        )
        share = (duration_s - edges[-2]) / (edges[-1] - edges[-2])
        right[-1] = left[-1] + share * (right[-1] - left[-1])
        edges[-1] = duration_s
        return Rate(edges, left, right)


def steps(edges_s: Floats, rates_rps: Floats) -> Rate:
    """A piecewise constant rate: ``rates_rps[i]`` from ``edges_s[i]`` to ``edges_s[i + 1]``."""
    return Rate(edges_s, rates_rps, rates_rps)


def ramp_rate(low_rps: float, peak_rps: float, up_s: float, hold_s: float, down_s: float) -> Rate:
    """From ``low_rps`` up to ``peak_rps``, hold, and down again; stretches of 0 s are left out."""
    parts = ((low_rps, peak_rps, up_s), (peak_rps, peak_rps, hold_s), (peak_rps, low_rps, down_s))
    left, right, lengths = np.array([part for part in parts if part[2] > 0]).T
    return Rate(np.concatenate(([0.0], np.cumsum(lengths))), left, right)


def burst_rate(base_rps: float, peak_rps: float, at_s: float, length_s: float, duration_s: float) -> Rate:
    """``base_rps``, but ``peak_rps`` from ``at_s`` for ``length_s``."""
    edges = np.unique(np.clip([0.0, at_s, at_s + length_s, duration_s], 0.0, duration_s))
    in_burst = (edges[:-1] >= at_s) & (edges[:-1] < at_s + length_s)
    return steps(edges, np.where(in_burst, peak_rps, base_rps))


def day_rate_rps(mean_rps: float, peak_rps: float, top_s: float, period_s: float, times_s: Floats) -> Floats:
    """A sinusoid between day and night at ``times_s``: mean, peak, the second of the peak, the period.

    Up to a peak of twice the mean it is mean + (peak - mean) cos; above, peak ((1 + cos) / 2)**power, the
    same curve at exactly twice, with the power that gives the mean.
    """
    wave = np.cos((times_s - top_s) * (2.0 * np.pi / period_s))
    if peak_rps <= 2 * mean_rps:
        return mean_rps + (peak_rps - mean_rps) * wave
    return peak_rps * ((1.0 + wave) / 2.0) ** _power(mean_rps / peak_rps)


def day_bound(rate_rps: Callable[[Floats], Floats], top_s: float, period_s: float, duration_s: float) -> Rate:
    """Steps that ``day_rate_rps`` never exceeds, tight to a few per cent: it is monotone between the
    steps' edges, because day and night are among them."""
    step_s = period_s / 96
    first = -math.ceil(top_s / step_s)
    last = math.ceil((duration_s - top_s) / step_s)
    edges: Floats = np.unique(np.clip(top_s + step_s * np.arange(first, last + 1), 0.0, duration_s))
    at_edges = rate_rps(edges)
    return steps(edges, np.maximum(at_edges[:-1], at_edges[1:]) * (1.0 + 1e-9))


def _power(share: float) -> float:
    """The p whose mean of ((1 + cos x) / 2)**p over a period is ``share`` (< 1/2): by bisection of
    Gamma(p + 1/2) / (sqrt(pi) Gamma(p + 1))."""
    low, high = 1.0, 1.0 / (share * share)
    for _ in range(60):
        middle = (low + high) / 2
        mean = math.exp(math.lgamma(middle + 0.5) - math.lgamma(middle + 1.0)) / math.sqrt(math.pi)
        low, high = (middle, high) if mean > share else (low, middle)
    return low


def modulated_rate(
    rates_rps: tuple[float, float], means_s: tuple[float, float], duration_s: float, rng: np.random.Generator
) -> Rate:
    """One path of a two-state Markov chain: exponential stays of means ``means_s`` at ``rates_rps``.

    The first state is drawn from the stationary law, so that the mean rate holds from second 0.
    """
    cycle_s = sum(means_s)
    _room(duration_s / cycle_s, "changes between the two rates")
    first = int(rng.random() < means_s[1] / cycle_s)
    order = [first, 1 - first]
    ends = np.zeros(1)
    while ends[-1] < duration_s:
        cycles = int((duration_s - ends[-1]) / cycle_s * 1.1) + 16
        stays = rng.standard_exponential((cycles, 2)) * np.array(means_s)[order]
        ends = np.append(ends, ends[-1] + np.cumsum(stays.ravel()))
    rates = np.resize(np.array(rates_rps, dtype=np.float64)[order], len(ends) - 1)
    return steps(ends, rates).until(duration_s)


def even_arrivals(rate_rps: float, duration_s: float) -> Floats:
    """``rate_rps`` arrivals a second, evenly spaced, the first half a space after 0."""
    _room(rate_rps * duration_s, "requests")
    count = int(rate_rps * duration_s + 1e-9)
    return np.asarray((np.arange(count) + 0.5) / (rate_rps or 1.0), dtype=np.float64)


def poisson_arrivals(rate: Rate, rng: np.random.Generator) -> Floats:
    """Arrivals of the (nonhomogeneous) Poisson process of ``rate``, ascending; float64, shape (n,)."""
    cumulative = rate.cumulative()
    unit = _unit_process(float(cumulative[-1]), rng)
    if np.array_equal(rate.left_rps, rate.right_rps):
        times_s: Floats = np.interp(unit, cumulative, rate.edges_s)
        return times_s
    ends = np.searchsorted(unit, cumulative)
    for i in range(len(rate.left_rps)):
        part = unit[ends[i] : ends[i + 1]]
        part -= cumulative[i]
        _invert(part, rate.left_rps[i], rate.right_rps[i], rate.edges_s[i], rate.edges_s[i + 1])
    return unit


def _invert(area: Floats, left_rps: float, right_rps: float, start_s: float, end_s: float) -> None:
    """Turn areas under a line into times, in place: the root of slope t^2 / 2 + left t = area, in the
    form that also holds where the slope or ``left_rps`` is 0."""
    slope = (right_rps - left_rps) / (end_s - start_s)
    root = area * (2.0 * slope)
    root += left_rps * left_rps
    np.sqrt(np.maximum(root, 0.0, out=root), out=root)
    root += left_rps
    area *= 2.0
    np.divide(area, root, out=area, where=root > 0)
    area += start_s
    np.minimum(area, end_s, out=area)


def thinned_arrivals(rate_rps: Callable[[Floats], Floats], bound: Rate, rng: np.random.Generator) -> Floats:
    """Arrivals of a Poisson process whose rate is any function that never exceeds the steps ``bound``."""
    candidates = poisson_arrivals(bound, rng)
    counts = np.diff(np.searchsorted(candidates, bound.edges_s[1:-1]), prepend=0, append=len(candidates))
    level = rng.random(len(candidates))
    level *= np.repeat(bound.left_rps, counts)
    return candidates[level < rate_rps(candidates)]


def _unit_process(expected: float, rng: np.random.Generator) -> Floats:
    """A Poisson process of rate 1 on [0, expected): sums of exponential gaps."""
    _room(expected, "requests")
    times = np.zeros(1)
    while times[-1] < expected:
        missing = expected - times[-1]
        gaps = rng.standard_exponential(int(missing + 5.0 * np.sqrt(missing)) + 16)
        gaps[0] += times[-1]
        more = np.cumsum(gaps, out=gaps)
        times = more if len(times) == 1 else np.concatenate((times, more))
    return times[: np.searchsorted(times, expected, side="left")]


def _room(count: float, what: str) -> None:
    if count > MOST_ARRIVALS:
        raise InputError(
            f"this traffic has about {count:.3g} {what}, at most {MOST_ARRIVALS:.0e} fit: "
            "lower the rate or the duration"
        )
