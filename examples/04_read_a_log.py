"""Read a real access log: four days of a small site, 10,000 lines, in Apache's combined format.

This format has no durations, so a law says how long requests take, and the ``Workload`` remembers that this
was assumed.
"""

from pathlib import Path

import numpy as np

from poolwise.traffic import parse_law, read_logs

LOG = Path(__file__).resolve().parent / "data" / "elastic_apache_logs.log.gz"

workload = read_logs([LOG], service=parse_law("lognormal:mean=0.3,cv=1"))
hours, _ = np.histogram(workload.arrivals_s, bins=np.arange(0, workload.duration_s + 3600, 3600))
print(f"{len(workload)} requests in {workload.duration_s / 3600:.1f} h")
print(f"busiest hour: {hours.max()} requests, quietest: {hours[:-1].min()}")
print(f"mean duration: {workload.service_s.mean():.2f} s")
print(f"on average {workload.service_s.sum() / workload.duration_s:.4f} requests at once")
for assumption in workload.assumptions:
    print("assumed:", assumption)
for note in workload.notes:
    print("noted:", note.message)
