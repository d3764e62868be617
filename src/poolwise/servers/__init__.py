"""What is known about the servers: their directives, what they change at start-up, and how they scale."""

from poolwise.servers.apache_connections import connection_options
from poolwise.servers.argument import parse_number, read_value
from poolwise.servers.gunicorn import arbiter_maintain, recycle_after
from poolwise.servers.mod_wsgi_daemon import daemon_drain_s, daemon_is_modern, daemon_request_limit_s
from poolwise.servers.mod_wsgi_embedded import EMBEDDED_OPTIONS
from poolwise.servers.nginx import NGINX_OPTIONS, nginx_proxy
from poolwise.servers.nginx_unit import unit_maintain, unit_retires
from poolwise.servers.parameter import NEWEST, Parameter, compiled_in, release
from poolwise.servers.passenger import passenger_collects, passenger_maintain
from poolwise.servers.peer import Holds, Option, Peer, valid_options
from poolwise.servers.peers import HOLDS, PEERS, connection_limits, holds, peer_parameters, peer_pool
from poolwise.servers.scaling_event import event_accepts, event_maintain
from poolwise.servers.scaling_messages import (
    MESSAGE_DRAINED,
    MESSAGE_GRACEFUL,
    MESSAGE_HARD,
    MESSAGE_KILLED,
    MESSAGE_MAXIMUM,
    MESSAGE_NO_ANSWER,
    MESSAGE_NO_ROOM,
    MESSAGE_NONE,
    MESSAGE_QUEUE_TIMEOUT,
    MESSAGE_REACHED,
    MESSAGE_RESUMED,
    MESSAGE_TOO_LONG,
    MESSAGE_UNUSED,
    MESSAGE_WITHIN,
    MESSAGES,
)
from poolwise.servers.scaling_prefork import prefork_maintain
from poolwise.servers.scaling_worker import worker_maintain
from poolwise.servers.settle import ARCHITECTURES, parameters, pool, settle
from poolwise.servers.shipped import SHIPPED, Shipped, shipped_as
from poolwise.servers.uwsgi import (
    CHEAPER_BACKLOG,
    CHEAPER_BUSYNESS,
    CHEAPER_MANUAL,
    CHEAPER_SPARE,
    cheaper_backlog,
    cheaper_busyness,
    cheaper_busyness_looks,
    cheaper_busyness_start,
    cheaper_carries_out,
    cheaper_spare,
    recycle_after_in_slot,
    worker_busyness,
)

__all__ = [
    "ARCHITECTURES",
    "CHEAPER_BACKLOG",
    "CHEAPER_BUSYNESS",
    "CHEAPER_MANUAL",
    "CHEAPER_SPARE",
    "EMBEDDED_OPTIONS",
    "HOLDS",
    "MESSAGES",
    "MESSAGE_DRAINED",
    "MESSAGE_GRACEFUL",
    "MESSAGE_HARD",
    "MESSAGE_KILLED",
    "MESSAGE_MAXIMUM",
    "MESSAGE_NONE",
    "MESSAGE_NO_ANSWER",
    "MESSAGE_NO_ROOM",
    "MESSAGE_QUEUE_TIMEOUT",
    "MESSAGE_REACHED",
    "MESSAGE_RESUMED",
    "MESSAGE_TOO_LONG",
    "MESSAGE_UNUSED",
    "MESSAGE_WITHIN",
    "NEWEST",
    "NGINX_OPTIONS",
    "PEERS",
    "SHIPPED",
    "Holds",
    "Option",
    "Parameter",
    "Peer",
    "Shipped",
    "arbiter_maintain",
    "cheaper_backlog",
    "cheaper_busyness",
    "cheaper_busyness_looks",
    "cheaper_busyness_start",
    "cheaper_carries_out",
    "cheaper_spare",
    "compiled_in",
    "connection_limits",
    "connection_options",
    "daemon_drain_s",
    "daemon_is_modern",
    "daemon_request_limit_s",
    "event_accepts",
    "event_maintain",
    "holds",
    "nginx_proxy",
    "parameters",
    "parse_number",
    "passenger_collects",
    "passenger_maintain",
    "peer_parameters",
    "peer_pool",
    "pool",
    "prefork_maintain",
    "read_value",
    "recycle_after",
    "recycle_after_in_slot",
    "release",
    "settle",
    "shipped_as",
    "unit_maintain",
    "unit_retires",
    "valid_options",
    "worker_busyness",
    "worker_maintain",
]
