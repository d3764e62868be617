"""Idle workers in the order in which they are given work.

Processes wait in a ring for the next connection, and one that has taken a connection goes to the end: the
kernel wakes the waiters of one listener in turn. With one thread a process the ring is that of idle workers.
With more, a process stands in it once, while it has an idle thread; which of its idle threads serves does not
matter. Seen on a real httpd: 99 % of the requests of a worker pool went to the process that had not taken one
for the longest time.
"""

from __future__ import annotations

from poolwise.simulation.state import READY, RING_HEAD, RING_SIZE, Ints, Plan


def rest(n: Ints, c: Plan, worker: int) -> None:
    """``worker`` has nothing to do; its process waits for a connection."""
    slot = worker
    if c.threads > 1:
        slot = worker // c.threads
        before = n[c.ready_in + slot]
        n[c.ready + slot * c.threads + before] = worker
        n[c.ready_in + slot] = before + 1
        n[READY] += 1
        if before > 0:
            return
    line_up(n, c, slot)


def line_up(n: Ints, c: Plan, slot: int) -> None:
    """Process ``slot`` goes to the end of the ring."""
    place = n[RING_HEAD] + n[RING_SIZE]
    n[c.ring + (place if place < c.slots else place - c.slots)] = slot
    n[RING_SIZE] += 1


def next_idle(n: Ints, c: Plan) -> int:
    """The worker that the next connection goes to; it rests no longer. There is one."""
    head = n[RING_HEAD]
    slot = n[c.ring + head]
    n[RING_HEAD] = head + 1 if head + 1 < c.slots else 0
    n[RING_SIZE] -= 1
    if c.threads == 1:
        return slot
    left = n[c.ready_in + slot] - 1
    n[c.ready_in + slot] = left
    n[READY] -= 1
    if left > 0:
        line_up(n, c, slot)
    return n[c.ready + slot * c.threads + left]


def idle_in(n: Ints, c: Plan, slot: int) -> int:
    """An idle worker of process ``slot``; it rests no longer. There is one."""
    if c.threads == 1:
        _forget(n, c, slot)
        return slot
    left = n[c.ready_in + slot] - 1
    worker = n[c.ready + slot * c.threads + left]
    _forget(n, c, slot)
    n[c.ready_in + slot] = left
    n[READY] -= 1
    if left > 0:
        line_up(n, c, slot)
    return worker


def ready(n: Ints, c: Plan) -> int:
    """Idle workers that can be given work."""
    return n[RING_SIZE] if c.threads == 1 else n[READY]


def leave_ring(n: Ints, c: Plan, slot: int) -> None:
    """Take the idle workers of a process out of the ring; the others keep their order."""
    if c.threads > 1:
        if n[c.ready_in + slot] == 0:
            return
        n[READY] -= n[c.ready_in + slot]
        n[c.ready_in + slot] = 0
    _forget(n, c, slot)


def _forget(n: Ints, c: Plan, slot: int) -> None:
    head = n[RING_HEAD]
    if n[RING_SIZE] and n[c.ring + head] == slot:  # mostly
        n[RING_HEAD] = head + 1 if head + 1 < c.slots else 0
        n[RING_SIZE] -= 1
        return
    kept = 0
    for i in range(n[RING_SIZE]):
        other = n[c.ring + (n[RING_HEAD] + i) % c.slots]
        if other != slot:
            n[c.ring + (n[RING_HEAD] + kept) % c.slots] = other
            kept += 1
    n[RING_SIZE] = kept
