"""Which modules the rendered configuration needs, and what for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from poolwise.deploy.plan import Deployment, Front, Proxied


@dataclass(frozen=True, slots=True)
class Needed:
    """A module, the file it is loaded from, and what would be refused or missing without it."""

    name: str  # "alias_module"
    file: str  # the shared object
    reason: str


def modules(deployment: Deployment, front: Front) -> tuple[Needed, ...]:
    """The modules to load, in the order of LoadModule lines; those that are built in are left out."""
    httpd = deployment.httpd
    found = [
        Needed(f"{name}_module", f"{httpd.modules}/mod_{name}.so", reason)
        for name, reason in _needed(deployment, front)
        if not {f"mod_{name}.c", f"{name.removeprefix('mpm_')}.c"} & httpd.built_in
    ]
    if deployment.mod_wsgi and any(each.backend not in Proxied for each in deployment.applications):
        reason = f"runs Python (mod_wsgi {deployment.mod_wsgi.version})"
        found.append(Needed("wsgi_module", deployment.mod_wsgi.path, reason))
    return tuple(found)


def _needed(deployment: Deployment, front: Front) -> Iterator[tuple[str, str]]:
    """Name and reason of every module but mod_wsgi."""
    yield "mpm_event", "serves connections with threads; idle ones hold no thread"
    yield "unixd", "User and Group; without it httpd does not start on Unix"
    yield "authz_core", "Require: what may be asked for at all"
    yield "reqtimeout", "RequestReadTimeout: clients that send slowly do not hold threads for ever"
    if front.access_log:
        yield "log_config", "CustomLog: the access log"
    yield from _for_files(front)
    yield from _for_connections(front)
    yield from _for_backends(deployment, front)


def _for_files(front: Front) -> Iterator[tuple[str, str]]:
    if front.static or front.names:
        yield "alias", "Alias: folders of static files" if front.static else "Redirect: other names"
    if front.static:
        yield "mime", "TypesConfig: the type of a static file"
        yield "expires", "ExpiresDefault: how long clients may keep static files"
    if front.compress:
        yield "filter", "AddOutputFilterByType"
        yield "deflate", "DEFLATE: compressed responses"


def _for_connections(front: Front) -> Iterator[tuple[str, str]]:
    if front.tls:
        yield "ssl", "SSLEngine: HTTPS"
        if front.tls.only:
            yield "rewrite", "RewriteRule: from HTTP to HTTPS"
    if front.http2:
        yield "http2", "Protocols h2: HTTP/2"
    if front.trusted_proxies:
        yield "remoteip", "RemoteIPHeader: the client's address from a trusted proxy"
        yield "setenvif", "SetEnvIfExpr: the client's scheme from a trusted proxy"
    if front.status_port:
        yield "status", "server-status, on a port of its own"


def _for_backends(deployment: Deployment, front: Front) -> Iterator[tuple[str, str]]:
    backends = {each.backend for each in deployment.applications}
    if backends & set(Proxied):
        yield "proxy", "ProxyPass: applications with a server of their own"
        yield "headers", "RequestHeader: what such a server is told about the client"
    if "uwsgi" in backends:
        yield "proxy_uwsgi", "the uwsgi protocol"
    if backends & {"gunicorn", "granian"}:
        yield "proxy_http", "HTTP to gunicorn and granian"
