"""uWSGI: a master and forked workers, of which ``cheaper`` may stop and start some.

Sources, all of uWSGI 2.0.31: core/uwsgi.c (options), core/init.c (defaults and checks), core/master_utils.c
(``uwsgi_calc_cheaper``, ``uwsgi_cheaper_algo_spare``, ``uwsgi_cheaper_algo_backlog``), core/master_checks.c
(``uwsgi_worker_is_busy``), core/master.c (``get_tcp_info``, ``master_check_listen_queue``), core/utils.c
(``uwsgi_after_request``), plugins/cheaper_busyness/cheaper_busyness.c.

The master asks the algorithm once a second. Three rules surround what it answers (``uwsgi_calc_cheaper``):

- A worker is *running* when it has been started and not been told to stop; it is *busy* when at least one of
  its threads has a request: threads beyond the first do not count as room.
- Told to stop is the worker that was started longest ago of those that are not busy. With none, the stop is
  owed: the next second tries it again, *instead of* asking the algorithm (``cheaper_carries_out``).
- A worker that was told to stop can be started again only when it has ended. Whoever calls therefore gives
  as ``maximum`` the limit less the workers that are still ending. An idle one with a single thread ends at
  once. With threads the signal wakes one of them only: seen on a real one, an idle worker stays, with its
  memory, until it is killed worker-reload-mercy (60 s) later.

The length of the queue is known for TCP sockets on Linux only; on a Unix socket it is 0 for ever. It is read
just before the algorithm is asked. Recordings of a real master that follow these rules: tests/data/peers.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from poolwise.model import InputError, Pool
from poolwise.servers.peer import Option, Peer, pool_of

CHEAPER_SPARE = 0
CHEAPER_BACKLOG = 1
CHEAPER_BUSYNESS = 2
CHEAPER_MANUAL = 3

CHEAPER_NEVER = 1_000_000_000  # seconds since a worker was retired, when none has been
CHEAPER_STARTED = 1  # what busyness did last
CHEAPER_RETIRED = 2

_BUSYNESS = "cheaper_busyness.c"
UWSGI_OPTIONS: tuple[Option, ...] = (
    Option("workers", 1, 1, inf, "processes", "numproc, core/init.c",
           "Most worker processes; without cheaper, all of them are started.", ("processes",)),
    Option("threads", 1, 1, inf, "threads", "core/uwsgi.c", "Threads of each worker."),
    Option("listen", 100, 1, inf, "connections", "listen_queue, core/init.c",
           "Connections that may wait in the kernel; uWSGI refuses to start above net.core.somaxconn."),
    Option("cheaper", 0, 0, inf, "processes", "cheaper_count, core/init.c",
           "Workers that are kept running without load, below workers; 0 keeps all of them."),
    Option("cheaper-initial", 0, 0, inf, "processes", "core/init.c",
           "Workers at start, raised to cheaper and cut at workers; 0 means cheaper."),
    Option("cheaper-algo", 0, 0, 3, "", "core/master.c",
           "Who decides: spare (the default), backlog, busyness, or nobody (manual).",
           choices=("spare", "backlog", "busyness", "manual")),
    Option("cheaper-step", 1, 1, inf, "processes", "core/uwsgi.c", "Workers that one decision may start."),
    Option("cheaper-overload", 3, 1, inf, "s", "core/init.c",
           "spare: seconds of all workers busy before more are started; backlog: the queue above which they "
           "are; busyness: length of the window."),
    Option("cheaper-busyness-max", 50, 1, 100, "%", _BUSYNESS, "Average busyness above which workers start."),
    Option("cheaper-busyness-min", 25, 1, 100, "%", _BUSYNESS, "Average busyness below which one may stop."),
    Option("cheaper-busyness-multiplier", 10, 1, inf, "windows", _BUSYNESS,
           "Windows without need before a worker stops."),
    Option("cheaper-busyness-penalty", 2, 1, inf, "windows", _BUSYNESS,
           "Added to the multiplier when a worker is needed again too soon; the manual says 1."),
    Option("cheaper-busyness-backlog-alert", 33, 1, inf, "connections", _BUSYNESS,
           "A longer queue starts emergency workers at once."),
    Option("cheaper-busyness-backlog-multiplier", 3, 1, inf, "windows", _BUSYNESS,
           "The multiplier while there are emergency workers."),
    Option("cheaper-busyness-backlog-step", 1, 1, inf, "processes", _BUSYNESS,
           "Emergency workers started at once."),
    Option("cheaper-busyness-backlog-nonzero", 60, 1, inf, "s", _BUSYNESS,
           "A queue that is not empty for so long starts emergency workers."),
    Option("max-requests", 0, 0, inf, "requests", "uwsgi_after_request, core/utils.c",
           "Requests after which a worker is replaced; 0 never does."),
    Option("max-requests-delta", 0, 0, inf, "requests", "uwsgi_after_request, core/utils.c",
           "Added to max-requests once for each worker before this one."),
    Option("min-worker-lifetime", 10, 0, inf, "s", "core/init.c",
           "A younger worker is not replaced for its requests."),
    Option("max-worker-lifetime", 0, 0, inf, "s", "core/master_checks.c",
           "Age at which a worker is replaced; 0 never does."),
    Option("max-worker-lifetime-delta", 0, 0, inf, "s", "core/master_checks.c",
           "Added to max-worker-lifetime once for each worker before this one."),
    Option("worker-reload-mercy", 60, 0, inf, "s", "core/init.c",
           "What a worker that has to stop may still take before it is killed."),
    Option("harakiri", 0, 0, inf, "s", "core/uwsgi.c",
           "A worker with a request this old is killed; 0 does not look."),
    Option("socket-timeout", 4, 0, inf, "s", "core/init.c",
           "Longest wait for one read or write on a connection."),
    Option("reload-on-rss", 0, 0, inf, "MB", "uwsgi_after_request, core/utils.c",
           "A worker that has grown beyond this is replaced; 0 never does. Simulated once a second."),
    Option("lazy-apps", 0, 0, 1, "", "core/uwsgi.c",
           "Each worker loads the application; off, the master does, before it forks.", flag=True),
)  # fmt: skip

UWSGI = Peer(
    name="uWSGI", holds_upload=True, holds_download=True, holds_idle=False, keeps_alive=False,
    summary="A master and forked workers; cheaper starts and stops some of them. http-socket does not keep "
    "connections, http11-socket and the http router are not described.",
    source="uWSGI 2.0.31: core/*.c, plugins/cheaper_busyness/cheaper_busyness.c",
    parameters=UWSGI_OPTIONS, newest="2.0.31",
)  # fmt: skip


def uwsgi_pool(values: Mapping[str, float], version: str) -> Pool:
    """The pool that effective settings make. InputError where uWSGI refuses to start (core/init.c)."""
    workers, least = int(values["workers"]), int(values["cheaper"])
    if least >= workers and least > 0:
        raise InputError(f"uwsgi: cheaper must be below workers ({workers}), not {least}")
    oldest, youngest = values["max-worker-lifetime"], values["min-worker-lifetime"]
    if 0 < oldest <= youngest:
        raise InputError(f"uwsgi: max-worker-lifetime must be above min-worker-lifetime ({youngest:g} s)")
    first = min(max(int(values["cheaper-initial"]), least), workers) if least else workers
    options = {**values, "cheaper-initial": float(first if least else 0)}
    named = ("workers", "threads", "listen", "max-requests")
    return pool_of(
        "uwsgi", first, workers, int(values["threads"]), int(values["listen"]),
        int(values["max-requests"]), version, options, named,
    )  # fmt: skip


def cheaper_spare(
    running: int, busy: int, overloaded: int, calm: int, minimum: int, maximum: int, step: int, overload: int
) -> tuple[int, int, int]:
    """Decide one second; return ``(change, overloaded, calm)``. Both counters start at 0.

    ``change`` workers are to be started (above 0), or one is to stop (-1). ``overload`` (1 or more) seconds
    in which every running worker is busy are suffered, the next one starts up to ``step``. A worker that is
    free takes one from the count. At 0, with exactly one free worker nothing happens; otherwise every
    ``overload``-th such second retires one above ``minimum``. Source: ``uwsgi_cheaper_algo_spare``.
    """
    if busy >= running:
        overloaded += 1
        calm = 0
    elif overloaded > 0:
        overloaded -= 1
    if overloaded > overload:
        return min(step, max(maximum - running, 0)), 0, calm
    if overloaded == 0 and running - busy != 1:
        calm += 1
        if running > minimum and calm % overload == 0:
            return -1, 0, calm
    return 0, overloaded, calm


def cheaper_backlog(running: int, queued: int, minimum: int, maximum: int, step: int, overload: int) -> int:
    """Decide one second; return how many workers to start, or -1 to stop one.

    ``queued``: connections in the longest listen queue. Above ``overload`` up to ``step`` are started;
    below it one stops, busy or not, while there are more than ``minimum``. Source:
    ``uwsgi_cheaper_algo_backlog``.
    """
    if queued > overload:
        return min(step, max(maximum - running, 0))
    if queued < overload and running > minimum:
        return -1
    return 0


def cheaper_busyness_start(overload: int, multiplier: int) -> tuple[int, int, int, int, int, int, int, int]:
    """The state that ``cheaper_busyness`` begins with, in the order in which it takes and returns it:
    ``(window, timer, retired, factor, action, tolerated, emergency, nonzero)``."""
    return 0, overload * multiplier, CHEAPER_NEVER, multiplier, 0, 0, 0, -1


def cheaper_busyness_looks(window: int, overload: int) -> bool:
    """Whether the coming call of ``cheaper_busyness`` ends a window, that is, looks at ``busyness``."""
    return window + 1 >= overload


def worker_busyness(finished_s: float, seen_busy: int, overload: int) -> int:
    """Busyness of one running worker over a window of ``overload`` seconds, in whole percent.

    ``finished_s``: service time of the requests that it *finished* in the window, all threads together,
    each with its whole length. ``seen_busy``: in how many of the window's seconds it was busy; a worker
    that was and finished nothing counts as 100. The pool's busyness is the sum over the running workers,
    divided by their number and rounded down.
    """
    percent = int(finished_s * 100.0 / overload)
    if percent > 100 or (finished_s == 0.0 and seen_busy > 0):
        return 100
    return percent


def cheaper_busyness(
    running: int,
    busyness: int,
    queued: int,
    window: int,
    timer: int,
    retired: int,
    factor: int,
    action: int,
    tolerated: int,
    emergency: int,
    nonzero: int,
    minimum: int,
    maximum: int,
    step: int,
    overload: int,
    busyness_min: int,
    busyness_max: int,
    multiplier: int,
    penalty: int,
    backlog_alert: int,
    backlog_multiplier: int,
    backlog_step: int,
    backlog_nonzero: int,
) -> tuple[int, int, int, int, int, int, int, int, int]:
    """Decide one second; return ``(change, window, timer, retired, factor, action, tolerated, emergency,
    nonzero)``: the change and the next state (``cheaper_busyness_start`` gives the first).

    What is seen: ``running`` workers, ``busyness`` of the pool in percent (only looked at when
    ``cheaper_busyness_looks``), ``queued`` connections. The state, in seconds before this call:
    ``window`` since the last look, ``timer`` until a worker may be retired, ``retired`` since one was,
    ``factor`` the multiplier in force, ``action`` the last one, ``tolerated`` looks in a row between the
    limits, ``emergency`` workers started for the queue, ``nonzero`` since the queue is not empty (-1: it
    is). Then the settings: minimum (cheaper), maximum (workers), cheaper-step, cheaper-overload, and
    cheaper-busyness-min, -max, -multiplier, -penalty, -backlog-alert, -backlog-multiplier, -backlog-step,
    -backlog-nonzero. Source: ``cheaper_busyness_algo``.
    """
    window, timer, retired = window + 1, timer - 1, min(retired + 1, CHEAPER_NEVER)
    nonzero = nonzero + 1 if nonzero >= 0 else nonzero
    room = max(maximum - running, 0)
    looks = window >= overload
    window = 0 if looks else window
    change, restart = 0, False
    urgent = queued > backlog_alert and room > 0
    if looks and busyness > busyness_max:
        urgent = False
        tolerated = 0
        change = min(step, room)
        if change > 0:
            restart, action = True, CHEAPER_STARTED
            if retired // overload <= factor:
                factor += penalty
            elif factor > multiplier:
                factor -= 1
    elif looks and not urgent and running != 1:
        if busyness < busyness_min:
            tolerated = 0
            if running > minimum and timer <= 0:
                if action == CHEAPER_RETIRED and factor > multiplier:
                    factor -= 1
                timer = overload * (backlog_multiplier if emergency > 0 else factor)
                change, action, retired, emergency = -1, CHEAPER_RETIRED, 0, max(emergency - 1, 0)
        else:
            emergency = max(emergency - 1, 0)
            tolerated += 1
            restart = tolerated >= 3
            timer += 0 if restart else overload
    elif not looks and not urgent:
        if queued > 0 and nonzero >= backlog_nonzero:
            urgent, nonzero = True, 0
        elif queued > 0:
            nonzero = max(nonzero, 0)
        else:
            nonzero = -1
    if urgent:
        factor, action, change = multiplier, CHEAPER_STARTED, min(backlog_step, room)
    if restart or urgent:  # uWSGI sets the timer before it counts the new emergency workers
        timer = overload * (backlog_multiplier if emergency > 0 else factor)
    if urgent:
        emergency += change
    return change, window, timer, retired, factor, action, tolerated, emergency, nonzero


def cheaper_carries_out(decided: int, idle: int) -> tuple[int, int]:
    """What the master does at once with a decision; return ``(change, owed)``.

    ``idle``: running workers that are not busy. Stops that find none are ``owed`` (0 or below): the next
    second that number stands in for the algorithm, which is not asked then. Source: ``uwsgi_calc_cheaper``.
    """
    if decided >= 0 or idle >= -decided:
        return decided, 0
    return -idle, decided + idle


def recycle_after_in_slot(maximum_requests: int, delta: int, slot: int) -> int:
    """Requests after which the worker in ``slot`` (0, 1, ...) is replaced; 0 for never.

    max-requests-delta is no jitter: each slot has its own, fixed number. A worker younger than
    min-worker-lifetime seconds goes on. Source: ``uwsgi_after_request`` in core/utils.c.
    """
    return maximum_requests + slot * delta if maximum_requests > 0 else 0
