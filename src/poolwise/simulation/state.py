"""The memory of a simulated pool: two flat sequences, and the names of the places in them.

``n`` holds every integer, ``x`` every time and sum. Single numbers have fixed places (``n[BUSY]``,
``x[WAKE_S]``); what there is for each slot, worker, second or message has its own stretch,
which begins where the ``Plan`` says (``n[c.phase + slot]``). The plain loop runs on two lists, its
compiled twin on two arrays: the same functions. (Two sequences, not forty, keep the compiler quick.)

A *slot* is one process place of the scoreboard, a *worker* one thread of it: ``worker = slot * threads +
thread``; prefork has one thread a slot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from poolwise.model import BUCKETS

Ints = list[int]
Floats = list[float]

# phase of a slot
FREE = 0
LIVE = 1  # starting or serving, current generation
GOING = 2  # told to go: finishes what it has ("quiescing")
GONE = 3  # exited, not yet reaped: the slot is still taken

# what a worker does, where it is not the index of the request it serves
STARTING = -1
IDLE = -2

# architectures
PREFORK = 0
WORKER = 1
EVENT = 2
SUPERVISED = 3  # processes kept by another master than httpd's (see chain/masters.py)

# what the parent does at its next wake
TICK = 0  # end of the one-second sleep: start what is owed, or one maintenance pass
REAP = 1  # collect dead children, then sleep
REVIVE = 2  # end of a hard restart

# places in ``n``
LIVE_PROCESSES = 0  # not told to go
ALIVE = 1  # forked, not exited
TOTAL = 2  # forked, not reaped: what httpd believes
ACTIVE = 3  # event: processes not known to be quiescing
BUSY = 4  # workers serving a request
LIVE_BUSY = 5  # of those, in live processes
GHOSTS = 6  # workers of killed processes that still show as idle
RING_HEAD = 7
RING_SIZE = 8
QUEUE_HEAD = 9
QUEUE_SIZE = 10
NEXT = 11  # index of the next arrival
RATE = 12
HOLDOFF = 13
OWED = 14  # children to start after a graceful restart
DEATH_NOTICES = 15  # prefork: written to the pipe and not yet read
SEQUENCE = 16  # forks so far
SUCCESSIVE = 17  # children killed by a signal, reaped without a sleep between them
MODE = 18
EXTRA_GONE = 19  # worker: exited processes whose slot was taken over before they were reaped
CURSOR = 20  # calendar: bucket being worked off
FILED = 21  # calendar: workers filed in all
DUE = 22  # calendar: size of the heap of due workers
FAR_HEAD = 23  # calendar: first worker beyond the ring
FAR_SIZE = 24
FAR_BUCKET = 25  # earliest bucket among the far ones
ONCE_LOGGED = 26
LOGGED = 27
TICKS = 28
SAMPLES = 29
SERVED = 30
REFUSED = 31
LOST = 32
WAITED = 33
KILLED_IDLE = 34
RECYCLED = 35
RESTARTED = 36
CRASHED = 37
PEAK = 38
INCIDENT = 39  # index of the next scheduled incident
LEAVING = 40  # quiescing processes and orphaned workers: while there are none, nothing can change
HIGH = 41  # one more than the highest slot used so far
WITHHELD = 42  # event: idle threads of processes that take no more connections
READY = 43  # idle workers that stand in the ring with their processes (more than one thread)
COMPETING = 44  # who else wants a processor while the parent forks (chains)
EXCURSION = 45  # envelope: the first request of the present excursion
COUNTERS = 46

# places in ``x``
WAKE_S = 0
SAMPLE_S = 1
PROCESS_S = 2
WAIT_SUM_S = 3
WAIT_MAX_S = 4
RESPONSE_SUM_S = 5
RESPONSE_MAX_S = 6
DISTURBED_S = 7  # when all who have waited or were refused would be gone, had nobody waited
FLOATS = 8

# incidents
GRACEFUL_RESTART = 0
HARD_RESTART = 1
CRASH = 2

ARCHITECTURES = {"prefork": PREFORK, "worker": WORKER, "event": EVENT}
KINDS_OF_INCIDENT = {"graceful": GRACEFUL_RESTART, "restart": HARD_RESTART, "crash": CRASH}

BUCKETS_IN_RING = 1024
NOWHERE = -1
NEVER = 1e300


class Plan(NamedTuple):
    """What stays the same during a run: settings, costs, and where each stretch begins."""

    architecture: int
    threads: int
    start: int
    min_spare: int
    max_spare: int
    process_limit: int
    slots: int  # slots looked at: process_limit for prefork and worker, server_limit for event
    server_limit: int
    max_workers: int
    max_connections: int
    backlog: int
    replaces_killed: bool  # 2.4.54+: a threaded child killed by a signal is replaced when reaped
    old_kill_rule: bool  # event 2.4.24 to 2.4.51: see event_maintain
    step_by_step: bool  # never take the short way of ``cruise`` (for tests)
    cores: int
    startup_cpu_s: float
    startup_wait_s: float
    sleep_s: float
    fork_s: float
    die_s: float  # from the death notice to the exit of an idle process
    parse_s: float  # re-reading the configuration in a restart
    scale: float  # calendar buckets a second
    horizon_s: float
    stop_s: float  # give up draining the queue here
    workers: int
    seconds: int
    ticks: int
    lines: int
    timed: bool = True  # whether a starting worker's readiness is filed in the calendar
    # stretches of n, one place a worker
    doing: int = 0  # request index, STARTING or IDLE
    link: int = 0  # the next worker in its calendar bucket
    orphan: int = 0  # belongs to an earlier process of the slot (worker MPM): 1 + its number, else 0
    due: int = 0  # calendar: heap of workers whose bucket has been reached
    ready: int = 0  # a slot's idle workers, as a stack
    # one place a slot
    phase: int = 0
    orphans: int = 0  # busy workers of earlier processes
    extras: int = 0  # earlier processes that still finish requests in this slot
    accepted: int = 0  # connections counted for MaxConnectionsPerChild
    seen: int = 0  # 1: event noticed that it quiesces; 2: killed by a signal
    ghost: int = 0  # workers of a killed process that still show as idle
    order: int = 0  # fork sequence number
    found: int = 0  # scratch: slots to fork into
    ring: int = 0  # processes with idle workers, in the order in which they get work
    ready_in: int = 0  # how many idle workers a slot has in the ring
    # others
    bucket: int = 0  # calendar: first worker of each bucket
    queue: int = 0  # waiting requests, a circle of ``backlog``
    wait: int = 0  # histogram of waits above zero
    response: int = 0
    sample_busy: int = 0
    sample_queued: int = 0
    sample_total: int = 0
    sample_idle: int = 0
    created: int = 0
    killed: int = 0
    refused: int = 0
    tick_total: int = 0
    tick_idle: int = 0
    tick_busy: int = 0
    tick_queued: int = 0
    tick_created: int = 0
    tick_killed: int = 0
    log_code: int = 0
    log_numbers: int = 0  # four a line
    # stretches of x
    key_s: int = 0  # a worker: when it becomes free or ready
    born_s: int = 0  # a slot
    exit_s: int = 0
    up_s: int = 0  # a slot: when its process is (to be) ready
    tick_s: int = 0
    log_s: int = 0


PER_WORKER = ("doing", "link", "orphan", "due", "ready")
PER_SLOT = ("phase", "orphans", "extras", "accepted", "seen", "ghost", "order", "found", "ring", "ready_in")
PER_SECOND = (
    "sample_busy",
    "sample_queued",
    "sample_total",
    "sample_idle",
    "created",
    "killed",
    "refused",
)
PER_TICK = ("tick_total", "tick_idle", "tick_busy", "tick_queued", "tick_created", "tick_killed")


def version_rules(architecture: int, version: str) -> tuple[bool, bool]:
    """``Plan.replaces_killed`` and ``Plan.old_kill_rule`` of an MPM in that version of httpd."""
    release = tuple(int(part) for part in version.split(".") if part.isdigit())
    return architecture in (WORKER, EVENT) and release >= (2, 4, 54), (2, 4, 24) <= release < (2, 4, 52)


def lay_out(plan: Plan) -> Plan:
    """The same plan with the beginning of every stretch filled in."""
    ints = dict.fromkeys(PER_WORKER, plan.workers) | dict.fromkeys(PER_SLOT, plan.slots)
    ints |= dict.fromkeys(PER_SECOND, plan.seconds) | dict.fromkeys(PER_TICK, plan.ticks)
    ints |= {"bucket": BUCKETS_IN_RING, "queue": max(plan.backlog, 1), "wait": BUCKETS, "response": BUCKETS}
    ints |= {"log_code": plan.lines, "log_numbers": 4 * plan.lines}
    floats = {
        "key_s": plan.workers,
        "born_s": plan.slots,
        "exit_s": plan.slots,
        "up_s": plan.slots,
        "tick_s": plan.ticks,
        "log_s": plan.lines,
    }
    starts: dict[str, Any] = _starts(ints, COUNTERS) | _starts(floats, FLOATS)
    return plan._replace(**starts)


def sizes(plan: Plan) -> tuple[int, int]:
    """Length of ``n`` and of ``x`` for a plan that has been laid out."""
    return plan.log_numbers + 4 * plan.lines, plan.log_s + plan.lines


def _starts(lengths: Mapping[str, int], first: int) -> dict[str, int]:
    starts = {}
    for name, length in lengths.items():
        starts[name] = first
        first += length
    return starts
