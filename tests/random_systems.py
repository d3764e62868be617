"""Random chains of stages, loads and machines for the tests that compare engines.

Every time is drawn from a continuous law, so that no two things happen at once unless a rule makes them.
``systems(frozenset({"keep_alive"}))`` has that feature and no other; ``systems()`` any mixture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from poolwise.model import App, Clients, Machine, Pool, Proxy, Topology, Workload
from poolwise.simulation import Timing
from sample_pools import prefork, threaded

FEATURES = (
    "scaling",  # Apache's pools grow and shrink
    "cpu",  # requests need CPU
    "free_threads",  # threads do not share a GIL
    "interpreters",  # or one for each application of the process
    "bursts",  # CPU and waiting alternate
    "boots",  # starting takes waiting and CPU
    "imports",  # so does loading, at the start or with the first request
    "slow_links",
    "keep_alive",
    "groups",
    "limits",  # of a group: queue-timeout, socket-timeout, listen-backlog
    "proxy",
    "patience",
    "recycling",
    "small_backlog",
)
TIMINGS = (Timing(), Timing(1.0, 0.0017, 0.0, 0.0), Timing(0.9013, 0.05, 1.5, 0.0))


@dataclass(frozen=True)
class Case:
    """Everything that one run needs."""

    topology: Topology
    load: Workload
    app: App
    machine: Machine
    timing: Timing


@st.composite
def systems(draw: st.DrawFn, features: frozenset[str] | None = None) -> Case:
    """A system with exactly these features, or with any."""
    if features is None:
        features = frozenset(name for name in FEATURES if draw(st.booleans()))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = 1 if features.isdisjoint({"groups", "interpreters"}) else draw(st.integers(1, 3))
    topology = draw(topologies(features, kinds))
    return Case(
        topology,
        draw(loads(features, kinds, rng)),
        draw(apps(features, rng)),
        Machine(draw(st.integers(1, 4))),
        draw(st.sampled_from(TIMINGS)),
    )


@st.composite
def topologies(draw: st.DrawFn, features: frozenset[str], kinds: int) -> Topology:
    groups: tuple[Pool, ...] = ()
    routes: tuple[int, ...] = ()
    if "groups" in features:
        groups = tuple(draw(group(features, i)) for i in range(draw(st.integers(1, 2))))
        routes = tuple(draw(st.integers(-1, len(groups) - 1)) for _ in range(kinds))
    proxy = Proxy(upstream_keep_alive=draw(st.sampled_from([0, 1, 3]))) if "proxy" in features else None
    return Topology(draw(fronts(features)), groups, routes, proxy)


@st.composite
def fronts(draw: st.DrawFn, features: frozenset[str]) -> Pool:
    """One of Apache's MPMs; without "scaling" it starts all its processes and keeps them."""
    architecture = draw(st.sampled_from(["prefork", "worker", "event"]))
    limit = draw(st.integers(1, 6))
    threads = 1 if architecture == "prefork" else draw(st.integers(1, 4))
    start, low, gap = draw(st.integers(0, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 8))
    if "scaling" not in features:
        start, low, gap = limit, 1, limit * threads
    recycle = draw(st.sampled_from([1, 3, 20])) if "recycling" in features else 0
    if architecture == "prefork":
        pool = prefork(start, low, low + gap, limit, recycle)
    else:
        slots = limit + draw(st.integers(0, 3))
        pool = threaded(architecture, start, threads, low, low + gap, limit * threads, slots, recycle)
    options = {"KeepAliveTimeout": 0.0}
    if not features.isdisjoint({"keep_alive", "proxy"}):
        options["KeepAliveTimeout"] = draw(st.sampled_from([0.731, 2.137, 5.093]))
        options["MaxKeepAliveRequests"] = draw(st.sampled_from([0, 0, 1, 2, 5]))
        options["AsyncRequestWorkerFactor"] = draw(st.integers(1, 3))
    backlog = draw(st.sampled_from([0, 1, 4])) if "small_backlog" in features else 511
    return replace(pool, backlog=backlog, options=options)


