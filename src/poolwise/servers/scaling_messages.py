"""What httpd prints while it scales a pool: the codes the policies return, and the lines behind them.

Each line has its id, its log level and a template with the numbers httpd fills in, in httpd's order.
Source: the message tables of server/mpm/{prefork,worker,event}/*.c in httpd 2.4 (2.2 has no ids), and the
strings of mod_wsgi 4.9.4, which has none either: ``{name}`` is the process group.
``ONCE`` holds the codes that httpd prints once in the life of the parent process.
"""

from __future__ import annotations

MESSAGE_NONE = 0
MESSAGE_REACHED = 1  # no process left to fork and no idle worker (prefork: idle below the minimum)
MESSAGE_WITHIN = 2  # no process left to fork, a few idle workers
MESSAGE_FULL = 3  # no slot left although MaxRequestWorkers is not reached
MESSAGE_SEEMS_BUSY = 4  # eight or more processes forked in one pass
MESSAGE_GRACEFUL = 5
MESSAGE_HARD = 6
MESSAGE_RESUMED = 7
MESSAGE_KILLED = 8  # children killed by a signal, one after the other
MESSAGE_MAXIMUM = 9  # a daemon has answered its maximum of requests
MESSAGE_DRAINED = 10  # and nothing runs in it any more
MESSAGE_TOO_LONG = 11  # a daemon has a request older than request-timeout allows
MESSAGE_UNUSED = 12  # a daemon without a request for inactivity-timeout
MESSAGE_QUEUE_TIMEOUT = 13
MESSAGE_NO_ANSWER = 14  # the front has waited for socket-timeout
MESSAGE_NO_ROOM = 15  # the front could not connect within connect-timeout
ONCE = (MESSAGE_REACHED, MESSAGE_WITHIN)

_REACHED = "server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting"
_WITHIN = (
    "server is within MinSpareThreads of MaxRequestWorkers, consider raising the MaxRequestWorkers setting"
)
_FULL = "scoreboard is full, not at MaxRequestWorkers"
_BUSY = "server seems busy, (you may need to increase StartServers, "
_RESUMED = "httpd configured -- resuming normal operations"
_KILLED = "children are killed successively!"
_GRACEFUL = "SIGUSR1 received.  Doing graceful restart"
_HARD = "SIGHUP received.  Attempting to restart"

Line = tuple[str, str, str]

MESSAGES: dict[str, dict[int, Line]] = {
    "prefork": {
        MESSAGE_REACHED: ("AH00161", "error", _REACHED),
        MESSAGE_SEEMS_BUSY: (
            "AH00162",
            "info",
            _BUSY
            + "or Min/MaxSpareServers), spawning {0} children, there are {1} idle, and {2} total children",
        ),
        MESSAGE_GRACEFUL: ("AH00171", "notice", "Graceful restart requested, doing restart"),
        MESSAGE_HARD: ("AH00173", "notice", _HARD),
        MESSAGE_RESUMED: ("AH00163", "notice", _RESUMED),
    },
    "worker": {
        MESSAGE_REACHED: ("AH00286", "error", _REACHED),
        MESSAGE_WITHIN: ("AH00287", "error", _WITHIN),
        MESSAGE_FULL: ("AH00288", "error", _FULL),
        MESSAGE_SEEMS_BUSY: (
            "AH00289",
            "info",
            _BUSY + "ThreadsPerChild or Min/MaxSpareThreads), spawning {0} children, "
            "there are around {1} idle threads, and {2} total children",
        ),
        MESSAGE_GRACEFUL: ("AH00297", "notice", _GRACEFUL),
        MESSAGE_HARD: ("AH00298", "notice", _HARD),
        MESSAGE_RESUMED: ("AH00292", "notice", _RESUMED),
        MESSAGE_KILLED: ("AH10393", "error", _KILLED),
    },
    "event": {
        MESSAGE_REACHED: ("AH00484", "error", _REACHED),
        MESSAGE_WITHIN: ("AH10159", "error", _WITHIN),
        MESSAGE_FULL: ("AH03490", "error", _FULL + ".Increase ServerLimit."),
        MESSAGE_SEEMS_BUSY: (
            "AH00486",
            "info",
            _BUSY + "ThreadsPerChild or Min/MaxSpareThreads), spawning {0} children, "
            "there are around {1} idle threads, {2} active children, "
            "and {3} children that are shutting down",
        ),
        MESSAGE_GRACEFUL: ("AH00493", "notice", _GRACEFUL),
        MESSAGE_HARD: ("AH00494", "notice", _HARD),
        MESSAGE_RESUMED: ("AH00489", "notice", _RESUMED),
        MESSAGE_KILLED: ("AH10392", "error", _KILLED),
    },
    "mod_wsgi_daemon": {
        MESSAGE_MAXIMUM: (
            "mod_wsgi", "info", "Maximum requests reached, attempt a graceful shutdown '{name}'.",
        ),
        MESSAGE_DRAINED: (
            "mod_wsgi", "info", "Maximum requests reached, triggering immediate shutdown '{name}'.",
        ),
        MESSAGE_TOO_LONG: (
            "mod_wsgi", "info", "Daemon process request time limit exceeded, stopping process '{name}'.",
        ),
        MESSAGE_UNUSED: (
            "mod_wsgi", "info", "Daemon process idle inactivity timer expired, stopping process '{name}'.",
        ),
        MESSAGE_QUEUE_TIMEOUT: (
            "mod_wsgi", "error", "Queue timeout expired for WSGI daemon process '{name}'.",
        ),
        MESSAGE_NO_ANSWER: (
            "mod_wsgi", "error", "Timeout when reading response headers from daemon process '{name}'",
        ),
        MESSAGE_NO_ROOM: (
            "mod_wsgi", "error", "Unable to connect to WSGI daemon process '{name}' after multiple attempts "
            "as listener backlog limit was exceeded or the socket does not exist.",
        ),
    },
}  # fmt: skip
