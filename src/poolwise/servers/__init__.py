"""What is known about the servers: their directives, what they change at start-up, and how they scale."""

from poolwise.servers.argument import parse_number, read_value
from poolwise.servers.parameter import NEWEST, Parameter, compiled_in, release
from poolwise.servers.scaling_event import event_accepts, event_maintain
from poolwise.servers.scaling_messages import (
    MESSAGE_GRACEFUL,
    MESSAGE_HARD,
    MESSAGE_KILLED,
    MESSAGE_NONE,
    MESSAGE_REACHED,
    MESSAGE_RESUMED,
    MESSAGE_WITHIN,
    MESSAGES,
)
from poolwise.servers.scaling_prefork import prefork_maintain
from poolwise.servers.scaling_worker import worker_maintain
from poolwise.servers.settle import ARCHITECTURES, parameters, pool, settle
from poolwise.servers.shipped import SHIPPED, Shipped, shipped_as

__all__ = [
    "ARCHITECTURES",
    "MESSAGES",
    "MESSAGE_GRACEFUL",
    "MESSAGE_HARD",
    "MESSAGE_KILLED",
    "MESSAGE_NONE",
    "MESSAGE_REACHED",
    "MESSAGE_RESUMED",
    "MESSAGE_WITHIN",
    "NEWEST",
    "SHIPPED",
    "Parameter",
    "Shipped",
    "compiled_in",
    "event_accepts",
    "event_maintain",
    "parameters",
    "parse_number",
    "pool",
    "prefork_maintain",
    "read_value",
    "release",
    "settle",
    "shipped_as",
    "worker_maintain",
]
