"""Thirty readers, a click every 3.1 seconds: prefork holds a process for each of them, event does not.

A request takes 50 ms, so that on average half a request is in service. But the connection stays open for
KeepAliveTimeout, and in prefork and worker an open connection holds its worker. event parks it at its
process.
"""

from dataclasses import replace

import numpy as np

from poolwise.model import Pool, Workload
from poolwise.simulation import simulate

READERS, CLICKS = 30, 40
first_s = np.sort(np.random.default_rng(1).uniform(0.0, 3.1, READERS))
arrivals_s = (first_s[:, None] + 3.1 * np.arange(CLICKS)).T.ravel()  # all first clicks, all second ones ...
clicks = Workload(
    "thirty readers", arrivals_s, np.full(len(arrivals_s), 0.05), 130.0,
    connection=np.tile(np.arange(READERS), CLICKS),
)  # fmt: skip

prefork = Pool("Apache", "prefork", 1, 5, 5, 10, 150, 150, 150)
event = Pool("Apache", "event", 25, 1, 25, 75, 4, 4, 100)

print("server    KeepAliveTimeout   processes   workers held   connections idle   response p95")
for pool, timeout_s in ((prefork, 5), (prefork, 2), (prefork, 0), (event, 5)):
    options = {"KeepAlive": float(timeout_s > 0), "KeepAliveTimeout": float(timeout_s)}
    run = simulate(replace(pool, options=options), clicks, engine="plain")
    late = {name: values[60:120].mean() for name, values in run.series.items()}
    print(
        f"{pool.architecture:<10}{timeout_s:>14} s{late['total']:>12.1f}{late['busy']:>15.1f}"
        f"{late['idle_connections']:>19.1f}{run.response.quantile_s(0.95) * 1000:>12.0f} ms"
    )
