"""Who keeps the processes of a stage: httpd's parent, for its daemons too, or a master of their own.

httpd's parent is ``simulation/parent.py``. The others notice the end of a process at once; what they want
to have is a number, which stays (gunicorn, waitress), moves once a second (uWSGI's cheaper) or with
every request (Unit, Passenger).
"""

from __future__ import annotations

from poolwise.servers import (
    cheaper_backlog,
    cheaper_busyness,
    cheaper_busyness_looks,
    cheaper_busyness_start,
    cheaper_spare,
    passenger_maintain,
    unit_maintain,
    worker_busyness,
)
from poolwise.simulation.parent import reap
from poolwise.simulation.processes import fork_batch, forking_s, free_slots, held_by, oldest_live, retire
from poolwise.simulation.state import (
    BUSY,
    COMPETING,
    GONE,
    HIGH,
    KILLED_IDLE,
    LIVE,
    LIVE_PROCESSES,
    OWED,
    QUEUE_SIZE,
    RECYCLED,
    RING_HEAD,
    RING_SIZE,
    SEQUENCE,
    STARTING,
    WAKE_S,
    Floats,
    Ints,
    Plan,
)
from poolwise.simulation.system.memory import (
    BY_BACKLOG,
    BY_BUSYNESS,
    BY_HTTPD_FIXED,
    BY_PASSENGER,
    BY_SPARE,
    BY_UNIT,
    RUNNABLE,
    SHUTDOWN,
    Layout,
    Rules,
    code_of,
)
from poolwise.simulation.system.timers import set_timer
from poolwise.simulation.system.workers import begin_boots, notice_end

# what a policy remembers, from state0
TARGET = 0
FIRST_COUNT = 1
POLICY_FLOATS = 12


def first_processes(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules) -> None:
    """Start the processes that a stage not scaled by httpd begins with."""
    count = min(c.start, c.process_limit)
    y[r.state0 + TARGET] = count
    fork_batch(n, x, c, free_slots(n, x, c, count), -forking_s(c, count, 0))
    begin_boots(m, y, p, n, x, c, r, 0)
    x[WAKE_S] = 1.0


def replace_daemons(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float
) -> float:
    """httpd's parent reaps: daemon processes that have ended are started anew. Returns when that is done."""
    before = n[SEQUENCE]
    n[OWED], n[COMPETING] = c.slots, m[RUNNABLE]
    done_s = reap(n, x, c, now_s)
    n[OWED] = 0
    begin_boots(m, y, p, n, x, c, r, before)
    return done_s


