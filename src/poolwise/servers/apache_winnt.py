"""winnt: one process with a fixed number of threads, the MPM of Windows.

Sources: server/mpm/winnt/{mpm_winnt.c,mpm_default.h} (``winnt_check_config``); manual page mpm_winnt.
"""

from __future__ import annotations

from poolwise.servers import apache_shared
from poolwise.servers import startup_messages as say
from poolwise.servers.apache_threaded import check_threads
from poolwise.servers.ledger import Ledger
from poolwise.servers.parameter import SERVER, Parameter, Release

MOST_THREADS = 15_000  # MAX_THREAD_LIMIT

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "ThreadsPerChild", (), 64, 1, MOST_THREADS, "threads", SERVER,
        "DEFAULT_THREADS_PER_CHILD in winnt/mpm_default.h; manual: mpm_common",
        "Worker threads of the one process, which is also most connections in service.",
    ),
    Parameter(
        "ThreadLimit", (), 1920, 1, MOST_THREADS, "threads", SERVER,
        "DEFAULT_THREAD_LIMIT and MAX_THREAD_LIMIT in winnt/mpm_winnt.c; manual: mpm_common",
        "Thread slots in the scoreboard; the ceiling of ThreadsPerChild until a full stop.",
    ),
    *(row for row in apache_shared.PARAMETERS if row.name != "GracefulShutdownTimeout"),
)  # fmt: skip

_IDS = {
    "ThreadLimit high": "AH00439",
    "ThreadLimit low": "AH00441",
    "ThreadsPerChild high": "AH00444",
    "ThreadsPerChild low": "AH00446",
}


def adjust(ledger: Ledger, version: Release, buckets: int) -> None:
    """Apply ``winnt_check_config``; 2.2 makes the same changes, and words them a little differently."""
    ids = _IDS if version >= (2, 4, 0) else dict.fromkeys(_IDS, say.NO_ID)
    check_threads(ledger, ids, MOST_THREADS)
