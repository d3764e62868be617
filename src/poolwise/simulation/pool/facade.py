"""The simulation of one pool: check the arguments, run an engine, return a ``Run``.

Two engines give the same numbers to the bit: the event loop takes request after request; the envelope
(``envelope``) only those that may have to wait. Each runs as machine code where numba is installed, elsewhere
as the plain Python that it is made from, slower, and says so once.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from poolwise.model import App, InputError, Machine, Pool, Run, Workload
from poolwise.simulation import state as st
from poolwise.simulation.checks import check_incidents, check_pool, check_workload
from poolwise.simulation.compiled import (
    available,
    compiled_envelope,
    compiled_run,
    loaded,
    must_compile,
    record,
)
from poolwise.simulation.incident import Incident, Timing
from poolwise.simulation.pool.envelope import ASTRAY, run_envelope
from poolwise.simulation.pool.envelope_trace import Trace, prepare
from poolwise.simulation.pool.loop import run
from poolwise.simulation.pool.outcome import Outcome

ENGINES = ("auto", "compiled", "plain", "envelope", "envelope plain")
SMALL = 20_000  # requests: below, loading the machine code takes longer than the plain loop
LARGE = 1_000_000  # requests: above, one reading of the trace pays even for a single pool
STRETCH = 5_000_000  # requests between two looks at the keyboard
DRAIN_S = 3600.0  # how long after the end of the traffic the queue may take to empty
LOG_LINES = 4096


SMALL_APP, TWO_CORES, MEASURED = App(), Machine(), Timing()


def simulate(
    pool: Pool,
    workload: Workload | Trace,
    *,
    app: App = SMALL_APP,
    machine: Machine = TWO_CORES,
    timing: Timing = MEASURED,
    incidents: Sequence[Incident] = (),
    engine: str = "auto",
    keep_starts: bool = False,
    label: str = "",
) -> Run:
    """Simulate ``pool`` under ``workload``, every request of it.

    ``workload``: to try many pools on one, pass ``prepare(workload)`` instead: the series and the passes of
    such a run are worked out when they are first looked at. ``engine``: "compiled" or "plain" (the event
    loop), "envelope" or "envelope plain" (where it is valid, see ``envelope``; else the
    event loop), or "auto"; ``Run.engine`` says which it was. ``keep_starts``: put each request's start
    time in ``Run.details["start_s"]`` (-1 refused, NaN not started at the end).
    Raises InputError for settings, times or workloads that make no sense, naming the argument.
    """
    check_pool(pool, st.ARCHITECTURES)
    plan = sorted(incidents, key=lambda incident: incident.time_s)
    check_incidents(plan, st.KINDS_OF_INCIDENT)
    load = workload.workload if isinstance(workload, Trace) else workload
    if load is workload:
        check_workload(load)
    compiled = _compiled(engine, len(load))
    try:
        c = make_plan(pool, app, machine, timing, load.duration_s, len(load), _mean_s(workload))
        task = Task(pool, load, app, c, compiled, keep_starts, label)
        if _rides(pool, workload, plan, engine, compiled):
            trace = workload if isinstance(workload, Trace) else prepare(workload, compiled=compiled)
            found = task.on_envelope(trace, summary=isinstance(workload, Trace))
            if found is not None:
                return found
        return task.by_events(plan)
    except MemoryError:
        raise InputError(f"workload: {len(load):,} requests do not fit into the memory") from None


@dataclass(frozen=True)
class Task:
    """What is to be simulated, checked, and how."""

    pool: Pool
    load: Workload
    app: App
    c: st.Plan
    compiled: bool
    keep_starts: bool
    label: str

    def by_events(self, incidents: Sequence[Incident]) -> Run:
        """Request after request."""
        n, x = fresh_memory(self.c)
        starts = self._starts()
        inputs: tuple[Any, ...] = (
            np.ascontiguousarray(self.load.arrivals_s, dtype=np.float64),
            np.ascontiguousarray(self.load.service_s, dtype=np.float64),
            starts,
            np.array([incident.time_s for incident in incidents], dtype=np.float64),
            np.array([st.KINDS_OF_INCIDENT[incident.kind] for incident in incidents], dtype=np.int64),
            np.array([incident.count for incident in incidents], dtype=np.int64),
        )
        memory: tuple[Any, ...]
        if self.compiled:
            kernel, memory = compiled_run(), (n, x, record(self.c), *inputs)
        else:
            lists = [array.tolist() for array in (n, x, *inputs)]
            kernel, memory = run, (lists[0], lists[1], self.c, *lists[2:])
        self._in_stretches(kernel, memory)
        return self._run("event-level", self._outcome(self.c, memory), memory[5])

    def on_envelope(self, trace: Trace, summary: bool) -> Run | None:
        """On what is known of the trace; None where that is not enough (see ``envelope``).

        With ``summary`` the series and the passes are left for when they are asked for.
        """
        plan = st.lay_out(self.c._replace(ticks=0)) if summary else self.c
        n, x = fresh_memory(plan)
        starts = self._starts()
        kernel: Callable[..., int]
        memory: tuple[Any, ...]
        if self.compiled:
            kernel = compiled_envelope()[1]
            memory = (n, x, record(plan), trace.envelope, starts, np.empty(0), not summary)
        else:
            lists = [array.tolist() for array in (n, x, starts)]
            kernel, memory = run_envelope, (lists[0], lists[1], plan, trace.lists, lists[2], [], not summary)
        if self._in_stretches(kernel, memory) == ASTRAY:
            return None
        full = (
            cache(lambda: self.on_envelope(trace, summary=False) or self.by_events(())) if summary else None
        )
        return self._run("envelope", self._outcome(plan, memory, trace.arrived), memory[4], full)

    def _starts(self) -> Any:
        return np.full(len(self.load) if self.keep_starts else 0, np.nan)

    def _in_stretches(self, kernel: Callable[..., int], memory: Sequence[Any]) -> int:
        """Run to the end, and let an interruption through every few million requests.

        Raises KeyboardInterrupt saying how far it had come.
        """
        requests, end_s = max(len(self.load), 1), self.c.horizon_s
        stretch_s = end_s * STRETCH / requests
        pause_s = stretch_s
        try:
            while not (state := kernel(*memory, pause_s)):
                pause_s += stretch_s
        except KeyboardInterrupt:
            decided = int(memory[0][st.NEXT] - memory[0][st.QUEUE_SIZE])
            raise KeyboardInterrupt(
                f"interrupted at {min(memory[1][st.WAKE_S] / end_s, 1.0):.0%} of the simulated time: "
                f"{decided:,} of {requests:,} requests simulated"
            ) from None
        return int(state)

    def _outcome(self, c: st.Plan, memory: Sequence[Any], arrived: Any = None) -> Outcome:
        return Outcome(
            self.pool, self.load, self.app, c, np.asarray(memory[0]), np.asarray(memory[1]), arrived
        )

    def _run(self, engine: str, outcome: Outcome, starts: Any, full: Callable[[], Run] | None = None) -> Run:
        kind = "compiled" if self.compiled else "plain loop"
        details = {"start_s": np.asarray(starts)} if self.keep_starts else {}
        return outcome.run(f"{engine}, {kind}", self.label, details, full)


def fresh_memory(c: st.Plan) -> tuple[Any, Any]:
    """The kernel's two memories before the first process."""
    ints, floats = st.sizes(c)
    n, x = np.zeros(ints, np.int64), np.zeros(floats)
    n[c.bucket : c.bucket + st.BUCKETS_IN_RING] = st.NOWHERE
    n[c.doing : c.doing + c.workers] = st.IDLE
    return n, x


