"""MMPP(2)/M/c by matrix-geometric means."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from poolwise.capacity import mmc, mmpp_queue
from poolwise.capacity.exact.series import stationary
from poolwise.model import InputError


@pytest.mark.parametrize(
    ("low", "high", "stay", "number"),
    [(0.5, 1.5, 10, 7.580302737), (0.2, 1.8, 50, 49.461803753), (1, 1, 10, 4.0)],
)
def test_one_server(low: float, high: float, stay: float, number: float) -> None:
    queue = mmpp_queue(low, high, stay, stay, 1 / 1.25)
    assert queue.mean_number == pytest.approx(number, abs=1e-9)
    assert queue.busy == pytest.approx(0.8, rel=1e-12)


@pytest.mark.parametrize("servers", [1, 2, 10, 200, 1500])
def test_without_bursts_it_is_mmc(servers: int) -> None:
    load = servers - 0.5 * servers**0.5
    bursty, plain = mmpp_queue(load, load, 3.0, 5.0, 1.0, servers), mmc(load, 1.0, servers)
    assert bursty.wait_probability == pytest.approx(plain.wait_probability, rel=1e-9)
    assert bursty.mean_wait_s == pytest.approx(plain.mean_wait_s, rel=1e-9)
    assert bursty.busy == pytest.approx(load, rel=1e-11)


def test_several_servers_against_the_chain_solved_whole() -> None:
    low, high, low_s, high_s, service, servers, most = 1.0, 6.0, 4.0, 2.0, 0.8, 4, 300
    rates = np.zeros((2 * most, 2 * most))
    for n in range(most):
        for phase, (rate, stay) in enumerate(((low, low_s), (high, high_s))):
            i = 2 * n + phase
            rates[i, 2 * n + 1 - phase] = 1 / stay
            if n + 1 < most:
                rates[i, i + 2] = rate
            if n:
                rates[i, i - 2] = min(n, servers) / service
    share = stationary(rates).reshape(most, 2)
    level = np.arange(most)
    found = mmpp_queue(low, high, low_s, high_s, service, servers)
    assert found.rate_rps == pytest.approx(16 / 6)
    assert found.busy == pytest.approx(np.minimum(level, servers) @ share.sum(axis=1), rel=1e-10)
    assert found.queued == pytest.approx(np.maximum(level - servers, 0) @ share.sum(axis=1), rel=1e-9)
    seen = share[servers:] @ np.array([low, high])
    assert found.wait_probability == pytest.approx(seen.sum() / found.rate_rps, rel=1e-9)


def test_no_traffic_at_all_for_a_while() -> None:
    queue = mmpp_queue(0.0, 3.0, 9.0, 1.0, 1.0, 2)
    assert queue.busy == pytest.approx(0.3, rel=1e-12)
    assert queue.mean_wait_s > mmc(0.3, 1.0, 2).mean_wait_s


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mmpp_queue(1, 3, 1, 1, 1, 2), "the load is 2 Erlangs and the capacity 2"),
        (lambda: mmpp_queue(-1, 3, 1, 1, 1), "low_rps is -1; give a number of at least 0"),
        (lambda: mmpp_queue(1, 0, 1, 1, 1), "high_rps is 0; give a number above 0"),
        (lambda: mmpp_queue(1, 1, 0, 1, 1), "low_s is 0; give a number above 0"),
        (lambda: mmpp_queue(1, 1, 1, 1, 0.1, 0), "servers is 0; give a whole number of at least 1"),
    ],
)
def test_bad_arguments_are_named_with_their_range(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
