"""Whether the arrivals have the law that their shape promises: counts, integrated rates, stays."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from poolwise.model import InputError
from poolwise.traffic import shapes


def expected_between(rate: shapes.Rate, edges_s: np.ndarray) -> np.ndarray:
    """The integral of the rate between edges by a fine sum, independently of ``Rate.cumulative``."""
    fine = np.linspace(0, rate.duration_s, 2_000_001)
    middle = (fine[1:] + fine[:-1]) / 2
    segment = np.searchsorted(rate.edges_s, middle, side="right") - 1
    share = (middle - rate.edges_s[segment]) / np.diff(rate.edges_s)[segment]
    value = rate.left_rps[segment] * (1 - share) + rate.right_rps[segment] * share
    return np.histogram(middle, edges_s, weights=value * (fine[1] - fine[0]))[0]


def assert_poisson_counts(arrivals_s: np.ndarray, expected: np.ndarray, edges_s: np.ndarray) -> None:
    """Chi-square of the counts per bin; too even is as wrong as too uneven."""
    counts = np.histogram(arrivals_s, edges_s)[0]
    assert counts[expected == 0].sum() == 0
    many = expected > 5
    chi2 = float(((counts - expected)[many] ** 2 / expected[many]).sum())
    assert 1e-4 < stats.chi2.sf(chi2, int(many.sum())) < 1 - 1e-4


@pytest.mark.parametrize(
    "rate",
    [
        shapes.steps(np.array([0.0, 1000.0]), np.array([40.0])),
        shapes.ramp_rate(0.0, 60.0, 400.0, 300.0, 300.0),
        shapes.ramp_rate(20.0, 60.0, 1000.0, 0.0, 0.0),
        shapes.burst_rate(10.0, 300.0, 400.0, 100.0, 1000.0),
        shapes.steps(np.array([0.0, 100.0, 600.0, 1000.0]), np.array([90.0, 0.0, 50.0])),
    ],
    ids=["flat", "ramp", "rise", "burst", "steps with a silent one"],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_poisson_counts_match_the_integrated_rate(rate: shapes.Rate, seed: int) -> None:
    arrivals = shapes.poisson_arrivals(rate, np.random.default_rng(seed))
    assert (np.diff(arrivals) >= 0).all()
    assert arrivals[0] >= 0
    assert arrivals[-1] <= rate.duration_s
    total = rate.cumulative()[-1]
    assert abs(len(arrivals) - total) < 4 * np.sqrt(total)
    edges = np.linspace(0, rate.duration_s, 101)
    assert_poisson_counts(arrivals, expected_between(rate, edges), edges)


def test_poisson_gaps_are_exponential() -> None:
    rate = shapes.steps(np.array([0.0, 2000.0]), np.array([25.0]))
    gaps = np.diff(shapes.poisson_arrivals(rate, np.random.default_rng(5)))
    assert stats.kstest(gaps, "expon", args=(0, 1 / 25)).pvalue > 1e-3


@pytest.mark.parametrize(
    ("mean", "peak"), [(20.0, 21.0), (20.0, 35.0), (20.0, 40.0), (20.0, 60.0), (5.0, 90.0)]
)
def test_day_has_its_mean_and_its_peak(mean: float, peak: float) -> None:
    times = (np.arange(100_000) + 0.5) / 100_000 * 86400
    rate = shapes.day_rate_rps(mean, peak, 43200.0, 86400.0, times)
    assert rate.min() >= -1e-9
    assert rate.max() == pytest.approx(peak, rel=1e-6)
    assert times[rate.argmax()] == pytest.approx(43200.0, abs=2)
    assert rate.mean() == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize(("mean", "peak"), [(20.0, 35.0), (20.0, 60.0)])
@pytest.mark.parametrize("duration_s", [2000.0, 1234.5])
def test_day_arrivals_match_the_integrated_rate(mean: float, peak: float, duration_s: float) -> None:
    def rate(times_s: np.ndarray) -> np.ndarray:
        return shapes.day_rate_rps(mean, peak, 700.0, 1000.0, times_s)

    bound = shapes.day_bound(rate, 700.0, 1000.0, duration_s)
    fine = np.linspace(0, duration_s, 1_000_001)
    middle = (fine[1:] + fine[:-1]) / 2
    at = np.searchsorted(bound.edges_s, middle, side="right") - 1
    assert (rate(middle) <= bound.left_rps[at]).all()
    edges = np.linspace(0, duration_s, 41)
    expected = np.histogram(middle, edges, weights=rate(middle) * (fine[1] - fine[0]))[0]
    arrivals = shapes.thinned_arrivals(rate, bound, np.random.default_rng(11))
    assert_poisson_counts(arrivals, expected, edges)


def test_modulated_stays_and_rate() -> None:
    rng = np.random.default_rng(3)
    rate = shapes.modulated_rate((5.0, 50.0), (60.0, 10.0), 2_000_000.0, rng)
    assert rate.duration_s == 2_000_000.0
    stays = np.diff(rate.edges_s)[1:-1]  # the last one is cut
    levels = rate.left_rps[1:-1]
    assert (levels[1:] != levels[:-1]).all()
    for level, mean in ((5.0, 60.0), (50.0, 10.0)):
        own = stays[levels == level]
        assert abs(own.mean() - mean) < 4 * mean / np.sqrt(len(own))
        assert stats.kstest(own, "expon", args=(0, mean)).pvalue > 1e-3
    share_high = np.diff(rate.edges_s)[rate.left_rps == 50.0].sum() / rate.duration_s
    assert share_high == pytest.approx(10 / 70, abs=4 * 0.002)


def test_modulated_starts_in_its_stationary_state() -> None:
    starts = [
        shapes.modulated_rate((1.0, 2.0), (30.0, 10.0), 1.0, np.random.default_rng(seed)).left_rps[0]
        for seed in range(2000)
    ]
    share = np.mean(np.array(starts) == 2.0)
    assert abs(share - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 2000)


def test_even_arrivals() -> None:
    assert shapes.even_arrivals(20.0, 1.0).tolist() == pytest.approx([0.025 + 0.05 * i for i in range(20)])
    assert len(shapes.even_arrivals(0.1, 9.0)) == 0
    assert len(shapes.even_arrivals(0.0, 9.0)) == 0
    assert len(shapes.even_arrivals(0.1, 30.0)) == 3


def test_until_cuts_and_continues() -> None:
    ramp = shapes.ramp_rate(0.0, 10.0, 10.0, 0.0, 10.0)
    assert ramp.until(5.0).cumulative()[-1] == pytest.approx(12.5)
    assert ramp.until(15.0).cumulative()[-1] == pytest.approx(87.5)
    assert ramp.until(20.0).cumulative()[-1] == pytest.approx(100.0)
    assert ramp.until(50.0).cumulative()[-1] == pytest.approx(100.0)
    assert ramp.until(50.0).duration_s == 50.0


def test_burst_may_lie_at_the_edge() -> None:
    assert shapes.burst_rate(1.0, 9.0, 0.0, 10.0, 100.0).cumulative()[-1] == pytest.approx(180.0)
    assert shapes.burst_rate(1.0, 9.0, 95.0, 10.0, 100.0).cumulative()[-1] == pytest.approx(140.0)
    assert shapes.burst_rate(1.0, 9.0, 200.0, 10.0, 100.0).cumulative()[-1] == pytest.approx(100.0)


def test_nothing_global_and_equal_seeds_are_equal() -> None:
    rate = shapes.ramp_rate(0.0, 60.0, 40.0, 30.0, 30.0)
    np.random.seed(1)
    one = shapes.poisson_arrivals(rate, np.random.default_rng(9))
    np.random.seed(2)
    assert np.array_equal(one, shapes.poisson_arrivals(rate, np.random.default_rng(9)))
    assert not np.array_equal(one[:50], shapes.poisson_arrivals(rate, np.random.default_rng(10))[:50])


def test_too_much_traffic_is_refused_at_once() -> None:
    start = time.perf_counter()
    with pytest.raises(InputError, match=r"about 1e\+12 requests, at most 2e\+08 fit"):
        shapes.poisson_arrivals(shapes.steps(np.array([0.0, 1e6]), np.array([1e6])), np.random.default_rng(0))
    assert time.perf_counter() - start < 1.0
