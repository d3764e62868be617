"""One pool over a trace that is known: an automaton over the maintenance passes, with excursions.

While nobody can have to wait, every request starts at its arrival, so the number in service is known
(``envelope_load``) and only the parent's passes are left to do: the pool *rides* on the envelope. The passes
are done by the very functions of the event loop, on its own memory, with the requests left out: all workers
that are ready stand in the ring of idle ones as if none were busy, and ``n[BUSY]`` is written before a pass
looks at it. When more requests may come than workers are ready, those in service are put on workers and the
event loop takes over (an *excursion*), until nobody waits and all who waited or were refused would be gone
anyway: from there on the two are the same again, to the bit.

Which worker serves whom does not matter in prefork without recycling; this is what makes it valid there.
"""

from __future__ import annotations

from poolwise.simulation.buckets import bucket_of
from poolwise.simulation.calendar import clear, file
from poolwise.simulation.cruise import cruise
from poolwise.simulation.envelope_load import (
    BLOCK,
    SUM_S,
    Envelope,
    busy_at,
    came_before,
    in_service,
)
from poolwise.simulation.loop import advance, begin, finish, sample
from poolwise.simulation.parent import wake
from poolwise.simulation.state import (
    BUSY,
    CURSOR,
    DEATH_NOTICES,
    DISTURBED_S,
    EXCURSION,
    FILED,
    HIGH,
    IDLE,
    LEAVING,
    LIVE_BUSY,
    LIVE_PROCESSES,
    MODE,
    NEVER,
    NEXT,
    QUEUE_SIZE,
    RATE,
    RESPONSE_MAX_S,
    RESPONSE_SUM_S,
    RING_HEAD,
    RING_SIZE,
    SAMPLE_S,
    SAMPLES,
    SERVED,
    STARTING,
    TICK,
    TOTAL,
    WAKE_S,
    Floats,
    Ints,
    Plan,
)


def run_envelope(
    n: Ints, x: Floats, c: Plan, e: Envelope, starts_s: Floats, nothing_s: Floats, full: bool, pause_s: float
) -> bool:
    """Simulate on, as ``loop.run`` does without incidents; return whether all is over.

    ``nothing_s``: an empty sequence. ``full``: record every second and every pass; otherwise the totals, the
    histograms and the messages only.
    """
    if n[RATE] == 0:
        begin(n, x, c)
    while True:
        now_s = min(x[WAKE_S], x[SAMPLE_S])
        if now_s > pause_s:
            return False
        if n[LEAVING] or n[DEATH_NOTICES] or c.step_by_step:
            advance(n, x, c, e.arrivals_s, e.service_s, starts_s, now_s)
        else:
            cruise(n, x, c, e.arrivals_s, e.service_s, starts_s, now_s)
        decided = n[NEXT] == len(e.arrivals_s) and n[QUEUE_SIZE] == 0
        if now_s >= c.stop_s or (decided and now_s >= c.horizon_s):
            break
        if x[WAKE_S] > now_s:
            sample(n, x, c)
        elif coincides(n, x, c, e, now_s):
            take_off(n, x, c, e)
            if ride(n, x, c, e, starts_s, nothing_s, full):
                break
        else:
            wake(n, x, c)
    forget(n, x, c, e)
    for bucket in range(len(e.counts)):
        n[c.response + bucket] += e.counts[bucket]
    x[RESPONSE_SUM_S] += e.sums[SUM_S]
    finish(n, x, c)
    return True


def coincides(n: Ints, x: Floats, c: Plan, e: Envelope, now_s: float) -> bool:
    """Whether at this pass the pool is as if nobody had ever waited, and a ride is worth beginning."""
    if n[MODE] != TICK or n[QUEUE_SIZE] or n[LEAVING] or n[DEATH_NOTICES]:
        return False
    if x[DISTURBED_S] >= now_s or now_s >= c.horizon_s:
        return False
    return suffices(e, now_s, now_s + c.sleep_s, n[RING_SIZE] + n[BUSY] - 1)


def suffices(e: Envelope, from_s: float, to_s: float, ready: int) -> bool:
    """Whether ``ready`` workers are certainly enough for all requests between the two instants."""
    seconds = len(e.peak) - 1
    first, last = min(int(from_s), seconds), min(int(to_s), seconds)
    if e.peak[first] <= ready and e.peak[last] <= ready and last - first <= 1:
        return True
    first, last = min(int(from_s * e.scale), e.cells - 1), min(int(to_s * e.scale), e.cells - 1)
    enough = True
    for cell in range(first, last + 1):
        enough = enough and e.high[cell] <= ready
    return enough


def take_off(n: Ints, x: Floats, c: Plan, e: Envelope) -> None:
    """The event loop's workers go idle, all at once; those that are starting stay in the calendar."""
    forget(n, x, c, e)
    clear(n, c)
    size = c.workers
    for worker in range(n[HIGH] * c.threads):
        if n[c.doing + worker] >= 0:
            n[c.doing + worker] = IDLE
            n[c.ring + (n[RING_HEAD] + n[RING_SIZE]) % size] = worker
            n[RING_SIZE] += 1
        elif n[c.doing + worker] == STARTING:
            file(n, x, c, worker, x[c.key_s + worker])


