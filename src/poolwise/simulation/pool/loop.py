"""The event loop: requests in true time order between the instants at which the pool can change.

Tie rule for equal times: the parent's pass, then a worker that becomes free, then an arrival. A request
that finds no idle worker waits first come, first served in the listen queue; one that finds the queue
full is refused. This plain loop is the specification; its compiled twin is made from this same text.
"""

from __future__ import annotations

from poolwise.simulation.buckets import bucket_of
from poolwise.simulation.calendar import file, soonest, take
from poolwise.simulation.parent import cold_start, idle_workers, incident, wake
from poolwise.simulation.pool.cruise import cruise
from poolwise.simulation.pool.cruise_turns import cruise_turns
from poolwise.simulation.processes import forking_s, release, retire
from poolwise.simulation.ring import next_idle
from poolwise.simulation.state import (
    ALIVE,
    BUSY,
    CRASH,
    DEATH_NOTICES,
    DISTURBED_S,
    EVENT,
    GOING,
    HIGH,
    INCIDENT,
    LEAVING,
    LIVE,
    LIVE_BUSY,
    MODE,
    NEVER,
    NEXT,
    PREFORK,
    PROCESS_S,
    QUEUE_HEAD,
    QUEUE_SIZE,
    RATE,
    RECYCLED,
    REFUSED,
    RESPONSE_MAX_S,
    RESPONSE_SUM_S,
    RING_SIZE,
    SAMPLE_S,
    SAMPLES,
    SERVED,
    TICK,
    WAIT_MAX_S,
    WAIT_SUM_S,
    WAITED,
    WAKE_S,
    Floats,
    Ints,
    Plan,
)


def run(
    n: Ints,
    x: Floats,
    c: Plan,
    arrivals_s: Floats,
    service_s: Floats,
    starts_s: Floats,
    incident_s: Floats,
    incident_kind: Ints,
    incident_count: Ints,
    pause_s: float,
) -> bool:
    """Simulate on from where ``n`` and ``x`` stand; return whether every request is decided and all is over.

    Begins at t = 0 on a fresh memory: the instant the parent enters its first sleep. Ends when ``horizon_s``
    is over and every request is decided, or at ``stop_s``; returns False when the next instant is after
    ``pause_s``: call again to go on. ``arrivals_s`` ascending; ``service_s`` of the same length; ``starts_s``
    of the same length to receive each request's start (-1 refused), or empty.
    """
    if n[RATE] == 0:
        begin(n, x, c)
    killer = False
    for kind in incident_kind:
        killer = killer or kind == CRASH
    short = c.max_connections == 0 and not c.step_by_step
    anyone = c.architecture == PREFORK and not killer
    while True:
        planned_s = incident_s[n[INCIDENT]] if n[INCIDENT] < len(incident_s) else NEVER
        now_s = min(x[WAKE_S], x[SAMPLE_S], planned_s)
        if now_s > pause_s:
            return False
        settled = n[LEAVING] == 0 and n[DEATH_NOTICES] == 0
        if short and settled and anyone:  # may serve: it cannot be seen who does
            cruise(n, x, c, arrivals_s, service_s, starts_s, now_s)
        elif short and settled and c.threads > 1:
            cruise_turns(n, x, c, arrivals_s, service_s, starts_s, now_s)
        else:
            advance(n, x, c, arrivals_s, service_s, starts_s, now_s)
        decided = n[NEXT] == len(arrivals_s) and n[QUEUE_SIZE] == 0
        if now_s >= c.stop_s or (decided and now_s >= c.horizon_s):
            break
        if x[WAKE_S] <= now_s:
            wake(n, x, c)
        elif planned_s <= now_s:
            incident(n, x, c, incident_kind[n[INCIDENT]], incident_count[n[INCIDENT]], now_s)
            n[INCIDENT] += 1
        else:
            sample(n, x, c)
    finish(n, x, c)
    return True


def begin(n: Ints, x: Floats, c: Plan) -> None:
    """The initial children are forked and the parent goes to sleep at t = 0."""
    n[RATE] = 1
    n[MODE] = TICK
    cold_start(n, x, c, -forking_s(c, min(c.start, c.process_limit), 0))
    x[WAKE_S] = c.sleep_s
    x[SAMPLE_S] = 0.5


def finish(n: Ints, x: Floats, c: Plan) -> None:
    """Book the lives of the processes that are still there at the end."""
    for slot in range(n[HIGH]):
        present = 1 if n[c.phase + slot] == LIVE or n[c.phase + slot] == GOING else 0
        x[PROCESS_S] += (present + n[c.extras + slot]) * max(c.horizon_s - max(x[c.born_s + slot], 0.0), 0.0)