@st.composite
def group(draw: st.DrawFn, features: frozenset[str], index: int) -> Pool:
    """A daemon group of fixed size."""
    processes, threads = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    recycle = draw(st.sampled_from([1, 4, 15])) if "recycling" in features else 0
    options = {"graceful-timeout": draw(st.sampled_from([0.53, 1000.0])), "shutdown-timeout": 1.37}
    backlog = 10_000
    if "limits" in features:
        backlog = draw(st.sampled_from([1, 3, 100]))
        options["connect-timeout"] = draw(st.sampled_from([0.13, 0.93, 2.6, 15.0]))
        options["queue-timeout"] = draw(st.sampled_from([0.0, 0.411, 1.7]))
        options["socket-timeout"] = draw(st.sampled_from([0.0, 0.613, 3.1]))
    workers = processes * threads
    return Pool(
        f"group {index}", "mod_wsgi_daemon", threads, processes, workers, workers,
        processes, processes, workers, recycle, backlog, options=options,
    )  # fmt: skip


@st.composite
def loads(draw: st.DrawFn, features: frozenset[str], kinds: int, rng: np.random.Generator) -> Workload:
    count, seconds = draw(st.integers(0, 12) | st.integers(40, 150)), draw(st.integers(2, 30))
    arrivals = np.sort(rng.uniform(0, seconds, count))
    mean_s = draw(st.sampled_from([0.02, 0.2, 1.0]))
    service = rng.lognormal(np.log(mean_s), draw(st.sampled_from([0.3, 1.2])), count)
    load = Workload("random", arrivals, service, float(seconds))
    if "cpu" in features:
        share = rng.uniform(0, 1, count)
        share[rng.random(count) < 0.2] = draw(st.sampled_from([0.0, 1.0]))
        load = replace(load, cpu_s=share * service)
    if "slow_links" in features:
        link_s = draw(st.sampled_from([0.05, 0.8]))
        load = replace(
            load, upload_s=rng.exponential(link_s, count), download_s=rng.exponential(link_s, count)
        )
    if kinds > 1:
        load = replace(load, kind=rng.integers(0, kinds, count))
    if "keep_alive" in features:
        think = rng.exponential(draw(st.sampled_from([0.3, 2.0])), count)
        think[rng.random(count) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = np.nan
        numbers = rng.integers(-1, draw(st.integers(1, 20)), count)
        load = replace(load, connection=numbers, think_s=think)
    if "patience" in features:
        patience_s = draw(st.sampled_from([0.317, 1.93, np.inf]))
        clients = Clients(
            patience_s, draw(st.integers(0, 3)), draw(st.sampled_from([0.0137, 0.5113, 2.0071]))
        )
        load = replace(load, clients=clients)
    if "keep_alive" in features and draw(st.booleans()):
        load = replace(load, clients=replace(load.clients, closes=False))
    return load


@st.composite
def apps(draw: st.DrawFn, features: frozenset[str], rng: np.random.Generator) -> App:
    app = App(startup_cpu_s=0.0, cpu_share=float(rng.uniform(0.05, 0.95)) if "cpu" in features else 0.0)
    if "boots" in features:
        app = replace(
            app,
            startup_cpu_s=float(rng.exponential(draw(st.sampled_from([0.02, 0.5])))),
            startup_wait_s=float(rng.exponential(0.3)),
        )
    if "imports" in features:
        app = replace(
            app,
            import_cpu_s=float(rng.exponential(draw(st.sampled_from([0.0, 0.1, 1.0])))),
            import_wait_s=float(rng.exponential(draw(st.sampled_from([0.0, 0.5])))),
            loads=draw(st.sampled_from(["start", "first request", "first request", "preload"])),
        )
    if "bursts" in features:
        app = replace(app, bursts=draw(st.integers(2, 5)))
    if "interpreters" in features:
        app = replace(app, gil="per-interpreter", interpreters=draw(st.integers(1, 3)))
    elif "free_threads" in features:
        app = replace(app, gil="free-threaded")
    return app