def _rides(
    pool: Pool, workload: Workload | Trace, incidents: Sequence[Incident], engine: str, compiled: bool
) -> bool:
    """Whether the envelope is valid here, and wanted or worth its first reading of the trace.

    Read by the plain loop, a trace costs as much as one run of the event loop.
    """
    if pool.max_connections_per_child != 0 or incidents:
        return False
    if not 0 < len(workload) < 2**31:
        return False
    large = isinstance(workload, Trace) or (compiled and len(workload) >= LARGE)
    return engine.startswith("envelope") or (engine == "auto" and large)


def _mean_s(workload: Workload | Trace) -> float:
    """Mean service time."""
    if isinstance(workload, Trace):
        return workload.mean_s
    return float(workload.service_s.mean()) if len(workload) else 0.0


def _calendar_scale(requests: int, mean_s: float, horizon_s: float) -> float:
    """Buckets a second, a power of two: about one request each, and most service times inside the ring."""
    if requests == 0:
        return 1.0
    grain = min(requests / horizon_s, st.BUCKETS_IN_RING / (4.0 * max(mean_s, 1e-6)))
    return float(2.0 ** min(max(round(math.log2(grain)), -6), 20))


def needs_compiling(requests: int) -> bool:
    """Whether simulating so many requests will first compile the kernel for this machine."""
    return requests >= SMALL and must_compile(entry="run_envelope" if requests >= LARGE else "run")


