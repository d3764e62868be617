"""The hot loop of processes with threads: requests between two instants while no process is going away.

Processes take connections in turn (``ring``), so it matters in which order workers become free, and
everything is taken in the order of time. It does what ``loop.advance`` does, with all that it touches in
local variables; tests hold the two equal. Tie rule: the caller's instant, then a worker that becomes free,
then an arrival.
"""

from __future__ import annotations

from poolwise.simulation.buckets import bucket_of
from poolwise.simulation.calendar import bring_near, heap_pop, heap_push
from poolwise.simulation.state import (
    BUCKETS_IN_RING,
    BUSY,
    CURSOR,
    DISTURBED_S,
    DUE,
    FAR_BUCKET,
    FAR_HEAD,
    FAR_SIZE,
    FILED,
    IDLE,
    LIVE_BUSY,
    NEVER,
    NEXT,
    NOWHERE,
    QUEUE_HEAD,
    QUEUE_SIZE,
    READY,
    REFUSED,
    RESPONSE_MAX_S,
    RESPONSE_SUM_S,
    RING_HEAD,
    RING_SIZE,
    SERVED,
    WAIT_MAX_S,
    WAIT_SUM_S,
    WAITED,
    Floats,
    Ints,
    Plan,
)


def cruise_turns(
    n: Ints, x: Floats, c: Plan, arrivals_s: Floats, service_s: Floats, starts_s: Floats, until_s: float
) -> None:
    """Everything that requests and workers do strictly before ``until_s``."""
    key_at, link_at, bucket_at, due_at = c.key_s, c.link, c.bucket, c.due
    doing_at, ring_at, queue_at, response_at, wait_at = c.doing, c.ring, c.queue, c.response, c.wait
    ready_at, ready_in_at, threads, slots = c.ready, c.ready_in, c.threads, c.slots
    scale, backlog, keep = c.scale, c.backlog, len(starts_s) > 0
    i, last = n[NEXT], len(arrivals_s)
    ring_head, ring_size = n[RING_HEAD], n[RING_SIZE]
    queue_head, queue_size = n[QUEUE_HEAD], n[QUEUE_SIZE]
    cursor, due, filed, far = n[CURSOR], n[DUE], n[FILED], n[FAR_SIZE]
    last_bucket, until_bucket = BUCKETS_IN_RING - 1, int(until_s * scale)
    started, finished, waited, began = 0, 0, 0, 0
    response_sum_s, response_max_s = x[RESPONSE_SUM_S], x[RESPONSE_MAX_S]
    wait_sum_s, wait_max_s, disturbed_s = x[WAIT_SUM_S], x[WAIT_MAX_S], x[DISTURBED_S]
    arrival_s = arrivals_s[i] if i < last else NEVER
    while True:
        if due == 0 and filed:
            bound = int(arrival_s * scale) if arrival_s < until_s else until_bucket
            while due == 0 and cursor < bound:
                if far:
                    cursor = min(bound, n[FAR_BUCKET]) if filed == far else cursor + 1
                    if n[FAR_BUCKET] - cursor < BUCKETS_IN_RING // 2:
                        n[CURSOR], n[DUE], n[FILED], n[FAR_SIZE] = cursor, due, filed, far
                        bring_near(n, x, c)
                        due, filed, far = n[DUE], n[FILED], n[FAR_SIZE]
                else:
                    cursor += 1
                spot = bucket_at + (cursor & last_bucket)
                worker = n[spot]
                if worker >= 0:
                    n[spot] = NOWHERE
                    if due == 0:
                        n[due_at] = worker
                        due = 1
                        worker = n[link_at + worker]
                    while worker >= 0:
                        heap_push(n, x, c, due, worker)
                        due += 1
                        worker = n[link_at + worker]
        free_s, worker = NEVER, NOWHERE
        if due:
            worker = n[due_at]
            free_s = x[key_at + worker]
        if free_s < until_s and free_s <= arrival_s:
            due -= 1
            filed -= 1
            if due:
                heap_pop(n, x, c, due)
            if n[doing_at + worker] >= 0:
                finished += 1
            if queue_size == 0:
                n[doing_at + worker] = IDLE
                slot = worker // threads
                before = n[ready_in_at + slot]
                n[ready_at + slot * threads + before] = worker
                n[ready_in_at + slot] = before + 1
                began -= 1
                if before == 0:
                    place = ring_head + ring_size
                    n[ring_at + (place if place < slots else place - slots)] = slot
                    ring_size += 1
                continue
            request = n[queue_at + queue_head]
            queue_head = queue_head + 1 if queue_head + 1 < backlog else 0
            queue_size -= 1
            start_s, came_s = free_s, arrivals_s[request]
        elif arrival_s >= until_s:
            break
        elif ring_size:
            slot = n[ring_at + ring_head]
            left = n[ready_in_at + slot] - 1
            n[ready_in_at + slot] = left
            worker = n[ready_at + slot * threads + left]
            began += 1
            ring_head = ring_head + 1 if ring_head + 1 < slots else 0
            if left:
                place = ring_head + ring_size - 1
                n[ring_at + (place if place < slots else place - slots)] = slot
            else:
                ring_size -= 1
            start_s, came_s, request = arrival_s, arrival_s, i
            i += 1
            arrival_s = arrivals_s[i] if i < last else NEVER
        else:
            if queue_size < backlog:
                place = queue_head + queue_size
                n[queue_at + (place if place < backlog else place - backlog)] = i
                queue_size += 1
            else:
                n[REFUSED] += 1
                disturbed_s = max(disturbed_s, arrival_s + service_s[i])
                n[c.refused + min(int(arrival_s), c.seconds - 1)] += 1
                if keep:
                    starts_s[i] = -1.0
            i += 1
            arrival_s = arrivals_s[i] if i < last else NEVER
            continue
        # request starts on worker at start_s
        end_s = start_s + service_s[request]
        n[doing_at + worker] = request
        x[key_at + worker] = end_s
        started += 1
        filed += 1
        place = int(end_s * scale)
        if place <= cursor:
            heap_push(n, x, c, due, worker)
            due += 1
        elif place - cursor <= last_bucket:
            spot = bucket_at + (place & last_bucket)
            n[link_at + worker] = n[spot]
            n[spot] = worker
        else:
            n[link_at + worker] = n[FAR_HEAD]
            if far == 0 or place < n[FAR_BUCKET]:
                n[FAR_BUCKET] = place
            n[FAR_HEAD] = worker
            far += 1
        if start_s > came_s:
            wait_s = start_s - came_s
            waited += 1
            disturbed_s = max(disturbed_s, end_s)
            wait_sum_s += wait_s
            wait_max_s = max(wait_max_s, wait_s)
            n[wait_at + bucket_of(wait_s)] += 1
        response_s = end_s - came_s
        n[response_at + bucket_of(response_s)] += 1
        response_sum_s += response_s
        response_max_s = max(response_max_s, response_s)
        if keep:
            starts_s[request] = start_s
    n[NEXT] = i
    n[RING_HEAD], n[RING_SIZE] = ring_head, ring_size
    n[READY] -= began
    n[QUEUE_HEAD], n[QUEUE_SIZE] = queue_head, queue_size
    n[CURSOR], n[DUE], n[FILED], n[FAR_SIZE] = cursor, due, filed, far
    n[BUSY] += started - finished
    n[LIVE_BUSY] += started - finished
    n[SERVED] += started
    n[WAITED] += waited
    x[RESPONSE_SUM_S], x[RESPONSE_MAX_S] = response_sum_s, response_max_s
    x[WAIT_SUM_S], x[WAIT_MAX_S], x[DISTURBED_S] = wait_sum_s, wait_max_s, disturbed_s
