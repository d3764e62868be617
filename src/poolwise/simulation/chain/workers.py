"""Workers and processes of a stage: who serves, who becomes free, who starts, who is killed.

The bookkeeping of pools is that of ``simulation/processes.py``; this adds what it costs: a process that
starts works on the shared processor, and a killed one leaves clients without an answer.
"""

from __future__ import annotations

from poolwise.servers import event_accepts, recycle_after, recycle_after_in_slot
from poolwise.simulation.chain.memory import (
    BECAME_READY,
    BOOT,
    BOOT_WAITED,
    BY_HTTPD,
    BY_HTTPD_FIXED,
    BY_PASSENGER,
    BY_UNIT,
    CALLED,
    CALLED_FIRST,
    DRAWS,
    FREED,
    INTERPRETER_GIL,
    PHASE_OVER,
    REPLACE,
    SHARED_GIL,
    SHUTDOWN,
    THREAD_READY,
    TOOK,
    WOKE,
    Floats,
    Ints,
    Layout,
    Rules,
    code_of,
)
from poolwise.simulation.chain.processor import abandon_work, begin_work
from poolwise.simulation.chain.timers import cancel, set_timer
from poolwise.simulation.processes import crash, exit_process, release
from poolwise.simulation.ring import idle_in, leave_ring, next_idle, rest
from poolwise.simulation.state import (
    BUSY,
    GOING,
    GONE,
    HIGH,
    IDLE,
    LIVE,
    LIVE_BUSY,
    LOST,
    SEQUENCE,
    STARTING,
    WITHHELD,
    WORKER,
    Plan,
)

MOST_SIDES = 4


def stage_of(p: Layout, rs: list[Rules], worker: int) -> int:
    """The stage that a worker of the chain belongs to."""
    k = p.stages - 1
    while worker < rs[k].worker0:
        k -= 1
    return k


def stage_of_slot(p: Layout, rs: list[Rules], slot: int) -> int:
    """The stage that a slot of the chain belongs to."""
    k = p.stages - 1
    while slot < rs[k].slot0:
        k -= 1
    return k


def call(m: Ints, p: Layout, worker: int, phase: int) -> None:
    """Let ``worker`` go on with ``phase`` as soon as what happens now is over."""
    m[p.phase + worker] = phase
    place = m[CALLED_FIRST] + m[CALLED]
    m[p.called + (place if place < p.workers else place - p.workers)] = worker
    m[CALLED] += 1


def group_of(m: Ints, p: Layout, c: Plan, r: Rules, worker: int, kind: int) -> int:
    """The threads that ``worker`` (of the stage) shares a GIL with.

    A process that has taken over a slot of the worker MPM has a GIL of its own: slots have several sides.
    """
    place = worker // c.threads * sides_of(c) + m[p.side + r.worker0 + worker]
    if r.gil == SHARED_GIL:
        return r.group0 + place
    if r.gil == INTERPRETER_GIL:
        return r.group0 + place * r.interpreters + kind % r.interpreters
    return r.group0 + place * c.threads + worker % c.threads


def sides_of(c: Plan) -> int:
    """Processes with a GIL of their own in one slot: the worker MPM starts one while earlier ones finish.

    There could be one for each thread; from the fourth on they share the last.
    """
    return min(c.threads + 1, MOST_SIDES) if c.architecture == WORKER else 1


def seize(m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, attempt: int, now_s: float) -> int:
    """The worker that has been idle longest takes ``attempt``; returns its number in the chain."""
    return _occupy(m, y, p, n, c, r, next_idle(n, c), attempt, now_s)


def seize_in(
    m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, slot: int, attempt: int, now_s: float
) -> int:
    """An idle worker of process ``slot`` takes ``attempt``; it has one. Returns its number in the chain."""
    if c.threads == 1 and (r.factor == 0 or m[p.accepts + r.slot0 + slot] == 1):
        leave_ring(n, c, slot)
        return _occupy(m, y, p, n, c, r, slot, attempt, now_s)
    if r.factor and m[p.accepts + r.slot0 + slot] != 1:  # idle, but not in the ring
        worker = slot * c.threads
        while n[c.doing + worker] != IDLE:
            worker += 1
        return _occupy(m, y, p, n, c, r, worker, attempt, now_s)
    return _occupy(m, y, p, n, c, r, idle_in(n, c, slot), attempt, now_s)


