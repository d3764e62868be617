"""What a timer means when it is due, and what a scheduled incident does to the chain."""

from __future__ import annotations

from poolwise.servers import MESSAGE_NO_ANSWER, MESSAGE_NO_ROOM
from poolwise.simulation.chain.clients import close_parked, come, knock, try_again
from poolwise.simulation.chain.demand import look_at_idle
from poolwise.simulation.chain.flow import FloatRows, Rows
from poolwise.simulation.chain.masters import replace_daemons, replace_ended, shut_down
from poolwise.simulation.chain.memory import (
    AS_IMPATIENT,
    AS_OVER,
    BLOCKED,
    BOOT_WAITED,
    BY_HTTPD,
    BY_HTTPD_FIXED,
    BY_UNIT,
    COMES,
    IDLE_CONNECTIONS,
    KEPT,
    KINDS,
    KNOCKED,
    LATE,
    LOST_COUNT,
    LOST_WITH_PROCESS,
    OWN_WAITING,
    PARKED_COUNT,
    PHASE_OVER,
    REPLACE,
    RUNNABLE,
    SHUTDOWN,
    THREAD_READY,
    UPLOADED,
    Layout,
    Rules,
    code_of,
    request_of,
)
from poolwise.simulation.chain.queues import fail, pull
from poolwise.simulation.chain.timers import cancel, set_timer
from poolwise.simulation.chain.workers import (
    begin_boots,
    call,
    count_withheld,
    drop_process,
    end_boot,
    stage_of,
    stage_of_slot,
    stop_worker,
    work_on_boot,
)
from poolwise.simulation.parent import incident, log, wake
from poolwise.simulation.processes import oldest_live, release
from poolwise.simulation.state import (
    COMPETING,
    CRASH,
    CRASHED,
    GOING,
    HARD_RESTART,
    HIGH,
    IDLE,
    LIVE,
    MODE,
    PREFORK,
    QUEUE_HEAD,
    QUEUE_SIZE,
    REAP,
    RESTARTED,
    REVIVE,
    SEQUENCE,
    STARTING,
    WAKE_S,
    Floats,
    Ints,
    Plan,
)

RESTART_PATIENCE_S = 3.0  # httpd gives the daemon processes so long when it restarts


def on_timer(
    m: Ints,
    y: Floats,
    p: Layout,
    ns: Rows,
    xs: FloatRows,
    cs: list[Plan],
    rs: list[Rules],
    routes: Ints,
    code: int,
    now_s: float,
) -> None:
    """Do what the timer with this code was set for."""
    kind, number = code % KINDS, code // KINDS
    if kind == PHASE_OVER:
        call(m, p, number, m[p.phase + number])
    elif kind == COMES:
        come(m, y, p, ns[0], xs[0], cs[0], rs[0], number, now_s)
    elif kind == UPLOADED:
        knock(m, y, p, ns[0], xs[0], cs[0], rs[0], number, now_s)
    elif kind == LATE:
        _late(m, y, p, ns, xs, cs, rs, routes, number, now_s)
    elif kind == KNOCKED:
        _knocked(m, y, p, ns, xs, cs, rs, routes, number, now_s)
    elif kind == THREAD_READY:
        k = stage_of(p, rs, number)
        n, x, c, r = ns[k], xs[k], cs[k], rs[k]
        worker = number - r.worker0
        if n[c.doing + worker] == STARTING:
            slot = worker // c.threads
            if m[p.accepts + r.slot0 + slot] < 0:  # its process is not up itself: it is up with that
                x[c.key_s + worker] = x[c.up_s + slot]
                return
            release(n, x, c, worker, now_s)
            pull(m, y, p, n, x, c, r, k, now_s)
    else:
        _on_process_timer(m, y, p, ns, xs, cs, rs, kind, number, now_s)


def _on_process_timer(
    m: Ints,
    y: Floats,
    p: Layout,
    ns: Rows,
    xs: FloatRows,
    cs: list[Plan],
    rs: list[Rules],
    kind: int,
    number: int,
    now_s: float,
) -> None:
    if kind == BOOT_WAITED:
        k = stage_of(p, rs, number)
        n, x, c, r = ns[k], xs[k], cs[k], rs[k]
        slot = (number - r.worker0) // c.threads
        if work_on_boot(m, y, p, n, x, c, r, slot, now_s):
            end_boot(m, y, p, n, x, c, r, slot, now_s)
            pull(m, y, p, n, x, c, r, k, now_s)
        return
    k = stage_of_slot(p, rs, number)
    n, x, c, r = ns[k], xs[k], cs[k], rs[k]
    slot = number - r.slot0
    if kind == REPLACE and r.kept_by >= BY_UNIT:
        look_at_idle(m, y, p, n, x, c, r, now_s)
    elif kind == REPLACE:
        replace_ended(m, y, p, n, x, c, r, now_s)
    elif kind == SHUTDOWN and n[c.phase + slot] == GOING and y[p.over_s + number] == now_s:
        _lose(m, y, p, ns, cs, k, slot, now_s)
        drop_process(m, y, p, n, x, c, r, slot, now_s)
    if k == 0:
        close_left(m, y, p, n, x, c, r, now_s)


