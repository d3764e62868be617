"""What queueing theory says at once, without simulating, and where the simple formula misleads."""

from dataclasses import replace
from pathlib import Path

from poolwise.capacity import mmc, prefork_chain, python_pool, servers_for_wait
from poolwise.config import load
from poolwise.model import App
from poolwise.servers import pool
from poolwise.simulation import Timing, simulate
from poolwise.traffic import generate, parse_law

RATE_RPS, SERVICE_S = 20.0, 0.2

print(f"{RATE_RPS:.0f} requests a second of {SERVICE_S} s keep {RATE_RPS * SERVICE_S:.0f} workers busy.")
for workers in (5, 6, 8, 12):
    queue = mmc(RATE_RPS, SERVICE_S, workers)
    longest = queue.wait_quantile_s(0.99)
    print(f"  {workers:2} workers: {queue.wait_probability:6.2%} wait, 99 % of all at most {longest:.3f} s")
print(f"  {servers_for_wait(RATE_RPS, SERVICE_S, 0.05, 0.01)} are enough if 1 % may wait longer than 50 ms")

# The pool of the example site, which decides once a second how many processes there are.
site = load(Path(__file__).resolve().parent / "site").site
front = replace(pool(site.mpm, site.values, site.httpd_version), max_connections_per_child=0)
exact = prefork_chain(front, RATE_RPS, SERVICE_S, startup_s=0.5)
traffic = generate(f"poisson:{RATE_RPS}", parse_law(f"exponential:{SERVICE_S}"), 20_000.0, seed=1)
run = simulate(front, traffic, app=App(startup_cpu_s=0.0, startup_wait_s=0.5), timing=Timing.ideal())
print("\nPrefork with MinSpareServers 5 and MaxSpareServers 10, exactly:")
print(f"  {exact.processes:.2f} processes (simulated: {run.mean_total:.2f}), {exact.busy:.2f} of them busy;")
print(f"  one is started every {1 / exact.created_rps:.1f} s, and one stopped, for ever")
for size, probability in enumerate(exact.process_probabilities):
    if probability > 0.005:
        print(f"  {size:2} processes {probability:6.1%} {'#' * round(60 * probability)}")

print("\nFour processes of five threads; 10 ms of Python, 40 ms of database; 4 cores:")
print("a second  busy, multiplied  busy, with the GIL  response  free-threaded")
for rate in (160, 250, 300, 320):
    gil = python_pool(rate, 4, 5, cpu_s=0.01, wait_s=0.04, cores=4)
    free = python_pool(rate, 4, 5, cpu_s=0.01, wait_s=0.04, cores=4, gil=False)
    with_ms, without_ms = (1000 * each.queue.mean_response_s for each in (gil, free))
    busy = f"{gil.naive_busy_share:16.0%}{gil.queue.busy_share:20.1%}"
    print(f"{rate:8}{busy}{with_ms:7.0f} ms{without_ms:12.0f} ms")
