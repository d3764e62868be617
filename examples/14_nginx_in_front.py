"""Slow clients hold workers, and nginx in front takes them off the server.

An answer is made in 100 ms and takes a telephone two seconds to receive, on average. prefork holds a process
for all of that, event a thread; behind nginx, which takes the answer at once, the same server is nearly idle.
"""

from poolwise.model import Pool, Topology
from poolwise.servers import nginx_proxy
from poolwise.simulation import simulate
from poolwise.traffic import generate, parse_law, with_clients

requests = generate("poisson:15", parse_law("exponential:0.1"), 300.0, seed=1)
traffic = with_clients(requests, download=parse_law("lognormal:mean=2,cv=2"), seed=1)
prefork = Pool("Apache", "prefork", 1, 5, 5, 10, 30, 30, 30, backlog=100)
event = Pool("Apache", "event", 25, 1, 25, 75, 4, 4, 100, backlog=100)

print("                        workers busy   refused   wait p95   memory")
for label, pool, proxy in (
    ("prefork", prefork, None),
    ("event", event, None),
    ("prefork behind nginx", prefork, nginx_proxy()),
):
    run = simulate(Topology(pool, proxy=proxy), traffic, engine="plain")
    print(
        f"{label:<24}{run.series['busy'].mean():>5.1f} of{pool.workers:>4}{run.totals['refused']:>10.0f}"
        f"{run.wait.quantile_s(0.95):>9.2f} s{run.series['memory_bytes'].mean() / 1e6:>6.0f} MB"
    )
