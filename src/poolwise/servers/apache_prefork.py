"""prefork: one process for each connection in service.

Sources: server/mpm/prefork/{prefork.c,mpm_default.h} (``prefork_pre_config``, ``prefork_check_config``,
``prefork_run``; in 2.2 the ``set_*`` function of each directive); manual pages prefork and mpm_common.
"""

from __future__ import annotations

from poolwise.servers import apache_shared
from poolwise.servers import startup_messages as say
from poolwise.servers.ledger import Ledger
from poolwise.servers.parameter import SERVER, Parameter, Release

MOST_SERVERS = 200_000  # MAX_SERVER_LIMIT

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "StartServers", (), 5, 1, None, "processes", SERVER,
        "DEFAULT_START_DAEMON in prefork/mpm_default.h; manual: mpm_common",
        "Processes forked at start and after every restart.",
    ),
    Parameter(
        "MinSpareServers", (), 5, 1, None, "processes", SERVER,
        "DEFAULT_MIN_FREE_DAEMON in prefork/mpm_default.h; manual: prefork",
        "With fewer idle processes than this, httpd forks more.",
    ),
    Parameter(
        "MaxSpareServers", (), 10, 2, None, "processes", SERVER,
        "DEFAULT_MAX_FREE_DAEMON in prefork/mpm_default.h; manual: prefork",
        "With more idle processes than this, httpd ends one a second.",
    ),
    Parameter(
        "ServerLimit", (), 256, 1, MOST_SERVERS, "processes", SERVER,
        "DEFAULT_SERVER_LIMIT and MAX_SERVER_LIMIT in prefork/prefork.c; manual: mpm_common",
        "Process slots in the scoreboard; fixed until a full stop, and the ceiling of MaxRequestWorkers.",
    ),
    Parameter(
        "MaxRequestWorkers", ("MaxClients",), None, 1, MOST_SERVERS, "processes", SERVER,
        "set_max_clients and prefork_pre_config of 2.2: ServerLimit when not set; manual: mpm_common",
        "Most processes, which is also most connections in service.",
        until="2.4.0", renamed=True,
    ),
    Parameter(
        "MaxRequestWorkers", ("MaxClients",), 256, 1, MOST_SERVERS, "processes", SERVER,
        "DEFAULT_SERVER_LIMIT, a constant, in prefork_pre_config; manual: mpm_common",
        "Most processes, which is also most connections in service.",
        since="2.4.0",
    ),
    *apache_shared.PARAMETERS,
)  # fmt: skip


def adjust(ledger: Ledger, version: Release, buckets: int) -> None:
    """Apply the start-up checks of prefork in httpd's order; ``buckets``: groups of listening sockets."""
    if version < (2, 4, 0):
        _check_22(ledger)
    else:
        _check(ledger)
    _run(ledger, buckets, negative_start=version < (2, 4, 0))


def _check(ledger: Ledger) -> None:
    """``prefork_check_config``: every change is announced."""
    ledger.at_most("ServerLimit", MOST_SERVERS, "AH00175", say.SERVER_LIMIT_HIGH)
    ledger.at_least("ServerLimit", 1, "AH00177", say.TOO_LOW)
    limit = ledger.number("ServerLimit")
    ledger.at_most("MaxRequestWorkers", limit, "AH00180", say.MORE_THAN_SERVERS)
    ledger.at_least("MaxRequestWorkers", 1, "AH00182", say.TOO_LOW)
    ledger.at_least("StartServers", 1, "AH00184", say.TOO_LOW)
    ledger.at_least("MinSpareServers", 1, "AH00186", say.SPARE_TOO_LOW)


def _check_22(ledger: Ledger) -> None:
    """The 2.2 checks. They run while a line is read, so 2.2 also warns, in vain, about a MaxClients that
    stands above the ServerLimit which allows it; the second pass over the configuration accepts it."""
    ledger.at_most("ServerLimit", MOST_SERVERS, say.NO_ID, say.SERVER_LIMIT_HIGH_22)
    ledger.at_least("ServerLimit", 1, say.NO_ID, say.REQUIRE_22)
    limit = ledger.number("ServerLimit")
    ledger.default("MaxRequestWorkers", limit, "equal to ServerLimit")
    ledger.at_most("MaxRequestWorkers", limit, say.NO_ID, say.MORE_THAN_SERVERS_22)
    ledger.at_least("MaxRequestWorkers", 1, say.NO_ID, say.REQUIRE_MAX_CLIENTS_22)
    ledger.at_least("MinSpareServers", 1, say.NO_ID, say.SPARE_TOO_LOW_22)


def _run(ledger: Ledger, buckets: int, negative_start: bool) -> None:
    """``prefork_run``: httpd says nothing about any of these."""
    for name in ("MaxRequestWorkers", "StartServers", "MinSpareServers"):
        if buckets > 1:
            ledger.at_least(name, buckets, "", say.ONE_PER_BUCKET)
    floor = ledger.number("MinSpareServers") + buckets
    ledger.at_least("MaxSpareServers", floor, "", say.SPARE_BAND.format(low="MinSpareServers", gap=buckets))
    limit = ledger.number("MaxRequestWorkers")
    if negative_start and ledger.number("StartServers") < 0:
        ledger.change("StartServers", limit, "", say.NEGATIVE_START)
    ledger.at_most("StartServers", limit, "", say.START_ABOVE_LIMIT)
