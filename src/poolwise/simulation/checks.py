"""What the simulation refuses, with the argument named and the range it must be in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from poolwise.model import InputError, Pool, Workload
from poolwise.simulation.incident import Incident

MOST_WORKERS = 50_000_000


def check_pool(pool: Pool, architectures: Mapping[str, int]) -> None:
    """Raise InputError when ``pool`` cannot be simulated."""
    if pool.architecture not in architectures:
        known = ", ".join(architectures)
        raise InputError(f"pool {pool.name!r}: cannot simulate {pool.architecture!r} (known: {known})")
    for name, least in (
        ("threads", 1),
        ("start", 0),
        ("min_spare", 1),
        ("max_spare", 1),
        ("process_limit", 1),
        ("backlog", 0),
    ):
        value = getattr(pool, name)
        if value < least:
            raise InputError(f"pool {pool.name!r}: {name} = {value} must be at least {least}")
    if pool.server_limit < pool.process_limit:
        raise InputError(
            f"pool {pool.name!r}: server_limit {pool.server_limit} < process_limit {pool.process_limit}"
        )
    if pool.server_limit * pool.threads > MOST_WORKERS:
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
