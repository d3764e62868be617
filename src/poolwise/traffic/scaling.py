"""The same traffic, several times as much or a share of it."""

from __future__ import annotations

import numpy as np

from poolwise.model import InputError, Workload

_SPREAD_S = 0.5


def scaled(workload: Workload, factor: float) -> Workload:
    """``factor`` times the requests in every stretch of the workload longer than a second.

    Below 1 each request is kept with that probability. Above 1 each is repeated: the whole part of
    ``factor`` times, once more with the probability of the rest; the first stays in its place, the copies
    are moved by up to half a second either way and keep the service time. Bursts grow with the factor,
    which is the cautious reading of "more of the same users". Fixed seed. Raises InputError.
    """
    if not 0.001 <= factor <= 1000:
        raise InputError(f"the traffic factor must be 0.001 to 1000, not {factor!r}")
    if factor == 1:
        return workload
    rng = np.random.default_rng(0)
    copies = int(factor) + (rng.random(len(workload)) < factor % 1)
    source = np.repeat(np.arange(len(workload)), copies)
    first = np.flatnonzero(np.diff(source, prepend=-1))
    moved_s = rng.uniform(-_SPREAD_S, _SPREAD_S, len(source))
    moved_s[first] = 0.0
    times_s = np.abs(workload.arrivals_s[source] + moved_s)  # reflected at both ends
    times_s = np.where(times_s > workload.duration_s, 2 * workload.duration_s - times_s, times_s)
    times_s = np.clip(times_s, 0.0, workload.duration_s)
    order = np.argsort(times_s, kind="stable")
    return Workload(
        label=f"{workload.label} x {factor:g}",
        arrivals_s=times_s[order],
        service_s=workload.service_s[source][order],
        duration_s=workload.duration_s,
        assumptions=(*workload.assumptions, f"traffic multiplied by {factor:g}, copies within half a second"),
        notes=workload.notes,
        started_at=workload.started_at,
        kind=None if workload.kind is None else workload.kind[source][order],
    )
