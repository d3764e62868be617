"""The death spiral: new processes take the CPU that the old ones need to become free.

Apache answers waiting requests by forking. In each new process the first request loads the application, on
the same two cores that all others need: they become slower, more of them are there at once, and Apache
forks more, up to its limit. Nothing of this is scripted. The burst lasts four seconds; look at the processes
and the busy cores for a minute after it, and at what the visitors get. A small pool that never forks has
none of it.
"""

from dataclasses import replace

import numpy as np

from poolwise.model import App, Machine, Pool, Topology
from poolwise.simulation import simulate
from poolwise.traffic import generate, parse_law

traffic = generate("burst:base=8,peak=40,at=60,length=4", parse_law("exponential:0.2"), 240.0, seed=1)
after = traffic.arrivals_s >= 60.0
apache = Pool("Apache", "prefork", 1, 5, 5, 10, 100, 256, 100)  # StartServers 5, spares 5 to 10, at most 100
twelve = replace(apache, start=12, max_spare=60, process_limit=12, max_workers=12)
light = App(cpu_share=0.3)  # 30 % of a request's 200 ms is CPU
heavy = replace(light, import_cpu_s=0.5, loads="first request")  # loading it takes half a second of CPU

SECONDS = (55, 62, 66, 70, 80, 100, 120, 180)
print(f"{'processes, cores busy at second':<32}" + "".join(f"{second:>10}" for second in SECONDS))
for label, pool, app in (
    ("no import", apache, light),
    ("import of half a second", apache, heavy),
    ("import, 12 processes for ever", twelve, heavy),
):
    run = simulate(
        Topology(pool), traffic, app=app, machine=Machine(cores=2), engine="plain", keep_starts=True
    )
    total, cores = run.series["total"], run.series["cpu_cores"]
    print(f"{label:<32}" + "".join(f"{total[second]:>6.0f}{cores[second]:4.1f}" for second in SECONDS))
    response_s = (run.details["end_s"] - traffic.arrivals_s)[after]
    print(
        f"    from the burst on: {run.series['created'][60:].sum():.0f} forks, "
        f"95 % answered within {np.quantile(response_s, 0.95):.1f} s, all within {response_s.max():.1f} s"
    )