def _waits_for(m: Ints, p: Layout, n: Ints, c: Plan, routes: Ints, front: int, k: int) -> bool:
    """Whether the front's worker waits for group ``k``."""
    attempt = n[c.doing + front]
    if m[p.phase + front] != BLOCKED or attempt < 0 or m[p.front + attempt] != front:
        return False
    return (routes[m[p.kind + request_of(p, attempt)]] if p.kinds else routes[0]) == k


def _late(
    m: Ints,
    y: Floats,
    p: Layout,
    ns: Rows,
    xs: FloatRows,
    cs: list[Plan],
    rs: list[Rules],
    routes: Ints,
    watch: int,
    now_s: float,
) -> None:
    """The front gives up on a group that has been silent for its socket-timeout; else looks again."""
    front, k = watch // p.stages, watch % p.stages
    m[p.late_set + watch] = 0
    if not _waits_for(m, p, ns[0], cs[0], routes, front, k):
        return
    due_s = y[p.since_s + front] + rs[k].socket_timeout_s
    if due_s <= now_s:
        attempt = ns[0][cs[0].doing + front]
        _strike_out(ns[k], cs[k], rs[k], attempt)
        log(ns[k], xs[k], cs[k], now_s, MESSAGE_NO_ANSWER, 0, 0, 0, 0)
        fail(m, p, attempt, front, now_s)
    else:
        m[p.late_set + watch] = 1
        set_timer(m, y, p, due_s, code_of(LATE, watch))


def _knocked(
    m: Ints,
    y: Floats,
    p: Layout,
    ns: Rows,
    xs: FloatRows,
    cs: list[Plan],
    rs: list[Rules],
    routes: Ints,
    watch: int,
    now_s: float,
) -> None:
    """A request that has not got into the group's backlog within connect-timeout fails."""
    front, k = watch // p.stages, watch % p.stages
    m[p.knock_set + watch] = 0
    if not _waits_for(m, p, ns[0], cs[0], routes, front, k):
        return
    due_s = y[p.since_s + front] + rs[k].connect_timeout_s
    attempt = ns[0][cs[0].doing + front]
    if due_s > now_s:
        m[p.knock_set + watch] = 1
        set_timer(m, y, p, due_s, code_of(KNOCKED, watch))
    elif _strike_out(ns[k], cs[k], rs[k], attempt):
        log(ns[k], xs[k], cs[k], now_s, MESSAGE_NO_ROOM, 0, 0, 0, 0)
        fail(m, p, attempt, front, now_s)


def _strike_out(n: Ints, c: Plan, r: Rules, attempt: int) -> bool:
    """Take ``attempt`` out of a group's line if it has not got into the backlog. Returns whether it was."""
    found = False
    for position in range(r.listen_backlog, n[QUEUE_SIZE]):
        place = c.queue + (n[QUEUE_HEAD] + position) % c.backlog
        if found:
            n[c.queue + (n[QUEUE_HEAD] + position - 1) % c.backlog] = n[place]
        found = found or n[place] == attempt
    n[QUEUE_SIZE] -= 1 if found else 0
    return found


def wake_httpd(
    m: Ints, y: Floats, p: Layout, ns: Rows, xs: FloatRows, cs: list[Plan], rs: list[Rules], now_s: float
) -> None:
    """The next step of httpd's parent, and what it means for connections, starts and daemons."""
    n, x, c, r = ns[0], xs[0], cs[0], rs[0]
    before, mode = n[SEQUENCE], n[MODE]
    if r.factor:
        count_withheld(m, p, n, c, r)
    n[COMPETING] = m[RUNNABLE]
    if mode == REVIVE:
        _lose_all(m, y, p, ns, cs, rs, now_s)
    wake(n, x, c)
    _after_parent(m, y, p, n, x, c, r, before, now_s)
    if mode == REAP:
        done_s, forked = now_s, 0
        for k in range(1, p.stages):
            if rs[k].kept_by == BY_HTTPD_FIXED:
                ns[k][COMPETING] = m[RUNNABLE] + forked
                forked -= ns[k][SEQUENCE]
                done_s = replace_daemons(m, y, p, ns[k], xs[k], cs[k], rs[k], done_s)
                forked += ns[k][SEQUENCE]
        x[WAKE_S] += done_s - now_s


def _after_parent(
    m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, before: int, now_s: float
) -> None:
    close_left(m, y, p, n, x, c, r, now_s)
    begin_boots(m, y, p, n, x, c, r, before)
    pull(m, y, p, n, x, c, r, 0, now_s)


