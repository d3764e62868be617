"""worker: processes with a fixed number of threads, one thread for each connection in service.

Sources: server/mpm/worker/{worker.c,mpm_default.h}; manual pages worker and mpm_common.
"""

from __future__ import annotations

from poolwise.servers.apache_threaded import adjust_threaded, threaded_parameters
from poolwise.servers.ledger import Ledger
from poolwise.servers.parameter import Parameter, Release

MOST_THREADS = 20_000  # MAX_THREAD_LIMIT

PARAMETERS: tuple[Parameter, ...] = threaded_parameters(MOST_THREADS)

_IDS = {
    "ServerLimit high": "AH00300",
    "ServerLimit low": "AH00302",
    "ThreadLimit high": "AH00305",
    "ThreadLimit low": "AH00307",
    "ThreadsPerChild high": "AH00310",
    "ThreadsPerChild low": "AH00312",
    "less than a child": "AH00314",
    "multiple": "AH00316",
    "servers": "AH00318",
    "StartServers": "AH00320",
    "MinSpareThreads": "AH00322",
}


def adjust(ledger: Ledger, version: Release, buckets: int) -> None:
    """Apply ``worker_check_config`` and ``worker_run``."""
    adjust_threaded(ledger, version, buckets, _IDS, MOST_THREADS)
