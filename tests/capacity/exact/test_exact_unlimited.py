"""Pools in which nobody waits: changing rates and autocovariance."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import lognorm

from poolwise.capacity import (
    busy_under_a_wave,
    busy_under_steps,
    covariance_exponential,
    covariance_lognormal,
    covariance_of_durations,
)
from poolwise.model import InputError


@pytest.mark.parametrize(
    ("time", "busy"), [(0, 19.7906523199), (15, 29.9956154324), (30, 20.2093476801), (45, 10.0043845676)]
)
def test_a_wave(time: float, busy: float) -> None:
    assert busy_under_a_wave(100, 50, 60, 0.2, time) == pytest.approx(busy, rel=1e-11)
    assert busy_under_a_wave(100, 50, 60, 0.2, time - 600) == pytest.approx(busy, rel=1e-11)


def test_steps_follow_the_wave() -> None:
    step = 0.01
    middles = (np.arange(6000) + 0.5) * step
    rates = 100 + 50 * np.sin(2 * np.pi * middles / 60)
    busy = busy_under_steps(rates, step, 0.2, busy_under_a_wave(100, 50, 60, 0.2, 0.0))
    assert busy[1499] == pytest.approx(29.9956154324, abs=1e-4)
    assert busy[5999] == pytest.approx(19.7906523199, abs=1e-4)


def test_a_constant_rate_fills_an_empty_pool_exponentially() -> None:
    busy = busy_under_steps(np.full(3, 10.0), 0.5, 2.0)
    assert busy == pytest.approx([20 * (1 - math.exp(-0.25 * k)) for k in (1, 2, 3)], rel=1e-12)
    assert busy_under_steps(np.zeros(1), 2.0, 2.0, 5.0)[0] == pytest.approx(5 / math.e)


def test_covariances() -> None:
    assert covariance_exponential(100, 0.1, 0.1) == pytest.approx(3.67879441171, rel=1e-11)
    # at a lag of one mean: 10 (Phi(1/2) - Phi(-1/2))
    assert covariance_lognormal(100, 0.1, 1.0, 0.1) == pytest.approx(3.82924922548, rel=1e-11)
    assert covariance_lognormal(100, 0.1, 1.0, 1.0) == pytest.approx(0.103792794, rel=1e-8)
    law = lognorm(1.0, scale=0.1 / math.exp(0.5))
    for lag in (0.03, 0.1, 1.0):
        beyond, _ = quad(law.sf, lag, np.inf, epsabs=1e-14, epsrel=1e-12)
        assert covariance_lognormal(100, 0.1, 1.0, lag) == pytest.approx(100 * beyond, rel=1e-8)
    for at_once in (covariance_exponential(100, 0.1, 0), covariance_lognormal(100, 0.1, 1.0, 0)):
        assert at_once == pytest.approx(10.0)  # the variance of a Poisson number is its mean


def test_the_covariance_of_durations_out_of_a_log() -> None:
    assert covariance_of_durations(10, np.array([0.5, 1.5]), 1.0) == pytest.approx(2.5)
    draws = np.random.default_rng(1).exponential(0.1, 400_000)
    assert covariance_of_durations(100, draws, 0.1) == pytest.approx(3.67879441171, rel=0.02)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: busy_under_a_wave(1, 2, 60, 1, 0),
            "amplitude_rps is 2; give a number of at most rate_rps, 1",
        ),
        (lambda: busy_under_a_wave(1, 1, 0, 1, 0), "period_s is 0; give a number above 0"),
        (lambda: busy_under_a_wave(1, 1, 1, 1, math.inf), "time_s is inf; give a finite number"),
        (lambda: busy_under_steps(np.array([1.0, -1.0]), 1, 1), "rates_rps holds something else"),
        (lambda: busy_under_steps(np.array([[1.0]]), 1, 1), "rates_rps holds something else"),
        (lambda: busy_under_steps(np.array([1.0]), 1, 1, -1), "busy is -1; give a number of at least 0"),
        (lambda: covariance_exponential(1, 1, -1), "lag_s is -1; give a number of at least 0"),
        (lambda: covariance_lognormal(1, 1, 0, 1), "sigma is 0; give a number above 0"),
        (lambda: covariance_of_durations(1, np.array([]), 1), "durations_s is empty"),
        (lambda: covariance_of_durations(1, np.array([math.nan]), 1), "durations_s is empty or holds"),
    ],
)
def test_bad_arguments_are_named_with_their_range(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
