"""The memory of a chain before its first event: the workload's arrays, connections, places of all stages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from poolwise.model import App, InputError, Machine, Topology, Workload
from poolwise.simulation import state as st
from poolwise.simulation.chain import memory as mem
from poolwise.simulation.chain.stages import Stage, plan, rules, stages_of
from poolwise.simulation.chain.workers import sides_of
from poolwise.simulation.incident import Timing

if TYPE_CHECKING:
    from poolwise.model import Floats, Ints

LOG_LINES = 4096
MOST_BYTES = 16_000_000_000


@dataclass(frozen=True, eq=False)
class Chain:
    """Everything that the kernel works on, with what it was made from."""

    stages: Sequence[Stage]
    workload: Workload
    m: Ints
    y: Floats
    p: mem.Layout
    ns: Ints  # (stages, longest)
    xs: Floats
    cs: Sequence[st.Plan]
    rs: Sequence[mem.Rules]
    routes: Ints


def chain_of(
    topology: Topology,
    workload: Workload,
    app: App,
    apps: Mapping[str, App],
    machine: Machine,
    timing: Timing,
    drain_s: float,
    seed: int,
) -> Chain:
    """The memory for a run. Raises InputError when it would not fit."""
    stages = stages_of(topology, app, apps)
    seconds = max(math.ceil(workload.duration_s), 1)
    pooled = topology.proxy.upstream_keep_alive if topology.proxy else 0
    chained = _chained(workload)
    closes = workload.clients.closes
    asked = [rules(stage, topology.front, closes, chained or pooled > 0) for stage in stages]
    attempts = len(workload) * (1 + workload.clients.retries)
    cs = _plans(stages, machine, timing, seconds, drain_s, attempts + 1)
    layout = _layout(topology, workload, machine, asked, cs, seconds, drain_s, seed)
    _check_size(layout, cs)
    m, y, rs, layout = _places(layout, asked, cs)
    chain = Chain(
        stages, workload, m, y, layout,
        np.zeros((len(cs), max(st.sizes(c)[0] for c in cs)), np.int64),
        np.zeros((len(cs), max(st.sizes(c)[1] for c in cs))),
        cs, rs,
        np.array([topology.route(kind) + 1 for kind in range(_kinds(workload, topology))], np.int64),
    )  # fmt: skip
    for k, c in enumerate(cs):
        chain.ns[k, c.doing : c.doing + c.workers] = st.IDLE
    _fill(chain, stages)
    return chain


def _kinds(workload: Workload, topology: Topology) -> int:
    highest = int(workload.kind.max()) if workload.kind is not None and len(workload) else 0
    return max(highest + 1, len(topology.routes), 1)


def _chained(workload: Workload) -> bool:
    return workload.connection is not None and len(workload) > 0 and bool((workload.connection >= 0).any())


def _plans(
    stages: Sequence[Stage], machine: Machine, timing: Timing, seconds: int, drain_s: float, most: int
) -> list[st.Plan]:
    """The plans of all stages; no queue needs more than ``most`` places."""
    first = min(stages[0].pool.backlog, most)
    front = plan(stages[0], machine, timing, seconds, drain_s, first, LOG_LINES)
    groups = [
        plan(
            stage,
            machine,
            timing,
            seconds,
            drain_s,
            min(stage.pool.backlog, most) + front.workers + 1,
            LOG_LINES,
        )
        for stage in stages[1:]
    ]
    return [front, *groups]


def _layout(
    topology: Topology,
    workload: Workload,
    machine: Machine,
    asked: Sequence[mem.Rules],
    cs: Sequence[st.Plan],
    seconds: int,
    drain_s: float,
    seed: int,
) -> mem.Layout:
    requests, clients = len(workload), workload.clients
    workers, slots = sum(c.workers for c in cs), sum(c.slots for c in cs)
    uploads, downloads = _any(workload.upload_s), _any(workload.download_s)
    groups = sum(_groups(r, c) for r, c in zip(asked, cs, strict=True))
    jobs = sum(_groups(r, c) * _members(r, c) for r, c in zip(asked, cs, strict=True))
    outside = (
        _chained(workload) or clients.retries or (uploads and (topology.proxy or not asked[0].holds_upload))
    )
    return mem.Layout(
        stages=len(cs),
        requests=requests,
        attempts=requests * (1 + clients.retries),
        workers=workers,
        slots=slots,
        groups=groups,
        jobs=jobs,
        timers=(2 + 2 * len(cs)) * workers + 6 * slots + (requests if outside else 0) + 64,
        seconds=seconds,
        cores=machine.cores,
        horizon_s=float(seconds),
        stop_s=seconds + drain_s,
        patience_s=min(clients.patience_s, mem.NEVER_S),
        retries=clients.retries,
        retry_s=clients.retry_s,
        closes=clients.closes,
        proxied=topology.proxy is not None,
        pool=topology.proxy.upstream_keep_alive if topology.proxy else 0,
        chained=_chained(workload),
        uploads=uploads,
        downloads=downloads,
        kinds=workload.kind is not None,
        owns=asked[0].idle == mem.PARKED and asked[0].kept_by != mem.BY_HTTPD,
        seed=seed,
    )


def _any(values: Floats | None) -> bool:
    return values is not None and bool((values > 0).any())


def _groups(r: mem.Rules, c: st.Plan) -> int:
    """Groups of threads with a GIL of their own, in all processes that the slots can hold."""
    each = {mem.SHARED_GIL: 1, mem.INTERPRETER_GIL: r.interpreters, mem.NO_GIL: c.threads}[r.gil]
    return c.slots * sides_of(c) * each


def _members(r: mem.Rules, c: st.Plan) -> int:
    return 1 if r.gil == mem.NO_GIL else c.threads


def _check_size(p: mem.Layout, cs: Sequence[st.Plan]) -> None:
    ints, floats = mem.sizes(mem.lay_out(p))
    size = 8 * (ints + floats + len(cs) * (max(sum(st.sizes(c)) for c in cs)))
    if size > MOST_BYTES:
        raise InputError(
            f"workload: {p.requests:,} requests on {p.workers:,} workers need {size / 1e9:.0f} GB; "
            f"at most {MOST_BYTES / 1e9:.0f} GB can be simulated at once: give a shorter time or less traffic"
        )


def _places(
    p: mem.Layout, asked: Sequence[mem.Rules], cs: Sequence[st.Plan]
) -> tuple[Ints, Floats, list[mem.Rules], mem.Layout]:
    """The two memories, and the rules with the places of each stage in them."""
    p = mem.lay_out(p)
    ints, floats = mem.sizes(p)
    worker = slot = group = job = 0
    placed: list[mem.Rules] = []
    regions: list[Ints] = []
    for r, c in zip(asked, cs, strict=True):
        placed.append(
            r._replace(worker0=worker, slot0=slot, group0=group, memory0=floats, state0=floats + p.seconds)
        )
        count, members = _groups(r, c), _members(r, c)
        regions.append(job + members * np.arange(count))
        worker, slot, group, job = worker + c.workers, slot + c.slots, group + count, job + count * members
        floats += p.seconds + mem.POLICY_FLOATS
    m, y = np.zeros(ints, np.int64), np.zeros(floats)
    m[p.region : p.region + p.groups] = np.concatenate(regions)
    for start, length in (
        (p.place, p.groups),
        (p.group, p.workers),
        (p.parked, p.slots),
        (p.own_first, p.slots),
        (p.own_last, p.slots),
        (p.front, p.attempts),
    ):
        m[start : start + length] = -1
    y[p.came_s : p.came_s + p.attempts] = np.nan
    y[mem.WORK_NEXT_S] = mem.NEVER_S
    y[mem.WORK_AT_S] = -1e6
    return m, y, placed, p


def _fill(chain: Chain, stages: Sequence[Stage]) -> None:
    """Copy the workload's arrays to their places."""
    m, y, p, load = chain.m, chain.y, chain.p, chain.workload
    count = p.requests
    service = np.asarray(load.service_s, np.float64)
    columns: dict[str, Any] = {"arrive_s": load.arrivals_s, "service_s": service}
    columns["cpu_s"] = load.cpu_s if load.cpu_s is not None else service * _cpu_shares(chain, stages)
    if p.uploads:
        columns["upload_s"] = load.upload_s
    if p.downloads:
        columns["download_s"] = load.download_s
    if p.chained:
        columns["think_s"] = load.think_s if load.think_s is not None else np.full(count, np.nan)
    columns["start_s"] = columns["end_s"] = np.full(count, np.nan)
    for name, values in columns.items():
        y[getattr(p, name) : getattr(p, name) + count] = values
    if p.kinds and load.kind is not None:
        m[p.kind : p.kind + count] = load.kind
    if p.chained and load.connection is not None:
        _link(m, p, np.asarray(load.connection))


def _cpu_shares(chain: Chain, stages: Sequence[Stage]) -> Any:
    """CPU share of every request by the application that runs it."""
    shares = np.array([stage.app.cpu_share for stage in stages])
    of_kind = shares[chain.routes]
    kind = chain.workload.kind
    return of_kind[0] if kind is None else of_kind[kind]


def _link(m: Ints, p: mem.Layout, connection: Ints) -> None:
    """Who follows whom on a connection."""
    follower, leader = np.full(p.requests, -1), np.full(p.requests, -1)
    order = np.argsort(connection, kind="stable")
    same = (np.diff(connection[order]) == 0) & (connection[order][1:] >= 0)
    before, after = order[:-1][same], order[1:][same]
    follower[before], leader[after] = after, before
    m[p.follower : p.follower + p.requests] = follower
    m[p.leader : p.leader + p.requests] = leader
    shares = np.zeros(p.requests, np.int64) if p.proxied else np.where(connection >= 0, 0, -1)
    m[p.carried : p.carried + p.attempts] = np.tile(shares, p.attempts // p.requests)
