"""How fast is the simulation? Its engines, the plain loops, SimPy and Ciw, on the same traces in one run.

Prints medians of several repetitions. Where a peer is compared with, it was measured in between. Options:
``--quick`` for a day of a tenth of the requests.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from poolwise.model import Pool, Workload
from poolwise.simulation import Trace, prepare, simulate, simulate_rates

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
DAY_S = 86_400
FIRST_RESULT = """
import numpy as np
from poolwise.model import Pool, Workload
from poolwise.simulation import simulate
arrivals = np.cumsum(np.random.default_rng(1).exponential(1e-3, 30_000))
load = Workload("poisson", arrivals, np.full(30_000, 0.1), 60.0)
print(simulate(Pool("p", "prefork", 1, 20, 20, 40, 256, 256, 256), load, engine="compiled").totals["served"])
"""


def prefork(start: int, low: int, high: int, limit: int) -> Pool:
    """A prefork pool."""
    return Pool("p", "prefork", 1, start, low, high, limit, max(limit, 256), limit)


def poisson(rate: float, mean_s: float, requests: int) -> Workload:
    """Poisson arrivals, exponential service."""
    rng = np.random.default_rng(1)
    arrivals = np.cumsum(rng.exponential(1 / rate, requests))
    return Workload("poisson", arrivals, rng.exponential(mean_s, requests), float(arrivals[-1]) + 1)


def day(requests: int) -> Workload:
    """A day with a quiet night, slow noise and 20 flash crowds; lognormal service of 0.1 s on average."""
    rng = np.random.default_rng(7)
    seconds = np.arange(DAY_S)
    rate = 19 + (310 * (1 - np.cos(2 * np.pi * (seconds / DAY_S - 0.1)))) ** 1.35 / 620**0.35
    noise = np.zeros(DAY_S)
    for second, shock in enumerate(rng.normal(0, 0.02, DAY_S)):
        noise[second] = 0.98 * noise[second - 1] + shock
    rate *= np.exp(noise)
    for at in rng.uniform(0, DAY_S, 20).astype(int):
        length = int(rng.uniform(30, 300))
        crowd = np.exp(-np.arange(min(4 * length, DAY_S - at)) / length)
        rate[at : at + len(crowd)] *= 1 + 1.5 * crowd
    counts = rng.poisson(rate * requests / rate.sum())
    arrivals = np.repeat(seconds.astype(float), counts) + rng.random(counts.sum())
    arrivals.sort()
    service = rng.lognormal(np.log(0.1) - 0.32, 0.8, len(arrivals))
    return Workload("day", arrivals, service, float(DAY_S))


def median_s(action: Callable[[], object], runs: int) -> float:
    """Median time of ``action`` in seconds."""
    times = []
    for _ in range(runs):
        before = time.perf_counter()
        action()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def head(load: Workload, requests: int) -> Workload:
    """The first ``requests`` of ``load``."""
    end_s = float(load.arrivals_s[requests - 1]) + 1
    return Workload(load.label, load.arrivals_s[:requests], load.service_s[:requests], end_s)


def events() -> None:
    """Request after request: the event loop and its peers."""
    from ciw_prefork import ciw_prefork
    from simpy_prefork import simpy_prefork

    cases = [
        ("prefork 256, 39 % busy", prefork(20, 20, 40, 256), poisson(1000, 0.1, 2_000_000)),
        ("prefork 256, 98 % busy", prefork(20, 20, 40, 256), poisson(2500, 0.1, 2_000_000)),
        ("prefork 256, overloaded", prefork(20, 20, 40, 256), poisson(2800, 0.1, 2_000_000)),
        ("worker 16 x 25", Pool("w", "worker", 25, 3, 75, 250, 16, 16, 400), poisson(2500, 0.1, 1_000_000)),
        ("event 16 x 25", Pool("e", "event", 25, 3, 75, 250, 16, 16, 400), poisson(2500, 0.1, 1_000_000)),
    ]
    simulate(cases[0][1], head(cases[0][2], 1000), engine="compiled")
    print("event loop, ns a request")
    print(f"{'case':26}{'compiled':>10}{'plain':>8}{'SimPy':>8}{'Ciw':>8}{'SimPy/compiled':>16}")
    for name, pool, load in cases:
        some, few = head(load, 100_000), head(load, 20_000)
        gaps = np.diff(few.arrivals_s, prepend=0.0).tolist()
        compiled = median_s(lambda: simulate(pool, load, engine="compiled"), 7) / len(load) * 1e9  # noqa: B023
        plain = median_s(lambda: simulate(pool, some, engine="plain"), 3) / len(some) * 1e9  # noqa: B023
        line = f"{name:26}{compiled:10.1f}{plain:8.0f}"
        if pool.architecture == "prefork":
            simpy = median_s(lambda: simpy_prefork(pool, few, 0.0), 3) / len(few) * 1e9  # noqa: B023
            ciw = median_s(lambda: ciw_prefork(pool, few, gaps, 0.0), 1) / len(few) * 1e9  # noqa: B023
            line += f"{simpy:8.0f}{ciw:8.0f}{simpy / compiled:16.0f}"
        print(line)


def envelope(requests: int) -> None:
    """A day, read once; then pools one by one, and 500 of all kinds."""
    load = day(requests)
    prepare(head(load, 100_000))
    loading_s = median_s(lambda: prepare(load), 5)
    trace = prepare(load)
    print(f"\nenvelope: a day of {len(load):,} requests, up to {int(trace.envelope.peak.max())} in service")
    print(f"read once in {loading_s:.2f} s; {trace.extra_bytes / 1e6:.0f} MB beside the trace")
    print(
        f"{'start, spare, limit':24}{'ms':>8}{'with series':>12}{'event loop':>11}{'waited':>9}{'refused':>8}"
        f"{'forks':>7}"
    )
    for start, low, high, limit in (
        (5, 5, 10, 256),
        (10, 10, 20, 256),
        (20, 20, 40, 256),
        (20, 30, 60, 256),
        (40, 40, 80, 256),
        (64, 64, 96, 256),
        (100, 100, 120, 300),
        (100, 100, 200, 400),
    ):
        row(trace, prefork(start, low, high, limit))
    threaded = Pool("e", "event", 25, 3, 75, 250, 16, 16, 400)
    row(trace, threaded, "event 16 x 25")
    mixed(trace)


def row(trace: Trace, pool: Pool, name: str = "") -> None:
    """One pool on the trace: totals only, all series, and the event loop."""
    load = trace.workload
    run = simulate(pool, trace)
    short = median_s(lambda: simulate(pool, trace), 7) * 1e3
    full = median_s(lambda: simulate(pool, trace).series["busy"], 3) * 1e3
    long = median_s(lambda: simulate(pool, load, engine="compiled"), 3) * 1e3
    name = name or f"{pool.start}, {pool.min_spare}-{pool.max_spare}, {pool.process_limit}"
    t = run.totals
    print(
        f"{name:24}{short:8.2f}{full:12.1f}{long:11.0f}{t['waited'] / t['requests']:9.4%}{t['refused']:8.0f}"
        f"{t['created']:7.0f}"
    )


def mixed(trace: Trace) -> None:
    """500 pools drawn at random around what the day needs, bad ones among them."""
    rng = np.random.default_rng(3)
    pools = []
    for _ in range(500):
        low = int(rng.integers(10, 150))
        pools.append(prefork(low, low, low + int(rng.integers(10, 200)), int(rng.integers(150, 400))))
    before = time.perf_counter()
    runs = [simulate(pool, trace) for pool in pools]
    took_s = time.perf_counter() - before
    good = [run.totals["refused"] == 0 and run.wait.quantile_s(0.999) < 0.05 for run in runs]
    times = [median_s(lambda: simulate(pool, trace), 1) for pool in pools]  # noqa: B023
    fit = [1e3 * took for took, fits in zip(times, good, strict=True) if fits]
    print(f"500 pools at random: {took_s:.2f} s, {took_s * 2:.1f} ms each")
    print(
        f"{len(fit)} of them refuse nobody and let fewer than one in 1,000 wait for 50 ms: "
        f"median {statistics.median(fit):.2f} ms"
    )


def rates(days: Sequence[float]) -> None:
    """Rates instead of requests."""
    pool = prefork(200, 200, 400, 3000)
    simulate_rates(pool, np.ones(60), 0.1)
    print("\nrates: a day, second by second")
    for total in days:
        rate = total / DAY_S * (1 + 0.8 * np.sin(2 * np.pi * np.arange(DAY_S) / DAY_S))
        took = median_s(lambda: simulate_rates(pool, rate, 0.1), 5)  # noqa: B023
        print(f"{total:,.0f} requests: {took:.2f} s")


def second_start() -> None:
    """A new process, from its start to its first compiled result, when the machine code is in the cache."""

    def start(script: str) -> None:
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)

    start(FIRST_RESULT)
    numba = median_s(lambda: start("import numba"), 5)
    print(
        f"\nsecond process start to first compiled result: {median_s(lambda: start(FIRST_RESULT), 5):.2f} s"
    )
    print(f"of which importing numba: {numba:.2f} s")


def main() -> None:
    """Print the tables."""
    events()
    envelope(1_753_000 if "--quick" in sys.argv else 17_530_000)
    rates((1e7, 1e9))
    second_start()


if __name__ == "__main__":
    main()
