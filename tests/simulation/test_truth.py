"""Is the answer true? Closed forms and the exact Markov chain of prefork's own algorithm.

Golden values: Erlang B and C, M/M/c/K, Pollaczek-Khinchine and Crommelin were computed from the formulas with
50 digits; the tick chain solves prefork's algorithm itself (state: in system, workers, spawn rate, at the
passes) for Poisson arrivals and exponential service. Tolerances are four standard errors of batch means.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from poolwise.model import Pool, Run, Workload
from poolwise.simulation import Timing, simulate
from sample_pools import INSTANT, poisson, prefork

N = 400_000


def fixed(workers: int, backlog: int) -> Pool:
    """A pool that never changes its size."""
    return Pool("c", "prefork", 1, workers, 1, workers + 1, workers, max(256, workers), workers, 0, backlog)


def run(pool: Pool, load: Workload) -> Run:
    return simulate(pool, load, app=INSTANT, timing=Timing.ideal(), keep_starts=True)


def batch_error(values: np.ndarray, batches: int = 40) -> float:
    means = [part.mean() for part in np.array_split(values, batches)]
    return float(np.std(means, ddof=1) / math.sqrt(batches))


def waits(outcome: Run, load: Workload) -> np.ndarray:
    starts = outcome.details["start_s"]
    served = starts >= 0
    result: np.ndarray = (starts - load.arrivals_s)[served]
    return result


@pytest.mark.parametrize(
    ("servers", "load", "wait", "probability"),
    [
        (5, 4.0, 0.554112554113, 0.554112554113),
        (10, 8.0, 0.204590075398, 0.409180150796),
        (100, 95.0, 0.101291370783, 0.506456853913),
    ],
)
def test_erlang_c(servers: int, load: float, wait: float, probability: float) -> None:
    traffic = poisson(load, 1.0, N, seed=servers)
    found = waits(run(fixed(servers, 100_000), traffic), traffic)
    assert found.mean() == pytest.approx(wait, abs=4 * batch_error(found))
    assert (found > 0).mean() == pytest.approx(probability, abs=4 * batch_error(found > 0))


@pytest.mark.parametrize(
    ("servers", "load", "blocked"), [(10, 5.0, 0.0183845703366), (100, 100.0, 0.0757004527109)]
)
@pytest.mark.parametrize("law", ["exponential", "fixed", "lognormal"])
def test_erlang_b_for_every_service_law(servers: int, load: float, blocked: float, law: str) -> None:
    rng = np.random.default_rng(servers)
    arrivals = np.cumsum(rng.exponential(1 / load, N))
    service = {
        "exponential": rng.exponential(1.0, N),
        "fixed": np.ones(N),
        "lognormal": rng.lognormal(-0.5, 1.0, N),
    }[law]
    outcome = run(fixed(servers, 0), Workload(law, arrivals, service, float(arrivals[-1]) + 1))
    refused = outcome.details["start_s"] < 0
    assert refused.mean() == pytest.approx(blocked, abs=4 * batch_error(refused))


@pytest.mark.parametrize(
    ("servers", "room", "rate", "mean", "blocked", "wait"),
    [
        (1, 10, 0.9, 1.0, 0.0508137313274, 3.64660067212),
        (10, 30, 11.0, 1.0, 0.100628417931, 1.28518838441),
        (256, 767, 2800.0, 0.1, 0.0857142857143, 0.195442708333),
    ],
)
def test_mmck(servers: int, room: int, rate: float, mean: float, blocked: float, wait: float) -> None:
    traffic = poisson(rate, mean, N, seed=room)
    outcome = run(fixed(servers, room - servers), traffic)
    warm = N // 20  # the queue starts empty
    refused = (outcome.details["start_s"] < 0)[warm:]
    found = waits(outcome, traffic)[warm:]
    assert refused.mean() == pytest.approx(blocked, abs=4 * batch_error(refused))
    assert found.mean() == pytest.approx(wait, abs=4 * batch_error(found))


@pytest.mark.parametrize(
    ("law", "expected"), [("M/D/1", 2.0), ("M/E4/1", 2.5), ("M/M/1", 4.0), ("M/H2/1", 10.0)]
)
def test_pollaczek_khinchine(law: str, expected: float) -> None:
    rng = np.random.default_rng(5)
    arrivals = np.cumsum(rng.exponential(1 / 0.8, N))
    fast = rng.random(N) < 0.5 * (1 + math.sqrt(3 / 5))  # two branches with balanced means, cv^2 = 4
    p = 0.5 * (1 + math.sqrt(3 / 5))
    service = {
        "M/D/1": np.ones(N),
        "M/E4/1": rng.gamma(4.0, 0.25, N),
        "M/M/1": rng.exponential(1.0, N),
        "M/H2/1": rng.exponential(1.0, N) * np.where(fast, 1 / (2 * p), 1 / (2 * (1 - p))),
    }[law]
    traffic = Workload(law, arrivals, service, float(arrivals[-1]) + 1)
    found = waits(run(fixed(1, 1_000_000), traffic), traffic)
    assert found.mean() == pytest.approx(expected, abs=4 * batch_error(found))


@pytest.mark.parametrize(
    ("servers", "load", "wait"), [(2, 1.6, 0.903283879), (5, 4.0, 0.289060007), (10, 9.0, 0.344582050)]
)
def test_crommelin_mdc(servers: int, load: float, wait: float) -> None:
    rng = np.random.default_rng(servers)
    arrivals = np.cumsum(rng.exponential(1 / load, N))
    traffic = Workload("M/D/c", arrivals, np.ones(N), float(arrivals[-1]) + 1)
    found = waits(run(fixed(servers, 1_000_000), traffic), traffic)
    assert found.mean() == pytest.approx(wait, abs=4 * batch_error(found))


@pytest.mark.parametrize(
    ("rate", "mu", "low", "high", "limit", "backlog", "ready", "busy", "total", "created", "refused", "wait"),
    [
        (4, 2, 2, 4, 12, 20, 0.0, 1.990372409, 5.087213679, 0.1772296694, 1.6e-12, 0.006470289886),
        (4, 2, 2, 4, 12, 20, 0.5, 1.998311517, 5.101318785, 0.1794082501, 1.6e-11, 0.01034024714),
        (10, 1, 2, 4, 12, 5, 0.5, 9.58485649, 11.57275977, 0.1533128308, 0.04137625507, 0.08436597519),
        (20, 5, 5, 10, 40, 40, 0.5, 3.99998628, 11.6764434, 0.07949660814, 4e-21, 5.402067646e-05),
    ],
)
def test_the_exact_tick_chain_of_prefork(
    rate: float, mu: float, low: int, high: int, limit: int, backlog: int, ready: float,
    busy: float, total: float, created: float, refused: float, wait: float,
) -> None:  # fmt: skip
    from poolwise.model import App

    traffic = poisson(rate, 1 / mu, 800_000, seed=limit)
    app = App(startup_cpu_s=0.0, startup_wait_s=ready)
    outcome = simulate(
        prefork(low, low, high, limit, backlog=backlog),
        traffic, app=app, timing=Timing.ideal(), keep_starts=True,
    )  # fmt: skip
    ticks = {name: values[200:] for name, values in outcome.ticks.items()}
    for name, expected in (("busy", busy), ("total", total), ("created", created), ("killed", created)):
        values = ticks[name]
        assert values.mean() == pytest.approx(expected, abs=4 * batch_error(values)), name
    found = waits(outcome, traffic)
    assert found.mean() == pytest.approx(wait, abs=4 * batch_error(found))
    turned_away = outcome.details["start_s"] < 0
    assert turned_away.mean() == pytest.approx(refused, abs=4 * batch_error(turned_away) + 1e-9)


def test_littles_law_holds_for_the_series() -> None:
    traffic = poisson(50, 0.2, 200_000, seed=3)
    outcome = run(prefork(10, 5, 20), traffic)
    in_service = outcome.totals["busy_s"] / outcome.duration_s
    assert outcome.series["busy"].mean() == pytest.approx(in_service, rel=0.01)
    assert outcome.response.mean_s - outcome.wait.mean_s == pytest.approx(traffic.service_s.mean(), rel=1e-9)


def test_single_server_is_lindley() -> None:
    traffic = poisson(0.9, 1.0, 20_000, seed=9)
    found = run(fixed(1, 1_000_000), traffic).details["start_s"]
    free, expected = 0.0, []
    for arrival, service in zip(traffic.arrivals_s, traffic.service_s, strict=True):
        start = max(arrival, free)
        expected.append(start)
        free = start + service
    assert np.array_equal(found, expected)
