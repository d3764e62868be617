"""Who keeps the processes of a stage: httpd's parent, for its daemons too, or a master of their own.

httpd's parent is ``simulation/parent.py``. A master notices the end of a process at once and starts another
one; once a second it looks whether the number is right (gunicorn, waitress, granian) or asks its algorithm
(uWSGI's cheaper), and whether a process is too old or stuck. Unit and Passenger: ``demand.py``.
"""

from __future__ import annotations

from poolwise.servers import (
    MESSAGE_TOO_LONG,
    MESSAGE_UNUSED,
    arbiter_maintain,
    cheaper_backlog,
    cheaper_busyness,
    cheaper_busyness_looks,
    cheaper_busyness_start,
    cheaper_carries_out,
    cheaper_spare,
    worker_busyness,
)
from poolwise.simulation.chain.demand import first_look
from poolwise.simulation.chain.memory import (
    BY_BACKLOG,
    BY_BUSYNESS,
    BY_HTTPD_FIXED,
    BY_NUMBER,
    BY_SPARE,
    BY_UNIT,
    FIRST_COUNT,
    LEAVES,
    LEAVES_S,
    OWED_STOPS,
    SHUTDOWN,
    TARGET,
    TOLD,
    Layout,
    Rules,
    code_of,
)
from poolwise.simulation.chain.timers import set_timer
from poolwise.simulation.chain.workers import begin_boots, notice_end
from poolwise.simulation.parent import log, reap
from poolwise.simulation.processes import fork_batch, forking_s, free_slots, held_by, retire
from poolwise.simulation.state import (
    FREE,
    GOING,
    GONE,
    HIGH,
    KILLED_IDLE,
    LIVE,
    OWED,
    QUEUE_SIZE,
    RECYCLED,
    SEQUENCE,
    STARTING,
    TOTAL,
    WAKE_S,
    Floats,
    Ints,
    Plan,
)


def first_processes(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules) -> None:
    """Start the processes that a stage not scaled by httpd begins with."""
    count = min(c.start, c.process_limit)
    y[r.state0 + TARGET] = count
    fork_batch(n, x, c, free_slots(n, x, c, count), -forking_s(c, count, 0))
    begin_boots(m, y, p, n, x, c, r, 0)
    x[WAKE_S] = 1.0
    if r.kept_by >= BY_UNIT:
        first_look(m, y, p, r)


def replace_daemons(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float
) -> float:
    """httpd's parent reaps: daemon processes that have ended are started anew. Returns when that is done."""
    before = n[SEQUENCE]
    n[OWED] = c.slots
    done_s = reap(n, x, c, now_s)
    n[OWED] = 0
    begin_boots(m, y, p, n, x, c, r, before)
    return done_s


