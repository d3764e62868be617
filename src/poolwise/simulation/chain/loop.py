"""The event loop of the chain: what comes next, whose turn it is, and the state at mid-second.

Rule for equal times: a master's step, a scheduled incident, the sample; then what ends (timers, processor
work, patience, keep-alive), then an arrival. This plain loop is the specification; its compiled twin is made
from the same text.
"""

from __future__ import annotations

import math

from poolwise.simulation.chain.clients import (
    close,
    come_if_free,
    give_up,
    next_expiry_s,
    next_impatient_s,
)
from poolwise.simulation.chain.demand import grow_on_demand
from poolwise.simulation.chain.flow import FloatRows, Rows, settle
from poolwise.simulation.chain.happenings import close_left, on_incident, on_timer, wake_httpd
from poolwise.simulation.chain.masters import first_processes, keep_number, look_after
from poolwise.simulation.chain.memory import (
    BOOT,
    BY_HTTPD,
    BY_HTTPD_FIXED,
    BY_UNIT,
    CALLED,
    EXPIRY_FIRST,
    EXPIRY_LAST,
    IDLE_CONNECTIONS,
    IMPATIENT_FIRST,
    IMPATIENT_LAST,
    INCIDENTS,
    NEVER_S,
    NEXT_ARRIVAL,
    OPEN,
    OWN_WAITING,
    ROW,
    TIMERS,
    WORK_NEXT_S,
    Layout,
    Rules,
)
from poolwise.simulation.chain.processor import end_work, used_s
from poolwise.simulation.chain.queues import pull
from poolwise.simulation.chain.timers import take_timer
from poolwise.simulation.chain.workers import (
    begin_boots,
    call,
    count_withheld,
    end_boot,
    stage_of,
)
from poolwise.simulation.parent import cold_start, idle_workers
from poolwise.simulation.processes import forking_s
from poolwise.simulation.state import (
    ALIVE,
    BUSY,
    GOING,
    HIGH,
    LIVE,
    MODE,
    PROCESS_S,
    QUEUE_SIZE,
    RATE,
    SAMPLE_S,
    SAMPLES,
    TICK,
    WAKE_S,
    Floats,
    Ints,
    Plan,
)


def run_chain(
    m: Ints,
    y: Floats,
    p: Layout,
    ns: Rows,
    xs: FloatRows,
    cs: list[Plan],
    rs: list[Rules],
    routes: Ints,
    incident_s: Floats,
    incident_kind: Ints,
    incident_count: Ints,
    incidents: int,
    until_s: float,
) -> bool:
    """Simulate from where the memory stands until ``until_s``; returns whether all is decided before.

    The first call (``ns[0][RATE] == 0``) starts the processes. t = 0 is the instant at which httpd's parent
    enters its first sleep.
    """
    if ns[0][RATE] == 0:
        _begin(m, y, p, ns, xs, cs, rs)
    while True:
        bound_s, who = xs[0][SAMPLE_S], -1
        for k in range(p.stages):
            if rs[k].kept_by != BY_HTTPD_FIXED and xs[k][WAKE_S] <= bound_s:
                bound_s, who = xs[k][WAKE_S], k
        planned_s = incident_s[m[INCIDENTS]] if m[INCIDENTS] < incidents else NEVER_S
        if planned_s <= bound_s and (planned_s < bound_s or who < 0):
            bound_s, who = planned_s, -2
        _until(m, y, p, ns, xs, cs, rs, routes, bound_s)
        decided = m[OPEN] == 0 and m[NEXT_ARRIVAL] == p.requests
        if bound_s >= p.stop_s or (decided and bound_s >= p.horizon_s):
            break
        if who == -1:
            _sample(m, y, p, ns, xs, cs, rs, bound_s)
        elif who == -2:
            on_incident(
                m, y, p, ns, xs, cs, rs, incident_kind[m[INCIDENTS]], incident_count[m[INCIDENTS]], bound_s
            )
            m[INCIDENTS] += 1
        elif rs[who].kept_by == BY_HTTPD:
            wake_httpd(m, y, p, ns, xs, cs, rs, bound_s)
        else:
            keep_number(m, y, p, ns[who], xs[who], cs[who], rs[who], bound_s)
            if who == 0:
                close_left(m, y, p, ns[0], xs[0], cs[0], rs[0], bound_s)
                pull(m, y, p, ns[0], xs[0], cs[0], rs[0], 0, bound_s)
        settle(m, y, p, ns, xs, cs, rs, routes, bound_s)
        if bound_s >= until_s:
            return False
    for k in range(p.stages):
        n, x, c = ns[k], xs[k], cs[k]
        for slot in range(n[HIGH]):
            present = 1 if n[c.phase + slot] == LIVE or n[c.phase + slot] == GOING else 0
            born_s = max(x[c.born_s + slot], 0.0)
            x[PROCESS_S] += (present + n[c.extras + slot]) * max(c.horizon_s - born_s, 0.0)
    return True


def _begin(m: Ints, y: Floats, p: Layout, ns: Rows, xs: FloatRows, cs: list[Plan], rs: list[Rules]) -> None:
    for k in range(p.stages):
        n, x, c = ns[k], xs[k], cs[k]
        n[RATE] = 1
        n[MODE] = TICK
        if rs[k].kept_by == BY_HTTPD:
            cold_start(n, x, c, -forking_s(c, min(c.start, c.process_limit), 0))
            x[WAKE_S] = c.sleep_s
            begin_boots(m, y, p, n, x, c, rs[k], 0)
        else:
            first_processes(m, y, p, n, x, c, rs[k])
        x[SAMPLE_S] = 0.5


