"""The front looks idle while the group behind it drowns.

Apache's event MPM passes requests to a mod_wsgi daemon group of 2 processes with 15 threads. server-status
shows the front: hundreds of idle threads, nothing queued. The queue is on the socket of the group, where no
page of Apache's shows it. At 28 requests a second the front is 8 % busy, the group is full and visitors wait;
a little more traffic, and nothing but the group's size can help.
"""

from poolwise.model import Pool, Topology
from poolwise.servers import peer_pool
from poolwise.simulation import simulate
from poolwise.traffic import generate, parse_law

front = Pool("Apache", "event", 25, 3, 75, 250, 16, 16, 400)
group = peer_pool("mod_wsgi_daemon", {"processes": 2, "threads": 15}, name="shop")
site = Topology(front, (group,))

print("requests/s   front busy        group busy        group's queue   wait for a thread, p95")
for rate in (16, 24, 28, 32):
    traffic = generate(f"poisson:{rate}", parse_law("exponential:1"), 300.0, seed=4)
    run = simulate(site, traffic, engine="plain")
    shop = run.stages[0]
    held, used = run.series["busy"][60:].mean(), shop.series["busy"][60:].mean()
    print(
        f"{rate:>10}{held:>8.1f} ={held / front.workers:>5.0%}{used:>12.1f} ={used / group.workers:>5.0%}"
        f"{shop.series['queued'][60:].mean():>17.1f}{shop.wait.quantile_s(0.95):>17.2f} s"
    )
