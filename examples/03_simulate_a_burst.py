"""A burst on a small pool, second by second: processes double, overshoot, and are stopped one a second."""

from pathlib import Path

from poolwise.config import load
from poolwise.servers import pool
from poolwise.simulation import simulate
from poolwise.traffic import generate, parse_law

site = load(Path(__file__).resolve().parent / "site").site
front = pool(site.mpm, site.values, site.httpd_version)
traffic = generate("burst:base=5,peak=100,at=10,length=5", parse_law("fixed:0.3"), 60.0, seed=1)
run = simulate(front, traffic)

print("second  arrived  queued  busy  idle  total  started  stopped")
columns = ("arrived", "queued", "busy", "idle", "total", "created", "killed")
for second in [*range(8, 24), 30, 40, 50]:
    row = [f"{run.series[name][second]:.0f}" for name in columns]
    print("{:>6}{:>9}{:>8}{:>6}{:>6}{:>7}{:>9}{:>9}".format(second, *row))

half, most = run.wait.quantile_s(0.5), run.wait.quantile_s(0.95)
print(f"\n{run.totals['requests']:.0f} requests; half waited at most {half:.3f} s, 95 % at most {most:.3f} s")
print(f"{run.totals['created']:.0f} processes were started")
for line in run.messages:
    print(f"{line.time_s:6.1f} s  {line.id}  {line.text}")
