"""What worker and event have in common: parameters, and the start-up checks with each one's message ids.

Sources: server/mpm/{worker,event}/*.c (``*_pre_config``, ``*_check_config``, ``*_run``) and their
mpm_default.h; manual pages worker, event and mpm_common.
"""

from __future__ import annotations

from collections.abc import Mapping

from poolwise.servers import apache_shared
from poolwise.servers import startup_messages as say
from poolwise.servers.ledger import Ledger
from poolwise.servers.parameter import SERVER, Parameter, Release

MOST_SERVERS = 20_000  # MAX_SERVER_LIMIT
BEYOND_SERVER_LIMIT = ("AH00318", "AH00515")  # the cut of MaxRequestWorkers that the limit test ignores


def threaded_parameters(most_threads: int) -> tuple[Parameter, ...]:
    """The parameters of worker and event; ``most_threads`` is the one compiled-in limit that differs."""
    return (
        Parameter(
            "StartServers", (), 3, 1, None, "processes", SERVER,
            "DEFAULT_START_DAEMON in mpm_default.h; manual: mpm_common",
            "Processes forked at start and after every restart.",
        ),
        Parameter(
            "MinSpareThreads", (), 75, 1, None, "threads", SERVER,
            "DEFAULT_MIN_FREE_DAEMON x DEFAULT_THREADS_PER_CHILD; manual: mpm_common",
            "With fewer idle threads than this in all processes together, httpd forks more processes.",
        ),
        Parameter(
            "MaxSpareThreads", (), 250, 1, None, "threads", SERVER,
            "DEFAULT_MAX_FREE_DAEMON x DEFAULT_THREADS_PER_CHILD; manual: mpm_common",
            "With more idle threads than this in all processes together, httpd ends a process.",
        ),
        Parameter(
            "ThreadsPerChild", (), 25, 1, most_threads, "threads", SERVER,
            "DEFAULT_THREADS_PER_CHILD in mpm_default.h; manual: mpm_common",
            "Worker threads of each process, all created at its start.",
        ),
        Parameter(
            "ThreadLimit", (), 64, 1, most_threads, "threads", SERVER,
            "DEFAULT_THREAD_LIMIT and MAX_THREAD_LIMIT; manual: mpm_common",
            "Thread slots of each process in the scoreboard; caps ThreadsPerChild, fixed until a full stop.",
        ),
        Parameter(
            "ServerLimit", (), 16, 1, MOST_SERVERS, "processes", SERVER,
            "DEFAULT_SERVER_LIMIT and MAX_SERVER_LIMIT; manual: mpm_common",
            "Process slots in the scoreboard; fixed until a full stop.",
        ),
        Parameter(
            "MaxRequestWorkers", ("MaxClients",), None, 1, None, "threads", SERVER,
            "set_max_clients and *_pre_config of 2.2: ServerLimit processes when not set; manual: mpm_common",
            "Most worker threads in all processes together.",
            until="2.4.0", renamed=True,
        ),
        Parameter(
            "MaxRequestWorkers", ("MaxClients",), 400, 1, None, "threads", SERVER,
            "DEFAULT_SERVER_LIMIT x DEFAULT_THREADS_PER_CHILD, constant, in *_pre_config; manual: mpm_common",
            "Most worker threads in all processes together.",
            since="2.4.0",
        ),
        *apache_shared.PARAMETERS,
    )  # fmt: skip


def adjust_threaded(
    ledger: Ledger, version: Release, buckets: int, ids: Mapping[str, str], most_threads: int
) -> None:
    """Apply the start-up checks of worker or event; ``ids``: the message id of each check (httpd 2.4)."""
    if version < (2, 4, 0):
        _check_22(ledger, most_threads)
        _run_22(ledger)
    else:
        _check(ledger, ids, most_threads)
        _run(ledger, version, buckets)


def _check(ledger: Ledger, ids: Mapping[str, str], most_threads: int) -> None:
    """``worker_check_config``, ``event_check_config``: every change is announced."""
    ledger.at_most("ServerLimit", MOST_SERVERS, ids["ServerLimit high"], say.SERVER_LIMIT_HIGH)
    ledger.at_least("ServerLimit", 1, ids["ServerLimit low"], say.TOO_LOW)
    check_threads(ledger, ids, most_threads)
    threads = ledger.number("ThreadsPerChild")
    ledger.at_least("MaxRequestWorkers", threads, ids["less than a child"], say.LESS_THAN_ONE_CHILD)
    _fit_processes(ledger, ids["multiple"], say.NOT_A_MULTIPLE, ids["servers"], say.TOO_MANY_SERVERS)
    ledger.at_least("StartServers", 1, ids["StartServers"], say.TOO_LOW)
    ledger.at_least("MinSpareThreads", 1, ids["MinSpareThreads"], say.SPARE_TOO_LOW)


