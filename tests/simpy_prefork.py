"""prefork told in SimPy: the independent twin that tests and benchmarks compare with."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from poolwise.model import Pool, Workload


def simpy_prefork(pool: Pool, load: Workload, ready_s: float) -> tuple[list[float], int]:
    """Start time of each request (-1 refused) and the number of forks, with passes on whole seconds."""
    env = simpy.Environment()
    queue = simpy.Store(env)
    starts = [float("nan")] * len(load)
    service = load.service_s.tolist()
    alive = starting = forks = 0

    def child(delay_s: float) -> Generator[simpy.Event, Any, None]:
        nonlocal alive, starting, forks
        forks, alive, starting = forks + 1, alive + 1, starting + 1
        yield env.timeout(delay_s)
        starting -= 1
        while (request := (yield queue.get())) is not None:  # None: the death notice
            starts[request] = env.now
            yield env.timeout(service[request])
        alive -= 1

    def client(request: int, at_s: float) -> Generator[simpy.Event, Any, None]:
        yield env.timeout(at_s)
        if not queue.get_queue and len(queue.items) >= pool.backlog:
            starts[request] = -1.0
        else:
            queue.put(request)

    def parent() -> Generator[simpy.Event, Any, None]:
        rate = 1
        while True:
            yield env.timeout(1.0)
            idle = len(queue.get_queue) + starting
            if idle > pool.max_spare:
                queue.put(None)
                rate = 1
            elif idle < pool.min_spare and alive < pool.process_limit:
                for _ in range(min(rate, pool.process_limit - alive)):
                    env.process(child(ready_s))
                    yield env.timeout(0)  # let it count itself
                rate = min(2 * rate, 32)
            else:
                rate = 1

    for _ in range(pool.initial):
        env.process(child(ready_s))
    for request, at_s in enumerate(load.arrivals_s.tolist()):
        env.process(client(request, at_s))
    env.process(parent())
    env.run(load.duration_s + 3700)
    return starts, forks