def replace_ended(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """A master has been told that a process ended: one more if fewer than wanted are left."""
    before = n[SEQUENCE]
    n[OWED] = max(int(y[r.state0 + TARGET]) - n[LIVE_PROCESSES], 0)
    reap(n, x, c, now_s)
    n[OWED] = 0
    begin_boots(m, y, p, n, x, c, r, before)


def keep_number(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """The second of a master: more or fewer processes by its policy, and those that must be recycled."""
    x[WAKE_S] = now_s + 1.0
    running, counts = n[LIVE_PROCESSES], r.state0 + FIRST_COUNT
    change = 0
    if r.kept_by == BY_SPARE:
        change, first, second = cheaper_spare(
            running,
            n[BUSY],
            int(y[counts]),
            int(y[counts + 1]),
            r.minimum,
            c.process_limit,
            r.step,
            r.overload,
        )
        y[counts], y[counts + 1] = first, second
    elif r.kept_by == BY_BACKLOG:
        change = cheaper_backlog(running, n[QUEUE_SIZE], r.minimum, c.process_limit, r.step, r.overload)
    elif r.kept_by == BY_BUSYNESS:
        change = _busyness(m, y, p, n, c, r, running)
    elif r.kept_by == BY_UNIT or r.kept_by == BY_PASSENGER:
        _retire_idle(m, y, p, n, x, c, r, now_s)
    if change:
        _change(m, y, p, n, x, c, r, change, now_s)


def grow_on_demand(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float
) -> None:
    """Unit, Passenger: a request has come or a process has become ready or ended."""
    starting, idle, full = 0, 0, 0
    for slot in range(n[HIGH]):
        if n[c.phase + slot] != LIVE:
            continue
        if n[c.doing + slot * c.threads] == STARTING:
            starting += 1
        elif m[p.used + r.slot0 + slot] == 0:
            idle += 1
        elif m[p.used + r.slot0 + slot] == c.threads:
            full += 1
    processes = n[LIVE_PROCESSES]
    if r.kept_by == BY_UNIT:
        active = n[BUSY] + n[QUEUE_SIZE]
        more = unit_maintain(active, processes - starting, starting, idle, r.minimum, c.process_limit)
    else:
        more = passenger_maintain(processes, starting, full, n[QUEUE_SIZE], r.minimum, c.process_limit)
    if more > 0:
        _change(m, y, p, n, x, c, r, more, now_s)


def look_after(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """Once a second: processes too old in a request, too long without one, or too large are ended."""
    watched = r.request_timeout_s + r.inactivity_timeout_s + r.memory_limit_bytes + r.most_requests
    watched += r.lifetime_s
    if watched <= 0.0:
        return
    for slot in range(n[HIGH]):
        if n[c.phase + slot] != LIVE or n[c.doing + slot * c.threads] == STARTING:
            continue
        spot = r.slot0 + slot
        stuck = r.request_timeout_s > 0.0 and _age_s(y, p, n, c, r, slot, now_s) > r.request_timeout_s
        unused = m[p.used + spot] == 0 and now_s - y[p.done_s + spot] > r.inactivity_timeout_s > 0.0
        grown = r.process_bytes + r.leak_bytes * m[p.handled + spot]
        large = 0.0 < r.memory_limit_bytes < grown
        over = 0 < m[p.limit + spot] <= m[p.handled + spot] - m[p.used + spot]
        aged = 0.0 < r.lifetime_s < now_s - x[c.born_s + slot]
        over = over and now_s - y[p.over_s + spot] > r.graceful_timeout_s
        if (
            not stuck
            and not large
            and not over
            and not aged
            and not (unused and (m[p.handled + spot] > 0 or not r.lazy))
        ):
            continue
        n[RECYCLED] += now_s < c.horizon_s
        retire(n, x, c, slot, now_s)
        notice_end(m, y, p, n, x, c, r, slot)
        if stuck or over:
            set_timer(m, y, p, now_s + r.shutdown_timeout_s, code_of(SHUTDOWN, spot))


def _age_s(y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, slot: int, now_s: float) -> float:
    """Age of the oldest request of a process; with ``summed_age`` of all together (mod_wsgi 4)."""
    oldest_s = total_s = 0.0
    for worker in range(slot * c.threads, (slot + 1) * c.threads):
        if n[c.doing + worker] >= 0:
            age_s = now_s - y[p.since_s + r.worker0 + worker]
            total_s += age_s
            oldest_s = max(oldest_s, age_s)
    return total_s if r.summed_age else oldest_s


def _busyness(m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, running: int) -> int:
    """One second of the busyness algorithm; what it remembers is kept from ``state0`` on."""
    at = r.state0 + FIRST_COUNT
    if y[at + 4] == 0.0 and y[at + 3] == 0.0:  # the first second
        first = cheaper_busyness_start(r.overload, r.multiplier)
        y[at], y[at + 1], y[at + 2], y[at + 3] = first[0], first[1], first[2], first[3]
        y[at + 4], y[at + 5], y[at + 6], y[at + 7] = first[4], first[5], first[6], first[7]
    looks = cheaper_busyness_looks(int(y[at]), r.overload)
    percent = 0
    for slot in range(n[HIGH]):
        spot = r.slot0 + slot
        if n[c.phase + slot] == LIVE:
            m[p.seen_busy + spot] += 1 if m[p.used + spot] > 0 else 0
            if looks:
                percent += worker_busyness(y[p.finished_s + spot], m[p.seen_busy + spot], r.overload)
                y[p.finished_s + spot] = 0.0
                m[p.seen_busy + spot] = 0
    change: int
    change, window, timer, retired, factor, action, tolerated, emergency, nonzero = cheaper_busyness(
        running,
        percent // max(running, 1),
        n[QUEUE_SIZE],
        int(y[at]),
        int(y[at + 1]),
        int(y[at + 2]),
        int(y[at + 3]),
        int(y[at + 4]),
        int(y[at + 5]),
        int(y[at + 6]),
        int(y[at + 7]),
        r.minimum,
        c.process_limit,
        r.step,
        r.overload,
        r.busy_low,
        r.busy_high,
        r.multiplier,
        r.penalty,
        r.alert,
        r.alert_multiplier,
        r.alert_step,
        r.nonzero,
    )
    y[at], y[at + 1], y[at + 2], y[at + 3] = window, timer, retired, factor
    y[at + 4], y[at + 5], y[at + 6], y[at + 7] = action, tolerated, emergency, nonzero
    return change


def _change(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, change: int, now_s: float
) -> None:
    y[r.state0 + TARGET] = min(max(n[LIVE_PROCESSES] + change, 0), c.process_limit)
    if change > 0:
        before = n[SEQUENCE]
        fork_batch(n, x, c, free_slots(n, x, c, change), now_s)
        begin_boots(m, y, p, n, x, c, r, before)
        return
    for _ in range(-change):
        slot = n[c.ring + n[RING_HEAD]] if n[RING_SIZE] else oldest_live(n, x, c)
        if slot >= 0:
            n[KILLED_IDLE] += now_s < c.horizon_s
            retire(n, x, c, slot, now_s)
            notice_end(m, y, p, n, x, c, r, slot)


def _retire_idle(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """Unit, Passenger: end processes that have had nothing to do for ``idle_timeout_s``, the oldest first."""
    if r.idle_timeout_s <= 0.0:
        return
    idle = 0
    for slot in range(n[HIGH]):
        if n[c.phase + slot] == LIVE and held_by(n, c, slot) == 0:
            idle += 1
    for slot in range(n[HIGH]):
        spare = idle if r.kept_by == BY_UNIT else n[LIVE_PROCESSES]
        if spare <= r.minimum:
            return
        if n[c.phase + slot] != LIVE or held_by(n, c, slot) > 0:
            continue
        if now_s - y[p.done_s + r.slot0 + slot] > r.idle_timeout_s:
            idle -= 1
            y[r.state0 + TARGET] = n[LIVE_PROCESSES] - 1
            n[KILLED_IDLE] += now_s < c.horizon_s
            retire(n, x, c, slot, now_s)
            notice_end(m, y, p, n, x, c, r, slot)


def shut_down_daemons(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, patience_s: float, now_s: float
) -> None:
    """httpd restarts: every daemon process is told to end, and is ended ``patience_s`` later."""
    for slot in range(n[HIGH]):
        if n[c.phase + slot] == LIVE:
            retire(n, x, c, slot, now_s)
            if n[c.phase + slot] != GONE and r.kept_by == BY_HTTPD_FIXED:
                set_timer(m, y, p, now_s + patience_s, code_of(SHUTDOWN, r.slot0 + slot))
