"""Let poolwise search settings that keep a target with the least memory and churn, and show the diff."""

from pathlib import Path

from poolwise.capacity import tune
from poolwise.config import edit, load
from poolwise.model import App, Machine, Target
from poolwise.servers import pool
from poolwise.traffic import generate, parse_law

SITE = Path(__file__).resolve().parent / "site"

configuration = load(SITE)
site = configuration.site
front = pool(site.mpm, site.values, site.httpd_version)
traffic = generate("mmpp:low=5,high=60,low_s=60,high_s=10", parse_law("exponential:0.3"), 3600.0, seed=1)
advice = tune(
    front,
    site.values,
    traffic,
    app=App(process_bytes=60_000_000, startup_cpu_s=0.5),
    machine=Machine(cores=2),
    target=Target(quantile=0.95, wait_s=0.05),
)

print(f"the target is {'kept' if advice.met else 'not kept'}; {len(advice.tried)} settings were simulated\n")
for change in advice.changes:
    today = change.today.value if change.today else "not set"
    print(f"{change.name}: {today} -> {change.value}\n  {change.reason}")

print("\nthe change in the files:")
for one in edit(configuration.evaluation, {change.name: change.value for change in advice.changes}):
    print(
        *(line for line in one.diff().splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")),
        sep="\n",
    )
