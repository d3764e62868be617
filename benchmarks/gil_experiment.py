"""Threads under a real GIL, beside theory and simulation: each computes x ms in Python, then sleeps y ms.

Prints the throughput of 1, 2, 4, 8 and 16 threads of this interpreter; what queueing theory says (machine
repairman; for fixed times, where the order decides, only the bound min(N / (x + y), 1 / x)); and what the
simulation says of a process with N threads whose clients come back at once.

What is computed is measured by each thread's own CPU clock, so that a slow second is no heavier work. Demands
are drawn in blocks with exact means. Where it may, the experiment runs at real-time priority (it never needs
more than one core). Windows in which its threads had to wait for a processor are left out; how many is said,
and how much CPU others used. No more than about three minutes in all.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from poolwise.capacity import python_threads
from poolwise.model import App, Machine, Pool, Topology, Workload
from poolwise.simulation import Timing, simulate

COMPUTE_S, SLEEP_S = 0.005, 0.020
THREADS = (1, 2, 4, 8, 16)
LAWS = ("exponential", "fixed")
WINDOW_S = 1.0
WARM_UP_S = 0.3
WANTED = 5  # quiet windows for each row
ROUND = 3  # windows in one go
WAITING = 0.05  # share of a quiet window that our threads together may wait for a processor
BUDGET_S = 140.0
BLOCK = 20


@dataclass
class Row:
    """One law and number of threads: completions a second, window by window."""

    law: str
    threads: int
    quiet: list[float] = field(default_factory=list)
    disturbed: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)  # cores used by other processes, all windows


def demands(law: str, mean_s: float, rng: np.random.Generator) -> Iterator[float]:
    """Times without end, in blocks of mean ``mean_s``: the middles of equal shares of the law, shuffled."""
    middles = -np.log1p(-(np.arange(BLOCK) + 0.5) / BLOCK) if law == "exponential" else np.ones(BLOCK)
    block = middles / middles.mean() * mean_s
    while True:
        yield from rng.permutation(block).tolist()


def compute(cpu_s: float) -> None:
    """Pure Python until this thread has used ``cpu_s`` of CPU."""
    until_s = time.thread_time() + cpu_s
    number = 1
    while time.thread_time() < until_s:
        for _ in range(150):  # some 10 us
            number = number * 3 % 1_000_003


def processors_busy_s() -> float:
    """CPU time that all processes have used since the machine started."""
    fields = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]
    user, nice, system, _, _, irq, softirq, steal = (int(one) for one in fields)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def waited_s() -> float:
    """Time that our threads have been ready to run without a processor to run on."""
    times = [path.read_text("ascii").split()[1] for path in Path("/proc/self/task").glob("*/schedstat")]
    return sum(int(one) for one in times) / 1e9


def books(done: list[int]) -> tuple[float, ...]:
    """Clock, requests done, CPU used by other processes, our waiting."""
    return time.perf_counter(), sum(done), processors_busy_s() - time.process_time(), waited_s()


def measure(row: Row, windows: int, seed: int) -> None:
    """Run the threads and book some windows."""
    done = [0] * row.threads
    over = threading.Event()

    def work(mine: int) -> None:
        rng = np.random.default_rng([seed, mine])
        computing, sleeping = demands(row.law, COMPUTE_S, rng), demands(row.law, SLEEP_S, rng)
        time.sleep(rng.uniform(0, COMPUTE_S + SLEEP_S))
        while not over.is_set():
            compute(next(computing))
            time.sleep(next(sleeping))
            done[mine] += 1

    workers = [threading.Thread(target=work, args=(i,)) for i in range(row.threads)]
    for worker in workers:
        worker.start()
    time.sleep(WARM_UP_S)
    for _ in range(windows):
        before = books(done)
        time.sleep(WINDOW_S)
        seconds, count, busy_s, waiting_s = (
            now - then for now, then in zip(books(done), before, strict=True)
        )
        quiet = waiting_s <= WAITING * seconds
        (row.quiet if quiet else row.disturbed).append(count / seconds)
        row.others.append(busy_s / seconds)
    over.set()
    for worker in workers:
        worker.join()


def simulated(law: str, threads: int, cycles: int = 3000) -> float:
    """Throughput of one process whose threads never lack work."""
    rng = np.random.default_rng(threads)
    draws = [
        (demands(law, COMPUTE_S, rng), demands(law, SLEEP_S, rng), rng.uniform(0, COMPUTE_S + SLEEP_S))
        for _ in range(threads)
    ]
    cpu = np.array([[next(computing) for computing, _, _ in draws] for _ in range(cycles)])
    sleep = np.array([[next(sleeping) for _, sleeping, _ in draws] for _ in range(cycles)])
    arrivals = np.repeat([sorted(start for _, _, start in draws)], cycles, axis=0)
    arrivals[1:] = arrivals[0].max()  # at once after the response before
    load = Workload(
        label="threads that never lack work",
        arrivals_s=arrivals.ravel(),
        service_s=(cpu + sleep).ravel(),
        duration_s=1.0,
        cpu_s=cpu.ravel(),
        connection=np.tile(np.arange(threads), cycles),
    )
    front = Pool(
        "process", "worker", threads, 1, 1, 2 * threads + 1, 1, 1, threads, options={"KeepAliveTimeout": 60.0}
    )
    run = simulate(
        Topology(front), load, app=App(startup_cpu_s=0.0), machine=Machine(2), timing=Timing.ideal(),
        keep_starts=True,
    )  # fmt: skip
    ends = run.details["end_s"].reshape(cycles, threads)
    from_s, to_s = ends[cycles // 20].max(), ends[-1].min()  # all of them work in between
    return float(((ends > from_s) & (ends <= to_s)).sum() / (to_s - from_s))


def theory(law: str, threads: int) -> float:
    """Machine repairman; the bound for fixed times."""
    if law == "fixed":
        return min(threads / (COMPUTE_S + SLEEP_S), 1.0 / COMPUTE_S)
    return float(python_threads(threads, COMPUTE_S, SLEEP_S).throughput_rps[-1])


def collect() -> list[Row]:
    """Go round the rows until each has its quiet windows or the time is over."""
    rows = [Row(law, threads) for law in LAWS for threads in THREADS]
    until_s = time.monotonic() + BUDGET_S
    seed = 0
    while wanting := [row for row in rows if len(row.quiet) < WANTED]:
        for row in wanting:
            if time.monotonic() + WARM_UP_S + ROUND * WINDOW_S > until_s:
                return rows
            seed += 1
            measure(row, min(ROUND, WANTED - len(row.quiet)), seed)
    return rows


def show(row: Row) -> tuple[float, float]:
    """One line: throughputs, windows, ratios. Returns how far the simulation is off theory and experiment."""
    expected, simulation = theory(row.law, row.threads), simulated(row.law, row.threads)
    line = f"{row.law:12}{row.threads:3}{expected:10.1f}{simulation:11.1f}{simulation / expected:9.3f}"
    others = float(np.mean(row.others)) if row.others else 0.0
    windows = f"{len(row.quiet):3} of {len(row.quiet) + len(row.disturbed):2}{others:9.1f}"
    if len(row.quiet) >= 3:
        real = float(np.mean(row.quiet))
        error = float(np.std(row.quiet, ddof=1)) / len(row.quiet) ** 0.5
        print(f"{line}{real:9.1f} +-{error:4.1f}{simulation / real:8.3f}{real / expected:8.3f}   {windows}")
        return abs(simulation / expected - 1), abs(simulation / real - 1)
    if row.disturbed:
        print(f"{line}{np.mean(row.disturbed):9.1f} disturbed{'':17}{windows}")
    return abs(simulation / expected - 1), 0.0


def main() -> None:
    """Print the table."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    print(
        f"CPython {version}, x = {COMPUTE_S * 1e3:.0f} ms, y = {SLEEP_S * 1e3:.0f} ms, "
        f"windows (1 s or more) in which our threads waited at most {WAITING:.0%} for a processor"
    )
    with suppress(OSError):  # not everybody may
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    rows = collect()
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    print(f"{'law':12}{'N':>3}{'theory/s':>10}{'simulated/s':>12}{'sim/th':>8}{'real/s':>9}{'sim/re':>15}"
          f"{'re/th':>8}   windows   others")  # fmt: skip
    for law in LAWS:
        off = [show(row) for row in rows if row.law == law]
        theory_off, real_off = (max(values) for values in zip(*off, strict=True))
        print(
            f"{law}: the simulation is at most {theory_off:.1%} off theory, {real_off:.1%} off the real one"
        )


if __name__ == "__main__":
    main()
