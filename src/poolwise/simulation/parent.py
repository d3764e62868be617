"""What httpd's parent process does: sleep a second, one maintenance pass, collect the dead, sleep again.

The order matters to the tick. After the sleep the pass decides on what it sees, children that died
meanwhile included; only then are they reaped, all of them, before the next sleep: a slot freed during a
sleep can be used by the second pass after it. Forking takes time and moves every later pass.
Source: ``ap_wait_or_timeout`` (server/mpm_common.c), ``prefork_run``,
``server_main_loop`` (worker.c, event.c).
"""

from __future__ import annotations

from poolwise.servers import (
    MESSAGE_GRACEFUL,
    MESSAGE_HARD,
    MESSAGE_KILLED,
    MESSAGE_NONE,
    MESSAGE_REACHED,
    MESSAGE_RESUMED,
    MESSAGE_WITHIN,
    event_maintain,
    prefork_maintain,
    worker_maintain,
)
from poolwise.simulation.processes import crash, fork_batch, free_slots, kill_one, oldest_live, retire, wipe
from poolwise.simulation.ring import ready
from poolwise.simulation.state import (
    ACTIVE,
    BUSY,
    CRASH,
    CRASHED,
    DEATH_NOTICES,
    EVENT,
    EXTRA_GONE,
    FREE,
    GHOSTS,
    GOING,
    GONE,
    GRACEFUL_RESTART,
    HIGH,
    HOLDOFF,
    KILLED_IDLE,
    LIVE_BUSY,
    LIVE_PROCESSES,
    LOGGED,
    MODE,
    ONCE_LOGGED,
    OWED,
    PREFORK,
    QUEUE_SIZE,
    RATE,
    REAP,
    RESTARTED,
    REVIVE,
    SUCCESSIVE,
    TICK,
    TICKS,
    TOTAL,
    WAKE_S,
    WITHHELD,
    Floats,
    Ints,
    Plan,
)

HOLDOFF_PASSES = 10  # spawning passes without doubling after a graceful restart
RESTART_DIE_S = 0.03  # a threaded child leaves an idle server so late that the parent has looked before
RECLAIM_S = 0.1  # a hard restart of an idle pool
RECLAIM_AT_MOST_S = 9.0  # then what is left is killed


def wake(n: Ints, x: Floats, c: Plan) -> None:
    """The parent's next step, at ``x[WAKE_S]``."""
    now_s = x[WAKE_S]
    if n[MODE] == TICK:
        n[MODE] = REAP
        x[WAKE_S] = _pass(n, x, c, now_s)
    elif n[MODE] == REAP:
        done_s = reap(n, x, c, now_s)
        n[MODE] = TICK
        x[WAKE_S] = done_s + c.sleep_s
    else:
        wipe(n, x, c, now_s)
        log(n, x, c, now_s, MESSAGE_RESUMED, 0, 0, 0, 0)
        n[MODE] = REAP
        x[WAKE_S] = cold_start(n, x, c, now_s)


def cold_start(n: Ints, x: Floats, c: Plan, now_s: float) -> float:
    """Fork the initial children; not rate-limited. Returns when the last one is forked."""
    return fork_batch(n, x, c, free_slots(n, x, c, min(c.start, c.process_limit)), now_s)


