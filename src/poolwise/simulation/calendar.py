"""When each busy or starting worker becomes free: a calendar queue with a heap for the present.

Workers are filed under a time. A ring of 1,024 buckets, each ``1 / scale`` seconds wide, holds those of
the near future unsorted, as linked lists; those beyond the ring wait in one "far" list; those whose
bucket has been reached (at or before the cursor) are in a binary heap ordered by time, then by worker
number. Filing and taking cost O(1) while about one worker falls into a bucket, and O(log workers) at worst.

Source: R. Brown, Calendar queues, CACM 31 (1988), simplified: the grain is chosen once, from the load.
"""

from __future__ import annotations

from poolwise.simulation.state import (
    BUCKETS_IN_RING,
    CURSOR,
    DUE,
    FAR_BUCKET,
    FAR_HEAD,
    FAR_SIZE,
    FILED,
    NOWHERE,
    Floats,
    Ints,
    Plan,
)


def file(n: Ints, x: Floats, c: Plan, worker: int, time_s: float) -> None:
    """File ``worker`` under ``time_s``."""
    x[c.key_s + worker] = time_s
    place = int(time_s * c.scale)
    ahead = place - n[CURSOR]
    if ahead <= 0:
        heap_push(n, x, c, n[DUE], worker)
        n[DUE] += 1
    elif ahead < BUCKETS_IN_RING:
        spot = c.bucket + (place & (BUCKETS_IN_RING - 1))
        n[c.link + worker] = n[spot]
        n[spot] = worker
    else:
        n[c.link + worker] = n[FAR_HEAD]
        if n[FAR_SIZE] == 0 or place < n[FAR_BUCKET]:
            n[FAR_BUCKET] = place
        n[FAR_HEAD] = worker
        n[FAR_SIZE] += 1
    n[FILED] += 1


def soonest(n: Ints, x: Floats, c: Plan, until_s: float) -> int:
    """The worker filed first, if it may be due by ``until_s``; else NOWHERE.

    The cursor never passes the bucket of ``until_s``: later filings stay cheap. The worker returned can
    still be later than ``until_s`` within that bucket: the caller compares.
    """
    last = int(until_s * c.scale) if n[DUE] == 0 and n[FILED] else 0
    while n[DUE] == 0 and n[CURSOR] < last:
        if n[FILED] == n[FAR_SIZE]:  # the ring is empty: jump
            n[CURSOR] = min(last, n[FAR_BUCKET])
        else:
            n[CURSOR] += 1
        if n[FAR_SIZE] and n[FAR_BUCKET] - n[CURSOR] < BUCKETS_IN_RING // 2:
            bring_near(n, x, c)
        spot = c.bucket + (n[CURSOR] & (BUCKETS_IN_RING - 1))
        worker = n[spot]
        n[spot] = NOWHERE
        while worker != NOWHERE:
            following = n[c.link + worker]
            heap_push(n, x, c, n[DUE], worker)
            n[DUE] += 1
            worker = following
    return n[c.due] if n[DUE] else NOWHERE


def take(n: Ints, x: Floats, c: Plan) -> None:
    """Remove the worker that ``soonest`` returned."""
    n[FILED] -= 1
    n[DUE] -= 1
    if n[DUE]:
        heap_pop(n, x, c, n[DUE])


def clear(n: Ints, c: Plan) -> None:
    """Forget every worker filed; the cursor stays."""
    for spot in range(c.bucket, c.bucket + BUCKETS_IN_RING):
        n[spot] = NOWHERE
    n[FILED] = n[DUE] = n[FAR_SIZE] = 0


def bring_near(n: Ints, x: Floats, c: Plan) -> None:
    """File the far workers anew, now that the cursor has come closer."""
    worker, count = n[FAR_HEAD], n[FAR_SIZE]
    n[FAR_SIZE] = 0
    n[FILED] -= count
    for _ in range(count):
        following = n[c.link + worker]
        file(n, x, c, worker, x[c.key_s + worker])
        worker = following


def heap_push(n: Ints, x: Floats, c: Plan, size: int, worker: int) -> None:
    """Put ``worker`` into the heap of ``size`` due workers."""
    time_s = x[c.key_s + worker]
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        other = n[c.due + parent]
        other_s = x[c.key_s + other]
        if other_s < time_s or (other_s == time_s and other < worker):
            break
        n[c.due + place] = other
        place = parent
    n[c.due + place] = worker


def heap_pop(n: Ints, x: Floats, c: Plan, size: int) -> None:
    """Drop the first worker of the heap, which has ``size`` left without it (at least one)."""
    moved = n[c.due + size]
    place, child = 0, 1
    while child < size:
        if child + 1 < size and _before(n, x, c, child + 1, child):
            child += 1
        if not _before(n, x, c, child, size):
            break
        n[c.due + place] = n[c.due + child]
        place, child = child, 2 * child + 1
    n[c.due + place] = moved


def _before(n: Ints, x: Floats, c: Plan, a: int, b: int) -> bool:
    """Whether place ``a`` of the heap comes before place ``b``: by time, then by worker number."""
    first, second = n[c.due + a], n[c.due + b]
    first_s, second_s = x[c.key_s + first], x[c.key_s + second]
    return first_s < second_s or (first_s == second_s and first < second)
