"""What there is to know about a trace before any pool: how many requests would be in service at any instant.

As long as nobody waits, every request starts at its arrival, whatever the pool: the number in service is
that of a server with endless workers. It is kept here as exactly as it can be asked for (a maintenance pass
may fall anywhere) in some 2.5 bytes a request: time is cut into *cells*; each knows how many requests are
in service when it begins, bounds of that number within it, and where in the cell, in 65,536ths, each request
ends. The requests that end in a cell are not sorted; they need not be, to be counted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from poolwise.simulation.buckets import bucket_of

PARTS = 65536.0  # of a cell
Stretch = Any  # an array of any size of number; for the plain loop a list
BINS = 64  # of a cell, within which the bounds are taken
BLOCK = 256  # requests whose longest response is noted
SUM_S = 0  # places in ``sums``
MAX_S = 1


class Envelope(NamedTuple):
    """A trace with what ``load`` found in it."""

    arrivals_s: Stretch
    service_s: Stretch
    scale: float  # cells a second, a power of two, at least 2
    cells: int  # the last one is open: whatever comes at the end of the observed period or later
    ended: Stretch  # a cell (and one more): requests that ended before it began
    edge: Stretch  # a cell (and one more): requests in service when it begins
    low: Stretch  # a cell: fewest in service at any instant of it
    high: Stretch  # a cell: most
    part: Stretch  # the requests, by the cell in which they end: where in the cell
    peak: Stretch  # a second: most in service
    long: Stretch  # the requests longer than ``short_s``
    open_long: Stretch  # a second: the first of the long ones that has not ended when it begins
    short_s: float
    counts: Stretch  # histogram of the responses when nobody waits
    longest_s: Stretch  # longest of these in each block of requests
    sums: Stretch
    crew: Stretch  # scratch: as many requests as can be in service


def load(e: Envelope) -> int:
    """Fill every stretch of ``e`` (all zeros before); return how many long requests there are."""
    found = tally(e)
    place(e)
    bound(e)
    note_long(e, found)
    return found


def tally(e: Envelope) -> int:
    """First reading: what begins and ends in each cell, and the responses. Returns how many are long."""
    scale, inside, filled, found = e.scale, e.cells - 1, 0, 0
    sum_s, longest_s, block_s = 0.0, 0.0, 0.0
    requests = len(e.arrivals_s)
    for i in range(requests):
        came_s, service_s = e.arrivals_s[i], e.service_s[i]
        cell = int(came_s * scale)
        while filled <= cell:
            e.edge[filled] = i
            filled += 1
        end_s = came_s + service_s
        spot = end_s * scale
        if spot < inside:
            e.ended[int(spot) + 1] += 1
        response_s = end_s - came_s
        e.counts[bucket_of(response_s)] += 1
        sum_s += response_s
        if response_s > block_s:
            block_s = response_s
        if (i + 1) % BLOCK == 0 or i + 1 == requests:
            e.longest_s[i // BLOCK] = block_s
            longest_s = max(longest_s, block_s)
            block_s = 0.0
        if service_s > e.short_s:
            e.long[found] = i
            found += 1
    while filled <= e.cells:
        e.edge[filled] = requests
        filled += 1
    e.sums[SUM_S], e.sums[MAX_S] = sum_s, longest_s
    return found


def place(e: Envelope) -> None:
    """Second reading: file each end under its cell."""
    scale, inside = e.scale, e.cells - 1
    for cell in range(e.cells):
        e.ended[cell + 1] += e.ended[cell]
        e.edge[cell] -= e.ended[cell]
    e.edge[e.cells] -= e.ended[e.cells]
    for i in range(len(e.arrivals_s)):
        spot = (e.arrivals_s[i] + e.service_s[i]) * scale
        if spot < inside:
            cell = int(spot)
            at = e.ended[cell]
            e.part[at] = int((spot - cell) * PARTS)
            e.ended[cell] = at + 1
    for cell in range(e.cells, 0, -1):
        e.ended[cell] = e.ended[cell - 1]
    e.ended[0] = 0


def bound(e: Envelope) -> None:
    """Bounds of the number in service within each cell and each second, from a grid of 64 bins a cell.

    An upper bound counts every arrival of a bin before its first end, a lower bound every end first.
    """
    scale, grain = e.scale, int(PARTS) // BINS
    a_second = int(scale)
    change = [0] * BINS
    ends = [0] * BINS
    for cell in range(e.cells):
        busy = e.edge[cell]
        first, after = busy + e.ended[cell], e.edge[cell + 1] + e.ended[cell + 1]
        lowest = highest = busy
        if cell == e.cells - 1:  # open: nothing is filed that ends here
            highest, lowest = busy + after - first, 0
        elif after - first + e.ended[cell + 1] - e.ended[cell] <= BINS // 8:
            highest = busy + after - first
            lowest = busy - (e.ended[cell + 1] - e.ended[cell])
        else:
            for spot in range(BINS):
                change[spot] = ends[spot] = 0
            for i in range(first, after):
                change[int((e.arrivals_s[i] * scale - cell) * BINS)] += 1
            for at in range(e.ended[cell], e.ended[cell + 1]):
                ends[e.part[at] // grain] += 1
            for spot in range(BINS):
                lowest = min(lowest, busy - ends[spot])
                highest = max(highest, busy + change[spot])
                busy += change[spot] - ends[spot]
        e.low[cell], e.high[cell] = lowest, highest
        second = cell // a_second
        e.peak[second] = max(e.peak[second], highest)


def note_long(e: Envelope, found: int) -> None:
    """For each second the first long request that has not ended before it."""
    seconds = len(e.open_long)
    for second in range(seconds):
        e.open_long[second] = found
    for at in range(found):
        i = e.long[at]
        first, last = int(e.arrivals_s[i]), int(e.arrivals_s[i] + e.service_s[i])
        for second in range(first, min(last + 1, seconds)):
            if e.open_long[second] > at:
                e.open_long[second] = at


def came_before(e: Envelope, time_s: float) -> int:
    """How many requests arrive strictly before ``time_s``."""
    cell = min(int(time_s * e.scale), e.cells - 1)
    first: int
    after: int
    first, after = e.ended[cell] + e.edge[cell], e.ended[cell + 1] + e.edge[cell + 1]
    guess = first + int((time_s * e.scale - cell) * (after - first))  # as if they came evenly
    step = 1
    while guess > first and e.arrivals_s[guess - 1] >= time_s:
        after = guess - 1
        guess = max(first, after - step)
        step *= 2
    first, step = guess, 1
    while guess < after and e.arrivals_s[guess] < time_s:
        first = guess + 1
        guess = min(after, first + step)
        step *= 2
    after = guess
    while first < after:
        middle = (first + after) >> 1
        if e.arrivals_s[middle] < time_s:
            first = middle + 1
        else:
            after = middle
    return first


def busy_at(e: Envelope, time_s: float) -> int:
    """Requests in service just before ``time_s``, within the observed period, if nobody waits."""
    spot = time_s * e.scale
    cell = int(spot)
    part = int((spot - cell) * PARTS)
    gone, doubtful = 0, 0
    for at in range(e.ended[cell], e.ended[cell + 1]):
        if e.part[at] < part:
            gone += 1
        if e.part[at] == part:
            doubtful += 1
    came = came_before(e, time_s)
    if doubtful:
        return in_service(e, time_s, came, False)
    ended: int = e.ended[cell]
    return came - ended - gone


def in_service(e: Envelope, time_s: float, came: int, listed: bool) -> int:
    """Count the requests, ``came`` have come, that are in service just before ``time_s`` if nobody waits.

    With ``listed`` their numbers are put in ``e.crew``, in the order of arrival.
    """
    cell = min(int(max(time_s - e.short_s, 0.0) * e.scale), e.cells - 1) - 1
    short = e.ended[cell] + e.edge[cell] if cell > 0 else 0  # no short one before this can be in service
    busy, at = 0, e.open_long[min(int(time_s), len(e.open_long) - 1)]
    i = e.long[at] if at < len(e.long) else short
    i = min(i, short)
    while i < came:
        if e.arrivals_s[i] + e.service_s[i] >= time_s:
            if listed:
                e.crew[busy] = i
            busy += 1
        if i >= short:
            i += 1
        else:
            at += 1
            i = min(e.long[at], short) if at < len(e.long) else short
    return busy
