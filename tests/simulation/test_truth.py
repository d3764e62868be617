"""Is the answer true? The simulation against closed forms and the exact chain of prefork's own algorithm.

What is expected comes from ``poolwise.capacity``; tests/capacity/exact compares that with published figures.
Tolerances are four standard errors of batch means.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from poolwise.capacity import (
    allen_cunneen,
    busy_under_a_wave,
    covariance_exponential,
    covariance_lognormal,
    covariance_of_durations,
    erlang_b,
    mdc,
    mdc_mean_wait,
    mmc,
    mmck,
    mmpp_queue,
    pollaczek_khinchine,
    prefork_chain,
)
from poolwise.model import App, Pool, Run, Workload
from poolwise.simulation import Timing, simulate
from poolwise.traffic import generate, parse_law
from sample_pools import INSTANT, poisson, prefork

N = 400_000
SEEN_OFTEN = 1e-3  # rarer things come in clusters: their batches say nothing about their error


def fixed(workers: int, backlog: int) -> Pool:
    """A pool that never changes its size."""
    return Pool("c", "prefork", 1, workers, 1, workers + 1, workers, max(256, workers), workers, 0, backlog)


def run(pool: Pool, load: Workload) -> Run:
    return simulate(pool, load, app=INSTANT, timing=Timing.ideal(), keep_starts=True)


def workload(arrivals: np.ndarray, service: np.ndarray) -> Workload:
    return Workload("made", arrivals, service, float(arrivals[-1]) + 1)


def draws(law: str, mean: float, requests: int, rng: np.random.Generator) -> np.ndarray:
    """Service times of a law by its squared coefficient of variation: 0, 1/4, 1, e - 1 and 4."""
    p = 0.5 * (1 + math.sqrt(3 / 5))  # two branches with balanced means
    shapes: dict[str, Callable[[], np.ndarray]] = {
        "D": lambda: np.ones(requests),
        "E4": lambda: rng.gamma(4.0, 0.25, requests),
        "M": lambda: rng.exponential(1.0, requests),
        "lognormal": lambda: rng.lognormal(-0.5, 1.0, requests),
        "H2": lambda: (
            rng.exponential(1.0, requests) * np.where(rng.random(requests) < p, 0.5 / p, 0.5 / (1 - p))
        ),
    }
    return mean * shapes[law]()


CV2 = {"D": 0.0, "E4": 0.25, "M": 1.0, "lognormal": math.e - 1, "H2": 4.0}


def batch_error(values: np.ndarray, batches: int = 40) -> float:
    means = [part.mean() for part in np.array_split(values, batches)]
    return float(np.std(means, ddof=1) / math.sqrt(batches))


def assert_mean(values: np.ndarray, expected: float, what: str = "", least: float = 0.0) -> None:
    """The mean is what is expected, within four standard errors; ``least``: error where nothing may vary."""
    assert values.mean() == pytest.approx(expected, abs=max(4 * batch_error(values), least)), what


def assert_share(happened: np.ndarray, expected: float, what: str = "") -> None:
    """The same for a share, which may be too rare to be seen at all."""
    assert_mean(happened, expected, what, 4 * math.sqrt(expected / len(happened)))


def waits(outcome: Run, load: Workload, warm: int = 0) -> np.ndarray:
    """Waits of those served among all but the first ``warm`` requests."""
    starts = outcome.details["start_s"]
    result: np.ndarray = (starts - load.arrivals_s)[warm:][starts[warm:] >= 0]
    return result


@pytest.mark.parametrize(("servers", "load"), [(1, 0.8), (5, 4.0), (10, 8.0), (100, 95.0), (256, 240.0)])
def test_erlang_c(servers: int, load: float) -> None:
    theory = mmc(load, 1.0, servers)
    traffic = poisson(load, 1.0, 4 * N, seed=servers)
    found = waits(run(fixed(servers, 1_000_000), traffic), traffic, warm=N // 20)
    assert_mean(found, theory.mean_wait_s)
    assert_share(found > 0, theory.wait_probability)
    for share in (0.9, 0.99):
        assert_share(
            found > theory.wait_quantile_s(share), min(1 - share, theory.wait_probability), f"{share}"
        )


@pytest.mark.parametrize(("servers", "load"), [(10, 5.0), (100, 100.0), (256, 230.0), (1000, 950.0)])
@pytest.mark.parametrize("law", ["M", "D", "lognormal"])
def test_erlang_b_for_every_service_law(servers: int, load: float, law: str) -> None:
    rng = np.random.default_rng(servers)
    arrivals = np.cumsum(rng.exponential(1 / load, 2 * N))
    outcome = run(fixed(servers, 0), workload(arrivals, draws(law, 1.0, 2 * N, rng)))
    assert_share((outcome.details["start_s"] < 0)[N // 20 :], erlang_b(servers, load))


@pytest.mark.parametrize(
    ("servers", "room", "rate", "mean", "requests"),
    [
        (1, 10, 0.9, 1.0, N),
        (10, 30, 11.0, 1.0, N),
        (256, 767, 2500.0, 0.1, 8 * N),
        (256, 767, 2800.0, 0.1, 2 * N),
    ],
)
def test_mmck(servers: int, room: int, rate: float, mean: float, requests: int) -> None:
    theory = mmck(rate, mean, servers, room - servers)
    traffic = poisson(rate, mean, requests, seed=room)
    outcome = run(fixed(servers, room - servers), traffic)
    warm = requests // 20  # the queue starts empty
    assert_share((outcome.details["start_s"] < 0)[warm:], theory.refused)
    found = waits(outcome, traffic, warm)
    assert_mean(found, theory.mean_wait_s)
    assert_share(found > 0, theory.wait_probability)
    for share in (0.5, 0.9):
        quantile = theory.wait_quantile_s(share)
        assert_share(found > quantile, theory.waits_longer(quantile), f"{share}")


@pytest.mark.parametrize("law", list(CV2))
def test_pollaczek_khinchine(law: str) -> None:
    rng = np.random.default_rng(5)
    arrivals = np.cumsum(rng.exponential(1 / 0.8, 2 * N))
    traffic = workload(arrivals, draws(law, 1.0, 2 * N, rng))
    found = waits(run(fixed(1, 1_000_000), traffic), traffic)
    assert_mean(found, pollaczek_khinchine(0.8, 1.0, CV2[law]))


@pytest.mark.parametrize(("servers", "load"), [(1, 0.8), (2, 1.6), (5, 4.0), (10, 9.0), (50, 48.0)])
def test_crommelin_mdc(servers: int, load: float) -> None:
    rng = np.random.default_rng(servers)
    arrivals = np.cumsum(rng.exponential(1 / load, 2 * N))
    traffic = workload(arrivals, np.ones(2 * N))
    found = waits(run(fixed(servers, 1_000_000), traffic), traffic, warm=N // 20)
    assert_mean(found, mdc_mean_wait(load, 1.0, servers))
    theory = mdc(load, 1.0, servers)
    for wait in (0.0, 0.1, 0.5, 1.0, 2.5, 5.0):
        if theory.waits_longer(wait) > SEEN_OFTEN:
            assert_share(found > wait, theory.waits_longer(wait), f"longer than {wait}")


@pytest.mark.parametrize("law", ["E4", "lognormal"])
def test_allen_cunneen_is_near_for_several_servers(law: str) -> None:
    rng = np.random.default_rng(9)
    arrivals = np.cumsum(rng.exponential(1 / 8.0, 2 * N))
    traffic = workload(arrivals, draws(law, 1.0, 2 * N, rng))
    found = waits(run(fixed(10, 1_000_000), traffic), traffic, warm=N // 20)
    assert found.mean() == pytest.approx(allen_cunneen(mmc(8.0, 1.0, 10).mean_wait_s, 1.0, CV2[law]), rel=0.1)


@pytest.mark.parametrize("servers", [1, 8])
def test_bursts_are_an_mmpp_queue(servers: int) -> None:
    theory = mmpp_queue(0.5 * servers, 1.5 * servers, 10, 10, 0.8, servers)
    shape = f"mmpp:low={0.5 * servers},high={1.5 * servers},low_s=10,high_s=10"
    traffic = generate(shape, parse_law("exponential:0.8"), 3 * N / servers, seed=servers)
    found = waits(run(fixed(servers, 1_000_000), traffic), traffic)
    assert_mean(found, theory.mean_wait_s)
    assert_share(found > 0, theory.wait_probability)


@pytest.mark.parametrize("law", ["M", "D", "lognormal"])
def test_a_pool_that_is_never_full_fluctuates_as_theory_says(law: str) -> None:
    rate, mean = 100.0, 2.0
    rng = np.random.default_rng(7)
    arrivals = np.cumsum(rng.exponential(1 / rate, 5 * N))
    service = draws(law, mean, 5 * N, rng)
    outcome = run(fixed(1000, 0), workload(arrivals, service))
    busy = outcome.series["busy"][100:-100]
    assert_mean(busy, rate * mean)
    around = busy - rate * mean
    for lag in (0, 1, 3):
        expected = {
            "M": covariance_exponential(rate, mean, lag),
            "D": covariance_of_durations(rate, service[:1], lag),
            "lognormal": covariance_lognormal(rate, mean, 1.0, lag),
        }[law]
        assert_mean(around[: len(around) - lag] * around[lag:], expected, f"{lag} s apart")


def test_a_wave_of_traffic_keeps_workers_busy_a_little_later() -> None:
    rng = np.random.default_rng(3)
    periods, mean = 200, 2.0
    candidates = np.cumsum(rng.exponential(1 / 150, 150 * 60 * periods))
    arrivals = candidates[rng.random(len(candidates)) * 150 < 100 + 50 * np.sin(2 * np.pi * candidates / 60)]
    outcome = run(fixed(1000, 0), workload(arrivals, rng.exponential(mean, len(arrivals))))
    busy = outcome.series["busy"][60 : 60 * (periods - 2)].reshape(-1, 60)
    for second in range(60):
        expected = busy_under_a_wave(100, 50, 60, mean, second + 0.5)
        tolerance = 4.5 * math.sqrt(expected / len(busy))  # the number of busy workers is Poisson
        assert busy[:, second].mean() == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    ("rate", "mu", "low", "high", "limit", "backlog", "ready"),
    [
        (4, 2, 2, 4, 12, 20, 0.0),
        (4, 2, 2, 4, 12, 20, 0.5),
        (10, 1, 2, 4, 12, 5, 0.5),
        (20, 5, 5, 10, 40, 40, 0.5),
        (3, 0.5, 1, 2, 9, 3, 0.95),
        (30, 3, 1, 8, 25, 100, 0.2),
        (25, 2, 10, 11, 60, 0, 0.7),
        (2, 0.1, 3, 6, 256, 511, 0.4),
    ],
)
def test_the_exact_tick_chain_of_prefork(
    rate: float, mu: float, low: int, high: int, limit: int, backlog: int, ready: float
) -> None:
    pool = prefork(low, low, high, limit, backlog=backlog)
    theory = prefork_chain(pool, rate, 1 / mu, ready)
    traffic = poisson(rate, 1 / mu, 2_000_000, seed=limit)
    app = App(startup_cpu_s=0.0, startup_wait_s=ready)
    outcome = simulate(pool, traffic, app=app, timing=Timing.ideal(), keep_starts=True)
    ticks = {name: values[200:] for name, values in outcome.ticks.items()}
    expected = {
        "busy": theory.busy,
        "total": theory.processes,
        "queued": theory.queued,
        "created": theory.created_rps,
        "killed": theory.created_rps,
    }
    for name, value in expected.items():
        assert_mean(ticks[name], value, name)
    assert_mean((ticks["total"] - theory.processes) ** 2, theory.processes_sd**2, "variance of the total")
    for size, probability in enumerate(theory.process_probabilities):
        if probability > SEEN_OFTEN:
            assert_share(ticks["total"] == size, probability, f"{size} processes")
    assert_mean(waits(outcome, traffic), theory.mean_wait_s)
    assert_share(outcome.details["start_s"] < 0, theory.refused)


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