def advance(
    n: Ints,
    x: Floats,
    c: Plan,
    arrivals_s: Floats,
    service_s: Floats,
    starts_s: Floats,
    until_s: float,
) -> None:
    """Everything that requests and workers do strictly before ``until_s``."""
    last = len(arrivals_s)
    in_order = c.threads > 1  # the end of one request can decide who takes the next
    while True:
        i = n[NEXT]
        arrival_s = arrivals_s[i] if i < last else NEVER
        if n[RING_SIZE] == 0 or arrival_s >= until_s or in_order:
            bound_s = min(arrival_s, until_s)
            worker = soonest(n, x, c, bound_s)
            if worker >= 0 and x[c.key_s + worker] <= bound_s and x[c.key_s + worker] < until_s:
                take(n, x, c)
                free_s = x[c.key_s + worker]
                release(n, x, c, worker, free_s)
                if n[QUEUE_SIZE] > 0 and n[RING_SIZE] > 0:
                    head = n[QUEUE_HEAD]
                    n[QUEUE_HEAD] = head + 1 if head + 1 < c.backlog else 0
                    n[QUEUE_SIZE] -= 1
                    waiting = n[c.queue + head]
                    _start(n, x, c, waiting, arrivals_s[waiting], free_s, service_s[waiting], starts_s)
                continue
            if arrival_s >= until_s:
                return
        n[NEXT] = i + 1
        if n[RING_SIZE] > 0:
            _start(n, x, c, i, arrival_s, arrival_s, service_s[i], starts_s)
        elif n[QUEUE_SIZE] < c.backlog:
            place = n[QUEUE_HEAD] + n[QUEUE_SIZE]
            n[c.queue + (place if place < c.backlog else place - c.backlog)] = i
            n[QUEUE_SIZE] += 1
        else:
            _refuse(n, x, c, i, arrival_s, service_s[i], starts_s)


def _start(
    n: Ints,
    x: Floats,
    c: Plan,
    i: int,
    arrival_s: float,
    start_s: float,
    service_s: float,
    starts_s: Floats,
) -> None:
    """The worker that has been idle longest takes request ``i``."""
    worker = next_idle(n, c)
    slot = worker if c.threads == 1 else worker // c.threads
    n[c.doing + worker] = i
    n[BUSY] += 1
    n[LIVE_BUSY] += 1
    n[SERVED] += 1
    end_s = start_s + service_s
    file(n, x, c, worker, end_s)
    if len(starts_s):
        starts_s[i] = start_s
    if start_s > arrival_s:
        wait_s = start_s - arrival_s
        n[WAITED] += 1
        x[DISTURBED_S] = max(x[DISTURBED_S], end_s)
        x[WAIT_SUM_S] += wait_s
        x[WAIT_MAX_S] = max(x[WAIT_MAX_S], wait_s)
        n[c.wait + bucket_of(wait_s)] += 1
    response_s = end_s - arrival_s
    n[c.response + bucket_of(response_s)] += 1
    x[RESPONSE_SUM_S] += response_s
    x[RESPONSE_MAX_S] = max(x[RESPONSE_MAX_S], response_s)
    if c.architecture == EVENT and c.max_connections > 0:
        n[c.accepted + slot] += 1
        if n[c.accepted + slot] == c.max_connections:
            n[RECYCLED] += start_s < c.horizon_s
            retire(n, x, c, slot, start_s)


def _refuse(
    n: Ints, x: Floats, c: Plan, i: int, arrival_s: float, service_s: float, starts_s: Floats
) -> None:
    n[REFUSED] += 1
    x[DISTURBED_S] = max(x[DISTURBED_S], arrival_s + service_s)
    n[c.refused + min(int(arrival_s), c.seconds - 1)] += 1
    if len(starts_s):
        starts_s[i] = -1.0


def sample(n: Ints, x: Floats, c: Plan) -> None:
    """Record the state at the middle of a second."""
    row = n[SAMPLES]
    n[c.sample_busy + row] = n[BUSY]
    n[c.sample_queued + row] = n[QUEUE_SIZE]
    n[c.sample_total + row] = n[ALIVE]
    n[c.sample_idle + row] = idle_workers(n, x, c)
    n[SAMPLES] = row + 1
    x[SAMPLE_S] = x[SAMPLE_S] + 1.0 if row + 1 < c.seconds else NEVER