def check_threads(ledger: Ledger, ids: Mapping[str, str], most_threads: int) -> None:
    """The checks of ThreadLimit and ThreadsPerChild, which winnt has too."""
    ledger.at_most("ThreadLimit", most_threads, ids["ThreadLimit high"], say.THREAD_LIMIT_HIGH)
    ledger.at_least("ThreadLimit", 1, ids["ThreadLimit low"], say.TOO_LOW)
    limit = ledger.number("ThreadLimit")
    ledger.at_most("ThreadsPerChild", limit, ids["ThreadsPerChild high"], say.MORE_THAN_THREADS)
    ledger.at_least("ThreadsPerChild", 1, ids["ThreadsPerChild low"], say.TOO_LOW)


def _fit_processes(ledger: Ledger, multiple_id: str, multiple: str, cut_id: str, cut: str) -> None:
    """Round MaxRequestWorkers down to whole processes, and cut those beyond ServerLimit.

    The cut is one of processes: httpd 2.4 goes on comparing with the uncut MaxRequestWorkers (see ``pool``).
    """
    threads, limit = ledger.number("ThreadsPerChild"), ledger.number("ServerLimit")
    processes = ledger.number("MaxRequestWorkers") // threads
    ledger.at_most(
        "MaxRequestWorkers", processes * threads, multiple_id, multiple, threads=threads, processes=processes
    )
    ledger.at_most("MaxRequestWorkers", limit * threads, cut_id, cut, processes=processes, servers=limit)


def _check_22(ledger: Ledger, most_threads: int) -> None:
    """The 2.2 checks, with the values that the second pass over the configuration arrives at."""
    ledger.at_most("ServerLimit", MOST_SERVERS, say.NO_ID, say.SERVER_LIMIT_HIGH_22)
    ledger.at_least("ServerLimit", 1, say.NO_ID, say.REQUIRE_22)
    ledger.at_most("ThreadLimit", most_threads, say.NO_ID, say.SERVER_LIMIT_HIGH_22)
    ledger.at_least("ThreadLimit", 1, say.NO_ID, say.REQUIRE_22)
    ledger.at_most("ThreadsPerChild", ledger.number("ThreadLimit"), say.NO_ID, say.MORE_THAN_THREADS_22)
    ledger.at_least("ThreadsPerChild", 1, say.NO_ID, say.REQUIRE_22)
    threads = ledger.number("ThreadsPerChild")
    ledger.default(
        "MaxRequestWorkers", ledger.number("ServerLimit") * threads, "ServerLimit x ThreadsPerChild"
    )
    ledger.at_least("MaxRequestWorkers", threads, say.NO_ID, say.LESS_THAN_ONE_CHILD_22)
    _fit_processes(ledger, say.NO_ID, say.NOT_A_MULTIPLE_22, say.NO_ID, say.TOO_MANY_SERVERS_22)
    ledger.at_least("MinSpareThreads", 1, say.NO_ID, say.SPARE_TOO_LOW_22)


def _run_22(ledger: Ledger) -> None:
    """``worker_run`` of 2.2, silent."""
    threads = ledger.number("ThreadsPerChild")
    _spare_band(ledger, threads)
    limit = ledger.number("MaxRequestWorkers") // threads
    if ledger.number("StartServers") < 0:
        ledger.change("StartServers", limit, "", say.NEGATIVE_START)
    ledger.at_most("StartServers", limit, "", say.START_ABOVE_LIMIT)


def _run(ledger: Ledger, version: Release, buckets: int) -> None:
    """``worker_run``, ``event_run``: silent, and not the same in every 2.4."""
    threads = ledger.number("ThreadsPerChild")
    if buckets > 1:
        ledger.at_least("MaxRequestWorkers", buckets * threads, "", say.ONE_PER_BUCKET)
        ledger.at_least("StartServers", buckets, "", say.ONE_PER_BUCKET)
    ledger.at_least("MinSpareThreads", least_spare(version, threads, buckets), "", say.SPARE_FLOOR)
    _spare_band(ledger, (threads + 1) * buckets if version >= (2, 4, 23) else threads * buckets)
    limit = ledger.number("MaxRequestWorkers") // threads
    ledger.at_most("StartServers", limit, "", say.START_ABOVE_LIMIT)


def least_spare(version: Release, threads: int, buckets: int) -> int:
    """The least MinSpareThreads that a 2.4 release accepts (2.4.17 to 2.4.20 asked for too many)."""
    if version < (2, 4, 17):
        return 1
    if version < (2, 4, 21):
        return threads * buckets
    return threads * (buckets - 1) + buckets


def _spare_band(ledger: Ledger, gap: int) -> None:
    floor = ledger.number("MinSpareThreads") + gap
    ledger.at_least("MaxSpareThreads", floor, "", say.SPARE_BAND.format(low="MinSpareThreads", gap=gap))
