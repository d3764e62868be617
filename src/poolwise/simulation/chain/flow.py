"""A request's way through the chain: read, handed to a group, loaded, worked on, answered, sent.

``settle`` lets every worker that was called go on until it waits for something. A step never calls itself:
what it sets free is put in the line of workers to go on, and takes its turn there.
"""

from __future__ import annotations

from poolwise.simulation.buckets import bucket_of
from poolwise.simulation.chain.clients import (
    close_parked,
    close_surplus,
    conclude,
    keep,
    try_again,
)
from poolwise.simulation.chain.memory import (
    AS_FAILED,
    AS_IMPATIENT,
    AS_OVER,
    AWAITS_IMPORT,
    CALLED,
    CALLED_FIRST,
    ENTER,
    FAILED,
    HELD,
    IMPORTS,
    KEPT,
    LOAD,
    LOAD_WORK,
    LOADED,
    OWN_WAITING,
    PARKED_COUNT,
    PHASE_OVER,
    READ,
    RESPOND,
    RUN,
    SENT,
    WAITING,
    Layout,
    Rules,
    code_of,
    request_of,
)
from poolwise.simulation.chain.processor import begin_work
from poolwise.simulation.chain.queues import free_worker, join, pull, upload_of_s
from poolwise.simulation.chain.timers import set_timer
from poolwise.simulation.chain.workers import (
    call,
    group_of,
    stage_of,
    weigh_connections,
)
from poolwise.simulation.state import (
    RESPONSE_MAX_S,
    RESPONSE_SUM_S,
    SERVED,
    WAIT_MAX_S,
    WAIT_SUM_S,
    WAITED,
    Floats,
    Ints,
    Plan,
)

Rows = list[Ints]
FloatRows = list[Floats]


def settle(
    m: Ints,
    y: Floats,
    p: Layout,
    ns: Rows,
    xs: FloatRows,
    cs: list[Plan],
    rs: list[Rules],
    routes: Ints,
    now_s: float,
) -> None:
    """Let every worker that was called go on, and whoever they call, until all wait for something."""
    while m[CALLED] > 0:
        worker = m[p.called + m[CALLED_FIRST]]
        m[CALLED_FIRST] = m[CALLED_FIRST] + 1 if m[CALLED_FIRST] + 1 < p.workers else 0
        m[CALLED] -= 1
        k = stage_of(p, rs, worker)
        if m[p.phase + worker] == READ or m[p.phase + worker] == ENTER:
            k = _enter(m, y, p, ns, cs, rs, routes, worker, now_s)
            if k != 0:
                continue
        if m[p.phase + worker] <= RUN:
            if not _run(m, y, p, ns[k], cs[k], rs[k], worker, now_s):
                continue
            if k > 0:
                _answer(m, y, p, ns, xs, cs, rs, k, worker, now_s)
                continue
            m[p.phase + worker] = RESPOND
        _respond(m, y, p, ns, xs, cs, rs, worker, now_s)


def _enter(
    m: Ints,
    y: Floats,
    p: Layout,
    ns: Rows,
    cs: list[Plan],
    rs: list[Rules],
    routes: Ints,
    worker: int,
    now_s: float,
) -> int:
    """Read a request and find where it runs: 0 here, else the worker waits for a group or for its input."""
    n, c, r = ns[0], cs[0], rs[0]
    attempt = n[c.doing + worker]
    i = request_of(p, attempt)
    k = routes[m[p.kind + i]] if p.kinds else routes[0]
    if m[p.phase + worker] == READ:
        _note_front_wait(m, y, p, attempt, i, now_s)
        m[p.phase + worker] = ENTER
        passes_on = k > 0 and rs[k].holds_upload
        if r.holds_upload and not passes_on and upload_of_s(y, p, i) > 0.0:
            set_timer(m, y, p, now_s + upload_of_s(y, p, i), code_of(PHASE_OVER, worker))
            return -1
    if k == 0:
        m[p.phase + worker] = LOAD
        return 0
    join(m, y, p, ns[k], cs[k], rs[k], k, worker, attempt, now_s)
    return k


def _note_front_wait(m: Ints, y: Floats, p: Layout, attempt: int, i: int, now_s: float) -> None:
    wait_s = now_s - y[p.came_s + attempt]
    if p.uploads and p.proxied:
        wait_s -= y[p.upload_s + i]
    m[p.front_wait + bucket_of(wait_s)] += 1


