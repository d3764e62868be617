"""The same bursts on uWSGI with three ways of being cheaper, on gunicorn, and on Apache.

uWSGI's ``cheaper`` starts and stops workers as Apache does, by other rules: ``spare`` when all were busy for
some seconds, ``backlog`` when connections wait, ``busyness`` by the average of a window. gunicorn keeps its
number.
"""

from poolwise.model import App, Pool, Topology
from poolwise.servers import peer_pool
from poolwise.simulation import simulate
from poolwise.traffic import generate, parse_law

traffic = generate("mmpp:low=4,high=40,low_s=50,high_s=15", parse_law("exponential:0.2"), 900.0, seed=3)
app = App(import_cpu_s=0.3)
cheap = {"workers": 16, "cheaper": 2, "lazy-apps": 1}

print("server                  processes   started   killed as idle   wait p95   longest")
for label, pool in (
    ("uWSGI cheaper spare", peer_pool("uwsgi", {**cheap, "cheaper-algo": "spare"})),
    ("uWSGI cheaper backlog", peer_pool("uwsgi", {**cheap, "cheaper-algo": "backlog"})),
    ("uWSGI cheaper busyness", peer_pool("uwsgi", {**cheap, "cheaper-algo": "busyness"})),
    ("gunicorn, 16 workers", peer_pool("gunicorn_sync", {"workers": 16})),
    ("Apache prefork", Pool("Apache", "prefork", 1, 5, 5, 10, 16, 16, 16)),
):
    run = simulate(Topology(pool), traffic, app=app, engine="plain")
    print(
        f"{label:<24}{run.mean_total:>9.1f}{run.totals['created']:>10.0f}{run.totals['killed_idle']:>17.0f}"
        f"{run.wait.quantile_s(0.95):>9.2f} s{run.wait.max_s:>8.1f} s"
    )
