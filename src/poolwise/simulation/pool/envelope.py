"""One pool over a trace that is known: an automaton over the maintenance passes, with excursions.

While nobody can have to wait, every request starts at its arrival, so the number in service is known
(``envelope_load``) and only the parent's passes are left to do: the pool *rides* on the envelope. The passes
are done by the very functions of the event loop, on its own memory, with the requests left out: all workers
that are ready stand in the ring of idle ones as if none were busy, and ``n[BUSY]`` is written before a pass
looks at it. When more requests may come than workers are ready, those in service are put on workers and the
event loop takes over (an *excursion*), until nobody waits and all who waited or were refused would be gone
anyway: from there on the two are the same again, to the bit.

Which worker serves whom does not matter in prefork, nor elsewhere as long as no process has to go and none
is recycled; where one is, the envelope is not valid and the event loop does the whole.
"""

from __future__ import annotations

from poolwise.simulation.buckets import bucket_of
from poolwise.simulation.calendar import clear, file
from poolwise.simulation.parent import wake
from poolwise.simulation.pool.cruise import cruise
from poolwise.simulation.pool.cruise_turns import cruise_turns
from poolwise.simulation.pool.envelope_load import (
    BLOCK,
    SUM_S,
    Envelope,
    busy_at,
    came_before,
    in_service,
)
from poolwise.simulation.pool.loop import advance, begin, finish, sample
from poolwise.simulation.ring import next_idle, ready, rest
from poolwise.simulation.state import (
    ALIVE,
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
    PREFORK,
    QUEUE_SIZE,
    RATE,
    READY,
    REAP,
    RESPONSE_MAX_S,
    RESPONSE_SUM_S,
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

PAUSED = 0
OVER = 1
ASTRAY = 2


def run_envelope(
    n: Ints, x: Floats, c: Plan, e: Envelope, starts_s: Floats, nothing_s: Floats, full: bool, pause_s: float
) -> int:
    """Simulate on, as ``loop.run`` does without incidents; return OVER, PAUSED or ASTRAY.

    ASTRAY: a process with threads has to go, and which requests are its own was not kept: what has been
    simulated is of no use. ``nothing_s``: an empty sequence. ``full``: record every second and every pass;
    otherwise the totals, the histograms and the messages only.
    """
    if n[RATE] == 0:
        begin(n, x, c)
    state = OVER
    while True:
        now_s = min(x[WAKE_S], x[SAMPLE_S])
        if now_s > pause_s:
            return PAUSED
        if n[LEAVING] or n[DEATH_NOTICES] or c.step_by_step:
            advance(n, x, c, e.arrivals_s, e.service_s, starts_s, now_s)
        elif c.architecture == PREFORK:
            cruise(n, x, c, e.arrivals_s, e.service_s, starts_s, now_s)
        elif c.threads > 1:
            cruise_turns(n, x, c, e.arrivals_s, e.service_s, starts_s, now_s)
        else:
            advance(n, x, c, e.arrivals_s, e.service_s, starts_s, now_s)
        decided = n[NEXT] == len(e.arrivals_s) and n[QUEUE_SIZE] == 0
        if now_s >= c.stop_s or (decided and now_s >= c.horizon_s):
            break
        if x[WAKE_S] > now_s:
            sample(n, x, c)
        elif coincides(n, x, c, e, now_s):
            take_off(n, x, c, e)
            state = ride(n, x, c, e, starts_s, nothing_s, full)
            if state != PAUSED:
                break
        else:
            wake(n, x, c)
        if n[EXCURSION] and c.architecture != PREFORK and n[LIVE_PROCESSES] != n[TOTAL]:
            state = ASTRAY
            break
    if state == ASTRAY:
        return ASTRAY
    forget(n, x, c, e)
    for bucket in range(len(e.counts)):
        n[c.response + bucket] += e.counts[bucket]
    x[RESPONSE_SUM_S] += e.sums[SUM_S]
    finish(n, x, c)
    return OVER


def coincides(n: Ints, x: Floats, c: Plan, e: Envelope, now_s: float) -> bool:
    """Whether at this pass the pool is as if nobody had ever waited, and a ride is worth beginning."""
    if n[MODE] != TICK or n[QUEUE_SIZE] or n[LEAVING] or n[DEATH_NOTICES]:
        return False
    if x[DISTURBED_S] >= now_s or now_s >= c.horizon_s:
        return False
    return suffices(e, now_s, now_s + c.sleep_s, ready(n, c) + n[BUSY] - 1)


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
    for worker in range(n[HIGH] * c.threads):
        if n[c.doing + worker] >= 0:
            n[c.doing + worker] = IDLE
            rest(n, c, worker)
        elif n[c.doing + worker] == STARTING:
            file(n, x, c, worker, x[c.key_s + worker])


def forget(n: Ints, x: Floats, c: Plan, e: Envelope) -> None:
    """Take the undisturbed responses of the excursion out again: the event loop has counted the real ones."""
    for i in range(n[EXCURSION], n[NEXT]):
        response_s = e.arrivals_s[i] + e.service_s[i] - e.arrivals_s[i]
        n[c.response + bucket_of(response_s)] -= 1
        x[RESPONSE_SUM_S] -= response_s


def ride(n: Ints, x: Floats, c: Plan, e: Envelope, starts_s: Floats, nothing_s: Floats, full: bool) -> int:
    """Pass after pass, until somebody may have to wait (returns PAUSED) or the period is over (OVER).

    ASTRAY as in ``run_envelope``.
    """
    while True:
        now_s = x[WAKE_S]
        cell = int(now_s * e.scale)
        workers = n[LIVE_PROCESSES] * c.threads
        least, most = workers - e.high[cell], workers - e.low[cell]  # idle ones
        if n[FILED]:
            advance(n, x, c, nothing_s, nothing_s, nothing_s, now_s)
        calm = least >= c.min_spare and most <= c.max_spare  # for certain nothing to do
        busy = e.high[cell]
        if full or not calm:
            # the count is needed to decide, for the log from a rate of 8, and to know whether anybody is idle
            grows = most < c.min_spare and n[RATE] < 8 and c.architecture == PREFORK
            if full or busy >= ready(n, c) or not (grows or least > c.max_spare):
                busy = busy_at(e, now_s)
                calm = c.min_spare <= workers - busy <= c.max_spare
        if calm and not full:
            n[RATE] = 1
            n[MODE] = REAP
        else:
            if busy >= ready(n, c) and workers - busy > c.max_spare:  # nobody is there to be told to go
                board(n, x, c, e, starts_s, now_s)
                return PAUSED
            if full:
                record(n, x, c, e, now_s)
            if n[FILED] == 0:
                n[CURSOR] = int(now_s * c.scale)
            n[BUSY] = n[LIVE_BUSY] = busy
            if c.architecture == PREFORK:
                wake(n, x, c)
            else:  # the pass counts those who are up, in the ring or busy
                idle = RING_SIZE if c.threads == 1 else READY
                n[idle] -= busy
                wake(n, x, c)
                n[idle] += busy
                if n[TOTAL] != n[LIVE_PROCESSES]:
                    return ASTRAY
        if n[TOTAL] != n[ALIVE]:
            wake(n, x, c)
        else:  # nobody to reap
            n[MODE] = TICK
            x[WAKE_S] += c.sleep_s
        if x[WAKE_S] >= c.horizon_s:
            last = len(e.arrivals_s)
            late = last > 0 and e.arrivals_s[last - 1] >= x[WAKE_S]
            if late or not suffices(e, now_s, x[WAKE_S], ready(n, c)):
                board(n, x, c, e, starts_s, now_s)
                return PAUSED
            if full:
                record(n, x, c, e, x[WAKE_S])
            skip(n, x, e, starts_s, last)
            return OVER
        if not suffices(e, now_s, x[WAKE_S], ready(n, c)):
            board(n, x, c, e, starts_s, now_s)
            return PAUSED


def record(n: Ints, x: Floats, c: Plan, e: Envelope, until_s: float) -> None:
    """Sample every second whose middle comes before ``until_s``."""
    while x[SAMPLE_S] < until_s:
        n[BUSY] = n[LIVE_BUSY] = e.edge[int(x[SAMPLE_S] * e.scale)]
        sample(n, x, c)


def board(n: Ints, x: Floats, c: Plan, e: Envelope, starts_s: Floats, now_s: float) -> None:
    """Put the requests that are in service on workers: the event loop goes on from ``now_s``."""
    came = came_before(e, now_s)
    skip(n, x, e, starts_s, came)
    if n[FILED] == 0:
        n[CURSOR] = int(now_s * c.scale)
    busy = in_service(e, now_s, came, True)
    for at in range(busy):
        i = e.crew[at]
        worker = next_idle(n, c)
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


def skip(n: Ints, x: Floats, e: Envelope, starts_s: Floats, until: int) -> None:
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
