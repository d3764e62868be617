"""nginx as the buffering proxy in front: the numbers that decide what it takes off the server behind it.

Sources: nginx.org/en/docs, ngx_core_module, ngx_http_core_module, ngx_http_proxy_module and
ngx_http_upstream_module. By default it takes the whole upload before it connects, and takes the response as
fast as the server behind gives it, first into memory, then into a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from poolwise.model import InputError, Proxy
from poolwise.servers.peer import Option, effective

NGINX_NEWEST = "1.28"
_PROXY = "docs: ngx_http_proxy_module"
NGINX_OPTIONS: tuple[Option, ...] = (
    Option("worker_connections", 512, 1, inf, "connections", "docs: ngx_core_module",
           "Connections that one nginx process holds, those to the server behind included."),
    Option("keepalive_timeout", 75, 0, inf, "s", "docs: ngx_http_core_module",
           "How long a client's connection may idle; it holds nothing of the server behind."),
    Option("keepalive_requests", 100, 1, inf, "requests", "docs: ngx_http_core_module",
           "Requests on one client's connection before it is closed.", until="1.19.10"),
    Option("keepalive_requests", 1000, 1, inf, "requests", "docs: ngx_http_core_module",
           "Requests on one client's connection before it is closed.", since="1.19.10"),
    Option("keepalive", 0, 0, inf, "connections", "docs: ngx_http_upstream_module",
           "Idle connections to the server behind that each nginx process keeps; needs HTTP/1.1 to it."),
    Option("proxy_request_buffering", 1, 0, 1, "", _PROXY,
           "The whole upload is taken before the server behind hears of the request.", flag=True),
    Option("proxy_buffering", 1, 0, 1, "", _PROXY,
           "The response is taken at once, whatever the client's link can do.", flag=True),
    Option("proxy_max_temp_file_size", 1024, 0, inf, "MB", _PROXY,
           "Response that may go to a file beyond the buffers; 0 makes the server behind wait."),
    Option("proxy_connect_timeout", 60, 1, 75, "s", _PROXY,
           "How long it waits for a connection to the server behind (504)."),
    Option("proxy_read_timeout", 60, 1, inf, "s", _PROXY,
           "Longest silence of the server behind before the client is answered 504."),
)  # fmt: skip


def nginx_proxy(asked: Mapping[str, float | str] | None = None, version: str = NGINX_NEWEST) -> Proxy:
    """The proxy that these settings make. InputError for an unknown or impossible one, and for one that does
    not buffer: then the server behind is held as if there were no proxy."""
    values = effective(NGINX_OPTIONS, asked or {}, version, "nginx")
    for name in ("proxy_request_buffering", "proxy_buffering"):
        if not values[name]:
            raise InputError(f"nginx: {name} must be on; without it, leave the proxy out")
    return Proxy("nginx", int(values["keepalive"]))
