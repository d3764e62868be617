"""Clients: they come, wait, lose patience, come again, and keep connections for their next request.

A connection that stays open after a response is *kept*: held by the worker that answered (prefork, worker) or
parked at its process (event, gthread). It is closed by the next request, by KeepAliveTimeout, or because its
process goes. Both waiting lines here (patience, KeepAliveTimeout) are in order of time by themselves, since
the delay is the same for all.
"""

from __future__ import annotations

from poolwise.simulation.chain.memory import (
    ANSWERED,
    ANSWERED_COUNT,
    AS_IMPATIENT,
    AS_OVER,
    ASKED,
    BY_UNIT,
    COMES,
    EXPIRED,
    EXPIRY_FIRST,
    EXPIRY_LAST,
    GAVE_UP,
    GAVE_UP_COUNT,
    HELD,
    IDLE_CONNECTIONS,
    IMPATIENT_FIRST,
    IMPATIENT_LAST,
    INSIDE,
    NEVER_S,
    OPEN,
    OWN_WAITING,
    PARKED,
    PARKED_COUNT,
    PHASE_OVER,
    POOL_FIRST,
    POOL_LAST,
    READ,
    REFUSED_AT_FRONT,
    RETRIED,
    ROUTED,
    UPLOADED,
    WAITING,
    Layout,
    Rules,
    code_of,
    request_of,
)
from poolwise.simulation.chain.timers import set_timer
from poolwise.simulation.chain.workers import call, seize, seize_in, weigh_connections
from poolwise.simulation.processes import retire
from poolwise.simulation.state import (
    EVENT,
    GONE,
    HIGH,
    LIVE,
    QUEUE_HEAD,
    QUEUE_SIZE,
    RECYCLED,
    REFUSED,
    RING_SIZE,
    Floats,
    Ints,
    Plan,
)


def come_if_free(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, i: int, now_s: float
) -> None:
    """The time of request ``i`` in the trace has come; on a connection it waits for the one before."""
    if p.chained and m[p.leader + i] >= 0:
        think_s = y[p.think_s + i]
        if think_s == think_s:  # not NaN: it comes so long after the response, whenever that is
            return
        if m[p.due + i] != 2:
            m[p.due + i] = 1
            return
        free_s = y[p.free_s + m[p.leader + i]]
        if free_s > now_s:
            m[OPEN] += 1
            set_timer(m, y, p, free_s, code_of(COMES, i))
            return
    m[OPEN] += 1
    come(m, y, p, n, x, c, r, i, now_s)


def come(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, attempt: int, now_s: float
) -> None:
    """A client sends ``attempt``: on its open connection, or on a new one."""
    i = request_of(p, attempt)
    y[p.came_s + attempt] = now_s
    m[p.front + attempt] = -1
    m[p.state + i] = INSIDE
    if p.patience_s < NEVER_S:
        m[p.patient + m[IMPATIENT_LAST]] = attempt
        m[IMPATIENT_LAST] += 1
    if p.chained and not p.proxied and attempt == i and m[p.leader + i] >= 0:
        before = m[p.leader + i]
        while m[p.kept + before] == 0 and before + p.requests < p.attempts:  # which try was answered?
            before += p.requests
        if _come_on(m, y, p, n, c, r, before, attempt, now_s):
            return
    if p.uploads and y[p.upload_s + i] > 0.0 and (p.proxied or not r.holds_upload):
        set_timer(m, y, p, now_s + y[p.upload_s + i], code_of(UPLOADED, attempt))
    else:
        knock(m, y, p, n, x, c, r, attempt, now_s)


