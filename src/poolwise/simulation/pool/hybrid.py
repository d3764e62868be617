"""Rates instead of requests: how many are in the system, second by second, for loads too large for a trace.

Poisson arrivals with a rate that is constant in each second, exponential service. Between two of the parent's
steps only the number in the system moves. While it is far below the number of ready workers it is that of a
server with endless workers, whose law over any stretch is known: of those present a binomial number stays,
and of those who come a Poisson number is still there at the end. Where somebody may have to wait, time goes
in small steps: below the number of workers by the same law, at or above it by arrivals less departures of all
workers. The passes, starts and ends of processes are those of the event loop (``parent``, ``processes``).

Approximate: the small steps (an arrival that meets a full house within a step), and who is told to go: a
process leaves at once and others finish what it had.
"""

from __future__ import annotations

import math
from typing import Any

from poolwise.simulation.buckets import bucket_of
from poolwise.simulation.parent import wake
from poolwise.simulation.pool.loop import advance, begin, finish, sample
from poolwise.simulation.ring import ready
from poolwise.simulation.state import (
    BUSY,
    FILED,
    LIVE_BUSY,
    QUEUE_SIZE,
    RATE,
    REFUSED,
    SAMPLE_S,
    SERVED,
    TICKS,
    WAIT_MAX_S,
    WAIT_SUM_S,
    WAITED,
    WAKE_S,
    Floats,
    Ints,
    Plan,
)

STEPS = 5.0  # a service time has at least so many small steps
LONGEST_STEP_S = 0.02
SIGMAS = 7.0  # how far the number in service may stray within a stretch: once in 10^11 stretches
VOICES = 8  # requests that speak for all who came in a small step

# places in ``h``
CLOCK_S = 0  # up to where the load has been simulated
ENTERED = 1  # requests that have joined the queue
FIRST = 2  # the first batch in ``batches``
BATCHES = 3
H_FLOATS = 4


def run_rates(
    n: Ints,
    x: Floats,
    c: Plan,
    h: Floats,
    rate_rps: Floats,
    mean_s: float,
    arrived: Floats,
    batches: Floats,
    rng: Any,
    nothing_s: Floats,
    pause_s: float,
) -> bool:
    """Simulate on, until all is over (True) or ``pause_s`` is reached (False).

    ``rate_rps``: for each second; ``arrived``: receives how many came. ``batches``: room for three numbers
    for each request that can wait. ``rng``: a numpy Generator. ``nothing_s``: an empty sequence.
    """
    if n[RATE] == 0:
        begin(n, x, c)
    while True:
        now_s = min(x[WAKE_S], x[SAMPLE_S])
        if now_s > pause_s:
            return False
        _flow(n, x, c, h, rate_rps, mean_s, arrived, batches, rng, nothing_s, now_s)
        if now_s >= c.stop_s or (n[QUEUE_SIZE] == 0 and now_s >= c.horizon_s):
            break
        n[LIVE_BUSY] = n[BUSY]
        if x[WAKE_S] > now_s:
            sample(n, x, c)
        else:
            _wake(n, x, c)
    finish(n, x, c)
    return True


def _wake(n: Ints, x: Floats, c: Plan) -> None:
    """The parent's next step. Ready workers all stand in the ring: the busy must not be counted twice."""
    busy, row = n[BUSY], n[TICKS]
    n[BUSY] = 0
    wake(n, x, c)
    n[BUSY] = busy
    if n[TICKS] > row:
        n[c.tick_busy + row] = busy


