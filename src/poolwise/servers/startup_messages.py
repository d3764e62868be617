"""What httpd prints when it changes a setting at start-up, and our words where it prints nothing.

The lines are those of the first pass over the configuration, which ``httpd -t`` shows too, from
server/mpm/{prefork,worker,event}/*.c. 2.2 prints a line in several pieces, without an id; they are joined.
"""

from __future__ import annotations

NO_ID = "WARNING"  # stands for the id of a 2.2 line, which begins with this word

# -- 2.4 ------------------------------------------------------------------------------------------

TOO_LOW = "WARNING: {name} of {asked} not allowed, increasing to 1."
SPARE_TOO_LOW = (
    "WARNING: {name} of {asked} not allowed, increasing to 1 to avoid almost certain server failure. "
    "Please read the documentation."
)
SERVER_LIMIT_HIGH = (
    "WARNING: {name} of {asked} exceeds compile-time limit of {became} servers, decreasing to {became}."
)
THREAD_LIMIT_HIGH = (
    "WARNING: {name} of {asked} exceeds compile-time limit of {became} threads, decreasing to {became}."
)
MORE_THAN_SERVERS = (
    "WARNING: {name} of {asked} exceeds ServerLimit value of {became} servers, decreasing {name} to "
    "{became}. To increase, please see the ServerLimit directive."
)
MORE_THAN_THREADS = (
    "WARNING: {name} of {asked} exceeds ThreadLimit of {became} threads, decreasing to {became}. "
    "To increase, please see the ThreadLimit directive."
)
LESS_THAN_ONE_CHILD = (
    "WARNING: {name} of {asked} is less than ThreadsPerChild of {became}, increasing to {became}. "
    "{name} must be at least as large as the number of threads in a single server."
)
NOT_A_MULTIPLE = (
    "WARNING: {name} of {asked} is not an integer multiple of ThreadsPerChild of {threads}, "
    "decreasing to nearest multiple {became}, for a maximum of {processes} servers."
)
TOO_MANY_SERVERS = (
    "WARNING: {name} of {asked} would require {processes} servers and would exceed ServerLimit of {servers}, "
    "decreasing to {became}. To increase, please see the ServerLimit directive."
)

# -- 2.2 ------------------------------------------------------------------------------------------

SERVER_LIMIT_HIGH_22 = (
    "WARNING: {name} of {asked} exceeds compile time limit of {became} servers, lowering {name} to {became}."
)
REQUIRE_22 = "WARNING: Require {name} > 0, setting to 1"
REQUIRE_MAX_CLIENTS_22 = "WARNING: Require MaxClients > 0, setting to 1"
SPARE_TOO_LOW_22 = (
    "WARNING: detected {name} set to non-positive. Resetting to 1 to avoid almost certain Apache failure. "
    "Please read the documentation."
)
MORE_THAN_SERVERS_22 = (
    "WARNING: MaxClients of {asked} exceeds ServerLimit value of {became} servers, "
    "lowering MaxClients to {became}.  To increase, please see the ServerLimit directive."
)
MORE_THAN_THREADS_22 = (
    "WARNING: {name} of {asked} exceeds ThreadLimit value of {became} threads, lowering {name} to {became}. "
    "To increase, please see the ThreadLimit directive."
)
LESS_THAN_ONE_CHILD_22 = (
    "WARNING: MaxClients ({asked}) must be at least as large as ThreadsPerChild ({became}). "
    "Automatically increasing MaxClients to {became}."
)
NOT_A_MULTIPLE_22 = (
    "WARNING: MaxClients ({asked}) is not an integer multiple of ThreadsPerChild ({threads}), "
    "lowering MaxClients to {became} for a maximum of {processes} child processes,"
)
TOO_MANY_SERVERS_22 = (
    "WARNING: MaxClients of {asked} would require {processes} servers, and would exceed the ServerLimit "
    "value of {servers}. Automatically lowering MaxClients to {became}.  To increase, please see the "
    "ServerLimit directive."
)

# -- httpd is silent: our words ---------------------------------------------------------------------

NOT_A_NUMBER = "httpd reads leading digits only and takes what has none for 0"
ONE_PER_BUCKET = "each group of listening sockets needs at least one"
SPARE_FLOOR = "this release keeps {name} at {became} or more"
SPARE_BAND = "{{name}} is kept at least {gap} above {low}"
START_ABOVE_LIMIT = "MaxRequestWorkers and ServerLimit allow {became} at most, so no more are started"
NEGATIVE_START = "httpd 2.2 counts down from a negative number and so starts every process allowed"
FACTOR_WHOLE = "since 2.4.30 event uses the whole part only, and at least 1"
FACTOR_SIXTEENTHS = "event keeps the factor in sixteenths"
