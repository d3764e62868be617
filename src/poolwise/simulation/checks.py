"""What the simulation refuses, with the argument named and the range it must be in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import get_args, get_type_hints

import numpy as np

from poolwise.model import App, InputError, Machine, Pool, Topology, Workload
from poolwise.servers import HOLDS, PEERS
from poolwise.simulation.incident import Incident, Timing

MOST_WORKERS = 50_000_000


def check_pool(pool: Pool, architectures: Mapping[str, int]) -> None:
    """Raise InputError when ``pool`` cannot be simulated."""
    if pool.architecture not in architectures:
        known = ", ".join(architectures)
        raise InputError(f"pool {pool.name!r}: cannot simulate {pool.architecture!r} (known: {known})")
    _check_numbers(pool, threads=1, start=0, min_spare=1, max_spare=1, process_limit=1, backlog=0)
    if pool.server_limit < pool.process_limit:
        raise InputError(
            f"pool {pool.name!r}: server_limit {pool.server_limit} < process_limit {pool.process_limit}"
        )
    _check_slots(pool, pool.server_limit)


def _check_peer(pool: Pool) -> None:
    _check_numbers(pool, threads=1, start=0, process_limit=1, backlog=0)
    _check_slots(pool, pool.process_limit)


def _check_numbers(pool: Pool, **least: int) -> None:
    for name, lowest in least.items():
        value = getattr(pool, name)
        if value < lowest:
            raise InputError(f"pool {pool.name!r}: {name} = {value} must be at least {lowest}")


def _check_slots(pool: Pool, processes: int) -> None:
    if processes * pool.threads > MOST_WORKERS:
        raise InputError(f"pool {pool.name!r}: more than {MOST_WORKERS} worker slots cannot be simulated")


def check_workload(workload: Workload) -> None:
    """Raise InputError when the arrivals or service times of ``workload`` make no sense."""
    arrivals, service = workload.arrivals_s, workload.service_s
    if len(arrivals) != len(service):
        raise InputError(f"workload: {len(arrivals)} arrivals but {len(service)} service times")
    if not 0 < workload.duration_s < 1e8:
        raise InputError(f"workload: duration_s = {workload.duration_s} must be between 0 and 1e8 seconds")
    if len(arrivals) == 0:
        return
    shortest, longest = float(service.min()), float(service.max())  # NaN if any is NaN
    if not (shortest >= 0 and longest <= 1e8):
        raise InputError("workload: service_s must be numbers between 0 and 1e8 seconds")
    if not (arrivals[1:] >= arrivals[:-1]).all() or not math.isfinite(arrivals[-1]):
        raise InputError("workload: arrivals_s must be finite numbers in ascending order")
    if not arrivals[0] >= 0:
        raise InputError("workload: arrivals_s must not be negative")
    if arrivals[-1] > workload.duration_s:
        raise InputError(
            f"workload: an arrival at {arrivals[-1]} s is after the end: {workload.duration_s} s"
        )


def check_incidents(plan: Sequence[Incident], kinds: Mapping[str, int]) -> None:
    """Raise InputError for an incident of an unknown kind or at an impossible time."""
    for incident in plan:
        if incident.kind not in kinds:
            raise InputError(f"incident {incident.kind!r}: choose {', '.join(kinds)}")
        if not (math.isfinite(incident.time_s) and incident.time_s >= 0 and incident.count >= 1):
            raise InputError(f"incident {incident}: time_s must be >= 0 and count >= 1")


def check_costs(apps: Iterable[App], machine: Machine, timing: Timing) -> None:
    """Raise InputError when an application, the machine or httpd's parent would take an impossible time."""
    for app in apps:
        _check_app(app)
    if machine.cores < 1:
        raise InputError(f"machine: cores = {machine.cores} must be at least 1")
    _check_timing(timing)


def _check_timing(timing: Timing) -> None:
    if not 0.01 <= timing.sleep_s <= 3600:
        raise InputError(f"timing: sleep_s = {timing.sleep_s} must be between 0.01 and 3600 seconds")
    for name in ("fork_s", "die_s", "parse_s"):
        value = getattr(timing, name)
        if value is not None and not 0 <= value <= 3600:
            raise InputError(f"timing: {name} = {value} must be between 0 and 3600 seconds")


