"""Pools and workloads that the simulation's tests share."""

from __future__ import annotations

import numpy as np

from poolwise.model import App, Pool, Workload

INSTANT = App(startup_cpu_s=0.0)


def prefork(
    start: int = 5, low: int = 5, high: int = 10, limit: int = 256, recycle: int = 0, backlog: int = 511
) -> Pool:
    return Pool(
        "front", "prefork", 1, start, low, max(high, low + 1), limit, max(256, limit), limit, recycle, backlog
    )


def threaded(
    architecture: str,
    start: int = 3,
    threads: int = 25,
    low: int = 75,
    high: int = 250,
    workers: int = 400,
    server_limit: int = 16,
    recycle: int = 0,
) -> Pool:
    limit = min(workers // threads, server_limit)
    high = max(high, low + threads + 1)
    return Pool("front", architecture, threads, start, low, high, limit, server_limit, workers, recycle)


def nobody(seconds: float) -> Workload:
    return Workload("nobody", np.array([]), np.array([]), seconds)


def at_once(count: int, at_s: float, service_s: float, seconds: float) -> Workload:
    return Workload("burst", np.full(count, at_s), np.full(count, service_s), seconds)


def poisson(rate: float, mean_s: float, requests: int, seed: int) -> Workload:
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, requests))
    return Workload("poisson", arrivals, rng.exponential(mean_s, requests), float(arrivals[-1]) + 1)