def _compiled(engine: str, requests: int) -> bool:
    """Machine code or plain Python: loading the former takes longer than simulating a small trace plainly."""
    if engine not in ENGINES:
        raise InputError(f"engine {engine!r}: choose {', '.join(ENGINES)}")
    if engine == "compiled" and not available():
        raise InputError("engine 'compiled' needs numba: pip install 'poolwise[fast]'")
    if engine not in ("auto", "envelope"):
        return engine == "compiled"
    if requests < SMALL and not loaded() and engine == "auto":
        return False
    if not available():
        _say_slow()
        return False
    return True


@cache
def _say_slow() -> None:
    warnings.warn(
        "numba is not installed: simulating with the plain loop, some 30 times slower", stacklevel=4
    )


def make_plan(
    pool: Pool, app: App, machine: Machine, timing: Timing, duration_s: float, requests: int, mean_s: float
) -> st.Plan:
    """The plan of a run of ``duration_s``; ``requests`` and ``mean_s`` choose the calendar's grain."""
    seconds = max(math.ceil(duration_s), 1)
    horizon_s = float(seconds)
    architecture = st.ARCHITECTURES[pool.architecture]
    replaces_killed, old_kill_rule = st.version_rules(architecture, pool.httpd_version)
    slots = pool.server_limit if architecture == st.EVENT else pool.process_limit
    plan = st.Plan(
        architecture=architecture,
        threads=pool.threads,
        start=pool.start,
        min_spare=pool.min_spare,
        max_spare=pool.max_spare,
        process_limit=pool.process_limit,
        slots=slots,
        server_limit=pool.server_limit,
        max_workers=pool.max_workers,
        max_connections=pool.max_connections_per_child,
        backlog=pool.backlog,
        replaces_killed=replaces_killed,
        old_kill_rule=old_kill_rule,
        step_by_step=False,
        cores=machine.cores,
        startup_cpu_s=app.startup_cpu_s,
        startup_wait_s=app.startup_wait_s,
        sleep_s=timing.sleep_s,
        fork_s=timing.fork_s,
        die_s=timing.exit_s(threaded=architecture != st.PREFORK),
        parse_s=timing.parse_s,
        scale=_calendar_scale(requests, mean_s, horizon_s),
        horizon_s=horizon_s,
        stop_s=horizon_s + DRAIN_S,
        workers=slots * pool.threads,
        seconds=seconds,
        ticks=int((horizon_s + DRAIN_S) / timing.sleep_s) + 2,
        lines=LOG_LINES,
    )
    return st.lay_out(plan)