def forget(n: Ints, x: Floats, c: Plan, e: Envelope) -> None:
    """Take the undisturbed responses of the excursion out again: the event loop has counted the real ones."""
    for i in range(n[EXCURSION], n[NEXT]):
        response_s = e.arrivals_s[i] + e.service_s[i] - e.arrivals_s[i]
        n[c.response + bucket_of(response_s)] -= 1
        x[RESPONSE_SUM_S] -= response_s


def ride(n: Ints, x: Floats, c: Plan, e: Envelope, starts_s: Floats, nothing_s: Floats, full: bool) -> bool:
    """Pass after pass, until somebody may have to wait or the period is over; return whether it is."""
    while True:
        now_s = x[WAKE_S]
        cell = int(now_s * e.scale)
        workers = n[LIVE_PROCESSES] * c.threads
        if (
            workers - e.high[cell] >= c.min_spare
            and workers - e.low[cell] <= c.max_spare
            and n[TOTAL] == n[LIVE_PROCESSES]
            and n[FILED] == 0
            and not full
        ):  # between the two limits, for certain: nothing to do
            n[RATE] = 1
            x[WAKE_S] = now_s + c.sleep_s
        else:
            if n[FILED]:
                advance(n, x, c, nothing_s, nothing_s, nothing_s, now_s)
            else:
                n[CURSOR] = int(now_s * c.scale)
            busy = busy_at(e, now_s)
            if busy >= n[RING_SIZE] and workers - busy > c.max_spare:  # nobody is there to be told to go
                board(n, x, c, e, starts_s, now_s)
                return False
            if full:
                record(n, x, c, e, now_s)
            n[BUSY] = n[LIVE_BUSY] = busy
            wake(n, x, c)
            wake(n, x, c)
        if x[WAKE_S] >= c.horizon_s:
            last = len(e.arrivals_s)
            if (last and e.arrivals_s[last - 1] >= x[WAKE_S]) or not suffices(
                e, now_s, x[WAKE_S], n[RING_SIZE]
            ):
                board(n, x, c, e, starts_s, now_s)
                return False
            if full:
                record(n, x, c, e, x[WAKE_S])
            skip(n, x, c, e, starts_s, last)
            return True
        if not suffices(e, now_s, x[WAKE_S], n[RING_SIZE]):
            board(n, x, c, e, starts_s, now_s)
            return False


def record(n: Ints, x: Floats, c: Plan, e: Envelope, until_s: float) -> None:
    """Sample every second whose middle comes before ``until_s``."""
    while x[SAMPLE_S] < until_s:
        n[BUSY] = n[LIVE_BUSY] = e.edge[int(x[SAMPLE_S] * e.scale)]
        sample(n, x, c)


def board(n: Ints, x: Floats, c: Plan, e: Envelope, starts_s: Floats, now_s: float) -> None:
    """Put the requests that are in service on workers: the event loop goes on from ``now_s``."""
    came = came_before(e, now_s)
    skip(n, x, c, e, starts_s, came)
    if n[FILED] == 0:
        n[CURSOR] = int(now_s * c.scale)
    busy = in_service(e, now_s, came, n, c.found)
    for at in range(busy):
        i = n[c.found + at]
        head = n[RING_HEAD]
        worker = n[c.ring + head]
        n[RING_HEAD] = head + 1 if head + 1 < c.workers else 0
        n[RING_SIZE] -= 1
        n[c.doing + worker] = i
        file(n, x, c, worker, e.arrivals_s[i] + e.service_s[i])
    n[BUSY] = n[LIVE_BUSY] = busy
    x[DISTURBED_S] = now_s
    rows = int(now_s + 0.5)
    if rows > 0 and rows - 0.5 >= now_s:  # the sample is taken after a pass at the same instant
        rows -= 1
    rows = min(rows, c.seconds)
    n[SAMPLES] = rows
    x[SAMPLE_S] = rows + 0.5 if rows < c.seconds else NEVER


def skip(n: Ints, x: Floats, c: Plan, e: Envelope, starts_s: Floats, until: int) -> None:
    """Book the requests before ``until`` as started at their arrival."""
    first = n[NEXT]
    longest_s, at = x[RESPONSE_MAX_S], first
    while at < until:
        block = at // BLOCK
        if e.longest_s[block] > longest_s:
            after = min((block + 1) * BLOCK, until)
            for i in range(at, after):
                longest_s = max(longest_s, e.arrivals_s[i] + e.service_s[i] - e.arrivals_s[i])
        at = (block + 1) * BLOCK
    x[RESPONSE_MAX_S] = longest_s
    if len(starts_s):
        for i in range(first, until):
            starts_s[i] = e.arrivals_s[i]
    n[SERVED] += until - first
    n[NEXT] = n[EXCURSION] = until
