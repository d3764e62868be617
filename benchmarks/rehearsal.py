"""How near is the simulation to a rehearsal on a real httpd of this machine?

Prints a line a case: how far processes and busy workers are apart at the middle of each second (mean and
most), how far two recordings of the case are from one another (``noise``), processes created and waits
(rehearsed, then simulated), and which figures are outside of what chance does (``report.rehearsal``). Cases
are the golden ones of the tests, shortened, and recorded ones with their arrivals.

    python benchmarks/rehearsal.py [BEGINNING OF A CASE ...]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import numpy as np

from compare_recordings import comparison
from poolwise.cli.rehearsing import Rehearsing
from poolwise.model import Run
from poolwise.report.rehearsal import chances
from recorded import recordings
from rehearsals import both, no_traffic, of_recording, pool_text, rehearsing, traffic

RECORDED = (
    "p03_ramp40", "p04_burst100", "p05_poisson_churn", "p07_overload20", "p10b_keepalive30_offset",
    "p11_cpu_half", "w13_ramp300", "w14a_poisson", "w15_burst350", "e15_burst350", "e16_ramp300",
    "e17a_poisson", "e18_keepalive30", "d20_daemon_overload", "d21_daemon_maxreq",
)  # fmt: skip
OFF = {"KeepAlive": "Off"}


def prefork(start: int, low: int, high: int, most: int) -> dict[str, object]:
    return {
        "StartServers": start,
        "MinSpareServers": low,
        "MaxSpareServers": high,
        "MaxRequestWorkers": most,
        **OFF,
    }


def threaded(start: int, threads: int, low: int, high: int, most: int, servers: int = 0) -> dict[str, object]:
    asked = {
        "StartServers": start,
        "ThreadsPerChild": threads,
        "MinSpareThreads": low,
        "MaxSpareThreads": high,
    }
    return {**asked, "MaxRequestWorkers": most, **({"ServerLimit": servers} if servers else {}), **OFF}


def idle(mpm: str, directives: dict[str, object], seconds: float) -> Rehearsing:
    return rehearsing(pool_text(mpm, directives), no_traffic(seconds))


def at_once(mpm: str, directives: dict[str, object], number: int, at_s: float, seconds: float) -> Rehearsing:
    return rehearsing(pool_text(mpm, directives), traffic(seconds, [at_s] * number, 2 * seconds))


GOLDEN: dict[str, Callable[[], Rehearsing]] = {
    "G1 prefork doubles": lambda: idle("prefork", prefork(1, 5, 10, 50), 8),
    "G2 prefork 100/110": lambda: idle("prefork", prefork(1, 100, 110, 256), 20),
    "G3 prefork too many": lambda: idle("prefork", prefork(60, 5, 10, 256), 20),
    "G4 prefork max below min": lambda: idle("prefork", prefork(20, 5, 3, 256), 17),
    "G5 prefork min above limit": lambda: idle("prefork", prefork(5, 50, 60, 10), 6),
    "G6 prefork 20 long": lambda: at_once("prefork", prefork(5, 5, 10, 50), 20, 0.5, 14),
    "G10 event doubles": lambda: idle("event", threaded(1, 5, 100, 200, 200, 60), 8),
    "G11 worker doubles": lambda: idle("worker", threaded(1, 5, 100, 200, 200, 60), 8),
    "G12 event no slack": lambda: idle("event", {"StartServers": 16, **OFF}, 14),
    "G15 worker 16": lambda: idle("worker", {"StartServers": 16, **OFF}, 9),
    "G20 event beyond ServerLimit": lambda: at_once("event", threaded(1, 5, 5, 20, 50, 2), 10, 2.5, 8),
    "G21 worker beyond ServerLimit": lambda: at_once("worker", threaded(1, 5, 5, 20, 50, 2), 10, 2.5, 8),
    "G22 event full": lambda: at_once("event", threaded(2, 5, 5, 20, 10, 4), 10, 2.5, 8),
    "G23 prefork not all busy": lambda: at_once("prefork", prefork(10, 5, 10, 10), 6, 2.5, 8),
}  # fmt: skip


def cases() -> Iterator[tuple[str, Callable[[], Rehearsing]]]:
    """All cases by name."""
    yield from GOLDEN.items()
    for name in RECORDED:
        yield name, lambda name=name: of_recording(recordings(name)[0])  # type: ignore[misc]


def off(one: Run, other: Run, line: str) -> str:
    apart = np.abs(one.series[line] - other.series[line])
    return f"{apart.mean():.2f} / {apart.max():.0f}"


def show(name: str, case: Rehearsing) -> None:
    """Run a case and print its line."""
    done, simulated = both(case)
    run = done.run
    noise = ""
    if name in RECORDED:
        apart = comparison(name).noise
        noise = f"{apart.mean['processes']:.2f} / {apart.most['processes']:.0f}"
    equal = float((run.series["total"] == simulated.series["total"]).mean())
    waits = [
        f"{one.wait.quantile_s(q):.2f} {other.wait.quantile_s(q):.2f}"
        for q in (0.5, 0.95)
        for one, other in [(run, simulated)]
    ]
    outside = (
        [each.name for each in chances(run, case.shaken(done, ())) if not each.inside]
        if len(case.load)
        else []
    )
    ids = [sorted({line.id for line in each.messages}) for each in (run, simulated)]
    daemons = off(run.stages[0], simulated.stages[0], "total") if run.stages else ""
    start = f"{name:30}{len(run.series['total']):4}{run.totals['requests']:6.0f}"
    print(
        f"{start}{run.details['machine_busy']:6.0%}{off(run, simulated, 'total'):>12}"
        f"{100 * equal:6.0f} %{noise:>12}{off(run, simulated, 'busy'):>12}{daemons:>12}"
        f"{run.totals['created']:6.0f}{simulated.totals['created']:5.0f}  {waits[0]:>12} {waits[1]:>12}  "
        f"{' '.join(outside) or 'all inside'}"
        f"{'' if ids[0] == ids[1] else f', messages {ids[0]} {ids[1]}'}",
        flush=True,
    )


HEAD = (
    f"{'case':30}{'s':>4}{'req':>6}{'cpu':>6}{'processes':>12}{'equal':>8}{'noise':>12}{'busy':>12}{'daemons':>12}"
    f"{'created':>11}  {'p50 wait':>12} {'p95 wait':>12}"
)


def main() -> None:
    """Print the table; arguments are the beginnings of the cases wanted."""
    wanted = tuple(sys.argv[1:])
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # httpd gets it too, as the recordings did
    print(HEAD)
    for name, make in cases():
        if not wanted or name.startswith(wanted):
            show(name, make())


if __name__ == "__main__":
    main()
