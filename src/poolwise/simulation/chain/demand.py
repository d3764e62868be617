"""Unit and Passenger: processes that are started on demand and end when they were idle for long.

Both decide at once, when something happens, not once a second. What has happened since the last look is
counted from ``state0`` on (``ASKED``, ``TOOK``, ...), because they look at the state *before* a request is
given to a process. Sources: servers/nginx_unit.py, servers/passenger.py.
"""

from __future__ import annotations

from poolwise.servers import passenger_collects, passenger_maintain, unit_maintain, unit_retires
from poolwise.simulation.chain.memory import (
    ASKED,
    BECAME_READY,
    BY_UNIT,
    ENDED,
    FREED,
    LOOKS_S,
    NEVER_S,
    REPLACE,
    TOOK,
    WOKE,
    Layout,
    Rules,
    code_of,
)
from poolwise.simulation.chain.timers import set_timer
from poolwise.simulation.chain.workers import begin_boots, notice_end
from poolwise.simulation.parent import reap
from poolwise.simulation.processes import fork_batch, free_slots, retire
from poolwise.simulation.state import (
    BUSY,
    HIGH,
    KILLED_IDLE,
    LIVE,
    QUEUE_SIZE,
    SEQUENCE,
    STARTING,
    Floats,
    Ints,
    Plan,
)

# how a process of Unit idles, in place of seen_busy
NOT_IDLE = 0
SPARE = 1
BEYOND_SPARE = 2


def grow_on_demand(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float
) -> None:
    """Something has happened: start a process where the server would."""
    at = r.state0
    happened = y[at + ASKED] + y[at + WOKE] + y[at + FREED] + y[at + BECAME_READY] + y[at + ENDED]
    if happened == 0.0:
        return
    if r.kept_by == BY_UNIT:
        _unit(m, y, p, n, x, c, r, now_s)
    else:
        _passenger(m, y, p, n, x, c, r, now_s)
    y[at + ASKED] = y[at + TOOK] = y[at + WOKE] = y[at + FREED] = y[at + BECAME_READY] = y[at + ENDED] = 0.0