def incident(n: Ints, x: Floats, c: Plan, kind: int, count: int, now_s: float) -> None:
    """A scheduled event: a graceful restart, a hard restart, or ``count`` children killed by a signal.

    The signal for a restart ends the parent's sleep, so that one more pass runs before it (seen on httpd
    2.4.71: what that pass forks dies at once, but it doubles the spawn rate, which outlives the restart).
    """
    if kind == CRASH:
        for _ in range(count):
            slot = oldest_live(n, x, c)
            if slot >= 0:
                crash(n, x, c, slot, now_s)
                n[CRASHED] += now_s < c.horizon_s
        return
    if n[MODE] == REVIVE:  # on the way already
        return
    if n[MODE] == TICK:
        now_s = _pass(n, x, c, now_s)
    if now_s < c.horizon_s:
        n[RESTARTED] += n[LIVE_PROCESSES]
    n[DEATH_NOTICES] = 0  # a restart opens a new pipe
    leave_s = now_s if c.architecture == PREFORK else now_s + max(RESTART_DIE_S - c.die_s, 0.0)
    for slot in range(n[HIGH]):
        retire(n, x, c, slot, leave_s)
    if kind == GRACEFUL_RESTART:
        log(n, x, c, now_s, MESSAGE_GRACEFUL, 0, 0, 0, 0)
        n[OWED] = min(c.start, c.process_limit)
        n[HOLDOFF] = HOLDOFF_PASSES
        n[MODE] = REAP
        x[WAKE_S] = now_s + c.parse_s
        log(n, x, c, now_s + c.parse_s, MESSAGE_RESUMED, 0, 0, 0, 0)
        return
    log(n, x, c, now_s, MESSAGE_HARD, 0, 0, 0, 0)
    n[OWED] = 0
    n[MODE] = REVIVE
    x[WAKE_S] = now_s + RECLAIM_S + _last_request_s(n, x, c, now_s)
    if c.architecture == PREFORK:
        wipe(n, x, c, now_s)


def log(n: Ints, x: Floats, c: Plan, now_s: float, code: int, a: int, b: int, d: int, e: int) -> None:
    """Note a line of the error log: its time, its message code and up to four numbers."""
    if code == MESSAGE_NONE:
        return
    if code in (MESSAGE_REACHED, MESSAGE_WITHIN):
        if n[ONCE_LOGGED] & (1 << code):
            return
        n[ONCE_LOGGED] |= 1 << code
    line = n[LOGGED]
    n[LOGGED] += 1
    if line >= c.lines:
        return
    x[c.log_s + line] = now_s
    n[c.log_code + line] = code
    n[c.log_numbers + 4 * line] = a
    n[c.log_numbers + 4 * line + 1] = b
    n[c.log_numbers + 4 * line + 2] = d
    n[c.log_numbers + 4 * line + 3] = e


def idle_workers(n: Ints, x: Floats, c: Plan) -> int:
    """Workers that httpd counts as idle: ready or starting, in processes not told to go."""
    return n[LIVE_PROCESSES] * c.threads - n[LIVE_BUSY] + n[GHOSTS] - n[WITHHELD]


def _pass(n: Ints, x: Floats, c: Plan, now_s: float) -> float:
    """What follows a sleep. Returns when it is done."""
    if n[OWED] > 0:
        return _start_owed(n, x, c, now_s)
    return _maintain(n, x, c, now_s)


def _maintain(n: Ints, x: Floats, c: Plan, now_s: float) -> float:
    idle = idle_workers(n, x, c)
    rate, holdoff = n[RATE], n[HOLDOFF]
    free = free_slots(n, x, c, rate) if idle < c.min_spare else 0
    active = n[BUSY] + ready(n, c) + n[WITHHELD]
    low, high = c.min_spare, c.max_spare
    if c.architecture == PREFORK:
        spawn, kill, new_rate, holdoff, code = prefork_maintain(idle, free, rate, holdoff, low, high)
    elif c.architecture == EVENT:
        _notice_quiescing(n, x, c)
        spawn, kill, new_rate, holdoff, code = event_maintain(
            idle,
            free,
            rate,
            holdoff,
            low,
            high,
            active,
            c.max_workers,
            n[ACTIVE],
            n[TOTAL],
            c.process_limit,
            c.server_limit,
            c.old_kill_rule,
        )
    else:
        spawn, kill, new_rate, holdoff, code = worker_maintain(
            idle, free, rate, holdoff, low, high, active, c.max_workers
        )
    n[RATE], n[HOLDOFF] = new_rate, holdoff
    _record_tick(n, x, c, now_s, idle, spawn, kill)
    if c.architecture == EVENT:
        log(n, x, c, now_s, code, spawn, idle, n[ACTIVE], n[TOTAL])
    else:
        log(n, x, c, now_s, code, rate if c.architecture == PREFORK else spawn, idle, n[TOTAL], 0)
    if kill:
        n[KILLED_IDLE] += now_s < c.horizon_s
        kill_one(n, x, c, now_s)
    return fork_batch(n, x, c, spawn, now_s)