def _occupy(
    m: Ints, y: Floats, p: Layout, n: Ints, c: Plan, r: Rules, worker: int, attempt: int, now_s: float
) -> int:
    slot = r.slot0 + worker // c.threads
    n[c.doing + worker] = attempt
    n[BUSY] += 1
    n[LIVE_BUSY] += 1
    m[p.side + r.worker0 + worker] = m[p.side_now + slot]
    m[p.used + slot] += 1
    m[p.handled + slot] += 1
    y[p.since_s + r.worker0 + worker] = now_s
    if r.kept_by >= BY_UNIT:
        y[r.state0 + TOOK] = 1.0 + slot
        y[r.state0 + WOKE] += 1.0 if m[p.used + slot] == 1 else 0.0
        y[p.done_s + slot] = now_s
    if n[c.ghost + worker // c.threads] == 0 and m[p.serving + slot] < m[p.used + slot]:
        m[p.serving + slot] = m[p.used + slot]
    return r.worker0 + worker


def vacate(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, worker: int, now_s: float
) -> None:
    """``worker`` (of the stage) has no more to do: idle again, or gone with its process."""
    slot = worker // c.threads
    orphan = n[c.orphan + worker]
    release(n, x, c, worker, now_s)
    if orphan:
        if n[c.doing + worker] == STARTING:
            set_timer(m, y, p, x[c.key_s + worker], code_of(THREAD_READY, r.worker0 + worker))
        return
    m[p.used + r.slot0 + slot] -= 1
    if r.kept_by >= BY_UNIT:
        y[r.state0 + FREED] += 1.0
    if r.kept_by != BY_PASSENGER:  # it counts from when a process was given a request
        y[p.done_s + r.slot0 + slot] = now_s
    if r.kept_by != BY_HTTPD:
        notice_end(m, y, p, n, x, c, r, slot)


def notice_end(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, slot: int) -> None:
    """A process may have ended: its master will notice at that instant (httpd's parent: when it reaps)."""
    if n[c.phase + slot] == GONE and r.kept_by > BY_HTTPD_FIXED:
        set_timer(m, y, p, x[c.exit_s + slot], code_of(REPLACE, r.slot0 + slot))


def weigh_connections(m: Ints, p: Layout, n: Ints, c: Plan, r: Rules, slot: int) -> None:
    """Event: switch the listener of process ``slot`` on or off as its connections and idle threads ask."""
    spot = r.slot0 + slot
    if n[c.phase + slot] != LIVE or m[p.accepts + spot] < 0:
        return
    idle = c.threads - m[p.used + spot]
    before = m[p.accepts + spot] == 1
    after = event_accepts(m[p.open_ + spot], idle, c.threads, r.factor, before)
    m[p.accepts + spot] = 1 if after else 0
    if (before and after) or idle == 0:
        return
    leave_ring(n, c, slot)
    if after:
        for worker in range(slot * c.threads, (slot + 1) * c.threads):
            if n[c.doing + worker] == IDLE:
                rest(n, c, worker)


def count_withheld(m: Ints, p: Layout, n: Ints, c: Plan, r: Rules) -> None:
    """Count the idle threads of processes whose listener is off: httpd's parent does not see them."""
    withheld = 0
    for slot in range(n[HIGH]):
        if n[c.phase + slot] == LIVE and m[p.accepts + r.slot0 + slot] == 0:
            withheld += c.threads - m[p.used + r.slot0 + slot]
    n[WITHHELD] = withheld


def begin_boots(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, before: int) -> None:
    """Every process forked since the fork with number ``before`` begins its start."""
    if n[SEQUENCE] == before:
        return
    for slot in range(n[HIGH]):
        there = n[c.phase + slot] == LIVE or n[c.phase + slot] == GOING  # told to go as soon as it was forked
        if not there or n[c.order + slot] < before:
            continue
        spot = r.slot0 + slot
        m[p.side_now + spot] = _free_side(m, p, n, c, r, slot)
        m[p.used + spot] = m[p.handled + spot] = m[p.serving + spot] = m[p.open_ + spot] = 0
        m[p.loaded + spot] = 0 if r.lazy else 2
        m[p.accepts + spot] = -1
        m[p.parked + spot] = -1
        m[p.seen_busy + spot] = 0
        y[p.finished_s + spot] = 0.0
        m[p.limit + spot] = _recycling_limit(m, p, r, slot)
        m[p.own_first + spot] = m[p.own_last + spot] = -1
        if y[p.over_s + spot] >= 0.0:
            cancel(m, y, p, code_of(SHUTDOWN, spot))
        y[p.over_s + spot] = -1.0
        y[p.done_s + spot] = x[c.up_s + slot]
        set_timer(
            m, y, p, x[c.up_s + slot] + r.boot_wait_s, code_of(BOOT_WAITED, r.worker0 + slot * c.threads)
        )


def _recycling_limit(m: Ints, p: Layout, r: Rules, slot: int) -> int:
    """So many requests does a new process live for (0: any number); jitter from a counter-based hash."""
    if r.most_requests <= 0 or r.jitter <= 0:
        return recycle_after_in_slot(r.most_requests, r.slot_delta, slot)
    m[DRAWS] += 1
    state = (p.seed * 1_000_003 + m[DRAWS]) & 0x3FFFFFFF
    for _ in range(3):
        state = (state * 1_103_515_245 + 12_345) & 0x3FFFFFFF
        state ^= state >> 15
    return int(recycle_after(r.most_requests, r.jitter, state / 1_073_741_824.0))


def _free_side(m: Ints, p: Layout, n: Ints, c: Plan, r: Rules, slot: int) -> int:
    """A side of the slot on which no earlier process runs."""
    if c.architecture != WORKER or n[c.orphans + slot] == 0:
        return 0
    for side in range(sides_of(c)):
        taken = False
        for worker in range(slot * c.threads, (slot + 1) * c.threads):
            taken = taken or (n[c.orphan + worker] != 0 and m[p.side + r.worker0 + worker] == side)
        if not taken:
            return side
    return sides_of(c) - 1


def _starts_with(n: Ints, x: Floats, c: Plan, slot: int, worker: int) -> bool:
    """Whether the worker is up as soon as its process is (it does not wait for an orphan's thread to end)."""
    starting = n[c.doing + worker] == STARTING and n[c.orphan + worker] == 0
    return starting and x[c.key_s + worker] == x[c.up_s + slot]


def work_on_boot(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, slot: int, now_s: float
) -> bool:
    """The waiting part of a start is over. Returns whether the process is ready at once."""
    if r.boot_cpu_s <= 0.0:
        return True
    worker = slot * c.threads
    while not _starts_with(n, x, c, slot, worker):
        worker += 1
    m[p.side + r.worker0 + worker] = m[p.side_now + r.slot0 + slot]
    m[p.phase + r.worker0 + worker] = BOOT
    begin_work(m, y, p, r.worker0 + worker, group_of(m, p, c, r, worker, 0), r.boot_cpu_s, now_s)
    return False


def end_boot(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, slot: int, now_s: float
) -> None:
    """A process is up: its workers are idle, except those that wait for an orphan's thread to end."""
    m[p.accepts + r.slot0 + slot] = 1
    for worker in range(slot * c.threads, (slot + 1) * c.threads):
        if _starts_with(n, x, c, slot, worker):
            release(n, x, c, worker, now_s)
    y[p.done_s + r.slot0 + slot] = now_s
    if r.kept_by >= BY_UNIT:
        y[r.state0 + BECAME_READY] += 1.0
    if r.kept_by != BY_HTTPD:
        notice_end(m, y, p, n, x, c, r, slot)


def stop_worker(m: Ints, y: Floats, p: Layout, worker: int, now_s: float) -> None:
    """What a worker does, or waits for, is over at once."""
    cancel(m, y, p, code_of(PHASE_OVER, worker))
    cancel(m, y, p, code_of(THREAD_READY, worker))
    abandon_work(m, y, p, worker, now_s)


def drop_process(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, slot: int, now_s: float
) -> None:
    """A process is killed: nothing that it did goes on. Its attempts are left to the caller."""
    first = slot * c.threads
    cancel(m, y, p, code_of(BOOT_WAITED, r.worker0 + slot * c.threads))
    for worker in range(first, first + c.threads):
        if n[c.orphan + worker] == 0 and n[c.doing + worker] != IDLE:
            stop_worker(m, y, p, r.worker0 + worker, now_s)
    if n[c.phase + slot] == LIVE:
        crash(n, x, c, slot, now_s)
    elif n[c.phase + slot] == GOING:
        for worker in range(first, first + c.threads):
            if n[c.orphan + worker] == 0:
                if n[c.doing + worker] >= 0:
                    n[BUSY] -= 1
                    n[LOST] += 1
                n[c.doing + worker] = IDLE
        exit_process(n, x, c, slot, now_s)
    m[p.used + r.slot0 + slot] = 0
    if r.kept_by != BY_HTTPD:
        notice_end(m, y, p, n, x, c, r, slot)
