"""The hot loop: requests between two instants while it does not matter which worker serves whom.

That is so in prefork while no process is going away, none is recycled and none will be killed by a signal.
It does what ``loop.advance`` does, with everything that it touches in local variables, and does not put
in order what needs no order: as long as nobody waits, all workers of past calendar buckets are simply free,
and the one that was busy last serves next. Tests hold the two equal in everything that can be seen. Tie rule:
the caller's instant, then a worker that becomes free, then an arrival.
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


def cruise(
    n: Ints, x: Floats, c: Plan, arrivals_s: Floats, service_s: Floats, starts_s: Floats, until_s: float
) -> None:
    """Everything that requests and workers do strictly before ``until_s``."""
    key_at, link_at, bucket_at, due_at = c.key_s, c.link, c.bucket, c.due
    doing_at, ring_at, queue_at, response_at, wait_at = c.doing, c.ring, c.queue, c.response, c.wait
    scale, backlog, keep = c.scale, c.backlog, len(starts_s) > 0
    i, last = n[NEXT], len(arrivals_s)
    settle_ring(n, c)
    ring_size = n[RING_SIZE]
    queue_head, queue_size = n[QUEUE_HEAD], n[QUEUE_SIZE]
    cursor, due, filed, far = n[CURSOR], n[DUE], n[FILED], n[FAR_SIZE]
    last_bucket, until_bucket = BUCKETS_IN_RING - 1, int(until_s * scale)
    started, finished, waited = 0, 0, 0
    response_sum_s, response_max_s = x[RESPONSE_SUM_S], x[RESPONSE_MAX_S]
    wait_sum_s, wait_max_s, disturbed_s = x[WAIT_SUM_S], x[WAIT_MAX_S], x[DISTURBED_S]
    worker = NOWHERE
    arrival_s = arrivals_s[i] if i < last else NEVER
    while True:
        if ring_size == 0 or arrival_s >= until_s:
            bound = int(arrival_s * scale) if arrival_s < until_s else until_bucket
            if queue_size == 0 and cursor < bound:  # whoever is due before the present bucket is free
                for place in range(due_at, due_at + due):
                    worker = n[place]
                    if n[doing_at + worker] >= 0:
                        finished += 1
                    n[doing_at + worker] = IDLE
                    n[ring_at + ring_size] = worker
                    ring_size += 1
                filed -= due
                due = 0
                while cursor < bound:
                    if filed == 0:
                        cursor = bound
                        break
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
                    if worker < 0:
                        continue
                    n[spot] = NOWHERE
                    if cursor == bound:
                        while worker >= 0:
                            heap_push(n, x, c, due, worker)
                            due += 1
                            worker = n[link_at + worker]
                        break
                    while worker >= 0:
                        if n[doing_at + worker] >= 0:
                            finished += 1
                        n[doing_at + worker] = IDLE
                        n[ring_at + ring_size] = worker
                        ring_size += 1
                        filed -= 1
                        worker = n[link_at + worker]
                if ring_size and arrival_s < until_s:
                    continue
            # the next worker to come free; nobody can start before
            while due == 0 and filed and cursor < until_bucket:
                if far:
                    cursor = min(until_bucket, n[FAR_BUCKET]) if filed == far else cursor + 1
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
            free_s = NEVER
            if due:
                worker = n[due_at]
                free_s = x[key_at + worker]
            present_s = min(free_s, until_s)
            while arrival_s < present_s:
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
            if free_s >= until_s:
                break
            due -= 1
            filed -= 1
            if due:
                heap_pop(n, x, c, due)
            if n[doing_at + worker] >= 0:
                finished += 1
            if queue_size == 0:
                n[doing_at + worker] = IDLE
                n[ring_at + ring_size] = worker
                ring_size += 1
                continue
            request = n[queue_at + queue_head]
            queue_head = queue_head + 1 if queue_head + 1 < backlog else 0
            queue_size -= 1
            start_s, came_s = free_s, arrivals_s[request]
        else:
            ring_size -= 1
            worker = n[ring_at + ring_size]
            start_s, came_s, request = arrival_s, arrival_s, i
            i += 1
            arrival_s = arrivals_s[i] if i < last else NEVER
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
            if end_s > disturbed_s:
                disturbed_s = end_s
            wait_sum_s += wait_s
            if wait_s > wait_max_s:
                wait_max_s = wait_s
            n[wait_at + bucket_of(wait_s)] += 1
        response_s = end_s - came_s
        n[response_at + bucket_of(response_s)] += 1
        response_sum_s += response_s
        if response_s > response_max_s:
            response_max_s = response_s
        if keep:
            starts_s[request] = start_s
    n[NEXT] = i
    n[RING_SIZE] = ring_size
    n[QUEUE_HEAD], n[QUEUE_SIZE] = queue_head, queue_size
    n[CURSOR], n[DUE], n[FILED], n[FAR_SIZE] = cursor, due, filed, far
    n[BUSY] += started - finished
    n[LIVE_BUSY] += started - finished
    n[SERVED] += started
    n[WAITED] += waited
    x[RESPONSE_SUM_S], x[RESPONSE_MAX_S] = response_sum_s, response_max_s
    x[WAIT_SUM_S], x[WAIT_MAX_S], x[DISTURBED_S] = wait_sum_s, wait_max_s, disturbed_s


def settle_ring(n: Ints, c: Plan) -> None:
    """Turn the ring of idle workers so that it begins at its first place: a stack."""
    head, size = n[RING_HEAD], n[RING_SIZE]
    if head == 0:
        return
    for i in range(size):
        place = head + i
        worker = n[c.ring + (place if place < c.slots else place - c.slots)]
        n[c.found + i] = worker
    for i in range(size):
        n[c.ring + i] = n[c.found + i]
    n[RING_HEAD] = 0
