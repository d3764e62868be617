"""A request's way through the chain: read, handed to a group, loaded, worked on, answered, sent.

``settle`` lets every worker that was called go on until it waits for something. A step never calls itself:
what it sets free is put on the stack of workers to go on, or takes the next request of its queue there.
"""

from __future__ import annotations

from poolwise.simulation.buckets import bucket_of
from poolwise.simulation.processes import retire
from poolwise.simulation.state import (
    QUEUE_HEAD,
    QUEUE_SIZE,
    RECYCLED,
    RESPONSE_MAX_S,
    RESPONSE_SUM_S,
    RING_SIZE,
    SERVED,
    WAIT_MAX_S,
    WAIT_SUM_S,
    WAITED,
    Floats,
    Ints,
    Plan,
)
from poolwise.simulation.system.clients import (
    close_parked,
    close_surplus,
    conclude,
    keep,
    take_up,
    try_again,
)
from poolwise.simulation.system.memory import (
    AS_FAILED,
    AS_IMPATIENT,
    AS_OVER,
    AWAITS_IMPORT,
    BLOCKED,
    BY_HTTPD_FIXED,
    ENTER,
    FAILED,
    FAILED_COUNT,
    HELD,
    IMPORTS,
    KEPT,
    KNOCKED,
    LATE,
    LOAD,
    LOAD_WORK,
    LOADED,
    PARKED_COUNT,
    PHASE_OVER,
    READ,
    RESPOND,
    RUN,
    SENT,
    SPAN,
    STACKED,
    Layout,
    Rules,
)
from poolwise.simulation.system.processor import begin_work
from poolwise.simulation.system.timers import set_timer
from poolwise.simulation.system.workers import (
    call,
    group_of,
    notice_end,
    seize,
    stage_of,
    vacate,
    weigh_connections,
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
    while m[STACKED] > 0:
        m[STACKED] -= 1
        worker = m[p.stack + m[STACKED]]
        k = stage_of(p, rs, worker)
        if m[p.phase + worker] == READ or m[p.phase + worker] == ENTER:
            k = _enter(m, y, p, ns, cs, rs, routes, worker, now_s)
            if k != 0:
                continue
        if m[p.phase + worker] <= RUN:
            if not _run(m, y, p, ns[k], cs[k], rs[k], k, worker, now_s):
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
    i = attempt % p.requests
    if m[p.phase + worker] == READ:
        _note_front_wait(m, y, p, attempt, i, now_s)
        m[p.phase + worker] = ENTER
        if p.uploads and r.holds_upload and not p.proxied and y[p.upload_s + i] > 0.0:
            set_timer(m, y, p, now_s + y[p.upload_s + i], PHASE_OVER * SPAN + worker)
            return -1
    k = routes[m[p.kind + i]] if p.kinds else routes[0]
    if k == 0:
        m[p.phase + worker] = LOAD
        return 0
    _join(m, y, p, ns[k], cs[k], rs[k], worker, attempt, now_s)
    return k


def _note_front_wait(m: Ints, y: Floats, p: Layout, attempt: int, i: int, now_s: float) -> None:
    wait_s = now_s - y[p.came_s + attempt]
    if p.uploads and p.proxied:
        wait_s -= y[p.upload_s + i]
    m[p.front_wait + bucket_of(wait_s)] += 1


def _join(
    m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, front: int, attempt: int, now_s: float
) -> None:
    """The front's worker hands ``attempt`` to a group and waits for its answer."""
    m[p.phase + front] = BLOCKED
    m[p.front + attempt] = front
    y[p.since_s + front] = now_s
    if r.socket_timeout_s > 0.0 and m[p.late_set + front] == 0:
        m[p.late_set + front] = 1
        set_timer(m, y, p, now_s + r.socket_timeout_s, LATE * SPAN + front)
    if n[RING_SIZE] > 0:
        call(m, p, seize(m, y, p, n, c, r, attempt, now_s), LOAD)
        _note_wait(n, y, c, 0.0)
        return
    if n[QUEUE_SIZE] == c.backlog:
        _drop_forgotten(m, p, n, c)
    size = n[QUEUE_SIZE]
    place = n[QUEUE_HEAD] + size
    n[c.queue + (place if place < c.backlog else place - c.backlog)] = attempt
    n[QUEUE_SIZE] = size + 1
    if size >= r.listen_backlog and r.connect_timeout_s > 0.0 and m[p.knock_set + front] == 0:
        m[p.knock_set + front] = 1
        set_timer(m, y, p, now_s + r.connect_timeout_s, KNOCKED * SPAN + front)


def _drop_forgotten(m: Ints, p: Layout, n: Ints, c: Plan) -> None:
    """Take out of a group's line what no front worker waits for any more."""
    size, kept = n[QUEUE_SIZE], 0
    for position in range(size):
        attempt = n[c.queue + (n[QUEUE_HEAD] + position) % c.backlog]
        if attempt >= 0 and m[p.front + attempt] >= 0:
            n[c.queue + (n[QUEUE_HEAD] + kept) % c.backlog] = attempt
            kept += 1
    n[QUEUE_SIZE] = kept


def _note_wait(n: Ints, x: Floats, c: Plan, wait_s: float) -> None:
    n[SERVED] += 1
    n[c.wait + bucket_of(wait_s)] += 1


def _run(
    m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, k: int, worker: int, now_s: float
) -> bool:
    """The application's part: load it where needed, then bursts and pauses. True when it has answered."""
    local = worker - r.worker0
    spot = r.slot0 + local // c.threads
    attempt = n[c.doing + local]
    i = attempt % p.requests
    phase = m[p.phase + worker]
    if phase == LOAD and m[p.loaded + spot] != 2 and n[c.orphan + local] == 0:
        if m[p.loaded + spot] == 1:
            m[p.phase + worker] = AWAITS_IMPORT
            return False
        m[p.loaded + spot] = 1
        m[IMPORTS] += 1
        m[p.phase + worker] = phase = LOAD_WORK
        if r.import_wait_s > 0.0:
            set_timer(m, y, p, now_s + r.import_wait_s, PHASE_OVER * SPAN + worker)
            return False
    if phase == LOAD_WORK:
        m[p.phase + worker] = phase = LOADED
        if r.import_cpu_s > 0.0:
            kind = m[p.kind + i] if p.kinds else 0
            begin_work(m, y, p, worker, group_of(m, p, n, c, r, local, kind), r.import_cpu_s, now_s)
            return False
    if phase == LOADED:
        m[p.loaded + spot] = 2
        first = worker - local % c.threads
        for other in range(first, first + c.threads):
            if m[p.phase + other] == AWAITS_IMPORT and n[c.doing + other - r.worker0] >= 0:
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
                set_timer(m, y, p, now_s + pause_s, PHASE_OVER * SPAN + worker)
                return False
        elif cpu_s > 0.0:
            kind = m[p.kind + i] if p.kinds else 0
            begin_work(m, y, p, worker, group_of(m, p, n, c, r, local, kind), cpu_s / bursts, now_s)
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


def free_worker(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, worker: int, now_s: float
) -> None:
    """A worker has done with its request; its process may have served its number of them."""
    local = worker - r.worker0
    slot = local // c.threads
    spot = r.slot0 + slot
    y[p.finished_s + spot] += now_s - y[p.since_s + worker]
    vacate(m, y, p, n, x, c, r, local, now_s)
    if 0 < m[p.limit + spot] <= m[p.handled + spot] - m[p.used + spot]:
        if m[p.limit + spot] == m[p.handled + spot] - m[p.used + spot]:
            y[p.over_s + spot] = now_s
        if r.kept_by == BY_HTTPD_FIXED and m[p.used + spot] > 0:
            return  # mod_wsgi goes on until nothing runs, or until graceful-timeout
        m[p.limit + spot] = 0
        n[RECYCLED] += now_s < c.horizon_s
        retire(n, x, c, slot, now_s)
        notice_end(m, y, p, n, x, c, r, slot)


def pull(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, k: int, now_s: float) -> None:
    """Idle workers take what waits, first come, first served."""
    while n[QUEUE_SIZE] > 0 and n[RING_SIZE] > 0:
        head = n[QUEUE_HEAD]
        attempt = n[c.queue + head]
        n[QUEUE_HEAD] = head + 1 if head + 1 < c.backlog else 0
        n[QUEUE_SIZE] -= 1
        if k == 0:
            take_up(m, y, p, n, x, c, r, attempt, now_s)
            continue
        front = m[p.front + attempt] if attempt >= 0 else -1
        if front < 0:  # nobody waits for it any more
            continue
        wait_s = now_s - y[p.since_s + front]
        if 0.0 < r.queue_timeout_s < wait_s:
            fail(m, p, attempt, front, now_s)
            continue
        _note_wait(n, x, c, wait_s)
        n[WAITED] += 1
        x[WAIT_SUM_S] += wait_s
        x[WAIT_MAX_S] = max(x[WAIT_MAX_S], wait_s)
        call(m, p, seize(m, y, p, n, c, r, attempt, now_s), LOAD)


def fail(m: Ints, p: Layout, attempt: int, front: int, now_s: float) -> None:
    """The front's worker answers ``attempt`` with an error, without waiting for the group any longer."""
    m[p.front + attempt] = -1
    if m[p.left + attempt] != AS_IMPATIENT:
        m[p.left + attempt] = AS_FAILED
        m[FAILED_COUNT] += 1
        m[p.failed + min(int(now_s), p.seconds - 1)] += 1
    call(m, p, front, RESPOND)


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
    i = attempt % p.requests
    if m[p.phase + worker] == RESPOND:
        m[p.phase + worker] = SENT
        held = p.downloads and r.holds_download and not p.proxied
        if held and y[p.download_s + i] > 0.0 and m[p.left + attempt] != AS_FAILED:
            set_timer(m, y, p, now_s + y[p.download_s + i], PHASE_OVER * SPAN + worker)
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
    if m[PARKED_COUNT]:
        close_parked(m, y, p, n, c, r, now_s)
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
    failed = m[p.left + attempt] == AS_FAILED
    if failed:
        m[p.left + attempt] = AS_OVER
        try_again(m, y, p, attempt, FAILED, now_s)
        return False
    end_s = now_s
    if p.downloads and (p.proxied or not r.holds_download):
        end_s += y[p.download_s + i]
    came_s = y[p.came_s + attempt]
    if not conclude(m, y, p, attempt, end_s):
        return False
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
    kept = p.pool > 0 if p.proxied else p.chained
    return kept and keep(m, y, p, n, c, r, worker, i, now_s)
