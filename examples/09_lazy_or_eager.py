"""Who pays for loading the application: a visitor, the start of a process, or nobody.

mod_wsgi loads an application in the first request of each process, unless its alias names both groups. On a
prefork pool that comes and goes, every new process then makes one visitor wait. Loaded at the start the same
time is spent, but before the process takes requests; copied from a parent that has loaded it, not at all.
"""

from dataclasses import replace

from poolwise.model import App, Pool
from poolwise.simulation import simulate
from poolwise.traffic import generate, parse_law

traffic = generate("mmpp:low=4,high=25,low_s=40,high_s=10", parse_law("exponential:0.15"), 600.0, seed=2)
apache = Pool("Apache", "prefork", 1, 5, 5, 10, 60, 60, 60)
app = App(import_wait_s=1.2, import_cpu_s=0.3)

print("loaded            loads   over 1.25 s   longest      p50   mean memory")
for loads in ("first request", "start", "preload"):
    run = simulate(apache, traffic, app=replace(app, loads=loads), engine="plain")
    once = {"first request": run.totals["imports"], "start": run.totals["created"], "preload": 1}[loads]
    print(
        f"{loads:<16}{once:>7.0f}{run.response.share_above(1.25):>14.2%}{run.response.max_s:>8.1f} s"
        f"{run.response.quantile_s(0.5):>7.2f} s{run.series['memory_bytes'].mean() / 1e6:>11.0f} MB"
    )
