"""Threads of one process share the GIL: twenty workers are not always twenty workers.

A request computes for 10 ms and waits for a database for 40 ms; 320 come a second. Twenty workers have room
for 400 a second, so that 80 % of them should be busy, whatever they are. But in a process of five threads the
computing parts stand in line for the GIL: requests take longer, hold their threads longer, and nearly all
threads are busy. Twenty processes, or five threads without a GIL, have that trouble only for lack of cores.
"""

from poolwise.model import App, Machine, Topology
from poolwise.servers import peer_pool
from poolwise.simulation import simulate
from poolwise.traffic import generate, parse_law

traffic = generate("poisson:320", parse_law("fixed:0.05"), 30.0, seed=1)
threads = peer_pool("gunicorn_gthread", {"workers": 4, "threads": 5})
processes = peer_pool("gunicorn_sync", {"workers": 20})

print("workers                   busy   a request takes   wait p95")
for label, pool, gil in (
    ("4 processes × 5 threads", threads, "shared"),
    ("20 processes", processes, "shared"),
    ("4 × 5, free-threaded", threads, "free-threaded"),
):
    app = App(cpu_share=0.2, bursts=2, gil=gil)
    run = simulate(Topology(pool), traffic, app=app, machine=Machine(cores=8), engine="plain")
    busy, served = run.series["busy"][5:30].mean(), run.response.mean_s - run.wait.mean_s
    print(f"{label:<25}{busy / 20:>5.0%}{served * 1000:>15.1f} ms{run.wait.quantile_s(0.95) * 1000:>8.0f} ms")
