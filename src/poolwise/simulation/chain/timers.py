"""What happens at a known time: a binary heap of (time, code), and what a code means.

A timer cannot be moved; where one may have become void the receiver looks whether it still holds. The few
that must not fire at all (a process is killed) are taken out one by one.
"""

from __future__ import annotations

from poolwise.simulation.chain.memory import TIMERS, Floats, Ints, Layout


def set_timer(m: Ints, y: Floats, p: Layout, time_s: float, code: int) -> None:
    """Let ``code`` happen at ``time_s``."""
    place = m[TIMERS]
    m[TIMERS] = place + 1
    while place > 0:
        parent = (place - 1) >> 1
        other_s = y[p.timer_s + parent]
        if other_s < time_s or (other_s == time_s and m[p.code + parent] <= code):
            break
        y[p.timer_s + place] = other_s
        m[p.code + place] = m[p.code + parent]
        place = parent
    y[p.timer_s + place] = time_s
    m[p.code + place] = code


def take_timer(m: Ints, y: Floats, p: Layout) -> int:
    """Remove the next timer and return its code."""
    code = m[p.code]
    size = m[TIMERS] - 1
    m[TIMERS] = size
    if size:
        _sink_timer(m, y, p, size, y[p.timer_s + size], m[p.code + size])
    return code


def cancel(m: Ints, y: Floats, p: Layout, code: int) -> None:
    """Take out every timer with this code (slow: for the rare event)."""
    count = m[TIMERS]
    m[TIMERS] = 0
    for place in range(count):
        if m[p.code + place] != code:
            set_timer(m, y, p, y[p.timer_s + place], m[p.code + place])


def _sink_timer(m: Ints, y: Floats, p: Layout, size: int, time_s: float, code: int) -> None:
    place, child = 0, 1
    while child < size:
        child_s = y[p.timer_s + child]
        if child + 1 < size:
            other_s = y[p.timer_s + child + 1]
            if other_s < child_s or (other_s == child_s and m[p.code + child + 1] < m[p.code + child]):
                child += 1
                child_s = other_s
        if child_s > time_s or (child_s == time_s and m[p.code + child] >= code):
            break
        y[p.timer_s + place] = child_s
        m[p.code + place] = m[p.code + child]
        place, child = child, 2 * child + 1
    y[p.timer_s + place] = time_s
    m[p.code + place] = code
