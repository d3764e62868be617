"""Erlang B and C and M/M/c/K, against values computed with 50 digits and against each other."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from poolwise.capacity import (
    allen_cunneen,
    erlang_b,
    erlang_c,
    mmc,
    mmck,
    pollaczek_khinchine,
    servers_for_refusals,
    servers_for_wait,
    square_root_staffing,
)
from poolwise.model import InputError

LAST_DIGIT = 2e-12


@pytest.mark.parametrize(
    ("servers", "load", "blocked"),
    [
        (10, 5, 0.0183845703366),
        (100, 100, 0.0757004527109),
        (256, 230, 0.00630824849936),
        (1000, 950, 0.00364929368894),
    ],
)
def test_erlang_b(servers: int, load: float, blocked: float) -> None:
    assert erlang_b(servers, load) == pytest.approx(blocked, rel=LAST_DIGIT * 5)
    queue = mmck(load, 1.0, servers, 0)
    assert queue.refused == pytest.approx(erlang_b(servers, load), rel=1e-12)
    assert (queue.wait_probability, queue.queued, queue.waits_longer(0.0)) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("servers", "load", "waits", "mean", "w99"),
    [
        (1, 0.8, 0.8, 4.0, 21.9101331734),
        (5, 4.0, 0.554112554113, 0.554112554113, 4.01478273939),
        (10, 8.0, 0.409180150796, 0.204590075398, 1.85578521628),
        (100, 95.0, 0.506456853913, 0.101291370783, 0.784970808459),
        (256, 240.0, 0.219502548234, 0.0137189092646, 0.193048671795),
    ],
)
def test_erlang_c(servers: int, load: float, waits: float, mean: float, w99: float) -> None:
    queue = mmc(load, 1.0, servers)
    assert erlang_c(servers, load) == pytest.approx(waits, rel=LAST_DIGIT)
    assert queue.wait_probability == pytest.approx(waits, rel=LAST_DIGIT)
    assert queue.mean_wait_s == pytest.approx(mean, rel=LAST_DIGIT)
    assert queue.wait_quantile_s(0.99) == pytest.approx(w99, rel=LAST_DIGIT)
    assert queue.waits_longer(w99) == pytest.approx(0.01, rel=1e-9)
    assert queue.busy == pytest.approx(load, rel=1e-12)
    assert queue.mean_response_s == pytest.approx(mean + 1.0, rel=1e-12)


@pytest.mark.parametrize(
    ("servers", "room", "rate", "mu", "blocked", "wait"),
    [
        (1, 10, 0.9, 1, 0.0508137313274, 3.64660067212),
        (10, 30, 11, 1, 0.100628417931, 1.28518838441),
        (256, 767, 2500, 10, 7.76694091e-8, 0.0101259226125),
        (256, 767, 2800, 10, 0.0857142857143, 0.195442708333),
    ],
)
def test_mmck(servers: int, room: int, rate: float, mu: float, blocked: float, wait: float) -> None:
    queue = mmck(rate, 1 / mu, servers, room - servers)
    assert queue.refused == pytest.approx(blocked, rel=1e-9)
    assert queue.mean_wait_s == pytest.approx(wait, rel=LAST_DIGIT * 2)
    assert queue.busy == pytest.approx(rate / mu * (1 - queue.refused), rel=1e-12)
    assert queue.busy_share == pytest.approx(queue.busy / servers)
    assert queue.throughput_rps == pytest.approx(rate * (1 - queue.refused))
    assert sum(queue.probabilities) == pytest.approx(1.0, rel=1e-12)


def test_the_other_published_figures_of_mmck() -> None:
    assert mmck(11, 1, 10, 20).busy == pytest.approx(9.89308740276, rel=LAST_DIGIT)
    assert mmck(2500, 0.1, 256, 511).wait_probability == pytest.approx(0.607595045818, rel=LAST_DIGIT * 2)


def test_the_wait_distribution_of_mmck_has_the_mean_of_littles_law() -> None:
    queue = mmck(11, 1, 10, 20)
    step = 0.001
    mean = step * sum(queue.waits_longer((i + 0.5) * step) for i in range(12_000))
    assert mean == pytest.approx(queue.mean_wait_s, rel=1e-6)
    assert queue.waits_longer(0.0) == pytest.approx(queue.wait_probability, rel=1e-12)
    for share in (0.2, 0.5, 0.99):
        assert queue.waits_longer(queue.wait_quantile_s(share)) == pytest.approx(1 - share, rel=1e-9)
    assert queue.wait_quantile_s(0.01) == 0.0  # more than 1 % do not wait


def test_a_long_backlog_is_no_backlog() -> None:
    short, endless = mmck(8, 1, 10, 400), mmc(8, 1, 10)
    assert short.mean_wait_s == pytest.approx(endless.mean_wait_s, rel=1e-12)
    assert short.wait_quantile_s(0.9) == pytest.approx(endless.wait_quantile_s(0.9), rel=1e-10)
    assert short.refused < 1e-30


@pytest.mark.parametrize("load", [0.1, 3.7, 95.0])
def test_staffing_is_the_smallest_that_keeps_the_target(load: float) -> None:
    servers = servers_for_refusals(load, 0.01)
    assert erlang_b(servers, load) <= 0.01 < erlang_b(servers - 1, load)
    servers = servers_for_wait(load / 0.2, 0.2, 0.05, 0.02)
    assert mmc(load / 0.2, 0.2, servers).waits_longer(0.05) <= 0.02
    assert servers - 1 <= load or mmc(load / 0.2, 0.2, servers - 1).waits_longer(0.05) > 0.02


def test_square_root_staffing_is_what_erlang_c_says_of_large_pools() -> None:
    for wanted in (0.05, 0.5):
        exact = servers_for_wait(10_000, 1.0, 0.0, wanted)
        assert square_root_staffing(10_000, wanted) == pytest.approx(exact, abs=1.5)
    assert square_root_staffing(100, 0.5) == pytest.approx(100 + 0.5061 * 10, abs=1e-2)


def test_allen_cunneen_is_exact_for_one_server_and_poisson_arrivals() -> None:
    plain = mmc(0.8, 1.0, 1).mean_wait_s
    for cv2 in (0.0, 0.25, 1.0, 4.0):
        assert allen_cunneen(plain, 1.0, cv2) == pytest.approx(pollaczek_khinchine(0.8, 1.0, cv2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: erlang_b(-1, 1), "servers is -1; give a whole number of at least 0"),
        (lambda: erlang_b(True, 1), "servers is True; give a whole number of at least 0"),
        (lambda: erlang_b(2.0, 1), "servers is 2.0; give a whole number of at least 0"),  # type: ignore[arg-type]
        (lambda: erlang_b(2, 0), "load is 0; give a number above 0"),
        (lambda: erlang_b(2, math.nan), "load is nan; give a number above 0"),
        (lambda: erlang_c(2, 2.0), "the load is 2 Erlangs and the capacity 2: the queue would grow for ever"),
        (lambda: mmc(2.0, 1.0, 2), "rate_rps is 2 and at most 2 requests a second can be served"),
        (lambda: mmck(1, math.inf, 2, 2), "service_s is inf; give a number above 0"),
        (lambda: mmck(1, 1, 0, 2), "servers is 0; give a whole number of at least 1"),
        (lambda: mmck(1, 1, 2, -1), "backlog is -1; give a whole number of at least 0"),
        (lambda: mmck(-1, 1, 2, 1), "rate_rps is -1; give a number above 0"),
        (lambda: mmc(1, 1, 2).waits_longer(-1), "wait_s is -1; give a number of at least 0"),
        (lambda: mmc(1, 1, 2).wait_quantile_s(1), "share is 1; give a number above 0 and below 1"),
        (lambda: servers_for_refusals(1, 0), "refused is 0; give a number above 0 and below 1"),
        (lambda: servers_for_refusals(1e9, 0.01), "more than 1000000 servers would be needed"),
        (lambda: servers_for_wait(1e9, 1.0, 0, 0.5), "more than 1000000 servers would be needed"),
        (lambda: servers_for_wait(1, 1, 1, 2), "share is 2; give a number above 0 and below 1"),
        (lambda: square_root_staffing(5, 1.0), "wait_probability is 1.0; give a number above 0 and below 1"),
        (lambda: allen_cunneen(1, -1, 1), "arrivals_cv2 is -1; give a number of at least 0"),
    ],
)
def test_bad_arguments_are_named_with_their_range(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
