"""How fast is the simulation? The compiled kernel, the plain loop and SimPy on the same trace.

Prints medians of several runs in nanoseconds a request, and the ratio to SimPy measured in between.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from poolwise.model import App, Pool, Workload
from poolwise.simulation import Timing, simulate

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))


def poisson(rate: float, mean_s: float, requests: int) -> Workload:
    """Poisson arrivals, exponential service."""
    rng = np.random.default_rng(1)
    arrivals = np.cumsum(rng.exponential(1 / rate, requests))
    return Workload("poisson", arrivals, rng.exponential(mean_s, requests), float(arrivals[-1]) + 1)


def median_ns(action: Callable[[], object], requests: int, runs: int) -> float:
    """Median time of ``action`` in nanoseconds a request."""
    times = []
    for _ in range(runs):
        before = time.perf_counter()
        action()
        times.append(time.perf_counter() - before)
    return statistics.median(times) / requests * 1e9


def head(load: Workload, requests: int) -> Workload:
    """The first ``requests`` of ``load``."""
    return Workload(
        load.label,
        load.arrivals_s[:requests],
        load.service_s[:requests],
        float(load.arrivals_s[requests - 1]) + 1,
    )


def main() -> None:
    """Print the table."""
    from simpy_prefork import simpy_prefork

    cases = [
        (
            "prefork 256, 39 % busy",
            Pool("p", "prefork", 1, 20, 20, 40, 256, 256, 256),
            poisson(1000, 0.1, 2_000_000),
        ),
        (
            "prefork 256, 98 % busy",
            Pool("p", "prefork", 1, 20, 20, 40, 256, 256, 256),
            poisson(2500, 0.1, 2_000_000),
        ),
        ("worker 16 x 25", Pool("w", "worker", 25, 3, 75, 250, 16, 16, 400), poisson(2500, 0.1, 2_000_000)),
        ("event 16 x 25", Pool("e", "event", 25, 3, 75, 250, 16, 16, 400), poisson(2500, 0.1, 2_000_000)),
    ]
    simulate(cases[0][1], head(cases[0][2], 1000), engine="compiled")
    print(f"{'case':26}{'compiled ns':>12}{'plain ns':>10}{'SimPy ns':>10}{'SimPy/compiled':>16}")
    for name, pool, load in cases:
        compiled = median_ns(lambda: simulate(pool, load, engine="compiled"), len(load), 7)  # noqa: B023
        some = head(load, 100_000)
        plain = median_ns(lambda: simulate(pool, some, engine="plain"), len(some), 3)  # noqa: B023
        if pool.architecture == "prefork":
            few = head(load, 20_000)
            peer = median_ns(lambda: simpy_prefork(pool, few, 0.0), len(few), 3)  # noqa: B023
            print(f"{name:26}{compiled:12.1f}{plain:10.0f}{peer:10.0f}{peer / compiled:16.0f}")
        else:
            print(f"{name:26}{compiled:12.1f}{plain:10.0f}{'-':>10}{'-':>16}")
    day = poisson(10_000_000 / 86_400, 0.2, 10_000_000)
    pool = Pool("p", "prefork", 1, 20, 20, 60, 256, 256, 256)
    kind = {"app": App(), "timing": Timing(), "engine": "compiled"}
    seconds = median_ns(lambda: simulate(pool, day, **kind), 1, 5) / 1e9  # type: ignore[arg-type]
    print(f"a day of 10,000,000 requests from memory: {seconds:.2f} s")


if __name__ == "__main__":
    main()
