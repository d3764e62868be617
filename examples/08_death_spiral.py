"""The death spiral: new processes take the CPU that the old ones need to become free.

Apache answers waiting requests by forking. Each new process first loads the application, on the same two
cores that the running requests need: they become slower, more of them are there at once, and Apache forks
more. Nothing of this is scripted. Look at the processes and the cores after the burst of four seconds, and at
what the visitors get: with the import both cores are busy half a minute longer, and a small pool that forks
nothing at all answers twice as fast.
"""

from dataclasses import replace

import numpy as np

from poolwise.model import App, Machine, Pool, Topology
from poolwise.simulation import simulate
from poolwise.traffic import generate, parse_law

traffic = generate("burst:base=10,peak=40,at=60,length=4", parse_law("exponential:0.2"), 180.0, seed=1)
after = traffic.arrivals_s >= 60.0
apache = Pool("Apache", "prefork", 1, 5, 5, 10, 60, 60, 60)  # StartServers 5, spares 5 to 10, at most 60
twelve = replace(apache, start=12, max_spare=60, process_limit=12, server_limit=12, max_workers=12)
light = App(cpu_share=0.5)  # half of a request's 200 ms is CPU
heavy = replace(light, import_cpu_s=1.5)  # loading the application takes 1.5 s of CPU, at each start

SECONDS = (50, 60, 64, 70, 80, 90, 120)
print(f"{'processes, cores busy at second':<34}" + "".join(f"{second:>10}" for second in SECONDS))
for label, pool, app in (
    ("no import", apache, light),
    ("import of 1.5 s", apache, heavy),
    ("import, 12 processes for ever", twelve, heavy),
):
    run = simulate(
        Topology(pool), traffic, app=app, machine=Machine(cores=2), engine="plain", keep_starts=True
    )
    total, cores = run.series["total"], run.series["cpu_cores"]
    print(f"{label:<34}" + "".join(f"{total[second]:>5.0f}{cores[second]:5.1f}" for second in SECONDS))
    response_s = (run.details["end_s"] - traffic.arrivals_s)[after]
    print(
        f"    from the burst on: {run.series['created'][60:].sum():.0f} forks, "
        f"95 % answered within {np.quantile(response_s, 0.95):.1f} s, all within {response_s.max():.1f} s"
    )