def _until(
    m: Ints,
    y: Floats,
    p: Layout,
    ns: Rows,
    xs: FloatRows,
    cs: list[Plan],
    rs: list[Rules],
    routes: Ints,
    bound_s: float,
) -> None:
    """Everything that requests, workers and clients do strictly before ``bound_s``."""
    n, x, c, r = ns[0], xs[0], cs[0], rs[0]
    on_demand = 0
    for k in range(p.stages):
        on_demand += 1 if rs[k].kept_by >= BY_UNIT else 0
    while True:
        i = m[NEXT_ARRIVAL]
        arrival_s = y[p.arrive_s + i] if i < p.requests else NEVER_S
        timer_s = y[p.timer_s] if m[TIMERS] else NEVER_S
        work_s = y[WORK_NEXT_S]
        first_s = timer_s if timer_s <= work_s else work_s
        line_s, line = NEVER_S, 0
        if m[IMPATIENT_FIRST] < m[IMPATIENT_LAST]:
            line_s, line = next_impatient_s(m, y, p), 1
        if m[EXPIRY_FIRST] < m[EXPIRY_LAST]:
            expiry_s = next_expiry_s(m, y, p)
            if expiry_s < line_s:
                line_s, line = expiry_s, 2
        now_s = arrival_s if arrival_s < first_s else first_s
        now_s = now_s if now_s < line_s else line_s
        if now_s >= bound_s:
            return
        if timer_s <= now_s:
            on_timer(m, y, p, ns, xs, cs, rs, routes, take_timer(m, y, p), now_s)
        elif work_s <= now_s:
            worker = end_work(m, y, p, now_s)
            if m[p.phase + worker] == BOOT:
                k = stage_of(p, rs, worker)
                slot = (worker - rs[k].worker0) // cs[k].threads
                end_boot(m, y, p, ns[k], xs[k], cs[k], rs[k], slot, now_s)
                pull(m, y, p, ns[k], xs[k], cs[k], rs[k], k, now_s)
            else:
                call(m, p, worker, m[p.phase + worker])
        elif line_s <= now_s:
            if line == 1:
                give_up(m, y, p, now_s)
            else:
                close(m, y, p, n, c, r, m[p.expiry + m[EXPIRY_FIRST]], False, now_s)
                pull(m, y, p, n, x, c, r, 0, now_s)
        else:
            m[NEXT_ARRIVAL] = i + 1
            come_if_free(m, y, p, n, x, c, r, i, now_s)
        if m[CALLED]:
            settle(m, y, p, ns, xs, cs, rs, routes, now_s)
        if on_demand:
            for k in range(p.stages):
                if rs[k].kept_by >= BY_UNIT:
                    grow_on_demand(m, y, p, ns[k], xs[k], cs[k], rs[k], now_s)


def _sample(
    m: Ints, y: Floats, p: Layout, ns: Rows, xs: FloatRows, cs: list[Plan], rs: list[Rules], now_s: float
) -> None:
    """Record the state at the middle of a second; the daemons of mod_wsgi look after themselves then."""
    row = m[ROW]
    if row < p.seconds:
        m[p.sample_idle_connections + row] = m[IDLE_CONNECTIONS]
        y[p.used_s + row] = used_s(m, y, p, now_s)
        m[ROW] = row + 1
    for k in range(p.stages):
        n, x, c, r = ns[k], xs[k], cs[k], rs[k]
        x[SAMPLE_S] += 1.0
        if row < p.seconds:
            _record(m, y, p, n, x, c, r, k, row)
        if r.kept_by == BY_HTTPD_FIXED:
            look_after(m, y, p, n, x, c, r, now_s)


def _record(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, k: int, row: int) -> None:
    if r.factor:
        count_withheld(m, p, n, c, r)
    n[c.sample_busy + row] = n[BUSY]
    n[c.sample_queued + row] = n[QUEUE_SIZE] + (m[OWN_WAITING] if k == 0 else 0)
    n[c.sample_total + row] = n[ALIVE]
    n[c.sample_idle + row] = idle_workers(n, x, c)
    n[SAMPLES] = row + 1
    y[r.memory0 + row] = _memory_bytes(m, p, n, c, r, row)


def _memory_bytes(m: Ints, p: Layout, n: Ints, c: Plan, r: Rules, row: int) -> float:
    """Memory of a stage; notes how many of its processes have loaded the application."""
    size, loaded = r.shared_bytes, 0
    if r.dirty_requests > 0.0:
        size += r.process_bytes
    for slot in range(n[HIGH]):
        if n[c.phase + slot] != LIVE and n[c.phase + slot] != GOING:
            continue
        spot = r.slot0 + slot
        size += c.threads * r.thread_bytes + m[p.serving + spot] * r.pool_bytes
        size += r.leak_bytes * m[p.handled + spot]
        if m[p.loaded + spot] != 2:
            size += r.bare_bytes
            loaded += m[p.loaded + spot]
        elif r.dirty_requests > 0.0:
            private = 1.0 - math.exp(-m[p.handled + spot] / r.dirty_requests)
            size += max(r.bare_bytes, r.process_bytes * private)
        else:
            size += r.process_bytes
    m[p.sample_loading + row] += loaded
    return size