def check_chain(topology: Topology, workload: Workload, apps: Mapping[str, App]) -> None:
    """Raise InputError when a chain of stages cannot be simulated."""
    check_workload(workload)
    known = {name: 0 for name in HOLDS if name != "winnt"}
    pools = (topology.front, *topology.groups)
    for pool in pools:
        if pool.architecture in PEERS:
            _check_peer(pool)
        else:
            check_pool(pool, known)
    if topology.front.architecture == "mod_wsgi_daemon":
        raise InputError(f"pool {topology.front.name!r}: a daemon group needs Apache in front")
    if any(pool.architecture not in PEERS for pool in topology.groups):
        raise InputError("a group behind the front must be another server than Apache's own pool")
    if any(pool.backlog < 1 for pool in topology.groups):
        raise InputError("a group: backlog must be at least 1")
    if any(not -1 <= route < len(topology.groups) for route in topology.routes):
        raise InputError(f"routes {topology.routes}: give -1 (in the front) to {len(topology.groups) - 1}")
    if topology.proxy and topology.proxy.upstream_keep_alive < 0:
        raise InputError("proxy: upstream_keep_alive must be at least 0")
    names = [pool.name for pool in pools]
    for name in apps:
        if name not in names:
            raise InputError(f"apps: there is no pool {name!r} (there are {', '.join(names)})")
    _check_clients(workload)


def _check_app(app: App) -> None:
    for name in ("startup_cpu_s", "startup_wait_s", "import_cpu_s", "import_wait_s"):
        value = getattr(app, name)
        if not 0 <= value <= 1e6:
            raise InputError(f"app {app.name!r}: {name} = {value} must be between 0 and 1e6 seconds")
    if not 0 <= app.cpu_share <= 1:
        raise InputError(f"app {app.name!r}: cpu_share = {app.cpu_share} must be between 0 and 1")
    for name in ("bursts", "interpreters"):
        if not 1 <= getattr(app, name) <= 1000:
            raise InputError(f"app {app.name!r}: {name} = {getattr(app, name)} must be between 1 and 1000")
    for name, words in _choices_of_app().items():
        if getattr(app, name) not in words:
            known = ", ".join(words)
            raise InputError(f"app {app.name!r}: {name} = {getattr(app, name)!r} must be one of {known}")
    if not app.dirty_requests > 0:
        raise InputError(f"app {app.name!r}: dirty_requests = {app.dirty_requests} must be above 0")


@cache
def _choices_of_app() -> dict[str, tuple[str, ...]]:
    hints = get_type_hints(App)
    return {name: get_args(hints[name]) for name in ("loads", "gil")}


def _check_clients(workload: Workload) -> None:
    """The optional arrays of a workload and how its clients wait."""
    count, clients = len(workload), workload.clients
    for name in ("cpu_s", "upload_s", "download_s", "connection", "think_s", "kind"):
        values = getattr(workload, name)
        if values is not None and np.shape(values) != (count,):
            raise InputError(f"workload: {name} has shape {np.shape(values)}, not ({count},)")
    for name in ("cpu_s", "upload_s", "download_s"):
        values = getattr(workload, name)
        if values is not None and count and not (values.min() >= 0 and values.max() <= 1e8):
            raise InputError(f"workload: {name} must be numbers between 0 and 1e8 seconds")
    if workload.cpu_s is not None and (workload.cpu_s > workload.service_s * (1 + 1e-12)).any():
        raise InputError("workload: cpu_s must not be above service_s")
    if workload.think_s is not None and (workload.think_s < 0).any():
        raise InputError("workload: think_s must be at least 0 seconds, or NaN")
    if workload.kind is not None and count and workload.kind.min() < 0:
        raise InputError("workload: kind must be at least 0")
    if not clients.patience_s > 0:
        raise InputError(f"clients: patience_s = {clients.patience_s} must be above 0")
    if not (0 <= clients.retries <= 20 and clients.retry_s >= 0):
        raise InputError("clients: retries must be between 0 and 20, retry_s at least 0 seconds")
