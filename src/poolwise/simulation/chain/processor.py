"""Cores shared by processes, and what a process gets shared by its threads: two virtual times.

``WORK_S`` is the work that each runnable *group* of threads has been given: it advances at
``min(1, cores / runnable)``. A group is a process under its GIL, an interpreter with its own GIL, or a single
thread without one. Inside a group of ``k`` jobs its own virtual time advances at ``1 / k`` of that. A job of
``d`` seconds ends when the group's time has come to its start plus ``d``: known once and for all, so each
group keeps its jobs in a heap by that time, and the groups are in a heap by the ``WORK_S`` at which their
first job ends. Every step costs O(log groups + log threads); nothing is recomputed for the others.

Source: Demers, Keshav, Shenker, Analysis and simulation of a fair queueing algorithm (1989) for the
virtual time; two levels of it here.
"""

from __future__ import annotations

from poolwise.simulation.chain.memory import (
    NEVER_S,
    RUNNABLE,
    USED_S,
    WORK_AT_S,
    WORK_NEXT_S,
    WORK_S,
    Floats,
    Ints,
    Layout,
)


def begin_work(m: Ints, y: Floats, p: Layout, job: int, group: int, work_s: float, now_s: float) -> None:
    """Worker ``job`` wants the processor for ``work_s`` seconds, as a thread of ``group``."""
    _advance(m, y, p, now_s)
    k = m[p.members + group]
    m[p.group + job] = group
    if k == 0:
        y[p.group_v + group] = 0.0
        y[p.group_at + group] = y[WORK_S]
        y[p.finish_v + job] = work_s
        m[p.members + group] = 1
        m[p.job + m[p.region + group]] = job
        y[p.group_end + group] = y[WORK_S] + work_s
        place = m[RUNNABLE]
        m[RUNNABLE] = place + 1
        _rise_group(m, y, p, place, group)
    else:
        _advance_group(y, p, group, k, y[WORK_S])
        y[p.finish_v + job] = y[p.group_v + group] + work_s
        _push_job(m, y, p, group, k, job)
        m[p.members + group] = k + 1
        _set_end(m, y, p, group)
    _set_next(m, y, p)


def end_work(m: Ints, y: Floats, p: Layout, now_s: float) -> int:
    """The job that ends at ``y[WORK_NEXT_S]``, which is now: take it off the processor and return it."""
    group = m[p.ready]
    _use(m, y, p, now_s)
    y[WORK_S] = y[p.group_end + group]
    job = m[p.job + m[p.region + group]]
    y[p.group_v + group] = y[p.finish_v + job]
    y[p.group_at + group] = y[WORK_S]
    k = m[p.members + group] - 1
    m[p.members + group] = k
    if k == 0:
        _leave(m, y, p, group)
    else:
        _pop_job(m, y, p, group, k)
        _set_end(m, y, p, group)
    _set_next(m, y, p)
    return job


def abandon_work(m: Ints, y: Floats, p: Layout, job: int, now_s: float) -> None:
    """Take ``job`` off the processor if it is on it (its process was killed)."""
    group = m[p.group + job]
    if group < 0 or m[p.members + group] == 0:
        return
    start, k = p.job + m[p.region + group], m[p.members + group]
    for place in range(k):
        if m[start + place] == job:
            _advance(m, y, p, now_s)
            _advance_group(y, p, group, k, y[WORK_S])
            m[p.members + group] = k - 1
            if k == 1:
                _leave(m, y, p, group)
            else:
                for later in range(place, k - 1):
                    m[start + later] = m[start + later + 1]
                for size in range(k - 1):  # build the heap anew
                    _push_job(m, y, p, group, size, m[start + size])
                _set_end(m, y, p, group)
            _set_next(m, y, p)
            return


def used_s(m: Ints, y: Floats, p: Layout, now_s: float) -> float:
    """Core seconds used until now."""
    _advance(m, y, p, now_s)
    return y[USED_S]


def _use(m: Ints, y: Floats, p: Layout, now_s: float) -> None:
    busy = m[RUNNABLE] if m[RUNNABLE] < p.cores else p.cores
    y[USED_S] += busy * (now_s - y[WORK_AT_S])
    y[WORK_AT_S] = now_s


