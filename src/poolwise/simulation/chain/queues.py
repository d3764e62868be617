"""The line in front of a stage: a group's requests wait, are taken up, or fail; a worker comes free."""

from __future__ import annotations

from poolwise.servers import MESSAGE_DRAINED, MESSAGE_MAXIMUM, MESSAGE_QUEUE_TIMEOUT
from poolwise.simulation.buckets import bucket_of
from poolwise.simulation.chain.clients import take_own, take_up
from poolwise.simulation.chain.memory import (
    AS_FAILED,
    AS_IMPATIENT,
    ASKED,
    BLOCKED,
    BY_HTTPD_FIXED,
    BY_UNIT,
    FAILED_COUNT,
    KNOCKED,
    LATE,
    LOAD,
    OWN_WAITING,
    PHASE_OVER,
    SENT,
    Layout,
    Rules,
    code_of,
    request_of,
)
from poolwise.simulation.chain.timers import set_timer
from poolwise.simulation.chain.workers import (
    call,
    notice_end,
    seize,
    vacate,
)
from poolwise.simulation.parent import log
from poolwise.simulation.processes import retire
from poolwise.simulation.state import (
    LIVE,
    QUEUE_HEAD,
    QUEUE_SIZE,
    RECYCLED,
    RING_SIZE,
    SERVED,
    WAIT_MAX_S,
    WAIT_SUM_S,
    WAITED,
    Floats,
    Ints,
    Plan,
)


def join(
    m: Ints,
    y: Floats,
    p: Layout,
    n: Ints,
    c: Plan,
    r: Rules,
    k: int,
    front: int,
    attempt: int,
    now_s: float,
) -> None:
    """The front's worker hands ``attempt`` to group ``k`` and waits for its answer."""
    watch = front * p.stages + k
    m[p.phase + front] = BLOCKED
    m[p.front + attempt] = front
    y[p.since_s + front] = y[p.joined_s + attempt] = now_s
    if r.kept_by >= BY_UNIT:
        y[r.state0 + ASKED] += 1.0
    if r.socket_timeout_s > 0.0 and m[p.late_set + watch] == 0:
        m[p.late_set + watch] = 1
        set_timer(m, y, p, now_s + r.socket_timeout_s, code_of(LATE, watch))
    if n[RING_SIZE] > 0:
        _take_up(m, y, p, n, c, r, attempt, now_s)
        _note_wait(n, c, 0.0)
        return
    size = n[QUEUE_SIZE]
    if size >= r.listen_backlog and r.connect_timeout_s == 0.0:
        fail(m, p, attempt, front, now_s)
        return
    place = n[QUEUE_HEAD] + size
    n[c.queue + (place if place < c.backlog else place - c.backlog)] = attempt
    n[QUEUE_SIZE] = size + 1
    if size >= r.listen_backlog and r.connect_timeout_s > 0.0 and m[p.knock_set + watch] == 0:
        m[p.knock_set + watch] = 1
        set_timer(m, y, p, now_s + r.connect_timeout_s, code_of(KNOCKED, watch))


def _note_wait(n: Ints, c: Plan, wait_s: float) -> None:
    n[SERVED] += 1
    n[c.wait + bucket_of(wait_s)] += 1


def free_worker(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, worker: int, now_s: float
) -> None:
    """A worker has done with its request; its process may have served its number of them."""
    local = worker - r.worker0
    slot = local // c.threads
    spot = r.slot0 + slot
    y[p.finished_s + spot] += now_s - y[p.since_s + worker]
    vacate(m, y, p, n, x, c, r, local, now_s)
    if n[c.phase + slot] != LIVE:
        return
    served = 0 < m[p.limit + spot] <= m[p.handled + spot] - m[p.used + spot]
    if r.kept_by == BY_HTTPD_FIXED:  # mod_wsgi goes on until nothing runs, or until graceful-timeout
        if served and y[p.over_s + spot] < 0.0:
            y[p.over_s + spot] = now_s
            log(n, x, c, now_s, MESSAGE_MAXIMUM, 0, 0, 0, 0)
        if y[p.over_s + spot] < 0.0 or m[p.used + spot] > 0:
            return
        log(n, x, c, now_s, MESSAGE_DRAINED, 0, 0, 0, 0)
    elif not served or now_s - x[c.born_s + slot] < r.least_age_s:
        return
    n[RECYCLED] += now_s < c.horizon_s
    retire(n, x, c, slot, now_s)
    notice_end(m, y, p, n, x, c, r, slot)


def pull(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, k: int, now_s: float) -> None:
    """Idle workers take what waits, first come, first served; a process first what waits in itself."""
    if k == 0 and m[OWN_WAITING]:
        take_own(m, y, p, n, c, r, now_s)
    while n[QUEUE_SIZE] > 0 and n[RING_SIZE] > 0:
        head = n[QUEUE_HEAD]
        attempt = n[c.queue + head]
        n[QUEUE_HEAD] = head + 1 if head + 1 < c.backlog else 0
        n[QUEUE_SIZE] -= 1
        if k == 0:
            take_up(m, y, p, n, x, c, r, attempt, now_s)
            continue
        wait_s = now_s - y[p.joined_s + attempt]
        if 0.0 < r.queue_timeout_s < wait_s:
            log(n, x, c, now_s, MESSAGE_QUEUE_TIMEOUT, 0, 0, 0, 0)
            fail(m, p, attempt, m[p.front + attempt], now_s)
            continue
        _note_wait(n, c, wait_s)
        n[WAITED] += 1
        x[WAIT_SUM_S] += wait_s
        x[WAIT_MAX_S] = max(x[WAIT_MAX_S], wait_s)
        _take_up(m, y, p, n, c, r, attempt, now_s)


def _take_up(m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, attempt: int, now_s: float) -> None:
    """An idle worker of a group begins ``attempt``, with its upload where the group reads that itself."""
    worker = seize(m, y, p, n, c, r, attempt, now_s)
    upload_s = upload_of_s(y, p, request_of(p, attempt)) if r.holds_upload else 0.0
    if upload_s > 0.0:
        m[p.phase + worker] = LOAD
        set_timer(m, y, p, now_s + upload_s, code_of(PHASE_OVER, worker))
    else:
        call(m, p, worker, LOAD)


def upload_of_s(y: Floats, p: Layout, i: int) -> float:
    """How long the upload of request ``i`` holds whoever reads it; a proxy has read it before."""
    return y[p.upload_s + i] if p.uploads and not p.proxied else 0.0


def fail(m: Ints, p: Layout, attempt: int, front: int, now_s: float) -> None:
    """The front's worker answers ``attempt`` with an error; it does not wait for the group any longer.

    ``front`` is negative where it has given up before.
    """
    if front < 0:
        return
    m[p.front + attempt] = -1
    if m[p.left + attempt] != AS_IMPATIENT:
        m[p.left + attempt] = AS_FAILED
        m[FAILED_COUNT] += 1
        m[p.failed + min(int(now_s), p.seconds - 1)] += 1
    call(m, p, front, SENT)
