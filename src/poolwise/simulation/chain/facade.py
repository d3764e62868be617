"""Run a chain: set up its memory, run the kernel in stretches that can be interrupted, make the ``Run``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from poolwise.model import App, Machine, Run, Topology, Workload
from poolwise.simulation import state as st
from poolwise.simulation.chain import memory as mem
from poolwise.simulation.chain.entry import enter
from poolwise.simulation.chain.outcome import ChainOutcome
from poolwise.simulation.chain.setup import Chain, chain_of
from poolwise.simulation.compiled import compiled_chain, records
from poolwise.simulation.incident import Incident, Timing

STRETCHES = 50


def simulate_chain(
    topology: Topology,
    workload: Workload,
    app: App,
    apps: Mapping[str, App],
    machine: Machine,
    timing: Timing,
    incidents: Sequence[Incident],
    compiled: bool,
    keep_starts: bool,
    label: str,
    drain_s: float,
    seed: int,
) -> Run:
    """Every request through every stage. The arguments have been checked by the caller."""
    chain = chain_of(topology, workload, app, apps, machine, timing, drain_s, seed)
    plan = sorted(incidents, key=lambda incident: incident.time_s)
    inputs = (
        np.array([incident.time_s for incident in plan], np.float64),
        np.array([st.KINDS_OF_INCIDENT[incident.kind] for incident in plan], np.int64),
        np.array([incident.count for incident in plan], np.int64),
    )
    chain = _compiled(chain, inputs) if compiled else _plain(chain, inputs)
    engine = "chain, compiled" if compiled else "chain, plain loop"
    return ChainOutcome(chain, chain.p.seconds).run(engine, label, (), keep_starts)


def _compiled(chain: Chain, inputs: tuple[Any, ...]) -> Chain:
    """Run the compiled twin, which is given addresses: everything here must live until it is done."""
    cs, rs, p = records(chain.cs), records(chain.rs), records([chain.p])
    ns = np.array([row.ctypes.data for row in chain.ns], np.intp)
    xs = np.array([row.ctypes.data for row in chain.xs], np.intp)
    at = [array.ctypes.data for array in (chain.m, chain.y, ns, xs, cs, rs, chain.routes, *inputs)]
    m, y, rows, float_rows, plans, rules, routes, times_s, kinds, counts = at
    given = (m, y, p[0], rows, float_rows, plans, cs[0], rules, rs[0], routes, times_s, kinds, counts)
    _in_stretches(compiled_chain(), (*given, len(inputs[0])), chain.p, chain.m)
    return chain


def _plain(chain: Chain, inputs: tuple[Any, ...]) -> Chain:
    m, y = chain.m.tolist(), chain.y.tolist()
    ns, xs, routes = chain.ns.tolist(), chain.xs.tolist(), chain.routes.tolist()
    times_s, kinds, counts = (values.tolist() for values in inputs)
    cs, rs = list(chain.cs), list(chain.rs)
    given = (m, y, chain.p, ns, xs, cs, cs[0], rs, rs[0], routes, times_s, kinds, counts)
    _in_stretches(enter, (*given, len(times_s)), chain.p, m)
    return Chain(
        chain.stages, chain.workload, np.array(m), np.array(y), chain.p, np.array(ns), np.array(xs),
        chain.cs, chain.rs, chain.routes,
    )  # fmt: skip


def _in_stretches(kernel: Callable[..., bool], given: tuple[Any, ...], p: mem.Layout, m: Any) -> None:
    """Run to the end; an interruption gets through after each stretch.

    Raises KeyboardInterrupt saying how far it had come.
    """
    try:
        for until_s in _stretches(p):
            if kernel(*given, until_s):
                break
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted at {m[mem.ROW] / p.seconds:.0%} of the simulated time: "
            f"{m[mem.ANSWERED_COUNT]:,} of {p.requests:,} requests answered"
        ) from None


def _stretches(p: mem.Layout) -> list[float]:
    step_s = max(p.horizon_s / STRETCHES, 1.0)
    return [step_s * k for k in range(1, STRETCHES)] + [mem.NEVER_S]