def knock(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, attempt: int, now_s: float
) -> None:
    """``attempt`` is at the door of the front: on an idle connection of the proxy, or on a new one."""
    while m[POOL_LAST] > m[POOL_FIRST]:
        m[POOL_LAST] -= 1
        is_open = m[p.kept + m[p.pooled + m[POOL_LAST]]] > 0
        if _come_on(m, y, p, n, c, r, m[p.pooled + m[POOL_LAST]], attempt, now_s):
            return
        if is_open and r.idle == ROUTED:
            break
    if r.kept_by >= BY_UNIT:
        y[r.state0 + ASKED] += 1.0
    if p.chained or p.pool:
        m[p.carried + attempt] = 1 if m[p.carried + attempt] >= 0 else -1
    if n[RING_SIZE] > 0:
        take_up(m, y, p, n, x, c, r, attempt, now_s)
    elif n[QUEUE_SIZE] < c.backlog:
        place = n[QUEUE_HEAD] + n[QUEUE_SIZE]
        n[c.queue + (place if place < c.backlog else place - c.backlog)] = attempt
        n[QUEUE_SIZE] += 1
    elif m[p.left + attempt] == WAITING:
        n[REFUSED] += 1
        n[c.refused + min(int(now_s), c.seconds - 1)] += 1
        m[p.left + attempt] = AS_OVER
        try_again(m, y, p, attempt, REFUSED_AT_FRONT, now_s)


def take_up(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, attempt: int, now_s: float
) -> None:
    """An idle worker of the front accepts the connection of ``attempt``."""
    worker = seize(m, y, p, n, c, r, attempt, now_s)
    slot = (worker - r.worker0) // c.threads
    if r.factor:
        m[p.open_ + r.slot0 + slot] += 1
        weigh_connections(m, p, n, c, r, slot)
    if c.architecture == EVENT and c.max_connections > 0:
        n[c.accepted + slot] += 1
        if n[c.accepted + slot] == c.max_connections:
            n[RECYCLED] += now_s < c.horizon_s
            retire(n, x, c, slot, now_s)
    call(m, p, worker, READ)


def _come_on(
    m: Ints,
    y: Floats,
    p: Layout,
    n: Ints,
    c: Plan,
    r: Rules,
    before: int,
    attempt: int,
    now_s: float,
) -> bool:
    """Send ``attempt`` on the connection kept after the attempt ``before``; False when that is closed."""
    kept = m[p.kept + before]
    if kept == 0:
        return False
    m[p.kept + before] = 0
    m[IDLE_CONNECTIONS] -= 1
    m[p.carried + attempt] = m[p.carried + before] + 1
    if r.idle == ROUTED:
        return False
    if r.idle == HELD:
        worker = kept - 1
        n[c.doing + worker - r.worker0] = attempt
        y[p.since_s + worker] = now_s
        call(m, p, worker, READ)
        return True
    slot = kept - 1 - r.slot0
    _unpark(m, p, slot + r.slot0, before)
    if n[c.phase + slot] == LIVE and m[p.used + r.slot0 + slot] < c.threads:
        call(m, p, seize_in(m, y, p, n, c, r, slot, attempt, now_s), READ)
        if r.factor:
            weigh_connections(m, p, n, c, r, slot)
        return True
    if n[c.phase + slot] == LIVE and p.owns:
        _wait_in(m, p, slot + r.slot0, attempt)
        return True
    m[p.carried + attempt] = 0
    _count_closed(m, p, n, c, r, slot)
    return False


def keep(
    m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, worker: int, attempt: int, now_s: float
) -> bool:
    """After the response to ``attempt``: keep its connection if both sides may. False: it is closed."""
    if r.idle == 0 or r.keep_alive_s <= 0.0 or m[p.carried + attempt] <= 0:
        return False
    slot = (worker - r.worker0) // c.threads
    told_to_go = n[c.phase + slot] != LIVE or n[c.orphan + worker - r.worker0] != 0
    if (told_to_go and r.idle != ROUTED) or 0 < r.keep_alive_most <= m[p.carried + attempt]:
        return False
    m[IDLE_CONNECTIONS] += 1
    last = m[EXPIRY_LAST]
    m[p.expiry + last] = attempt
    y[p.expiry_s + last] = now_s + r.keep_alive_s
    m[EXPIRY_LAST] = last + 1
    if r.idle != PARKED:
        m[p.kept + attempt] = 1 + worker
    else:
        spot = r.slot0 + slot
        first = m[p.parked + spot]
        m[p.kept + attempt] = 1 + spot
        m[p.after + attempt], m[p.before + attempt] = first, -1
        if first >= 0:
            m[p.before + first] = attempt
        m[p.parked + spot] = attempt
        m[PARKED_COUNT] += 1
    if p.pool:
        m[p.pooled + m[POOL_LAST]] = attempt
        m[POOL_LAST] += 1
    return True


