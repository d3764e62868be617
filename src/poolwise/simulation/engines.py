"""Which kernel a simulation needs: that of one pool, or that of chained stages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from poolwise.model import App, InputError, Machine, Pool, Run, Topology, Workload
from poolwise.simulation.chain.facade import simulate_chain
from poolwise.simulation.checks import check_chain, check_costs, check_incidents
from poolwise.simulation.compiled import available, chain_loaded, must_compile
from poolwise.simulation.incident import Incident, Timing
from poolwise.simulation.pool import facade
from poolwise.simulation.pool.envelope_trace import Trace
from poolwise.simulation.pool.facade import MEASURED, SMALL_APP, TWO_CORES
from poolwise.simulation.state import ARCHITECTURES, KINDS_OF_INCIDENT

NO_APPS: Mapping[str, App] = {}
CHAIN_SMALL = 10_000  # requests: below, loading the machine code takes longer than the plain loop
CHAIN_LARGE = 100_000  # requests: from here on even compiling it first is quicker


def simulate(
    pool: Pool | Topology,
    workload: Workload | Trace,
    *,
    app: App = SMALL_APP,
    apps: Mapping[str, App] = NO_APPS,
    machine: Machine = TWO_CORES,
    timing: Timing = MEASURED,
    incidents: Sequence[Incident] = (),
    engine: str = "auto",
    keep_starts: bool = False,
    label: str = "",
    seed: int = 1,
) -> Run:
    """Simulate ``pool`` under ``workload``, every request of it.

    A ``Topology``, another server than Apache, an application that shares the processor or is loaded late,
    and clients with links and connections of their own take the kernel of chained stages; there, ``apps``
    names by pool what differs from ``app``, and ``seed`` is for what servers draw (max_requests_jitter).
    Everything else takes the kernel of one pool (``facade.simulate``, which says what ``engine`` may be and
    what a prepared ``workload`` is good for). ``keep_starts``: put each request's start time in
    ``Run.details["start_s"]`` (-1 refused, NaN not started at the end); a chain adds ``end_s``, ``state``.
    Raises InputError for settings, times or workloads that make no sense, naming the argument.
    """
    load = workload.workload if isinstance(workload, Trace) else workload
    check_costs((app, *apps.values()), machine, timing)
    own = apps.get(pool.name, app) if isinstance(pool, Pool) else app
    if isinstance(pool, Pool) and apps.keys() <= {pool.name} and not needs_chain(pool, load, own):
        return facade.simulate(
            pool, workload, app=own, machine=machine, timing=timing, incidents=incidents, engine=engine,
            keep_starts=keep_starts, label=label,
        )  # fmt: skip
    topology = pool if isinstance(pool, Topology) else Topology(pool)
    check_chain(topology, load, apps)
    check_incidents(incidents, KINDS_OF_INCIDENT)
    given = (topology, load, app, apps, machine, timing, incidents)
    return simulate_chain(*given, _compiled(engine, len(load)), keep_starts, label, facade.DRAIN_S, seed)


def needs_chain(pool: Pool, workload: Workload, app: App) -> bool:
    """Whether the kernel of one pool, in which a request holds a worker for a given time, is not enough."""
    extras = (workload.cpu_s, workload.upload_s, workload.download_s, workload.connection, workload.kind)
    clients = workload.clients
    return (
        pool.architecture not in ARCHITECTURES
        or any(values is not None for values in extras)
        or clients.retries > 0
        or not math.isinf(clients.patience_s)
        or app.cpu_share > 0
        or app.loads != "start"
        or app.import_cpu_s > 0
        or app.import_wait_s > 0
        or app.leak_bytes > 0
        or app.pool_bytes > 0
    )


def needs_compiling(requests: int, chain: bool = False) -> bool:
    """Whether simulating so many requests will first compile a kernel (that of chains) for this machine."""
    if chain:
        return requests >= CHAIN_LARGE and must_compile(chain=True)
    return facade.needs_compiling(requests)


def _compiled(engine: str, requests: int) -> bool:
    """Whether to run the chain's machine code."""
    if engine not in ("auto", "compiled", "plain"):
        raise InputError(f"engine {engine!r}: for a chain of stages choose auto, compiled or plain")
    if engine == "compiled" and not available():
        raise InputError("engine 'compiled' needs numba: pip install 'poolwise[fast]'")
    if engine != "auto":
        return engine == "compiled"
    if not available() or chain_loaded():
        return available()
    return requests >= (CHAIN_LARGE if must_compile(chain=True) else CHAIN_SMALL)
