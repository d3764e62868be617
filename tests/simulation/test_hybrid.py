"""Rates against the event loop on traces of the same law: the errors that ``Run.assumptions`` states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from poolwise.model import InputError, Machine, Pool, Run, Workload
from poolwise.simulation import simulate, simulate_rates
from poolwise.simulation.pool import hybrid_run
from poolwise.simulation.pool.hybrid import run_rates
from sample_pools import prefork, threaded

RUNS = 6


@dataclass(frozen=True)
class Case:
    pool: Pool
    rate: float
    swing: float  # of the rate, as a share
    mean_s: float
    seconds: int
    waits: bool  # whether at least one request in a thousand waits

    @property
    def rates(self) -> np.ndarray:
        return self.rate * (1 + self.swing * np.sin(np.arange(self.seconds) / 60))


CASES = {
    "quiet": Case(prefork(), 20, 0.0, 0.1, 1800, False),
    "middle": Case(prefork(20, 20, 40, 256), 1000, 0.0, 0.1, 600, True),
    "98 % busy": Case(prefork(20, 20, 40, 256), 2500, 0.0, 0.1, 600, True),
    "overloaded": Case(prefork(20, 20, 40, 256), 2800, 0.0, 0.1, 200, True),
    "long requests": Case(prefork(5, 5, 10, 256), 20, 0.0, 3.0, 1800, True),
    "event": Case(threaded("event"), 1000, 0.9, 0.1, 900, True),
    "worker, few threads": Case(threaded("worker", 2, 10, 10, 30, 200), 500, 0.9, 0.1, 900, True),
}


def trace(case: Case, seed: int) -> Workload:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(case.rates)
    arrivals = np.repeat(np.arange(case.seconds, dtype=float), counts) + rng.random(counts.sum())
    arrivals.sort()
    return Workload("t", arrivals, rng.exponential(case.mean_s, len(arrivals)), float(case.seconds))


def mean(runs: list[Run], what: str) -> float:
    values = {
        "busy": [run.series["busy"].mean() for run in runs],
        "total": [run.mean_total for run in runs],
        "created": [run.totals["created"] for run in runs],
        "refused": [run.totals["refused"] / run.totals["requests"] for run in runs],
        "waited": [run.totals["waited"] / run.totals["requests"] for run in runs],
        "wait": [run.wait.mean_s for run in runs],
        "p95": [run.response.quantile_s(0.95) for run in runs],
    }
    return float(np.mean(values[what]))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_truth_it_agrees_with_the_event_loop(case: Case) -> None:
    events = [simulate(case.pool, trace(case, seed), engine="compiled") for seed in range(RUNS)]
    rates = [simulate_rates(case.pool, case.rates, case.mean_s, seed=seed) for seed in range(RUNS)]
    long = case.mean_s > 1  # few requests: the chance of the draw is larger than any error
    assert mean(rates, "busy") == pytest.approx(mean(events, "busy"), rel=0.03 if long else 0.01)
    assert mean(rates, "total") == pytest.approx(mean(events, "total"), rel=0.03 if long else 0.01)
    assert mean(rates, "p95") == pytest.approx(mean(events, "p95"), rel=0.05)
    assert mean(rates, "refused") == pytest.approx(mean(events, "refused"), rel=0.03, abs=1e-3)
    if case.waits:
        assert mean(rates, "wait") == pytest.approx(mean(events, "wait"), rel=0.15)
        assert mean(rates, "waited") == pytest.approx(mean(events, "waited"), rel=0.15)
        assert mean(rates, "created") == pytest.approx(mean(events, "created"), rel=0.1)


def test_the_number_in_service_has_its_law() -> None:
    """With workers to spare it is that of M/M/infinity: mean and variance are the load."""
    run = simulate_rates(prefork(100, 60, 90, 200), np.full(20_000, 100.0), 0.2, seed=3)
    busy = run.series["busy"][10:]
    assert busy.mean() == pytest.approx(20.0, rel=0.01)
    assert busy.var() == pytest.approx(20.0, rel=0.05)
    assert np.corrcoef(busy[:-1], busy[1:])[0, 1] == pytest.approx(np.exp(-1 / 0.2), abs=0.02)
    assert run.series["arrived"].var() == pytest.approx(100.0, rel=0.05)
    assert run.totals["waited"] < 100  # before the first processes were ready


@pytest.mark.parametrize("pool", [prefork(2, 3, 6, 20, backlog=7), threaded("event", 1, 3, 4, 9, 30)])
def test_the_plain_loop_gives_the_same_numbers(pool: Pool) -> None:
    rates = np.concatenate([np.full(30, 60.0), np.full(30, 300.0), np.full(30, 5.0)])
    plain = simulate_rates(pool, rates, 0.15, engine="plain", seed=5)
    compiled = simulate_rates(pool, rates, 0.15, engine="compiled", seed=5)
    for name in plain.series:
        assert np.array_equal(plain.series[name], compiled.series[name]), name
    for name in plain.ticks:
        assert np.array_equal(plain.ticks[name], compiled.ticks[name]), name
    assert np.array_equal(plain.wait.counts, compiled.wait.counts)
    assert np.array_equal(plain.response.counts, compiled.response.counts)
    assert plain.totals == compiled.totals
    assert plain.engine != compiled.engine


def test_every_request_is_accounted_for() -> None:
    run = simulate_rates(prefork(2, 3, 6, 20, backlog=7), np.full(60, 300.0), 0.1, engine="plain")
    t = run.totals
    assert t["served"] + t["refused"] + t["unfinished"] == t["requests"] == run.series["arrived"].sum()
    assert run.wait.total == run.response.total == t["served"]
    assert run.series["refused"].sum() == t["refused"] > 0
    assert run.series["queued"].max() <= 7
    assert any("6 %" in text for text in run.assumptions)


def test_an_interruption_says_how_far_it_had_come(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def impatient(*memory: Any) -> bool:
        nonlocal looks
        looks += 1
        if looks == 4:
            raise KeyboardInterrupt
        return run_rates(*memory)

    monkeypatch.setattr(hybrid_run, "STRETCH_S", 10.0)
    monkeypatch.setattr(hybrid_run, "run_rates", impatient)
    with pytest.raises(KeyboardInterrupt, match=r"interrupted at 5\d% of the simulated time"):
        simulate_rates(prefork(), np.full(60, 20.0), 0.1, engine="plain")


def test_what_makes_no_sense_is_refused() -> None:
    for rates in (np.empty(0), np.ones((2, 2)), np.array([-1.0]), np.array([np.nan])):
        with pytest.raises(InputError, match="rate_rps"):
            simulate_rates(prefork(), rates, 0.1)
    with pytest.raises(InputError, match="mean_service_s"):
        simulate_rates(prefork(), np.ones(3), 0.0)
    with pytest.raises(InputError, match="max_connections_per_child"):
        simulate_rates(prefork(recycle=5), np.ones(3), 0.1)
    with pytest.raises(InputError, match="engine"):
        simulate_rates(prefork(), np.ones(3), 0.1, engine="envelope")
    with pytest.raises(InputError, match="cores = 0"):
        simulate_rates(prefork(), np.ones(3), 0.1, machine=Machine(0))
