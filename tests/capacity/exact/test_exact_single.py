"""Pollaczek-Khinchine, M/D/1 and Crommelin's M/D/c."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest

from poolwise.capacity import mdc, mdc_mean_wait, mmc, pollaczek_khinchine
from poolwise.capacity.exact.single import _queued_by_roots
from poolwise.model import InputError


@pytest.mark.parametrize(
    ("cv2", "wait"), [(0, 2.0), (0.25, 2.5), (1, 4.0), (4, 10.0), (math.e - 1, 5.43656365692)]
)
def test_pollaczek_khinchine(cv2: float, wait: float) -> None:
    assert pollaczek_khinchine(0.8, 1.0, cv2) == pytest.approx(wait, rel=1e-12)
    assert pollaczek_khinchine(8.0, 0.1, cv2) == pytest.approx(wait / 10, rel=1e-12)


def test_one_exponential_server_is_mm1() -> None:
    assert pollaczek_khinchine(0.8, 1.0, 1) == pytest.approx(mmc(0.8, 1.0, 1).mean_wait_s, rel=1e-12)


@pytest.mark.parametrize(
    ("wait", "probability"), [(1, 0.445108185698), (2.5, 0.704852353492), (5, 0.899502761754)]
)
def test_wait_distribution_of_md1(wait: float, probability: float) -> None:
    assert 1 - mdc(0.8, 1.0, 1).waits_longer(wait) == pytest.approx(probability, rel=2e-12)
    assert 1 - mdc(3.2, 0.25, 1).waits_longer(wait / 4) == pytest.approx(probability, rel=2e-12)


@pytest.mark.parametrize(
    ("servers", "load", "wait"), [(2, 1.6, 0.903283879), (5, 4.0, 0.289060007), (10, 9.0, 0.344582050)]
)
def test_crommelin(servers: int, load: float, wait: float) -> None:
    assert mdc_mean_wait(load, 1.0, servers) == pytest.approx(wait, abs=1e-9)
    assert mdc_mean_wait(10 * load, 0.1, servers) == pytest.approx(wait / 10, abs=1e-10)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.8), (2, 1.6), (10, 9.0), (256, 250.0), (3, 0.01)])
def test_three_ways_to_the_same_wait(servers: int, load: float) -> None:
    series = mdc_mean_wait(load, 1.0, servers)
    assert mdc(load, 1.0, servers).mean_wait_s == pytest.approx(series, rel=1e-11)
    assert _queued_by_roots(load, servers) / load == pytest.approx(series, rel=1e-10, abs=1e-13)


def test_close_to_saturation_the_roots_take_over() -> None:
    assert mdc_mean_wait(0.9995, 1.0, 1) == pytest.approx(pollaczek_khinchine(0.9995, 1.0, 0), rel=1e-12)
    assert mdc_mean_wait(9.99, 1.0, 10) == pytest.approx(0.5 * mmc(9.99, 1.0, 10).mean_wait_s, rel=0.003)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.8), (3, 2.5)])
def test_the_distribution_is_one_and_has_the_mean(servers: int, load: float) -> None:
    queue = mdc(load, 1.0, servers)
    assert queue.probabilities.sum() == pytest.approx(1.0, rel=1e-12)
    assert queue.waits_longer(0.0) == pytest.approx(queue.wait_probability, rel=1e-11)
    tail = [queue.waits_longer(i / 100) for i in range(6001)]
    assert all(a >= b - 1e-13 for a, b in pairwise(tail))
    assert sum(tail[1:-1]) / 100 + tail[0] / 200 == pytest.approx(queue.mean_wait_s, rel=1e-4)
    assert queue.waits_longer(500.0) == pytest.approx(0.0, abs=1e-13)


def test_no_load_no_wait() -> None:
    assert mdc_mean_wait(1e-9, 1.0, 50) == 0.0
    assert mdc(1e-9, 1.0, 2).wait_probability == pytest.approx(5e-19, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pollaczek_khinchine(1, 1, 1), "the load is 1 Erlangs and the capacity 1"),
        (lambda: pollaczek_khinchine(1, 0, 1), "service_s is 0; give a number above 0"),
        (lambda: pollaczek_khinchine(0.5, 1, -0.1), "service_cv2 is -0.1; give a number of at least 0"),
        (lambda: mdc_mean_wait(3, 1, 3), "the load is 3 Erlangs and the capacity 3"),
        (lambda: mdc_mean_wait(0, 1, 3), "rate_rps is 0; give a number above 0"),
        (lambda: mdc(1, 1, 0), "servers is 0; give a whole number of at least 1"),
        (lambda: mdc(0.999, 1, 1), "too close to saturation for the distribution"),
        (lambda: mdc(0.5, 1, 1).waits_longer(-1.0), "wait_s is -1.0; give a number of at least 0"),
    ],
)
def test_bad_arguments_are_named_with_their_range(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
