"""Passenger: an agent in front of application processes, one request in each, started one after the other.

Sources, Passenger 6.0: src/agent/Core/ApplicationPool/Group/SpawningAndRestarting.cpp (``shouldSpawn``,
``spawnThreadRealMain``), Group/StateInspection.cpp (``allEnabledProcessesAreTotallyBusy``,
``capacityUsed``), Pool/GarbageCollection.cpp, Process.h, Pool/GeneralUtils.cpp;
www.phusionpassenger.com/docs.
Names as in its configuration reference without the prefix ``passenger_`` (nginx) or ``Passenger`` (Apache).
Python applications have one request at a time in a process; threads are in the enterprise edition.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from poolwise.model import InputError, Pool
from poolwise.servers.peer import Option, Peer, pool_of

_DOCS = "docs: configuration reference"
PASSENGER_OPTIONS: tuple[Option, ...] = (
    Option("max_pool_size", 6, 1, inf, "processes", "DEFAULT_MAX_POOL_SIZE; " + _DOCS,
           "Most processes of all applications together."),
    Option("max_instances", 0, 0, inf, "processes", _DOCS,
           "Most processes of one application; 0 leaves max_pool_size only."),
    Option("min_instances", 1, 0, inf, "processes", "minProcesses; " + _DOCS,
           "Processes that are kept; without passenger_pre_start they come with the first request."),
    Option("pool_idle_time", 300, 0, inf, "s", "DEFAULT_POOL_IDLE_TIME; " + _DOCS,
           "A process idle for so long ends while there are more than min_instances; 0 keeps all."),
    Option("max_request_queue_size", 100, 0, inf, "requests", "DEFAULT_MAX_REQUEST_QUEUE_SIZE; " + _DOCS,
           "Requests that may wait in the agent; the next one is answered 503. 0 does not limit them."),
    Option("max_requests", 0, 0, inf, "requests", _DOCS,
           "Requests after which a process is replaced; 0 never does."),
    Option("thread_count", 1, 1, inf, "threads", _DOCS + " (enterprise)",
           "Requests at the same time in one process."),
    Option("start_timeout", 90, 1, inf, "s", _DOCS + "; not verified in the source",
           "A process that is not ready after so long is given up."),
    Option("socket_backlog", 2048, 1, inf, "connections", _DOCS + "; not verified in the source",
           "Connections that may wait in the kernel for the agent, which takes them at once."),
)  # fmt: skip

PASSENGER_UNLIMITED = 1_000_000_000  # a queue without a limit

PASSENGER = Peer(
    name="Passenger", holds_upload=False, holds_download=False, holds_idle=False, keeps_alive=True,
    summary="An agent in front of processes that are started one after the other, and end when idle.",
    source="Passenger 6.0: src/agent/Core/ApplicationPool; newest version not verified",
    parameters=PASSENGER_OPTIONS, newest="6.0.23",
)  # fmt: skip


def passenger_pool(values: Mapping[str, float], version: str) -> Pool:
    """The pool of the only application; its backlog is the agent's queue, where requests wait.

    InputError when min_instances cannot be reached.
    """
    own, least = int(values["max_instances"]), int(values["min_instances"])
    most = min(own or int(values["max_pool_size"]), int(values["max_pool_size"]))
    if least > most:
        raise InputError(f"passenger: min_instances must be 0 to {most} (the most processes), not {least}")
    options = {**values, "min_instances": float(least)}
    return pool_of(
        "passenger", least, most, int(values["thread_count"]),
        int(values["max_request_queue_size"]) or PASSENGER_UNLIMITED, int(values["max_requests"]),
        version, options,
        ("max_pool_size", "max_instances", "thread_count", "max_requests", "max_request_queue_size"),
    )  # fmt: skip


def passenger_maintain(
    processes: int, starting: int, fully_busy: int, waiting: int, minimum: int, maximum: int
) -> int:
    """How many processes to start now: 0 or 1, never a second one while one is starting.

    ``processes``: those that are ready, ``fully_busy`` of them without room for a request. ``waiting``:
    requests that no process has; Passenger asks when a request arrives, *before* it is given to a process:
    it counts as waiting only if there is no process at all. So the request that takes the last free process
    starts none, the next one does. When a start has ended it asks again, but does not look at
    ``fully_busy``: give 0. Source: ``shouldSpawn``, ``spawn``, ``spawnThreadRealMain``.
    """
    if starting > 0 or processes >= maximum:
        return 0
    short = processes < minimum or waiting > 0 or (processes > 0 and fully_busy >= processes)
    return 1 if short else 0


def passenger_collects(idle_long: int, processes: int, minimum: int) -> int:
    """How many processes the collector ends: of those idle for pool_idle_time, as many as are above
    ``minimum``. A process is idle since it was last *given* a request. The collector sleeps for
    pool_idle_time at first; after a look until the next process can have been idle for so long, or for
    pool_idle_time when that is over already. Source: ``garbageCollectProcessesInGroup``,
    ``realGarbageCollect``, ``lastUsed`` in Process.h."""
    return max(min(idle_long, processes - minimum), 0)
