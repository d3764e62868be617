"""The same traffic, two settings: what more spare processes cost, and what they save."""

from pathlib import Path

from poolwise.config import load
from poolwise.model import App, Machine, Value
from poolwise.servers import pool, settle
from poolwise.simulation import simulate
from poolwise.traffic import generate, parse_law

site = load(Path(__file__).resolve().parent / "site").site
app = App(process_bytes=60_000_000, startup_cpu_s=0.5)
traffic = generate("mmpp:low=5,high=60,low_s=60,high_s=10", parse_law("exponential:0.3"), 3600.0, seed=1)


def run_with(label: str, **changes: int) -> None:
    """Simulate the site with some directives changed and print what it was like."""
    asked = {**site.values, **{name: Value(name, number) for name, number in changes.items()}}
    values = settle(site.mpm, asked, site.httpd_version)
    run = simulate(
        pool(site.mpm, values, site.httpd_version), traffic, app=app, machine=Machine(cores=2), label=label
    )
    waited = run.wait.share_above(0.05)
    print(
        f"{label:<14} mean {run.mean_total:5.1f} processes, {run.churn_per_hour:6.0f} started an hour,"
        f" peak {run.totals['peak_total']:.0f}, {waited:6.2%} waited 50 ms or more"
    )


run_with("today")
run_with("more spare", StartServers=40, MinSpareServers=10, MaxSpareServers=40)
run_with("never stopped", StartServers=50, MaxSpareServers=50, MaxRequestWorkers=50, MaxConnectionsPerChild=0)
