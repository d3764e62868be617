"""How fast is the kernel of chains? Processor sharing, the GIL, stages; SimPy on the same trace as the peer.

Prints medians of several runs in nanoseconds a request. SimPy tells the pool without a processor, which it
has none of; beside it the naive twin of the tests, which has, on a short trace. The last lines: a ten-minute
scenario of four stages, and the first result of a new process from the cached machine code.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from poolwise.model import App, Clients, Machine, Pool, Proxy, Topology, Workload
from poolwise.servers import peer_pool
from poolwise.simulation import Timing, simulate

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

REQUESTS = 400_000
RUNS = 5
PREFORK = Pool("prefork", "prefork", 1, 20, 20, 40, 256, 256, 256)
EVENT = Pool("event", "event", 25, 3, 75, 250, 16, 16, 400)
CPU = App(cpu_share=0.2)
FIRST = """
import time; begin = time.perf_counter()
import numpy as np
from poolwise.model import App, Pool, Workload
from poolwise.simulation import simulate
load = Workload("x", np.linspace(0, 100, 20_000), np.full(20_000, 0.05), 101.0)
simulate(Pool("p", "prefork", 1, 20, 20, 40, 256, 256, 256), load, app=App(cpu_share=0.2), engine="compiled")
print(time.perf_counter() - begin)
"""


def poisson(rate: float, mean_s: float, requests: int) -> Workload:
    """Poisson arrivals, exponential service."""
    rng = np.random.default_rng(1)
    arrivals = np.cumsum(rng.exponential(1 / rate, requests))
    return Workload("poisson", arrivals, rng.exponential(mean_s, requests), float(arrivals[-1]) + 1)


def median_s(action: Callable[[], object], runs: int = RUNS) -> float:
    """Median time of ``action``."""
    times = []
    for _ in range(runs):
        before = time.perf_counter()
        action()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def threads(processes: int, each: int) -> Pool:
    """A fixed pool of processes with threads."""
    workers = processes * each
    return Pool("fixed", "worker", each, processes, 1, workers + each + 2, processes, processes, workers)


def main() -> None:
    """Print the table."""
    daemons = peer_pool("mod_wsgi_daemon", {"processes": 4, "threads": 5}, name="daemons")
    cases: list[tuple[str, Topology, Workload, App]] = [
        ("prefork, no CPU", Topology(PREFORK), poisson(160, 0.05, REQUESTS), App()),
        (
            "prefork, CPU only, 80 % of 2 cores",
            Topology(PREFORK),
            poisson(160, 0.01, REQUESTS),
            App(cpu_share=1),
        ),
        ("prefork, CPU and waiting", Topology(PREFORK), poisson(160, 0.05, REQUESTS), CPU),
        ("GIL, 4 x 5, 75 % of 2 cores", Topology(threads(4, 5)), poisson(150, 0.05, REQUESTS), CPU),
        (
            "GIL, 4 x 5, two bursts",
            Topology(threads(4, 5)),
            poisson(150, 0.05, REQUESTS),
            App(cpu_share=0.2, bursts=2),
        ),
        ("event and daemons 4 x 5", Topology(EVENT, (daemons,)), poisson(150, 0.05, REQUESTS), CPU),
    ]
    simulate(cases[0][1], poisson(160, 0.05, 1000), app=CPU, engine="compiled")  # compile or load
    print(f"{'case':38}{'compiled ns':>12}{'plain ns':>10}")
    for label, topology, load, app in cases:
        fast_s = median_s(lambda t=topology, w=load, a=app: simulate(t, w, app=a, engine="compiled"))  # type: ignore[misc]
        short = head(load, 5_000)
        slow_s = median_s(lambda t=topology, w=short, a=app: simulate(t, w, app=a, engine="plain"), 3)  # type: ignore[misc]
        print(f"{label:38}{fast_s / REQUESTS * 1e9:12.0f}{slow_s / 5_000 * 1e9:10.0f}")
    peers()
    scenario()
    first = [float(subprocess.check_output([sys.executable, "-c", FIRST])) for _ in range(3)]
    print(f"first result of a new process, machine code cached: {statistics.median(first):.2f} s")


def peers() -> None:
    """SimPy without a processor, and the naive twin with one."""
    from naive_system import naive
    from simpy_prefork import simpy_prefork

    load = poisson(160, 0.05, 20_000)
    simpy_s = median_s(lambda: simpy_prefork(PREFORK, load, 0.0), 3)
    print(f"{'SimPy: prefork, no CPU':38}{simpy_s / len(load) * 1e9:12.0f}")
    short = head(load, 1_000)
    naive_s = median_s(lambda: naive(Topology(PREFORK), short, CPU, Machine(2), Timing()), 1)
    print(f"{'naive twin: prefork, CPU and waiting':38}{naive_s / len(short) * 1e9:12.0f}")


def scenario() -> None:
    """Ten minutes at 50 requests a second: nginx, event, three daemon groups, CPU, GIL, links, patience."""
    rng, count = np.random.default_rng(1), 30_000
    load = Workload(
        "ten minutes", np.sort(rng.uniform(0, 600, count)), rng.lognormal(np.log(0.08), 0.8, count), 600.0,
        upload_s=rng.exponential(0.05, count), download_s=rng.exponential(0.3, count),
        kind=rng.integers(0, 3, count), clients=Clients(patience_s=10.0),
    )  # fmt: skip
    groups = tuple(
        peer_pool("mod_wsgi_daemon", {"processes": 2, "threads": 5, "queue-timeout": 45}, name=name)
        for name in ("shop", "blog", "api")
    )
    app = App(cpu_share=0.2, bursts=2, import_cpu_s=0.5, loads="first request")
    topology = Topology(EVENT, groups, (0, 1, 2), Proxy())
    took_s = median_s(lambda: simulate(topology, load, app=app, engine="compiled"), 9)
    print(f"ten minutes of four stages, {count:,} requests: {1000 * took_s:.1f} ms")


def head(load: Workload, requests: int) -> Workload:
    """The first ``requests`` of ``load``."""
    arrivals = load.arrivals_s[:requests]
    return Workload(load.label, arrivals, load.service_s[:requests], float(arrivals[-1]) + 1)


if __name__ == "__main__":
    main()
