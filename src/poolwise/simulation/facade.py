"""The door of the simulation: check the arguments, run the kernel, return a ``Run``.

The compiled twin is used where numba is installed; elsewhere the plain loop gives the same numbers, slower,
and says so once. Both are exact: every request of the trace is simulated.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from poolwise.model import App, InputError, Machine, Pool, Run, Topology, Workload
from poolwise.simulation import state as st
from poolwise.simulation.checks import check_chain, check_incidents, check_pool, check_workload
from poolwise.simulation.compiled import (
    available,
    chain_loaded,
    compiled_run,
    loaded,
    must_compile,
    record,
)
from poolwise.simulation.incident import Incident, Timing
from poolwise.simulation.loop import run
from poolwise.simulation.outcome import Outcome
from poolwise.simulation.system.facade import simulate_chain

ARCHITECTURES = {"prefork": st.PREFORK, "worker": st.WORKER, "event": st.EVENT}
INCIDENTS = {"graceful": st.GRACEFUL_RESTART, "restart": st.HARD_RESTART, "crash": st.CRASH}
SMALL = 20_000  # requests
CHAIN_SMALL = 3_000
DRAIN_S = 3600.0  # how long after the end of the traffic the queue may take to empty
LOG_LINES = 4096


SMALL_APP, TWO_CORES, MEASURED = App(), Machine(), Timing()
NO_APPS: Mapping[str, App] = {}


def simulate(
    pool: Pool | Topology,
    workload: Workload,
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
    and clients with links and connections of their own take the kernel of chained stages; ``apps`` then names
    what differs from ``app`` by pool, ``seed`` is for what servers draw (max_requests_jitter).
    ``engine``: "compiled", "plain" or "auto" (compiled when numba is installed). ``keep_starts``: put each
    request's start time in ``Run.details["start_s"]`` (-1 refused, NaN not started at the end).
    Raises InputError for settings, times or workloads that make no sense, naming the argument.
    """
    if isinstance(pool, Topology) or needs_chain(pool, workload, app):
        topology = pool if isinstance(pool, Topology) else Topology(pool)
        check_chain(topology, workload, app, apps, machine)
        check_incidents(incidents, INCIDENTS)
        compiled = _compiled(engine, len(workload), CHAIN_SMALL, chain_loaded())
        return simulate_chain(
            topology,
            workload,
            app,
            apps,
            machine,
            timing,
            incidents,
            compiled,
            keep_starts,
            label,
            DRAIN_S,
            seed,
        )
    check_pool(pool, ARCHITECTURES)
    check_workload(workload)
    compiled = _compiled(engine, len(workload), SMALL, loaded())
    c = _plan(pool, workload, app, machine, timing)
    ints, floats = st.sizes(c)
    n, x = np.zeros(ints, np.int64), np.zeros(floats)
    n[c.bucket : c.bucket + st.BUCKETS_IN_RING] = st.NOWHERE
    n[c.doing : c.doing + c.workers] = st.IDLE
    starts = np.full(len(workload) if keep_starts else 0, np.nan)
    plan = sorted(incidents, key=lambda incident: incident.time_s)
    check_incidents(plan, INCIDENTS)
    inputs: tuple[Any, ...] = (
        np.ascontiguousarray(workload.arrivals_s, dtype=np.float64),
        np.ascontiguousarray(workload.service_s, dtype=np.float64),
        starts,
        np.array([incident.time_s for incident in plan], dtype=np.float64),
        np.array([INCIDENTS[incident.kind] for incident in plan], dtype=np.int64),
        np.array([incident.count for incident in plan], dtype=np.int64),
    )
    if compiled:
        compiled_run()(n, x, record(c), *inputs)
    else:
        lists = [array.tolist() for array in (n, x, *inputs)]
        run(lists[0], lists[1], c, *lists[2:])
        n, x, starts = np.array(lists[0]), np.array(lists[1]), np.array(lists[4])
    outcome = Outcome(pool, workload, app, c, n, x)
    engine_used = "event-level, compiled" if compiled else "event-level, plain loop"
    return outcome.run(engine_used, label, {"start_s": starts} if keep_starts else {})


def _calendar_scale(workload: Workload, horizon_s: float) -> float:
    """Buckets a second, a power of two: about one request each, and most service times inside the ring."""
    requests = len(workload)
    if requests == 0:
        return 1.0
    mean_s = max(float(workload.service_s.mean()), 1e-6)
    grain = min(requests / horizon_s, st.BUCKETS_IN_RING / (4.0 * mean_s))
    return float(2.0 ** min(max(round(math.log2(grain)), -6), 20))


def needs_compiling(requests: int) -> bool:
    """Whether simulating so many requests will first compile the kernel for this machine."""
    return requests >= SMALL and must_compile()


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
    )


def _compiled(engine: str, requests: int, small: int, is_loaded: bool) -> bool:
    """Which engine to use: loading the compiled twin takes longer than simulating a small trace plainly."""
    if engine not in ("auto", "compiled", "plain"):
        raise InputError(f"engine {engine!r}: choose auto, compiled or plain")
    if engine == "compiled" and not available():
        raise InputError("engine 'compiled' needs numba: pip install 'poolwise[fast]'")
    if engine != "auto":
        return engine == "compiled"
    if requests < small and not is_loaded:
        return False
    if not available():
        _say_slow()
        return False
    return True


@cache
def _say_slow() -> None:
    warnings.warn(
        "numba is not installed: simulating with the plain loop, some 30 times slower", stacklevel=4
    )


def _plan(pool: Pool, workload: Workload, app: App, machine: Machine, timing: Timing) -> st.Plan:
    seconds = max(math.ceil(workload.duration_s), 1)
    horizon_s = float(seconds)
    prefork = pool.architecture == "prefork"
    die_s = timing.die_s if timing.die_s is not None else (0.005 if prefork else 0.03)
    slots = pool.server_limit if pool.architecture == "event" else pool.process_limit
    plan = st.Plan(
        architecture=ARCHITECTURES[pool.architecture],
        threads=pool.threads,
        start=pool.start,
        min_spare=pool.min_spare,
        max_spare=pool.max_spare,
        process_limit=pool.process_limit,
        slots=slots,
        server_limit=pool.server_limit,
        max_workers=pool.max_workers,
        max_connections=pool.max_connections_per_child,
        backlog=pool.backlog,
        replaces_killed=not prefork and _version(pool.httpd_version) >= (2, 4, 54),
        old_kill_rule=(2, 4, 24) <= _version(pool.httpd_version) < (2, 4, 52),
        step_by_step=False,
        cores=machine.cores,
        startup_cpu_s=app.startup_cpu_s,
        startup_wait_s=app.startup_wait_s,
        sleep_s=timing.sleep_s,
        fork_s=timing.fork_s,
        die_s=die_s,
        parse_s=timing.parse_s,
        scale=_calendar_scale(workload, horizon_s),
        horizon_s=horizon_s,
        stop_s=horizon_s + DRAIN_S,
        workers=slots * pool.threads,
        seconds=seconds,
        ticks=int((horizon_s + DRAIN_S) / timing.sleep_s) + 2,
        lines=LOG_LINES,
    )
    return st.lay_out(plan)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
