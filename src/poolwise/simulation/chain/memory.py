"""The memory of the chain: two flat sequences for all, and one row for each stage.

``m`` holds integers and ``y`` floats of the whole chain; ``ns[k]``, ``xs[k]`` and ``cs[k]`` are the
memory and plan of stage ``k`` as in ``simulation/state.py`` (0 is the front), so that httpd's rules of
forking, killing and reaping are the same functions here and there. ``rs[k]`` holds what else stage ``k``
does (``Rules``), ``p`` where everything lies (``Layout``).

A worker has one number in the whole chain: ``rs[k].worker0 + slot * threads + thread``; a slot likewise. An
*attempt* is a request as it comes: ``attempt = nth_try * requests + request``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from poolwise.model import BUCKETS

Ints = list[int]
Floats = list[float]

# what a worker does next, when its timer or its processor work is over or somebody wakes it
ENTER = 0  # the request is read: run it here or hand it to a group
LOAD = 1  # the application has to begin: load it first?
LOAD_WORK = 2  # the waiting part of loading is over
LOADED = 3
RUN = 4  # the next burst or pause of the request
RESPOND = 5  # the response is made: send it
SENT = 6  # the response has been sent
EXPIRED = 7  # a lingering close is over
READ = 8  # a request has just come: read it
BLOCKED = 9  # waits for a group
AWAITS_IMPORT = 12  # waits for another worker of its process that loads the application
KEPT = 10  # holds an idle connection
BOOT = 11  # its process works on its start

# what became of a request
COMING = 0
INSIDE = 1
ANSWERED = 2
REFUSED_AT_FRONT = 3
GAVE_UP = 4
FAILED = 5  # 503 or 504 from the chain itself
LOST_WITH_PROCESS = 6

# how an attempt has ended for its client
WAITING = 0
AS_OVER = 1  # answered, refused or lost
AS_IMPATIENT = 2  # the client has left, the server goes on
AS_FAILED = 3  # will be answered with 503 or 504

# kinds of timers
KINDS = 16
PHASE_OVER = 0  # a worker
BOOT_WAITED = 1  # a worker, the first of its slot: the waiting part of the start of its process is over
UPLOADED = 2  # an attempt: the upload that nobody held a worker for is over
COMES = 3  # an attempt: think time or pause before a retry is over
LATE = 4  # a front worker and a group: the group has not answered in time
KNOCKED = 5  # a front worker and a group: could not get into the group's backlog in time
SHUTDOWN = 6  # a slot: what still runs is ended
THREAD_READY = 7  # a worker that follows an orphan
REPLACE = 8  # a stage: its master notices ends of processes

# how processes are kept
BY_HTTPD = 0
BY_HTTPD_FIXED = 1  # mod_wsgi daemons: replaced when httpd's parent reaps
BY_NUMBER = 2  # gunicorn, waitress: replaced at once
BY_SPARE = 3
BY_BACKLOG = 4
BY_BUSYNESS = 5
BY_UNIT = 6
BY_PASSENGER = 7

# GIL
SHARED_GIL = 0
INTERPRETER_GIL = 1
NO_GIL = 2

# idle connections
CLOSED = 0
HELD = 1  # by a worker
PARKED = 2  # at a process
ROUTED = 3  # by what is in front of the processes: the next request goes to any of them

# places in m
NEXT_ARRIVAL = 0
TIMERS = 1
RUNNABLE = 2  # groups of threads that want a processor
CALLED = 3  # workers that were called and have not gone on yet, in a circle
OPEN = 4  # attempts inside the chain, and pauses before a retry or a next request
ROW = 5  # seconds sampled
IMPATIENT_FIRST = 6  # waiting line of attempts that may lose patience
IMPATIENT_LAST = 7
EXPIRY_FIRST = 8  # waiting line of idle connections
EXPIRY_LAST = 9
POOL_FIRST = 10  # the proxy's idle connections
POOL_LAST = 11
IDLE_CONNECTIONS = 12
PARKED_COUNT = 13
INCIDENTS = 14
RETRIED = 15
GAVE_UP_COUNT = 16
FAILED_COUNT = 17
LOST_COUNT = 18
ANSWERED_COUNT = 19
IMPORTS = 20
DRAWS = 21
CALLED_FIRST = 22
OWN_WAITING = 23  # requests that wait in the process that holds their connection
M_INTS = 24

# places in y
WORK_S = 0  # virtual time of the processor: work done for each runnable group
WORK_AT_S = 1  # real time at which WORK_S was true
WORK_NEXT_S = 2  # when the next processor work ends
USED_S = 3  # core seconds used
Y_FLOATS = 4

NEVER_S = 1e300

# what a policy remembers, from state0
TARGET = 0  # processes that a master with a number wants to have
FIRST_COUNT = 1  # uWSGI: the counters of its algorithm
OWED_STOPS = 9  # uWSGI: stops that found no idle worker
ASKED = 1  # Unit, Passenger, since they looked last: requests that came,
TOOK = 2  # 1 + the slot that took one,
WOKE = 3  # idle processes that took one,
FREED = 4  # workers that came free,
BECAME_READY = 5  # processes that became ready,
ENDED = 6  # and processes that ended
LOOKS_S = 7  # when idle processes are looked at next; 0: nothing is planned
LEAVES = 10  # granian: 1 + the slot of a process that is being replaced
LEAVES_S = 11  # and when it is told to go
POLICY_FLOATS = 12

TOLD = -1  # in place of a process' number of requests: its master has told it to go for good


class Rules(NamedTuple):
    """What stage ``k`` does besides its pool: numbers only, times in seconds, sizes in bytes."""

    kept_by: int
    holds_upload: bool
    holds_download: bool
    idle: int  # CLOSED, HELD or PARKED
    keep_alive_s: float
    keep_alive_most: int
    factor: int  # event: AsyncRequestWorkerFactor; 0: no budget of connections
    linger_s: float
    boot_wait_s: float
    boot_cpu_s: float
    lazy: bool
    import_wait_s: float
    import_cpu_s: float
    bursts: int
    gil: int
    interpreters: int
    shared_bytes: float
    bare_bytes: float
    process_bytes: float
    thread_bytes: float
    pool_bytes: float
    leak_bytes: float
    dirty_requests: float  # 0: not preloaded
    listen_backlog: int
    connect_timeout_s: float  # negative: whoever is beyond the backlog waits as long as it takes
    queue_timeout_s: float
    socket_timeout_s: float
    request_timeout_s: float
    summed_age: bool  # request-timeout looks at the ages of all requests together (mod_wsgi 4)
    shutdown_timeout_s: float
    inactivity_timeout_s: float
    lifetime_s: float
    lifetime_delta_s: float  # uWSGI: so much more for each slot
    overlap_s: float  # granian: a process too old goes so long after its replacement was started
    least_age_s: float  # uWSGI: a younger process is not replaced for its requests
    mercy_s: float  # uWSGI: an idle process with threads does not hear that it has to go for so long
    most_requests: int
    jitter: int  # gunicorn: at random up to so many more
    slot_delta: int  # uWSGI: so many more for each slot
    graceful_timeout_s: float  # mod_wsgi: how long a process that has served its number waits to be idle
    memory_limit_bytes: float
    minimum: int
    step: int
    overload: int
    busy_low: int
    busy_high: int
    multiplier: int
    penalty: int
    alert: int
    alert_multiplier: int
    alert_step: int
    nonzero: int
    idle_timeout_s: float
    worker0: int = 0
    slot0: int = 0
    group0: int = 0
    memory0: int = 0  # in y: bytes, one place a second
    state0: int = 0  # in y: what the policy remembers


class Layout(NamedTuple):
    """Sizes of the chain, and where each stretch of ``m`` and ``y`` begins."""

    stages: int
    requests: int
    attempts: int
    workers: int
    slots: int
    groups: int
    jobs: int  # places for jobs in the heaps of all groups
    timers: int  # places for timers
    seconds: int
    cores: int
    horizon_s: float
    stop_s: float
    patience_s: float
    retries: int
    retry_s: float
    closes: bool
    proxied: bool
    pool: int  # idle connections that the proxy keeps
    chained: bool  # some requests share a connection
    uploads: bool
    downloads: bool
    kinds: bool
    owns: bool  # requests may wait in the process that holds their connection
    seed: int
    # m: one place a worker
    phase: int = 0
    part: int = 0
    group: int = 0
    side: int = 0  # which group of threads of its slot
    called: int = 0
    late_set: int = 0  # front, for each group: 1 while a LATE timer is pending
    knock_set: int = 0  # the same for KNOCKED
    # m: one place a slot
    loaded: int = 0  # 0 no, 1 loading, 2 yes
    side_now: int = 0  # which group of threads its present process is
    used: int = 0  # workers of the present process that serve
    open_: int = 0  # open connections
    accepts: int = 0
    parked: int = 0  # first idle connection parked here, or -1
    handled: int = 0  # requests begun
    limit: int = 0  # recycle after so many
    serving: int = 0  # workers that have served
    seen_busy: int = 0  # cheaper-busyness: seconds of the window in which it was busy; Unit: how it idles
    own_first: int = 0  # attempts that wait in this process: the first and the last, or -1
    own_last: int = 0
    # m: one place an attempt
    front: int = 0  # worker of the front that waits for a group to answer it, or -1
    left: int = 0  # 0 its client waits; else what it was told (AS_...)
    patient: int = 0
    own_next: int = 0  # the attempt that waits behind this one in the same process, or -1
    # m: one place a request
    state: int = 0
    follower: int = 0  # next request on the connection, or -1
    leader: int = 0  # request before, or -1
    due: int = 0  # 1 its time has come, the response before has not; 2 the other way round
    kind: int = 0
    # m: one place an attempt, for connections that stay open
    kept: int = 0  # 1 + worker (HELD) or 1 + slot (PARKED) that keeps the connection after it; 0 none
    carried: int = 0  # requests on the connection so far; -1: it is closed after the response
    after: int = 0  # parked: next and previous of the slot
    before: int = 0
    expiry: int = 0
    pooled: int = 0
    # m: processor
    members: int = 0  # a group: jobs
    place: int = 0  # a group: its place in the heap, or -1
    region: int = 0  # a group: where its heap of jobs begins
    ready: int = 0  # heap of groups
    job: int = 0  # heaps of jobs
    # m: others
    code: int = 0  # timers
    front_wait: int = 0  # histogram of waits for a front worker
    sample_idle_connections: int = 0
    sample_loading: int = 0
    gave_up: int = 0  # in each second
    failed: int = 0
    # y
    arrive_s: int = 0  # a request
    service_s: int = 0
    cpu_s: int = 0
    upload_s: int = 0
    download_s: int = 0
    think_s: int = 0
    start_s: int = 0
    end_s: int = 0
    came_s: int = 0  # an attempt
    joined_s: int = 0  # an attempt: when it joined the line of a group
    timer_s: int = 0
    finish_v: int = 0  # a worker: virtual time of its group at which its work ends
    since_s: int = 0  # a worker: took its request, or (front) joined a group, or idle since
    group_v: int = 0  # a group: its virtual time, and WORK_S at which that was true
    group_at: int = 0
    group_end: int = 0  # WORK_S at which its first job ends
    done_s: int = 0  # a slot: last request answered
    over_s: int = 0  # a slot: since when it should go; told to, when it is ended; -1 neither
    finished_s: int = 0  # cheaper-busyness: time in requests that it finished in the window
    used_s: int = 0  # a second: core seconds used up to its middle
    expiry_s: int = 0
    free_s: int = 0  # a request: when its connection was free for the next one


def code_of(kind: int, number: int) -> int:
    """The code of a timer: at equal times workers go on in the order of their numbers."""
    return number * KINDS + kind


def request_of(p: Layout, attempt: int) -> int:
    """The request that an attempt is for."""
    return attempt if attempt < p.requests else attempt % p.requests  # a division takes its time


PER_WORKER = ("phase", "part", "group", "side", "called")
PER_SLOT = (
    "loaded", "side_now", "used", "open_", "accepts", "parked", "handled", "limit", "serving", "seen_busy",
    "own_first", "own_last",
)  # fmt: skip
PER_REQUEST = ("state",)
PER_CHAINED = ("follower", "leader", "due")
PER_CONNECTION = ("kept", "carried", "after", "before", "expiry", "pooled")
PER_GROUP = ("members", "place", "region", "ready")
PER_SECOND = ("sample_idle_connections", "sample_loading", "gave_up", "failed")


def lay_out(p: Layout) -> Layout:
    """The same layout with the beginning of every stretch filled in."""
    chained = p.requests if p.chained or p.pool else 0
    ints = dict.fromkeys(PER_WORKER, p.workers) | dict.fromkeys(PER_SLOT, p.slots)
    ints |= dict.fromkeys(("late_set", "knock_set"), p.workers * p.stages)
    ints |= {"front": p.attempts, "left": p.attempts, "patient": p.attempts if p.patience_s < NEVER_S else 0}
    ints |= {"own_next": p.attempts if p.owns else 0}
    ints |= dict.fromkeys(PER_REQUEST, p.requests) | dict.fromkeys(PER_CHAINED, chained)
    ints |= dict.fromkeys(PER_CONNECTION, p.attempts if chained else 0)
    ints |= {"kind": p.requests if p.kinds else 0}
    ints |= dict.fromkeys(PER_GROUP, p.groups) | {"job": p.jobs, "code": p.timers, "front_wait": BUCKETS}
    ints |= dict.fromkeys(PER_SECOND, p.seconds)
    floats = dict.fromkeys(("arrive_s", "service_s", "cpu_s", "start_s", "end_s"), p.requests)
    floats |= {"upload_s": p.requests if p.uploads else 0, "download_s": p.requests if p.downloads else 0}
    floats |= {
        "think_s": p.requests if p.chained else 0,
        "came_s": p.attempts,
        "joined_s": p.attempts if p.stages > 1 else 0,
        "timer_s": p.timers,
    }
    floats |= dict.fromkeys(("finish_v", "since_s"), p.workers)
    floats |= dict.fromkeys(("group_v", "group_at", "group_end"), p.groups)
    floats |= dict.fromkeys(("done_s", "over_s", "finished_s"), p.slots)
    floats |= {"used_s": p.seconds, "expiry_s": p.attempts if chained else 0, "free_s": chained}
    starts: dict[str, Any] = _starts(ints, M_INTS) | _starts(floats, Y_FLOATS)
    return p._replace(**starts)


def sizes(p: Layout) -> tuple[int, int]:
    """Length of ``m`` and ``y`` without the stages' own rows, which follow."""
    chained = p.requests if p.chained or p.pool else 0
    return p.failed + p.seconds, p.free_s + chained


def _starts(lengths: Mapping[str, int], first: int) -> dict[str, int]:
    starts = {}
    for name, length in lengths.items():
        starts[name] = first
        first += length
    return starts
