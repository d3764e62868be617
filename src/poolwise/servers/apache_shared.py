"""Directives that every architecture of httpd accepts: connections, keep-alive, memory, restarts.

Sources: manual pages core and mpm_common; include/ap_listen.h (LISTEN_COMMANDS), server/core.c,
modules/http/http_core.c, include/httpd.h and include/mpm_common.h for the compiled-in values.
"""

from __future__ import annotations

from poolwise.servers.parameter import HOST, SERVER, Parameter

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "Listen", (), None, None, None, "", SERVER,
        "include/ap_listen.h; manual: mpm_common",
        "Addresses and ports on which httpd takes connections.",
        kind="text",
    ),
    Parameter(
        "ListenBacklog", (), 511, 1, None, "connections", SERVER,
        "DEFAULT_LISTENBACKLOG in include/mpm_common.h; ap_set_listenbacklog; manual: mpm_common",
        "Connections that may wait in the kernel for a free worker; net.core.somaxconn cuts it silently.",
        kind="positive",
    ),
    Parameter(
        "ListenCoresBucketsRatio", (), 0, 1, None, "cores", SERVER,
        "ap_set_listencbratio in server/listen.c; manual: mpm_common",
        "Splits the listening sockets into one group for each so many cores; 0, the default, does not.",
        since="2.4.17", kind="positive",
    ),
    Parameter(
        "MaxConnectionsPerChild", ("MaxRequestsPerChild",), 10000, 0, None, "connections", SERVER,
        "DEFAULT_MAX_REQUESTS_PER_CHILD in server/mpm/*/mpm_default.h of 2.2; manual: mpm_common",
        "Connections after which a process is replaced; 0 never does.",
        until="2.4.0", renamed=True,
    ),
    Parameter(
        "MaxConnectionsPerChild", ("MaxRequestsPerChild",), 0, 0, None, "connections", SERVER,
        "ap_mpm_set_max_requests in server/mpm_common.c; manual: mpm_common",
        "Connections after which a process is replaced; 0 never does.",
        since="2.4.0",
    ),
    Parameter(
        "MaxMemFree", (), 0, 0, None, "KB", SERVER,
        "APR_ALLOCATOR_MAX_FREE_UNLIMITED, set in every *_pre_config of 2.2; manual: mpm_common",
        "Free memory that one allocator keeps for itself; 0 gives nothing back to the system.",
        until="2.4.0", kind="long",
    ),
    Parameter(
        "MaxMemFree", (), 2048, 0, None, "KB", SERVER,
        "ap_mpm_set_max_mem_free in server/mpm_common.c; manual: mpm_common",
        "Free memory that one allocator keeps for itself; 0 gives nothing back to the system.",
        since="2.4.0", kind="long",
    ),
    Parameter(
        "ThreadStackSize", (), None, 0, None, "bytes", SERVER,
        "ap_mpm_set_thread_stacksize in server/mpm_common.c; manual: mpm_common",
        "Stack of each thread; without it the system's limit (ulimit -s) counts, of which only touched "
        "pages take memory.",
        kind="long",
    ),
    Parameter(
        "GracefulShutdownTimeout", (), 0, None, None, "s", SERVER,
        "ap_mpm_set_graceful_shutdown in server/mpm_common.c; manual: mpm_common",
        "How long graceful-stop waits for requests in progress; 0 waits without limit.",
    ),
    Parameter(
        "ScoreBoardFile", (), None, None, None, "", SERVER,
        "ap_set_scoreboard in server/scoreboard.c; manual: mpm_common",
        "Makes the table of workers readable from outside; without it the table is anonymous memory.",
        kind="text",
    ),
    Parameter(
        "ExtendedStatus", (), False, None, None, "", SERVER,
        "ap_set_extended_status in server/core.c; manual: core",
        "Records each request in the scoreboard for mod_status; on by itself with mod_status (2.4).",
        kind="flag",
    ),
    Parameter(
        "Timeout", (), 300, 0, None, "s", HOST,
        "DEFAULT_TIMEOUT in include/httpd.h of 2.2; set_timeout in server/core.c; manual: core",
        "Longest wait for one read or write on a connection.",
        until="2.4.0",
    ),
    Parameter(
        "Timeout", (), 60, 0, None, "s", HOST,
        "DEFAULT_TIMEOUT in include/httpd.h; set_timeout in server/core.c; manual: core",
        "Longest wait for one read or write on a connection.",
        since="2.4.0",
    ),
    Parameter(
        "KeepAlive", (), True, None, None, "", HOST,
        "set_keep_alive in modules/http/http_core.c; manual: core",
        "Whether a connection may carry several requests.",
        kind="flag",
    ),
    Parameter(
        "KeepAliveTimeout", (), 5, 0, None, "s", HOST,
        "DEFAULT_KEEPALIVE_TIMEOUT in include/httpd.h; set_keep_alive_timeout; manual: core",
        "How long a connection may idle until its next request; prefork and worker hold a worker for it.",
        kind="time",
    ),
    Parameter(
        "MaxKeepAliveRequests", (), 100, 0, None, "requests", HOST,
        "DEFAULT_KEEPALIVE in include/httpd.h; set_keep_alive_max; manual: core",
        "Requests on one connection before it is closed; 0 does not limit them.",
    ),
)  # fmt: skip
