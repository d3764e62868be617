"""event: as worker, but a connection in keep-alive or lingering close gives its thread back.

Sources: server/mpm/event/{event.c,mpm_default.h}; manual pages event and mpm_common. The experimental
event MPM of 2.2 has no AsyncRequestWorkerFactor.
"""

from __future__ import annotations

from poolwise.servers import startup_messages as say
from poolwise.servers.apache_threaded import adjust_threaded, threaded_parameters
from poolwise.servers.ledger import Ledger
from poolwise.servers.parameter import SERVER, Parameter, Release

MOST_THREADS = 100_000  # MAX_THREAD_LIMIT

PARAMETERS: tuple[Parameter, ...] = (
    *threaded_parameters(MOST_THREADS),
    Parameter(
        "AsyncRequestWorkerFactor", (), 2, 1, None, "connections per idle thread", SERVER,
        "set_worker_factor and DEFAULT_WORKER_FACTOR in event/event.c; manual: event",
        "Connections that a process accepts beyond its threads, for each idle thread.",
        since="2.4.0", kind="factor",
    ),
)  # fmt: skip

_IDS = {
    "ServerLimit high": "AH00497",
    "ServerLimit low": "AH00499",
    "ThreadLimit high": "AH00502",
    "ThreadLimit low": "AH00504",
    "ThreadsPerChild high": "AH00507",
    "ThreadsPerChild low": "AH00509",
    "less than a child": "AH00511",
    "multiple": "AH00513",
    "servers": "AH00515",
    "StartServers": "AH00517",
    "MinSpareThreads": "AH00519",
}


def adjust(ledger: Ledger, version: Release, buckets: int) -> None:
    """Apply ``event_check_config`` and ``event_run``, and what becomes of the factor."""
    adjust_threaded(ledger, version, buckets, _IDS, MOST_THREADS)
    if version >= (2, 4, 0):
        _adjust_factor(ledger, version)


def _adjust_factor(ledger: Ledger, version: Release) -> None:
    """Whole numbers since 2.4.30; sixteenths before."""
    name = "AsyncRequestWorkerFactor"
    asked = ledger.values[name].value
    if not isinstance(asked, int | float):
        raise TypeError(f"{name} is not a number: {asked!r}")
    whole = version >= (2, 4, 30)
    became: int | float = max(1, int(asked)) if whole else max(1, int(asked * 16)) / 16
    if became != asked:
        ledger.change(name, became, "", say.FACTOR_WHOLE if whole else say.FACTOR_SIXTEENTHS)