def look_at_idle(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """A process has ended, or those that were idle for long are looked at."""
    reap(n, x, c, now_s)
    y[r.state0 + ENDED] += 1.0
    if not 0.0 < y[r.state0 + LOOKS_S] <= now_s:
        return
    y[r.state0 + LOOKS_S] = 0.0
    if r.kept_by == BY_UNIT:
        _retire_beyond_spare(m, y, p, n, x, c, r, now_s)
    else:
        _collect(m, y, p, n, x, c, r, now_s)


def first_look(m: Ints, y: Floats, p: Layout, r: Rules) -> None:
    """Passenger's collector sleeps for pool_idle_time first; Unit sets its timer when a process is idle."""
    if r.kept_by != BY_UNIT and r.idle_timeout_s > 0.0:
        _look_later(m, y, p, r, r.idle_timeout_s)


def _look_later(m: Ints, y: Floats, p: Layout, r: Rules, at_s: float) -> None:
    y[r.state0 + LOOKS_S] = at_s
    set_timer(m, y, p, at_s, code_of(REPLACE, r.slot0))


def _unit(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """Asked when a request came, before it was given away; when an idle process took one; at an end."""
    at = r.state0
    if y[at + ASKED] > 0.0:
        idle = _count(m, p, n, c, r, 0) + (1 if y[at + WOKE] > 0.0 else 0)
        _unit_asks(m, y, p, n, x, c, r, idle, now_s)
    _list_idle(m, y, p, n, c, r)
    if y[at + WOKE] > 0.0 or y[at + ENDED] > 0.0:
        _unit_asks(m, y, p, n, x, c, r, _count(m, p, n, c, r, 0), now_s)
    _watch_beyond_spare(m, y, p, n, c, r)


def _unit_asks(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, idle: int, now_s: float
) -> None:
    starting = _starting(n, c)
    running = _live(n, c) - starting
    active = n[BUSY] + n[QUEUE_SIZE]
    if unit_maintain(active, running, starting, idle, r.minimum, c.process_limit, c.threads) > 0:
        _start_one(m, y, p, n, x, c, r, now_s)


def _list_idle(m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules) -> None:
    """A process that becomes idle is a spare one while there are too few; only those beyond end in time.

    When a spare one is given work, that which became idle last takes its place.
    """
    listed = 0
    for slot in range(n[HIGH]):
        listed += 1 if m[p.seen_busy + r.slot0 + slot] != NOT_IDLE else 0
    for slot in range(n[HIGH]):
        spot = r.slot0 + slot
        was = m[p.seen_busy + spot]
        if was != NOT_IDLE and (n[c.phase + slot] != LIVE or m[p.used + spot] > 0):
            m[p.seen_busy + spot] = NOT_IDLE
            listed -= 1
            if was == SPARE and listed >= r.minimum:
                _promote_last(m, y, p, n, c, r)
    for slot in range(n[HIGH]):
        spot = r.slot0 + slot
        if m[p.seen_busy + spot] == NOT_IDLE and _is_idle(m, p, n, c, r, slot):
            m[p.seen_busy + spot] = SPARE if listed < r.minimum else BEYOND_SPARE
            listed += 1


def _promote_last(m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules) -> None:
    last = -1
    for slot in range(n[HIGH]):
        spot = r.slot0 + slot
        beyond = n[c.phase + slot] == LIVE and m[p.seen_busy + spot] == BEYOND_SPARE
        if beyond and (last < 0 or y[p.done_s + spot] >= y[p.done_s + last]):
            last = spot
    if last >= 0:
        m[p.seen_busy + last] = SPARE


def _oldest_beyond_spare(m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules) -> int:
    """The slot whose process is idle longest among those beyond the spare ones, or -1."""
    oldest = -1
    for slot in range(n[HIGH]):
        spot = r.slot0 + slot
        beyond = n[c.phase + slot] == LIVE and m[p.seen_busy + spot] == BEYOND_SPARE
        if beyond and (oldest < 0 or y[p.done_s + spot] < y[p.done_s + r.slot0 + oldest]):
            oldest = slot
    return oldest


def _watch_beyond_spare(m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules) -> None:
    oldest = _oldest_beyond_spare(m, y, p, n, c, r)
    if oldest >= 0 and y[r.state0 + LOOKS_S] == 0.0 and unit_retires(_count(m, p, n, c, r, 0), r.minimum) > 0:
        _look_later(m, y, p, r, y[p.done_s + r.slot0 + oldest] + r.idle_timeout_s)


def _retire_beyond_spare(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float
) -> None:
    while unit_retires(_count(m, p, n, c, r, 0), r.minimum) > 0:
        oldest = _oldest_beyond_spare(m, y, p, n, c, r)
        if oldest < 0 or y[p.done_s + r.slot0 + oldest] + r.idle_timeout_s > now_s:
            break
        m[p.seen_busy + r.slot0 + oldest] = NOT_IDLE
        _end_idle(m, y, p, n, x, c, r, oldest, now_s)
    _watch_beyond_spare(m, y, p, n, c, r)


def _passenger(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """Asked when a request came, before it was given away; when a start has ended; at an end."""
    at, full = r.state0, _count(m, p, n, c, r, c.threads)
    if y[at + ASKED] > 0.0 or y[at + ENDED] > 0.0:
        before = full
        if y[at + ASKED] > 0.0 and y[at + TOOK] > 0.0:
            slot = int(y[at + TOOK]) - 1
            before -= 1 if m[p.used + r.slot0 + slot] == c.threads else 0
        _passenger_asks(m, y, p, n, x, c, r, before, now_s)
    elif y[at + BECAME_READY] > 0.0:
        _passenger_asks(m, y, p, n, x, c, r, 0, now_s)


def _passenger_asks(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, full: int, now_s: float
) -> None:
    starting = _starting(n, c)
    processes = _live(n, c) - starting
    if passenger_maintain(processes, starting, full, n[QUEUE_SIZE], r.minimum, c.process_limit) > 0:
        _start_one(m, y, p, n, x, c, r, now_s)


def _collect(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """Passenger's collector: it comes again when the next process can have been idle for long enough."""
    idle_long, next_s = 0, NEVER_S
    for slot in range(n[HIGH]):
        if n[c.phase + slot] == LIVE and n[c.doing + slot * c.threads] != STARTING:
            due_s = y[p.done_s + r.slot0 + slot] + r.idle_timeout_s
            if _is_idle(m, p, n, c, r, slot) and due_s <= now_s:
                idle_long += 1
            else:
                next_s = min(next_s, due_s)
    for _ in range(passenger_collects(idle_long, _live(n, c) - _starting(n, c), r.minimum)):
        first = -1
        for slot in range(n[HIGH]):
            due_s = y[p.done_s + r.slot0 + slot] + r.idle_timeout_s
            if not _is_idle(m, p, n, c, r, slot) or due_s > now_s:
                continue
            if first < 0 or n[c.order + slot] < n[c.order + first]:
                first = slot
        _end_idle(m, y, p, n, x, c, r, first, now_s)
    if next_s == NEVER_S or next_s <= now_s:
        next_s = now_s + r.idle_timeout_s
    _look_later(m, y, p, r, next_s)


def _end_idle(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, slot: int, now_s: float
) -> None:
    n[KILLED_IDLE] += now_s < c.horizon_s
    retire(n, x, c, slot, now_s)
    notice_end(m, y, p, n, x, c, r, slot)


def _start_one(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    before = n[SEQUENCE]
    fork_batch(n, x, c, free_slots(n, x, c, 1), now_s)
    begin_boots(m, y, p, n, x, c, r, before)


def _live(n: Ints, c: Plan) -> int:
    live = 0
    for slot in range(n[HIGH]):
        live += 1 if n[c.phase + slot] == LIVE else 0
    return live


def _starting(n: Ints, c: Plan) -> int:
    starting = 0
    for slot in range(n[HIGH]):
        starting += 1 if n[c.phase + slot] == LIVE and n[c.doing + slot * c.threads] == STARTING else 0
    return starting


def _is_idle(m: Ints, p: Layout, n: Ints, c: Plan, r: Rules, slot: int) -> bool:
    ready = n[c.phase + slot] == LIVE and n[c.doing + slot * c.threads] != STARTING
    return ready and m[p.used + r.slot0 + slot] == 0


def _count(m: Ints, p: Layout, n: Ints, c: Plan, r: Rules, used: int) -> int:
    """Processes that are ready and serve exactly ``used`` requests."""
    found = 0
    for slot in range(n[HIGH]):
        ready = n[c.phase + slot] == LIVE and n[c.doing + slot * c.threads] != STARTING
        found += 1 if ready and m[p.used + r.slot0 + slot] == used else 0
    return found