def close_surplus(m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, now_s: float) -> None:
    """The proxy keeps no more than so many idle connections: it closes the one idle longest."""
    if m[POOL_LAST] - m[POOL_FIRST] <= p.pool:
        return
    last = m[POOL_FIRST]
    for place in range(m[POOL_FIRST], m[POOL_LAST]):  # those that the server has closed do not count
        if m[p.kept + m[p.pooled + place]]:
            m[p.pooled + last] = m[p.pooled + place]
            last += 1
    m[POOL_LAST] = last
    while m[POOL_LAST] - m[POOL_FIRST] > p.pool:
        i = m[p.pooled + m[POOL_FIRST]]
        m[POOL_FIRST] += 1
        close(m, y, p, n, c, r, i, True, now_s)


def close(
    m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, i: int, by_client: bool, now_s: float
) -> None:
    """Close the connection kept after attempt ``i``, if it still is."""
    kept = m[p.kept + i]
    if kept == 0:
        return
    m[p.kept + i] = 0
    m[IDLE_CONNECTIONS] -= 1
    if r.idle == PARKED:
        _unpark(m, p, kept - 1, i)
        _count_closed(m, p, n, c, r, kept - 1 - r.slot0)
    elif r.idle == ROUTED:
        return
    elif by_client or p.closes or p.proxied or r.linger_s <= 0.0:
        call(m, p, kept - 1, EXPIRED)
    else:
        m[p.phase + kept - 1] = EXPIRED
        set_timer(m, y, p, now_s + r.linger_s, code_of(PHASE_OVER, kept - 1))


def next_expiry_s(m: Ints, y: Floats, p: Layout) -> float:
    """When the next KeepAliveTimeout is over, or NEVER_S."""
    first = m[EXPIRY_FIRST]
    while first < m[EXPIRY_LAST] and m[p.kept + m[p.expiry + first]] == 0:
        first += 1
    m[EXPIRY_FIRST] = first
    return y[p.expiry_s + first] if first < m[EXPIRY_LAST] else NEVER_S


