"""Small systems for cases worked out by hand: the parent's steps are instant, its passes on whole seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from naive_system import Result, naive
from poolwise.model import App, Clients, Machine, Pool, Proxy, Topology, Workload
from poolwise.simulation import Timing
from sample_pools import INSTANT, prefork, threaded

NAN = math.nan


def fixed(architecture: str, processes: int, threads: int = 1, **options: float) -> Pool:
    """A front that never changes its size; options in Apache's spelling."""
    options = {"KeepAliveTimeout": 0.0} | options
    workers = processes * threads
    if architecture == "prefork":
        return replace(prefork(processes, 1, workers + 1, processes), options=options)
    pool = threaded(architecture, processes, threads, 1, workers + threads + 1, workers, processes)
    return replace(pool, options=options)


def daemons(processes: int, threads: int = 1, **options: float) -> Pool:
    """A daemon group; its options with underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in options.items()}
    backlog = int(named.pop("listen-backlog", 100))
    workers = processes * threads
    return Pool(
        "group", "mod_wsgi_daemon", threads, processes, workers, workers,
        processes, processes, workers, 0, backlog, options=named,
    )  # fmt: skip


def run(
    front: Pool, requests: Sequence[tuple[float, float]], app: App = INSTANT, cores: int = 2,
    seconds: float = 12.0, groups: tuple[Pool, ...] = (), routes: tuple[int, ...] = (),
    proxy: Proxy | None = None, **load: Any,
) -> Result:  # fmt: skip
    """Requests as (arrival, service); the rest of the workload by name, lists for arrays."""
    arrays: dict[str, Any] = {
        name: value if isinstance(value, Clients) else np.array(value) for name, value in load.items()
    }
    arrivals, service = np.array(requests, dtype=float).reshape(-1, 2).T
    traffic = Workload("by hand", arrivals, service, seconds, **arrays)
    return naive(Topology(front, groups, routes, proxy), traffic, app, Machine(cores), Timing.ideal())


def close(values: list[float]) -> Any:
    return pytest.approx(values, abs=1e-12, nan_ok=True)