def _advance(m: Ints, y: Floats, p: Layout, now_s: float) -> None:
    k = m[RUNNABLE]
    if k:
        gone_s = now_s - y[WORK_AT_S]
        y[WORK_S] += gone_s if k <= p.cores else gone_s * p.cores / k
    _use(m, y, p, now_s)


def _set_next(m: Ints, y: Floats, p: Layout) -> None:
    k = m[RUNNABLE]
    if k == 0:
        y[WORK_NEXT_S] = NEVER_S
        y[WORK_S] = 0.0  # nobody is measured by it: keep it small, and so exact
        return
    ahead_s = y[p.group_end + m[p.ready]] - y[WORK_S]
    ahead_s = ahead_s if ahead_s > 0.0 else 0.0
    y[WORK_NEXT_S] = y[WORK_AT_S] + (ahead_s if k <= p.cores else ahead_s * k / p.cores)


def _advance_group(y: Floats, p: Layout, group: int, k: int, work_s: float) -> None:
    y[p.group_v + group] += (work_s - y[p.group_at + group]) / k
    y[p.group_at + group] = work_s


def _set_end(m: Ints, y: Floats, p: Layout, group: int) -> None:
    """The group's first job or number of jobs has changed: put it in its place among the groups."""
    first = m[p.job + m[p.region + group]]
    left_v = y[p.finish_v + first] - y[p.group_v + group]
    y[p.group_end + group] = y[p.group_at + group] + left_v * m[p.members + group]
    place = m[p.place + group]
    _rise_group(m, y, p, place, group)
    if m[p.place + group] == place:
        _sink_group(m, y, p, place, group)


def _leave(m: Ints, y: Floats, p: Layout, group: int) -> None:
    place, size = m[p.place + group], m[RUNNABLE] - 1
    m[RUNNABLE] = size
    m[p.place + group] = -1
    if place == size:
        return
    last = m[p.ready + size]
    _rise_group(m, y, p, place, last)
    if m[p.place + last] == place:
        _sink_group(m, y, p, place, last)


def _earlier(y: Floats, p: Layout, a: int, b: int) -> bool:
    a_end, b_end = y[p.group_end + a], y[p.group_end + b]
    return a_end < b_end or (a_end == b_end and a < b)


def _rise_group(m: Ints, y: Floats, p: Layout, place: int, group: int) -> None:
    while place > 0:
        parent = (place - 1) >> 1
        other = m[p.ready + parent]
        if not _earlier(y, p, group, other):
            break
        m[p.ready + place] = other
        m[p.place + other] = place
        place = parent
    m[p.ready + place] = group
    m[p.place + group] = place


def _sink_group(m: Ints, y: Floats, p: Layout, place: int, group: int) -> None:
    size, child = m[RUNNABLE], 2 * place + 1
    while child < size:
        if child + 1 < size and _earlier(y, p, m[p.ready + child + 1], m[p.ready + child]):
            child += 1
        other = m[p.ready + child]
        if not _earlier(y, p, other, group):
            break
        m[p.ready + place] = other
        m[p.place + other] = place
        place, child = child, 2 * child + 1
    m[p.ready + place] = group
    m[p.place + group] = place


def _sooner(y: Floats, p: Layout, a: int, b: int) -> bool:
    a_v, b_v = y[p.finish_v + a], y[p.finish_v + b]
    return a_v < b_v or (a_v == b_v and a < b)


def _push_job(m: Ints, y: Floats, p: Layout, group: int, size: int, job: int) -> None:
    start, place = p.job + m[p.region + group], size
    while place > 0:
        parent = (place - 1) >> 1
        if not _sooner(y, p, job, m[start + parent]):
            break
        m[start + place] = m[start + parent]
        place = parent
    m[start + place] = job


def _pop_job(m: Ints, y: Floats, p: Layout, group: int, size: int) -> None:
    """Drop the first job of a heap that has ``size`` jobs without it (at least one)."""
    start = p.job + m[p.region + group]
    moved = m[start + size]
    place, child = 0, 1
    while child < size:
        if child + 1 < size and _sooner(y, p, m[start + child + 1], m[start + child]):
            child += 1
        if not _sooner(y, p, m[start + child], moved):
            break
        m[start + place] = m[start + child]
        place, child = child, 2 * child + 1
    m[start + place] = moved