def _notice_quiescing(n: Ints, x: Floats, c: Plan) -> None:
    for slot in range(n[HIGH]):
        if n[c.seen + slot] == 0 and (n[c.phase + slot] == GOING or n[c.phase + slot] == GONE):
            n[c.seen + slot] = 1
            n[ACTIVE] -= 1


def _record_tick(n: Ints, x: Floats, c: Plan, now_s: float, idle: int, spawn: int, kill: int) -> None:
    row = n[TICKS]
    if row >= c.ticks:
        return
    x[c.tick_s + row] = now_s
    n[c.tick_total + row] = n[TOTAL]
    n[c.tick_idle + row] = idle
    n[c.tick_busy + row] = n[BUSY]
    n[c.tick_queued + row] = n[QUEUE_SIZE]
    n[c.tick_created + row] = spawn
    n[c.tick_killed + row] = kill
    n[TICKS] = row + 1


def _start_owed(n: Ints, x: Floats, c: Plan, now_s: float) -> float:
    """The first time-out after a graceful restart: start all children still owed, no maintenance."""
    count = 0
    for slot in range(c.slots):
        if count == n[OWED]:
            break
        if n[c.phase + slot] == FREE:
            n[c.found + count] = slot
            count += 1
    n[OWED] = 0
    return fork_batch(n, x, c, count, now_s)


def reap(n: Ints, x: Floats, c: Plan, now_s: float) -> float:
    """Collect every child that has exited; replace one for one what must be. Returns when that is done."""
    n[TOTAL] -= n[EXTRA_GONE]
    n[EXTRA_GONE] = 0
    n[SUCCESSIVE] = 0  # a series ends at the next sleep
    replace = 0
    for slot in range(n[HIGH]):
        if n[c.phase + slot] != GONE or x[c.exit_s + slot] > now_s:
            continue
        killed = n[c.seen + slot] == 2
        n[TOTAL] -= 1
        if n[c.seen + slot] != 1:
            n[ACTIVE] -= 1
        n[GHOSTS] -= n[c.ghost + slot]
        n[c.ghost + slot] = 0
        n[c.seen + slot] = 0
        n[c.phase + slot] = FREE
        if not _replaced(n, x, c, killed, now_s):
            continue
        n[c.found + replace] = slot
        replace += 1
    return fork_batch(n, x, c, replace, now_s)


def _replaced(n: Ints, x: Floats, c: Plan, killed: bool, now_s: float) -> bool:
    """Whether a reaped child is replaced at once: while children are owed, or killed (2.4.54+)."""
    n[SUCCESSIVE] += 1 if killed else 0
    if n[OWED] > 0:
        n[OWED] -= 1
        return True
    if not killed or not c.replaces_killed:
        return False
    if n[SUCCESSIVE] % 10 == 3:
        log(n, x, c, now_s, MESSAGE_KILLED, 0, 0, 0, 0)
    return n[SUCCESSIVE] <= 2


def _last_request_s(n: Ints, x: Floats, c: Plan, now_s: float) -> float:
    """How long a hard restart waits for the requests in service (prefork does not wait)."""
    if c.architecture == PREFORK:
        return 0.0
    last_s = now_s
    for worker in range(n[HIGH] * c.threads):
        if n[c.doing + worker] >= 0:
            last_s = max(last_s, x[c.key_s + worker])
    return min(last_s - now_s, RECLAIM_AT_MOST_S)
