"""How much ``poolwise measure`` differs from itself: five times in a row on the Flask example, under load.

Prints each figure's median over the five, and its spread (most - least) / median. Two busy processes of our
own take the processors meanwhile (``measure_spread.py 0`` for none). About a minute.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from poolwise.deploy import (
    Hosted,
    find_interpreter,
    measure,
    requests_of,
    server_for,
    service_user,
)
from poolwise.model import Measured

ROOT = Path(__file__).resolve().parent.parent
TIMES = 5
BUSY = "while True: pass"
# figure -> the most it may spread
BOUNDS = {"process_bytes": 0.03, "shared_bytes": 0.03, "request_cpu_s": 0.10}
OTHERS = ("bare_bytes", "thread_bytes", "startup_cpu_s", "import_cpu_s", "application_cpu_s", "front_cpu_s")


def once(server_name: str) -> Measured:
    """One measurement, as the command line makes it by default."""
    interpreter = find_interpreter(str(ROOT / ".hosting/bin/python"))
    return measure(
        Hosted("shop", "shop:app", str(ROOT / "examples/flask_shop")),
        interpreter,
        server_for(server_name, interpreter),
        requests_of(["/teas"], "", ""),
        user=service_user() if os.geteuid() == 0 else "",
    )


def table(runs: list[Measured], seconds: list[float]) -> bool:
    """Print one line for each figure; whether all are within their bounds."""
    values = {name: [run.figures[name].median for run in runs] for name in (*BOUNDS, *OTHERS)}
    values["8 processes x 5 threads"] = [run.app.memory_bytes(8, 5) for run in runs]
    values["seconds taken"] = seconds
    fine = True
    for name, column in values.items():
        spread = (max(column) - min(column)) / (median(column) or 1.0)
        bound = BOUNDS.get(name, 1.0)
        fine &= spread <= bound
        said = f"  at most {bound:.0%}" if name in BOUNDS else ""
        print(f"  {name:24} {median(column):16.6g}  spread {spread:6.1%}{said}")
    return fine


def main(busy: int) -> int:
    """Measure under the load of ``busy`` processes; 1 when a figure spreads more than it may."""
    fine = True
    load = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]
    try:
        for server in ("mod_wsgi", "gunicorn", "uwsgi"):
            runs, seconds = [], []
            for _ in range(TIMES):
                begun = time.monotonic()
                runs.append(once(server))
                seconds.append(time.monotonic() - begun)
            print(f"{runs[0].server}, {busy} busy processes, load average {os.getloadavg()[0]:.1f}")
            fine &= table(runs, seconds)
    finally:
        for each in load:
            each.kill()
            each.wait()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 2))
