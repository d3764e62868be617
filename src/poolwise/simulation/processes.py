"""Births and deaths of processes, and what becomes of a worker that is free again.

Who serves: the worker that has been idle longest (the kernel wakes the waiters of one listener in turn).
Who dies: prefork, whoever finishes a connection first after the death notice, which on an idle pool is
the child idle longest; worker and event, the oldest process. A process told to go finishes what it has.
"""

from __future__ import annotations

from poolwise.simulation.calendar import clear, file
from poolwise.simulation.ring import leave_ring, rest
from poolwise.simulation.state import (
    ACTIVE,
    ALIVE,
    BUSY,
    COMPETING,
    DEATH_NOTICES,
    EVENT,
    EXTRA_GONE,
    FREE,
    GHOSTS,
    GOING,
    GONE,
    HIGH,
    IDLE,
    LEAVING,
    LIVE,
    LIVE_BUSY,
    LIVE_PROCESSES,
    LOST,
    PEAK,
    PREFORK,
    PROCESS_S,
    QUEUE_SIZE,
    READY,
    RECYCLED,
    RING_HEAD,
    RING_SIZE,
    SEQUENCE,
    STARTING,
    TOTAL,
    WORKER,
    Floats,
    Ints,
    Plan,
)


def fork(n: Ints, x: Floats, c: Plan, slot: int, now_s: float, ready_s: float) -> None:
    """Fork a process into ``slot`` at ``now_s``; its workers are ready at ``ready_s``."""
    if n[c.phase + slot] == GOING:  # worker: the slot of a quiescing process is taken over
        _orphan(n, c, slot)
    elif n[c.phase + slot] == GONE:
        n[EXTRA_GONE] += 1
    x[PROCESS_S] += n[c.extras + slot] * _lived_s(x, c, slot, now_s)
    n[c.phase + slot] = LIVE
    n[c.accepted + slot] = 0
    n[c.seen + slot] = 0
    x[c.born_s + slot] = now_s
    x[c.up_s + slot] = ready_s
    n[c.order + slot] = n[SEQUENCE]
    n[SEQUENCE] += 1
    n[LIVE_PROCESSES] += 1
    n[ALIVE] += 1
    n[TOTAL] += 1
    n[ACTIVE] += 1
    n[LIVE_BUSY] += n[c.orphans + slot]
    n[HIGH] = max(n[HIGH], slot + 1)
    if now_s < c.horizon_s:
        n[c.created + max(int(now_s), 0)] += 1
    for worker in range(slot * c.threads, (slot + 1) * c.threads):
        if n[c.doing + worker] == IDLE:
            _start_worker(n, x, c, slot, worker, ready_s)


def fork_batch(n: Ints, x: Floats, c: Plan, count: int, now_s: float) -> float:
    """Fork into the first ``count`` slots of ``found``, one after the other; return when that is done.

    The children of a batch share the cores while they start, from the first fork on, so each takes ``count /
    cores`` times the CPU of one (measured on real servers: they become ready together).
    """
    alone_s = c.startup_wait_s + c.startup_cpu_s
    work_s = count * (c.startup_cpu_s + c.fork_s) / c.cores if c.startup_cpu_s > 0.0 else 0.0
    together_s = now_s + c.startup_wait_s + work_s
    for i in range(count):
        born_s = now_s + forking_s(c, i, n[COMPETING])
        done_s = now_s + forking_s(c, i + 1, n[COMPETING])
        fork(n, x, c, n[c.found + i], born_s, max(done_s + alone_s, together_s) if c.timed else done_s)
    if now_s < c.horizon_s:
        n[PEAK] = max(n[PEAK], n[ALIVE])
    return now_s + forking_s(c, count, n[COMPETING])


def forking_s(c: Plan, count: int, competing: int) -> float:
    """How long the parent needs to fork ``count`` children.

    Forking is CPU work (measured on real servers: 1 fork 0.6 ms, 8 forks 15 ms, 32 forks 93 ms): the
    parent shares the cores with the children that it has forked already and with ``competing`` others.
    """
    total_s = 0.0
    for i in range(count):
        total_s += c.fork_s * max(1.0, (i + 1 + competing) / c.cores)
    return total_s


def free_slots(n: Ints, x: Floats, c: Plan, most: int) -> int:
    """Collect up to ``most`` slots that can be forked into, in httpd's order, in ``found``; return how many.

    prefork, event: empty slots, lowest first. worker: also slots of quiescing processes in which a thread
    has ended, after those that are wholly clean.
    """
    found = 0
    for slot in range(c.slots):
        if found == most:
            return found
        clean = n[c.phase + slot] == FREE
        if c.architecture == WORKER:
            gone = n[c.phase + slot] == GONE and n[c.seen + slot] != 2
            clean = (clean or gone) and busy_in(n, c, slot) == 0
        if clean:
            n[c.found + found] = slot
            found += 1
    if c.architecture != WORKER:
        return found
    for slot in range(c.slots):
        if found == most:
            return found
        ended = n[c.phase + slot] != LIVE and n[c.seen + slot] != 2
        busy = busy_in(n, c, slot) if ended else 0
        if 0 < busy < c.threads and held_by(n, c, slot) + n[c.orphans + slot] == busy:
            n[c.found + found] = slot
            found += 1
    return found