def _flow(
    n: Ints,
    x: Floats,
    c: Plan,
    h: Floats,
    rate_rps: Floats,
    mean_s: float,
    arrived: Floats,
    batches: Floats,
    rng: Any,
    nothing_s: Floats,
    until_s: float,
) -> None:
    """Everything that requests do up to ``until_s``."""
    small_s = min(LONGEST_STEP_S, mean_s / STEPS)
    while h[CLOCK_S] < until_s:
        now_s = h[CLOCK_S]
        second = int(now_s)
        rate = rate_rps[second] if second < c.seconds else 0.0
        step_s = min(until_s, second + 1.0) - now_s
        if n[FILED]:
            queued, n[QUEUE_SIZE] = n[QUEUE_SIZE], 0
            advance(n, x, c, nothing_s, nothing_s, nothing_s, now_s)
            n[QUEUE_SIZE] = queued
        workers, inside = ready(n, c), n[BUSY] + n[QUEUE_SIZE]
        most = max(float(inside), rate * mean_s)
        if n[QUEUE_SIZE] or most + SIGMAS * math.sqrt(most) + SIGMAS >= workers:
            step_s = min(step_s, small_s)
            served_at_once = False
        else:
            served_at_once = True
        if inside > workers:
            came = rng.poisson(rate * step_s)
            left = min(rng.poisson(workers * step_s / mean_s), inside + came)
            after = inside + came - left
        else:
            stays = math.exp(-step_s / mean_s)
            lasting = rate * mean_s * (1.0 - stays)
            new = rng.poisson(lasting)
            came = new + rng.poisson(max(rate * step_s - lasting, 0.0))
            after = rng.binomial(inside, stays) + new
        if came:
            arrived[min(second, c.seconds - 1)] += came
        if not served_at_once:
            refused = max(after - workers - c.backlog, 0)
            refused = min(refused, came)
            after -= refused
            if refused:
                n[REFUSED] += refused
                n[c.refused + min(second, c.seconds - 1)] += refused
            came -= refused
            queue = max(after - workers, 0)
            if queue or n[QUEUE_SIZE]:
                _wait(n, x, c, h, mean_s, batches, rng, workers, came, queue, step_s)
            n[QUEUE_SIZE] = queue
        n[SERVED] += came
        n[BUSY] = min(after, workers)
        h[CLOCK_S] = min(until_s, second + 1.0) if served_at_once else min(now_s + step_s, until_s)


def _wait(
    n: Ints,
    x: Floats,
    c: Plan,
    h: Floats,
    mean_s: float,
    batches: Floats,
    rng: Any,
    workers: int,
    came: int,
    queue: int,
    step_s: float,
) -> None:
    """Book a small step: ``came`` requests came and the queue went from ``n[QUEUE_SIZE]`` to ``queue``.

    The sum of all waits is the integral of the queue. How they are distributed: a short queue is left at the
    rate of all workers; who joins a long one is remembered until the queue has moved past.
    """
    before, now_s = n[QUEUE_SIZE], h[CLOCK_S]
    x[WAIT_SUM_S] += 0.5 * (before + queue) * step_s
    waiting = came
    if before == 0:
        waiting = min(came, max(queue, (came + 1) // 2))
    elif queue == 0:
        waiting = came // 2
    h[ENTERED] += waiting
    per_start_s = mean_s / max(workers, 1)
    if max(before, queue) * per_start_s > 2.0 * step_s or workers == 0:
        if waiting:
            place = int(h[FIRST] + h[BATCHES]) % (len(batches) // 3)
            batches[3 * place] = now_s + 0.5 * step_s
            batches[3 * place + 1] = h[ENTERED]
            batches[3 * place + 2] = waiting
            h[BATCHES] += 1
    else:
        voices = min(waiting, VOICES)
        for voice in range(voices):
            share = (voice + 1) * waiting // voices - voice * waiting // voices
            seen = before + (queue - before) * (voice + 0.5) / voices
            _book(n, x, c, rng.standard_gamma(seen + 1.0) * per_start_s, share, rng, mean_s)
    started = h[ENTERED] - queue
    while h[BATCHES] > 0:
        place = int(h[FIRST])
        if batches[3 * place + 1] > started:
            break
        many = int(batches[3 * place + 2])
        voices = min(many, VOICES)
        for voice in range(voices):
            share = (voice + 1) * many // voices - voice * many // voices
            wait_s = now_s - batches[3 * place] + step_s * (0.5 + rng.random() - rng.random())
            _book(n, x, c, max(wait_s, 1e-6), share, rng, mean_s)
        h[FIRST] = (place + 1) % (len(batches) // 3)
        h[BATCHES] -= 1


def _book(n: Ints, x: Floats, c: Plan, wait_s: float, share: int, rng: Any, mean_s: float) -> None:
    n[WAITED] += share
    n[c.wait + bucket_of(wait_s)] += share
    n[c.response + bucket_of(wait_s + mean_s * rng.standard_exponential())] += share
    x[WAIT_MAX_S] = max(x[WAIT_MAX_S], wait_s)