def _run(m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, worker: int, now_s: float) -> bool:
    """The application's part: load it where needed, then bursts and pauses. True when it has answered."""
    local = worker - r.worker0
    spot = r.slot0 + local // c.threads
    attempt = n[c.doing + local]
    i = request_of(p, attempt)
    phase = m[p.phase + worker]
    if phase == LOAD and m[p.loaded + spot] != 2 and n[c.orphan + local] == 0:
        if m[p.loaded + spot] == 1:
            m[p.phase + worker] = AWAITS_IMPORT
            return False
        m[p.loaded + spot] = 1
        m[IMPORTS] += 1
        m[p.phase + worker] = phase = LOAD_WORK
        if r.import_wait_s > 0.0:
            set_timer(m, y, p, now_s + r.import_wait_s, code_of(PHASE_OVER, worker))
            return False
    if phase == LOAD_WORK:
        m[p.phase + worker] = phase = LOADED
        if r.import_cpu_s > 0.0:
            kind = m[p.kind + i] if p.kinds else 0
            begin_work(m, y, p, worker, group_of(m, p, c, r, local, kind), r.import_cpu_s, now_s)
            return False
    if phase == LOADED:
        if n[c.orphan + local] == 0:
            m[p.loaded + spot] = 2
        first = worker - local % c.threads
        for other in range(first, first + c.threads):
            awaits = m[p.phase + other] == AWAITS_IMPORT and m[p.side + other] == m[p.side + worker]
            if awaits and n[c.doing + other - r.worker0] >= 0:
                call(m, p, other, LOAD)
    if phase != RUN:
        m[p.phase + worker] = RUN
        m[p.part + worker] = 0
        if m[p.left + attempt] != AS_IMPATIENT:
            y[p.start_s + i] = now_s
    cpu_s, service_s, bursts = y[p.cpu_s + i], y[p.service_s + i], r.bursts
    while m[p.part + worker] < 2 * bursts:
        part = m[p.part + worker]
        m[p.part + worker] = part + 1
        if part & 1:
            if service_s > cpu_s:
                pause_s = (service_s - cpu_s) / bursts
                set_timer(m, y, p, now_s + pause_s, code_of(PHASE_OVER, worker))
                return False
        elif cpu_s > 0.0:
            kind = m[p.kind + i] if p.kinds else 0
            begin_work(m, y, p, worker, group_of(m, p, c, r, local, kind), cpu_s / bursts, now_s)
            return False
    return True


def _answer(
    m: Ints,
    y: Floats,
    p: Layout,
    ns: Rows,
    xs: FloatRows,
    cs: list[Plan],
    rs: list[Rules],
    k: int,
    worker: int,
    now_s: float,
) -> None:
    """A group has answered: its worker is free, the front's worker goes on."""
    n, x, c, r = ns[k], xs[k], cs[k], rs[k]
    attempt = n[c.doing + worker - r.worker0]
    front = m[p.front + attempt]
    if front >= 0:
        spent_s = now_s - y[p.since_s + front]
        n[c.response + bucket_of(spent_s)] += 1
        x[RESPONSE_SUM_S] += spent_s
        x[RESPONSE_MAX_S] = max(x[RESPONSE_MAX_S], spent_s)
        m[p.front + attempt] = -1
        call(m, p, front, RESPOND)
    free_worker(m, y, p, n, x, c, r, worker, now_s)
    pull(m, y, p, n, x, c, r, k, now_s)


def _respond(
    m: Ints,
    y: Floats,
    p: Layout,
    ns: Rows,
    xs: FloatRows,
    cs: list[Plan],
    rs: list[Rules],
    worker: int,
    now_s: float,
) -> None:
    """The front's worker sends the response, keeps or closes the connection, and is free."""
    n, x, c, r = ns[0], xs[0], cs[0], rs[0]
    attempt = n[c.doing + worker]
    i = request_of(p, attempt)
    if m[p.phase + worker] == RESPOND:
        m[p.phase + worker] = SENT
        held = p.downloads and r.holds_download and not p.proxied
        if held and y[p.download_s + i] > 0.0:
            set_timer(m, y, p, now_s + y[p.download_s + i], code_of(PHASE_OVER, worker))
            return
    kept = False
    if m[p.phase + worker] == SENT:
        kept = _end_request(m, y, p, n, x, c, r, worker, attempt, i, now_s)
        if kept and r.idle == HELD:
            m[p.phase + worker] = KEPT
            close_surplus(m, y, p, n, c, r, now_s)
            return
    slot = worker // c.threads
    if not kept and r.factor:
        m[p.open_ + r.slot0 + slot] -= 1
    free_worker(m, y, p, n, x, c, r, worker, now_s)
    if r.factor:
        weigh_connections(m, p, n, c, r, slot)
    if m[PARKED_COUNT] + m[OWN_WAITING]:
        close_parked(m, y, p, n, x, c, r, now_s)
    if p.pool:
        close_surplus(m, y, p, n, c, r, now_s)
    pull(m, y, p, n, x, c, r, 0, now_s)


def _end_request(
    m: Ints,
    y: Floats,
    p: Layout,
    n: Ints,
    x: Floats,
    c: Plan,
    r: Rules,
    worker: int,
    attempt: int,
    i: int,
    now_s: float,
) -> bool:
    """Tell the client; returns whether the connection stays open."""
    keeps = p.pool > 0 if p.proxied else p.chained
    if m[p.left + attempt] == AS_FAILED:
        m[p.left + attempt] = AS_OVER
        try_again(m, y, p, attempt, FAILED, now_s)
        return keeps and keep(m, y, p, n, c, r, worker, attempt, now_s)
    end_s = now_s
    if p.downloads and (p.proxied or not r.holds_download):
        end_s += y[p.download_s + i]
    came_s = y[p.came_s + attempt]
    if not conclude(m, y, p, attempt, end_s):
        with_proxy = p.proxied and m[p.left + attempt] == WAITING  # its client leaves the proxy later
        return keeps and with_proxy and keep(m, y, p, n, c, r, worker, attempt, now_s)
    response_s = end_s - came_s
    n[c.response + bucket_of(response_s)] += 1
    x[RESPONSE_SUM_S] += response_s
    x[RESPONSE_MAX_S] = max(x[RESPONSE_MAX_S], response_s)
    wait_s = y[p.start_s + i] - came_s
    if p.uploads:
        wait_s -= y[p.upload_s + i]
    n[SERVED] += 1
    n[c.wait + bucket_of(wait_s)] += 1
    if wait_s > 1e-9:
        n[WAITED] += 1
        x[WAIT_SUM_S] += wait_s
        x[WAIT_MAX_S] = max(x[WAIT_MAX_S], wait_s)
    return keeps and keep(m, y, p, n, c, r, worker, attempt, now_s)
