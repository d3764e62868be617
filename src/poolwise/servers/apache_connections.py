"""What of Apache's settings decides about connections and memory while it runs, as the options of a pool.

Sources: modules/http/http_core.c (``ap_set_keepalive`` in modules/http/http_protocol.c uses them),
server/mpm/event/event.c (``set_worker_factor``), server/mpm_common.c; manual pages core, event, mpm_common.
"""

from __future__ import annotations

from collections.abc import Mapping

from poolwise.model import Value
from poolwise.servers.parameter import release

_NAMES = ("Timeout", "KeepAlive", "KeepAliveTimeout", "MaxKeepAliveRequests", "MaxMemFree")
_FACTOR = "AsyncRequestWorkerFactor"


def connection_options(values: Mapping[str, Value], version: str) -> dict[str, float]:
    """``Pool.options`` for settled values of prefork, worker, event or winnt of that httpd version.

    KeepAlive is 0 or 1, KeepAliveTimeout and Timeout are in s, MaxMemFree in KB. AsyncRequestWorkerFactor
    (event) is the whole number, at least 1, that 2.4.30 and later use; before, a number of sixteenths.
    """
    options: dict[str, float] = {}
    for name in (*_NAMES, _FACTOR):
        value = values[name].value if name in values else None
        if isinstance(value, int | float):
            whole = name == _FACTOR and release(version) >= (2, 4, 30)
            options[name] = float(max(1, int(value))) if whole else float(value)
    return options