def close_parked(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """Processes that go away close the connections parked at them; what waits in them comes anew."""
    for slot in range(n[HIGH]):
        if n[c.phase + slot] != LIVE:
            spot = r.slot0 + slot
            while m[p.parked + spot] >= 0:
                close(m, y, p, n, c, r, m[p.parked + spot], False, now_s)
            while p.owns and m[p.own_first + spot] >= 0:
                knock(m, y, p, n, x, c, r, _next_in(m, p, spot), now_s)


def _wait_in(m: Ints, p: Layout, spot: int, attempt: int) -> None:
    """``attempt`` waits in the process that holds its connection."""
    m[p.own_next + attempt] = -1
    if m[p.own_first + spot] < 0:
        m[p.own_first + spot] = attempt
    else:
        m[p.own_next + m[p.own_last + spot]] = attempt
    m[p.own_last + spot] = attempt
    m[OWN_WAITING] += 1


def _next_in(m: Ints, p: Layout, spot: int) -> int:
    """Take out the first attempt that waits in a process; there is one."""
    attempt = m[p.own_first + spot]
    m[p.own_first + spot] = m[p.own_next + attempt]
    m[OWN_WAITING] -= 1
    return attempt


def take_own(m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, now_s: float) -> None:
    """Idle workers of a process begin what waits in that process."""
    for slot in range(n[HIGH]):
        spot = r.slot0 + slot
        while n[c.phase + slot] == LIVE and m[p.own_first + spot] >= 0 and m[p.used + spot] < c.threads:
            call(m, p, seize_in(m, y, p, n, c, r, slot, _next_in(m, p, spot), now_s), READ)


def conclude(m: Ints, y: Floats, p: Layout, attempt: int, end_s: float) -> bool:
    """The client has the whole response at ``end_s``, if it is still there. Returns whether it was."""
    i = request_of(p, attempt)
    if m[p.left + attempt] == AS_IMPATIENT or end_s > y[p.came_s + attempt] + p.patience_s:
        return False
    m[p.left + attempt] = AS_OVER
    m[p.state + i] = ANSWERED
    m[ANSWERED_COUNT] += 1
    y[p.end_s + i] = end_s
    m[OPEN] -= 1
    let_follow(m, y, p, i, end_s)
    return True


def let_follow(m: Ints, y: Floats, p: Layout, i: int, free_s: float) -> None:
    """The connection of request ``i`` is free for the next one from ``free_s``."""
    if not p.chained or m[p.follower + i] < 0:
        return
    j = m[p.follower + i]
    y[p.free_s + i] = free_s
    think_s = y[p.think_s + j]
    if think_s == think_s:
        m[OPEN] += 1
        set_timer(m, y, p, free_s + think_s, code_of(COMES, j))
    elif m[p.due + j] == 1:
        m[OPEN] += 1
        set_timer(m, y, p, free_s, code_of(COMES, j))
    else:
        m[p.due + j] = 2


def try_again(m: Ints, y: Floats, p: Layout, attempt: int, state: int, now_s: float) -> None:
    """A client was refused or gave up: it comes again after a pause, or ``state`` is the end."""
    i = request_of(p, attempt)
    tries = attempt // p.requests
    if tries < p.retries and state in (REFUSED_AT_FRONT, GAVE_UP):
        m[RETRIED] += 1
        set_timer(m, y, p, now_s + p.retry_s * 2.0**tries, code_of(COMES, attempt + p.requests))
        return
    m[p.state + i] = state
    y[p.end_s + i] = now_s
    m[OPEN] -= 1
    let_follow(m, y, p, i, now_s)


def next_impatient_s(m: Ints, y: Floats, p: Layout) -> float:
    """When the next client loses its patience, or NEVER_S."""
    first = m[IMPATIENT_FIRST]
    while first < m[IMPATIENT_LAST] and m[p.left + m[p.patient + first]] == AS_OVER:
        first += 1
    m[IMPATIENT_FIRST] = first
    if first == m[IMPATIENT_LAST]:
        return NEVER_S
    return y[p.came_s + m[p.patient + first]] + p.patience_s


def give_up(m: Ints, y: Floats, p: Layout, now_s: float) -> None:
    """The client at the head of the line leaves; the server does not know."""
    attempt = m[p.patient + m[IMPATIENT_FIRST]]
    m[IMPATIENT_FIRST] += 1
    if m[p.left + attempt] == WAITING:
        m[p.left + attempt] = AS_IMPATIENT
        m[GAVE_UP_COUNT] += 1
        m[p.gave_up + min(int(now_s), p.seconds - 1)] += 1
        try_again(m, y, p, attempt, GAVE_UP, now_s)


def _unpark(m: Ints, p: Layout, spot: int, i: int) -> None:
    after, before = m[p.after + i], m[p.before + i]
    if before >= 0:
        m[p.after + before] = after
    else:
        m[p.parked + spot] = after
    if after >= 0:
        m[p.before + after] = before
    m[PARKED_COUNT] -= 1


def _count_closed(m: Ints, p: Layout, n: Ints, c: Plan, r: Rules, slot: int) -> None:
    if r.factor and n[c.phase + slot] != GONE:
        m[p.open_ + r.slot0 + slot] -= 1
        weigh_connections(m, p, n, c, r, slot)
