"""The exact chain of prefork: published figures, limits in which it is a plain queue, and its transients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from poolwise.capacity import PreforkState, mmck, prefork_chain
from poolwise.capacity.exact.decisions import decide
from poolwise.capacity.exact.series import birth_death, poisson, stationary
from poolwise.capacity.exact.transient import span
from poolwise.model import InputError, Pool
from sample_pools import prefork, threaded

GOLDEN = [
    ((4, 2, 2, 4, 12, 20, 0.0), (1.990372409, 5.087213679, 0.8620791323, 0.04018484017, 0.1772296694)),
    ((4, 2, 2, 4, 12, 20, 0.5), (1.998311517, 5.101318785, 0.8792759245, 0.04161985099, 0.1794082501)),
    ((10, 1, 2, 4, 12, 5, 0.5), (9.58485649, 11.57275977, 0.7235890217, 0.8101626118, 0.1533128308)),
    ((20, 5, 5, 10, 40, 40, 0.5), (3.99998628, 11.6764434, 0.755610837, 0.001087030563, 0.07949660814)),
]
REFUSED_AND_WAIT = [
    (1.616719558e-12, 0.006470289886),
    (1.567727207e-11, 0.01034024714),
    (0.04137625507, 0.08436597519),
    (3.990506649e-21, 5.402067646e-05),
]


def chain(
    rate: float, mu: float, low: int, high: int, limit: int, backlog: int, ready: float
) -> PreforkState:
    return prefork_chain(prefork(low, low, high, limit, backlog=backlog), rate, 1 / mu, ready)


@pytest.mark.parametrize(
    ("case", "figures", "more"),
    [(case, figures, more) for (case, figures), more in zip(GOLDEN, REFUSED_AND_WAIT, strict=True)],
)
def test_the_published_figures(
    case: tuple[float, float, int, int, int, int, float],
    figures: tuple[float, ...],
    more: tuple[float, float],
) -> None:
    found = chain(*case)
    got = (found.busy, found.processes, found.processes_sd, found.queued, found.created_rps)
    assert got == pytest.approx(figures, rel=6e-10)
    # ours keeps the digits of rare refusals; the published ones were solved to 1e-13 of the whole
    assert found.refused == pytest.approx(more[0], rel=2e-6 if more[0] < 1e-9 else 6e-10)
    assert found.mean_wait_s == pytest.approx(more[1], rel=6e-10)
    assert found.residual < 1e-13


def test_the_distributions_belong_to_the_figures() -> None:
    found = chain(20, 5, 5, 10, 40, 40, 0.5)
    sizes = np.arange(41)
    assert found.process_probabilities.sum() == pytest.approx(1.0, rel=1e-12)
    assert found.process_probabilities @ sizes == pytest.approx(found.processes, rel=1e-12)
    assert np.all(found.process_probabilities[:10] == 0.0)  # an idle pool is cut to MaxSpareServers only
    inside = found.system_probabilities @ np.arange(81)
    assert inside == pytest.approx(found.busy + found.queued, rel=1e-12)


def test_a_pool_that_may_keep_everybody_is_mmck() -> None:
    found = prefork_chain(prefork(12, 2, 20, 12, backlog=5), 10, 1.0, 0.3)
    plain = mmck(10, 1.0, 12, 5)
    assert found.refused == pytest.approx(plain.refused, rel=1e-10)
    assert found.mean_wait_s == pytest.approx(plain.mean_wait_s, rel=1e-10)
    assert found.busy == pytest.approx(plain.busy, rel=1e-10)
    assert found.system_probabilities == pytest.approx(plain.probabilities, rel=1e-9)
    assert (found.processes, found.processes_sd, found.created_rps) == (12.0, 0.0, 0.0)


def test_hopeless_overload_is_mmck_at_the_limit() -> None:
    found, plain = chain(100, 1, 5, 10, 40, 5, 0.5), mmck(100, 1.0, 40, 5)
    assert found.processes == pytest.approx(40, abs=0.01)
    assert found.refused == pytest.approx(plain.refused, rel=1e-3)
    assert found.mean_wait_s == pytest.approx(plain.mean_wait_s, rel=1e-2)


def test_time_has_no_unit() -> None:
    slow = prefork_chain(prefork(2, 2, 4, 12, backlog=20), 0.4, 5.0, 5.0, 10.0)
    fast = chain(4, 2, 2, 4, 12, 20, 0.5)
    assert slow.processes == pytest.approx(fast.processes, rel=1e-10)
    assert slow.mean_wait_s == pytest.approx(10 * fast.mean_wait_s, rel=1e-10)
    assert slow.created_rps == pytest.approx(fast.created_rps / 10, rel=1e-10)


def test_long_service_settles_or_says_that_it_does_not() -> None:
    found = prefork_chain(prefork(2, 2, 4, 15, backlog=10), 4 / 500, 500.0, 0.5)
    assert found.busy == pytest.approx(4.0, rel=1e-6)  # within a pass next to nothing happens, nobody waits
    assert found.residual < 1e-13
    with pytest.raises(InputError, match="service_s is too long beside pass_s"):
        prefork_chain(prefork(1, 1, 2, 4, backlog=1), 1 / 50_000, 50_000.0)


def test_a_large_pool_is_cut_to_what_it_reaches() -> None:
    whole, large = chain(20, 5, 5, 10, 40, 40, 0.5), chain(20, 5, 5, 10, 256, 511, 0.5)
    assert large.processes == pytest.approx(whole.processes, rel=1e-10)
    assert large.mean_wait_s == pytest.approx(whole.mean_wait_s, rel=1e-10)
    assert large.refused < 1e-12
    assert len(large.process_probabilities) < 100


def test_longer_start_up_means_longer_waits() -> None:
    waits = [chain(4, 2, 2, 4, 12, 20, ready).mean_wait_s for ready in (0.0, 0.3, 0.6, 0.99)]
    assert waits == sorted(waits)


def test_the_transients_against_another_matrix_exponential() -> None:
    births, deaths = (
        np.array([[3.0, 3.0, 0.0], [0.2, 5.0, 1.0]]),
        np.array([[1.0, 2.0, 2.0], [4.0, 4.0, 0.1]]),
    )
    measures = np.random.default_rng(1).random((2, 4, 3))
    for seconds in (0.0, 1e-6, 0.7, 40.0):
        found = span(births, deaths, measures, seconds)
        for p in range(2):
            generator = np.diag(births[p], 1) + np.diag(deaths[p], -1)
            generator -= np.diag(generator.sum(axis=1))
            both = np.block([[generator, np.eye(4)], [np.zeros((4, 8))]])
            exact = expm(both * seconds)
            assert found.move[p] == pytest.approx(exact[:4, :4], abs=1e-13)
            assert found.spent[p] == pytest.approx(exact[:4, 4:] @ measures[p], rel=1e-11, abs=1e-15)


def test_nothing_moves_without_rates() -> None:
    still = span(np.zeros((1, 2)), np.zeros((1, 2)), np.ones((1, 3, 1)), 2.0)
    assert np.array_equal(still.move[0], np.eye(3))
    assert np.array_equal(still.spent[0], np.full((3, 1), 2.0))


def test_rare_probabilities_keep_their_digits() -> None:
    found = span(np.full((1, 60), 1.0), np.full((1, 60), 1e-9), np.zeros((1, 61, 1)), 1.0)
    # 60 births in a second: hardly any other way than a Poisson count of 60 (or more, in the last state)
    assert found.move[0, 0, 59] == pytest.approx(poisson(1.0, 60)[59], rel=1e-6)


def test_stationary_distributions() -> None:
    assert stationary(np.array([[0.0, 2.0], [6.0, 0.0]])) == pytest.approx([0.75, 0.25])
    births, deaths = np.array([1.0, 2.0, 3.0]), np.array([4.0, 1.0, 9.0])
    generator = np.diag(births, 1) + np.diag(deaths, -1)
    assert stationary(generator) == pytest.approx(birth_death(births, deaths), rel=1e-14)
    assert birth_death(np.full(5000, 3.0), np.full(5000, 1.0))[-1] == pytest.approx(2 / 3)
    assert poisson(0.0, 3).tolist() == [1.0, 0.0, 0.0]


def test_the_table_of_decisions() -> None:
    made = decide(prefork(2, 2, 4, 12, backlog=3), 15)
    assert made.rates == (1, 2, 4, 8, 16, 32)
    assert made.workers.tolist() == list(range(4, 13))
    plans = np.unravel_index(made.plan.reshape(9, 6, 16), (9, 7, 16))
    assert (plans[0][2, 0, 0], plans[1][2, 0, 0]) == (1, 0)  # 6 idle: one is stopped
    assert (plans[0][0, 0, 0], plans[1][0, 0, 0]) == (0, 0)  # 4 idle: all is well
    assert plans[1][0, 2, 3] == 3  # one idle: answered at rate 4
    assert made.forks.reshape(9, 7)[0, 3] == 4
    assert made.forks.reshape(9, 7)[7, 5] == 1  # a slot is left
    assert plans[1][8, 5, 15] == 0  # none
    assert np.array_equal(plans[2], np.broadcast_to(np.arange(16), (9, 6, 16)))


@pytest.mark.parametrize(
    ("pool", "arguments", "words"),
    [
        (threaded("event"), (1.0, 1.0), "the pool is event; the exact chain is for prefork"),
        (prefork(recycle=5), (1.0, 1.0), "max_connections_per_child must be 0"),
        (prefork(), (0.0, 1.0), "rate_rps is 0.0; give a number above 0"),
        (prefork(), (1.0, -1.0), "service_s is -1.0; give a number above 0"),
        (prefork(), (1.0, 1.0, 1.0), "startup_s is 1; give a number of at least 0 and below pass_s, 1"),
        (prefork(), (1.0, 1.0, -0.1), "startup_s is -0.1; give a number of at least 0"),
        (prefork(), (1.0, 1.0, 0.0, 0.0), "pass_s is 0.0; give a number above 0"),
        (replace(prefork(), min_spare=0), (1.0, 1.0), "min_spare is 0; give a whole number of at least 1"),
        (replace(prefork(), max_spare=5), (1.0, 1.0), "max_spare is 5; give a whole number of at least 6"),
        (prefork(backlog=-1), (1.0, 1.0), "backlog is -1; give a whole number of at least 0"),
        (prefork(limit=1000), (950.0, 1.0), "at 950 Erlangs make a chain too large to solve"),
    ],
)
def test_bad_arguments_are_named_with_their_range(
    pool: Pool, arguments: tuple[float, ...], words: str
) -> None:
    with pytest.raises(InputError) as caught:
        prefork_chain(pool, *arguments)
    assert words in str(caught.value)