def retire(n: Ints, x: Floats, c: Plan, slot: int, now_s: float) -> None:
    """Tell a live process to go: its idle workers leave now, the busy ones finish."""
    if n[c.phase + slot] != LIVE:
        return
    _set_going(n, c, slot)
    if held_by(n, c, slot) == 0:
        exit_process(n, x, c, slot, now_s + c.die_s)


def kill_one(n: Ints, x: Floats, c: Plan, now_s: float) -> None:
    """Send one death notice."""
    if c.architecture == PREFORK:
        if n[RING_SIZE] == 0:  # everybody is busy or starting: the next one to finish reads it
            n[DEATH_NOTICES] += 1
            return
        retire(n, x, c, n[c.ring + n[RING_HEAD]], now_s)
    else:
        oldest = oldest_live(n, x, c)
        if oldest >= 0:
            retire(n, x, c, oldest, now_s)


def oldest_live(n: Ints, x: Floats, c: Plan) -> int:
    """Slot of the live process forked first, or -1."""
    oldest = -1
    for slot in range(n[HIGH]):
        if n[c.phase + slot] == LIVE and (oldest < 0 or n[c.order + slot] < n[c.order + oldest]):
            oldest = slot
    return oldest


def busy_in(n: Ints, c: Plan, slot: int) -> int:
    """Busy workers in a slot, those of earlier processes included."""
    busy = 0
    for worker in range(slot * c.threads, (slot + 1) * c.threads):
        if n[c.doing + worker] >= 0:
            busy += 1
    return busy


def held_by(n: Ints, c: Plan, slot: int) -> int:
    """Workers of the slot's present process that are busy or starting."""
    held = 0
    for worker in range(slot * c.threads, (slot + 1) * c.threads):
        if n[c.doing + worker] != IDLE and n[c.orphan + worker] == 0:
            held += 1
    return held


def crash(n: Ints, x: Floats, c: Plan, slot: int, now_s: float) -> None:
    """Kill a live process with a signal: its requests are lost; its idle workers still count as idle."""
    first = slot * c.threads
    leave_ring(n, c, slot)
    lost = 0
    for worker in range(first, first + c.threads):
        if n[c.orphan + worker] == 0 and n[c.doing + worker] != IDLE:
            if n[c.doing + worker] >= 0:
                lost += 1
            n[c.doing + worker] = IDLE
    _refile(n, x, c)
    n[LOST] += lost
    n[BUSY] -= lost
    n[LIVE_BUSY] -= lost + n[c.orphans + slot]
    n[LIVE_PROCESSES] -= 1
    n[c.ghost + slot] = c.threads - lost - n[c.orphans + slot]
    n[GHOSTS] += n[c.ghost + slot]
    n[c.seen + slot] = 2
    exit_process(n, x, c, slot, now_s)


def wipe(n: Ints, x: Floats, c: Plan, now_s: float) -> None:
    """End every process at once and empty the scoreboard; what was being served is lost."""
    for slot in range(n[HIGH]):
        _end_extras(n, x, c, slot, n[c.extras + slot], now_s)
        if n[c.phase + slot] == LIVE or n[c.phase + slot] == GOING:
            exit_process(n, x, c, slot, now_s)
        n[c.phase + slot] = FREE
        for stretch in (c.orphans, c.ghost, c.seen, c.ready_in):
            n[stretch + slot] = 0
    for worker in range(n[HIGH] * c.threads):
        if n[c.doing + worker] >= 0:
            n[LOST] += 1
        n[c.doing + worker] = IDLE
        n[c.orphan + worker] = 0
    n[LIVE_PROCESSES] = n[ALIVE] = n[TOTAL] = n[ACTIVE] = n[BUSY] = n[LIVE_BUSY] = n[GHOSTS] = 0
    n[RING_SIZE] = n[READY] = n[DEATH_NOTICES] = n[EXTRA_GONE] = n[LEAVING] = 0
    clear(n, c)


def release(n: Ints, x: Floats, c: Plan, worker: int, now_s: float) -> None:
    """A worker has finished its request or its start-up: it becomes idle, unless its process must go."""
    slot = worker // c.threads
    if n[c.orphan + worker]:
        _release_orphan(n, x, c, slot, worker, now_s)
        return
    served = n[c.doing + worker] >= 0
    n[c.doing + worker] = IDLE
    live = n[c.phase + slot] == LIVE
    if served:
        n[BUSY] -= 1
        if live:
            n[LIVE_BUSY] -= 1
    if live and (c.max_connections != 0 or n[DEATH_NOTICES]):
        live = _stays(n, x, c, slot, served, now_s)
    if live:
        rest(n, c, worker)
    elif n[c.phase + slot] == GOING and held_by(n, c, slot) == 0:
        exit_process(n, x, c, slot, now_s + c.die_s)