def close_left(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, r: Rules, now_s: float) -> None:
    """Processes of the front may have gone: close what they kept."""
    if m[PARKED_COUNT] + m[OWN_WAITING]:
        close_parked(m, y, p, n, x, c, r, now_s)


def on_incident(
    m: Ints,
    y: Floats,
    p: Layout,
    ns: Rows,
    xs: FloatRows,
    cs: list[Plan],
    rs: list[Rules],
    kind: int,
    count: int,
    now_s: float,
) -> None:
    """A restart of the front, or ``count`` of its processes killed by a signal.

    httpd takes the daemons of mod_wsgi along. Another server's workers are told to go (graceful), or killed,
    and its master starts new ones as they end.
    """
    n, x, c, r = ns[0], xs[0], cs[0], rs[0]
    before = n[SEQUENCE]
    if kind == CRASH:
        for _ in range(count):
            slot = oldest_live(n, x, c)
            if slot >= 0:
                _lose(m, y, p, ns, cs, 0, slot, now_s)
                drop_process(m, y, p, n, x, c, r, slot, now_s)
                n[CRASHED] += now_s < c.horizon_s
    elif r.kept_by != BY_HTTPD:
        for slot in range(n[HIGH]):
            n[RESTARTED] += (n[c.phase + slot] == LIVE) * (now_s < c.horizon_s)
            if kind == HARD_RESTART and (n[c.phase + slot] == LIVE or n[c.phase + slot] == GOING):
                _lose(m, y, p, ns, cs, 0, slot, now_s)
                drop_process(m, y, p, n, x, c, r, slot, now_s)
        shut_down(m, y, p, n, x, c, r, 0.0, now_s)
    else:
        if kind == HARD_RESTART and c.architecture == PREFORK:
            _lose_all(m, y, p, ns, cs, rs, now_s)
        _estimate_ends(m, y, p, n, x, c, now_s)
        incident(n, x, c, kind, count, now_s)
        for k in range(1, p.stages):
            if rs[k].kept_by == BY_HTTPD_FIXED:
                shut_down(m, y, p, ns[k], xs[k], cs[k], rs[k], RESTART_PATIENCE_S, now_s)
    _after_parent(m, y, p, n, x, c, r, before, now_s)


def _estimate_ends(m: Ints, y: Floats, p: Layout, n: Ints, x: Floats, c: Plan, now_s: float) -> None:
    """A hard restart waits for what is being served: note when that would be over on an idle machine."""
    for worker in range(n[HIGH] * c.threads):
        if n[c.doing + worker] >= 0:
            i = request_of(p, n[c.doing + worker])
            began_s = y[p.start_s + i] if m[p.phase + worker] != BLOCKED else now_s
            x[c.key_s + worker] = max(began_s + y[p.service_s + i], now_s)


def _lose_all(m: Ints, y: Floats, p: Layout, ns: Rows, cs: list[Plan], rs: list[Rules], now_s: float) -> None:
    """Every process of the front is about to be ended: what it does stops, what it serves is lost."""
    n, c, r = ns[0], cs[0], rs[0]
    for slot in range(n[HIGH]):
        cancel(m, y, p, code_of(BOOT_WAITED, r.worker0 + slot * c.threads))
        for worker in range(slot * c.threads, (slot + 1) * c.threads):
            if n[c.doing + worker] != IDLE:
                stop_worker(m, y, p, r.worker0 + worker, now_s)
                _lose_client(m, y, p, n[c.doing + worker], worker, now_s)


def _lose(m: Ints, y: Floats, p: Layout, ns: Rows, cs: list[Plan], k: int, slot: int, now_s: float) -> None:
    """The clients of a killed process: those of a group are answered 500, those of the front nothing."""
    n, c = ns[k], cs[k]
    for worker in range(slot * c.threads, (slot + 1) * c.threads):
        attempt = n[c.doing + worker]
        if attempt < 0 or n[c.orphan + worker]:
            continue
        if k == 0:
            _lose_client(m, y, p, attempt, worker, now_s)
        elif m[p.front + attempt] >= 0:
            fail(m, p, attempt, m[p.front + attempt], now_s)


def _lose_client(m: Ints, y: Floats, p: Layout, attempt: int, worker: int, now_s: float) -> None:
    """The connection that a worker of the front served, or kept for the next request, is gone."""
    if attempt < 0:
        return
    m[p.front + attempt] = -1
    if m[p.phase + worker] == KEPT:
        if m[p.kept + attempt]:
            m[p.kept + attempt] = 0
            m[IDLE_CONNECTIONS] -= 1
    elif m[p.left + attempt] != AS_OVER:
        if m[p.left + attempt] != AS_IMPATIENT:
            m[LOST_COUNT] += 1
            try_again(m, y, p, attempt, LOST_WITH_PROCESS, now_s)
        m[p.left + attempt] = AS_OVER