def replace_ended(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """A master has been told that a process ended: it starts another one, unless it had told it to go."""
    before, there = n[SEQUENCE], 0
    for slot in range(n[HIGH]):
        ended = n[c.phase + slot] == GONE and x[c.exit_s + slot] <= now_s
        there += 1 if _counts(m, p, n, c, r, slot) and not ended else 0
    n[OWED] = max(arbiter_maintain(there, int(y[r.state0 + TARGET])), 0)
    reap(n, x, c, now_s)
    n[OWED] = 0
    begin_boots(m, y, p, n, x, c, r, before)


def keep_number(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """The second of a master: more or fewer processes by its policy, and those that must be recycled."""
    x[WAKE_S] = now_s + 1.0
    if BY_SPARE <= r.kept_by <= BY_BUSYNESS:
        _cheaper(m, y, p, n, x, c, r, now_s)
    elif r.kept_by == BY_NUMBER:
        if r.overlap_s > 0.0:
            _replace_oldest(m, y, p, n, x, c, r, now_s)
        there = 0
        for slot in range(n[HIGH]):
            there += 1 if _counts(m, p, n, c, r, slot) else 0
        _start(m, y, p, n, x, c, r, arbiter_maintain(there, int(y[r.state0 + TARGET])), now_s)
    look_after(m, y, p, n, x, c, r, now_s)


def look_after(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """Once a second: processes too old in a request, too long without one, or too large are ended.

    A mod_wsgi daemon that has served its number of requests, or is too old, goes on until nothing runs in
    it, at most for graceful-timeout (``over_s``: since when).
    """
    watched = r.request_timeout_s + r.inactivity_timeout_s + r.memory_limit_bytes + r.most_requests
    watched += r.lifetime_s
    if watched <= 0.0:
        return
    daemon = r.kept_by == BY_HTTPD_FIXED
    for slot in range(n[HIGH]):
        going = n[c.phase + slot] == GOING and not daemon
        if (n[c.phase + slot] != LIVE and not going) or n[c.doing + slot * c.threads] == STARTING:
            continue
        spot = r.slot0 + slot
        idle = m[p.used + spot] == 0
        stuck = r.request_timeout_s > 0.0 and _age_s(y, p, n, c, r, slot, now_s) > r.request_timeout_s
        unused = idle and now_s - y[p.done_s + spot] > r.inactivity_timeout_s > 0.0
        unused = unused and m[p.handled + spot] > 0  # the clock starts with the first request
        large = 0.0 < r.memory_limit_bytes < r.process_bytes + r.leak_bytes * m[p.handled + spot]
        limit_s = r.lifetime_s + r.lifetime_delta_s * slot
        aged = r.lifetime_s > 0.0 and r.overlap_s == 0.0 and now_s - x[c.born_s + slot] > limit_s
        over = False
        if daemon:
            if aged and y[p.over_s + spot] < 0.0:
                y[p.over_s + spot] = now_s
            aged = y[p.over_s + spot] >= 0.0 and idle
            over = y[p.over_s + spot] >= 0.0 and now_s - y[p.over_s + spot] > r.graceful_timeout_s
        if going and not stuck:
            continue
        if not stuck and not large and not over and not aged and not unused:
            continue
        if daemon and stuck:
            log(n, x, c, now_s, MESSAGE_TOO_LONG, 0, 0, 0, 0)
        elif daemon and unused:
            log(n, x, c, now_s, MESSAGE_UNUSED, 0, 0, 0, 0)
        if not going:
            n[RECYCLED] += now_s < c.horizon_s
            retire(n, x, c, slot, now_s)
            notice_end(m, y, p, n, x, c, r, slot)
        if (stuck or over) and n[c.phase + slot] == GOING:
            _shut_down_at(m, y, p, r, slot, now_s + r.shutdown_timeout_s)


def _shut_down_at(m: Ints, y: Floats, p: Layout, r: Rules, slot: int, at_s: float) -> None:
    """End a process that was told to go at ``at_s``, whatever still runs in it."""
    y[p.over_s + r.slot0 + slot] = at_s
    set_timer(m, y, p, at_s, code_of(SHUTDOWN, r.slot0 + slot))


def _counts(m: Ints, p: Layout, n: Ints, c: Plan, r: Rules, slot: int) -> bool:
    """Whether the slot has a process that its master has not told to go for good."""
    return n[c.phase + slot] != FREE and m[p.limit + r.slot0 + slot] != TOLD


def _start(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, count: int, now_s: float
) -> int:
    """Start ``count`` processes, or as many as have a place; returns how many."""
    if count <= 0:
        return 0
    before, found = n[SEQUENCE], free_slots(n, x, c, count)
    fork_batch(n, x, c, found, now_s)
    begin_boots(m, y, p, n, x, c, r, before)
    return found


def _replace_oldest(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float
) -> None:
    """granian: one process after the other that is too old gets its replacement, and goes a little later."""
    leaves = int(y[r.state0 + LEAVES]) - 1
    if leaves >= 0:
        if now_s < y[r.state0 + LEAVES_S]:
            return
        if n[c.phase + leaves] == LIVE and m[p.limit + r.slot0 + leaves] == TOLD:
            retire(n, x, c, leaves, now_s)
            notice_end(m, y, p, n, x, c, r, leaves)
        y[r.state0 + LEAVES] = 0.0
    for slot in range(n[HIGH]):
        aged = n[c.phase + slot] == LIVE and now_s - x[c.born_s + slot] > r.lifetime_s
        if aged and m[p.limit + r.slot0 + slot] != TOLD and free_slots(n, x, c, 1) > 0:
            n[RECYCLED] += now_s < c.horizon_s
            m[p.limit + r.slot0 + slot] = TOLD
            y[r.state0 + LEAVES], y[r.state0 + LEAVES_S] = 1.0 + slot, now_s + r.overlap_s
            return


def _cheaper(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """uWSGI: ask the algorithm, unless stops are still owed, and do what it says as far as possible."""
    running = busy = idle = 0
    for slot in range(n[HIGH]):
        if not _counts(m, p, n, c, r, slot):
            continue
        running += 1
        if m[p.used + r.slot0 + slot] > 0:
            busy += 1
        elif n[c.phase + slot] == LIVE:
            idle += 1
    maximum = c.process_limit - (n[TOTAL] - running)
    counts, change = r.state0 + FIRST_COUNT, int(y[r.state0 + OWED_STOPS])
    if change != 0:
        pass
    elif r.kept_by == BY_SPARE:
        change, first, second = cheaper_spare(
            running, busy, int(y[counts]), int(y[counts + 1]), r.minimum, maximum, r.step, r.overload
        )
        y[counts], y[counts + 1] = first, second
    elif r.kept_by == BY_BACKLOG:
        change = cheaper_backlog(running, n[QUEUE_SIZE], r.minimum, maximum, r.step, r.overload)
    else:
        change = _busyness(m, y, p, n, c, r, running, maximum)
    change, owed = cheaper_carries_out(change, idle)
    y[r.state0 + OWED_STOPS] = owed
    y[r.state0 + TARGET] += _start(m, y, p, n, x, c, r, change, now_s)
    for _ in range(-change):
        _stop_one(m, y, p, n, x, c, r, now_s)


def _stop_one(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """uWSGI: the worker that was started longest ago of those that are not busy has to go.

    With threads the signal wakes one of them only: it stays, until it is killed.
    """
    first = -1
    for slot in range(n[HIGH]):
        if n[c.phase + slot] == LIVE and m[p.used + r.slot0 + slot] == 0:
            first = slot if first < 0 or n[c.order + slot] < n[c.order + first] else first
    m[p.limit + r.slot0 + first] = TOLD
    y[r.state0 + TARGET] -= 1.0
    n[KILLED_IDLE] += now_s < c.horizon_s
    stays = c.threads > 1 and held_by(n, c, first) == 0
    if stays:
        n[c.doing + first * c.threads] = STARTING  # one of its threads is never done
    retire(n, x, c, first, now_s)
    notice_end(m, y, p, n, x, c, r, first)
    if stays:
        _shut_down_at(m, y, p, r, first, now_s + r.mercy_s + 1.0)  # it looks in whole seconds


def _age_s(y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, slot: int, now_s: float) -> float:
    """Age of the oldest request of a process; with ``summed_age`` of all together (mod_wsgi 4)."""
    oldest_s = total_s = 0.0
    for worker in range(slot * c.threads, (slot + 1) * c.threads):
        if n[c.doing + worker] >= 0:
            age_s = now_s - y[p.since_s + r.worker0 + worker]
            total_s += age_s
            oldest_s = max(oldest_s, age_s)
    return total_s if r.summed_age else oldest_s


def _busyness(m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, running: int, maximum: int) -> int:
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
        if _counts(m, p, n, c, r, slot):
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
        maximum,
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


def shut_down(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, patience_s: float, now_s: float
) -> None:
    """Every process is told to end; httpd's daemons are ended ``patience_s`` later."""
    for slot in range(n[HIGH]):
        if n[c.phase + slot] == LIVE:
            retire(n, x, c, slot, now_s)
            notice_end(m, y, p, n, x, c, r, slot)
            if n[c.phase + slot] == GOING and r.kept_by == BY_HTTPD_FIXED:
                _shut_down_at(m, y, p, r, slot, now_s + patience_s)