def _stays(n: Ints, x: Floats, c: Plan, slot: int, served: bool, now_s: float) -> bool:
    """Whether a live process goes on after one of its workers came free."""
    limit = c.max_connections
    if c.architecture == PREFORK:
        n[c.accepted + slot] += 1 if served else 0
        if 0 < limit <= n[c.accepted + slot]:
            n[RECYCLED] += now_s < c.horizon_s
        elif n[DEATH_NOTICES] and (served or n[QUEUE_SIZE] == 0):
            n[DEATH_NOTICES] -= 1
        else:
            return True
    else:
        if c.architecture == WORKER and served:
            n[c.accepted + slot] += 1
        if limit == 0 or (limit > 0 and (c.architecture == EVENT or n[c.accepted + slot] < limit)):
            return True
        n[RECYCLED] += now_s < c.horizon_s
    _set_going(n, c, slot)
    return False


def _set_going(n: Ints, c: Plan, slot: int) -> None:
    n[c.phase + slot] = GOING
    n[LEAVING] += 1
    n[LIVE_PROCESSES] -= 1
    n[LIVE_BUSY] -= busy_in(n, c, slot)
    leave_ring(n, c, slot)


def _start_worker(n: Ints, x: Floats, c: Plan, slot: int, worker: int, ready_s: float) -> None:
    n[c.doing + worker] = STARTING
    if c.timed:
        file(n, x, c, worker, ready_s)
    else:
        x[c.key_s + worker] = ready_s


def exit_process(n: Ints, x: Floats, c: Plan, slot: int, at_s: float) -> None:
    """A process exits at ``at_s``; its slot is taken until it is reaped."""
    if n[c.phase + slot] == GOING:
        n[LEAVING] -= 1
    n[c.phase + slot] = GONE
    x[c.exit_s + slot] = at_s
    n[ALIVE] -= 1
    _record_end(n, x, c, slot, at_s)


def _end_extras(n: Ints, x: Floats, c: Plan, slot: int, count: int, at_s: float) -> None:
    """``count`` earlier processes of a slot exit; what they lived before its last fork is booked already."""
    for _ in range(count):
        _record_end(n, x, c, slot, at_s)
    n[ALIVE] -= count
    n[EXTRA_GONE] += count
    n[c.extras + slot] -= count


def _lived_s(x: Floats, c: Plan, slot: int, at_s: float) -> float:
    """Seconds within the observed period from the last fork into a slot to ``at_s``."""
    return max(min(at_s, c.horizon_s) - max(x[c.born_s + slot], 0.0), 0.0)


def _record_end(n: Ints, x: Floats, c: Plan, slot: int, at_s: float) -> None:
    x[PROCESS_S] += _lived_s(x, c, slot, at_s)
    if at_s < c.horizon_s:
        n[c.killed + max(int(at_s), 0)] += 1


def _orphan(n: Ints, c: Plan, slot: int) -> None:
    """The busy workers of a quiescing process go on while a new process takes the slot."""
    n[LEAVING] -= 1
    n[c.extras + slot] += 1
    for worker in range(slot * c.threads, (slot + 1) * c.threads):
        if n[c.doing + worker] >= 0 and n[c.orphan + worker] == 0:
            n[c.orphan + worker] = 1 + n[c.order + slot]
            n[c.orphans + slot] += 1
            n[LEAVING] += 1


def _release_orphan(n: Ints, x: Floats, c: Plan, slot: int, worker: int, now_s: float) -> None:
    """An earlier process's worker has finished: the slot's present process takes its place within a second.

    Source: ``start_threads`` in worker.c polls once a second for thread slots that have become free.
    """
    mark = n[c.orphan + worker]
    n[c.orphan + worker] = 0
    n[c.doing + worker] = IDLE
    n[c.orphans + slot] -= 1
    n[LEAVING] -= 1
    n[BUSY] -= 1
    last = True
    for other in range(slot * c.threads, (slot + 1) * c.threads):
        last = last and n[c.orphan + other] != mark
    if last:  # that process has nothing left
        _end_extras(n, x, c, slot, 1, now_s)
    if n[c.phase + slot] == LIVE:
        n[LIVE_BUSY] -= 1
        polls = int(now_s - x[c.born_s + slot]) + 1
        _start_worker(n, x, c, slot, worker, max(x[c.born_s + slot] + polls, x[c.up_s + slot]))


def _refile(n: Ints, x: Floats, c: Plan) -> None:
    """File anew every worker that is still busy or starting."""
    if not c.timed:
        return
    clear(n, c)
    for worker in range(n[HIGH] * c.threads):
        if n[c.doing + worker] != IDLE:
            file(n, x, c, worker, x[c.key_s + worker])
