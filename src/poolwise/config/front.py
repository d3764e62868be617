"""Signs of a front end (nginx, a load balancer) before this httpd, in words."""

from __future__ import annotations

import re

from poolwise.config.index import Index
from poolwise.config.tree import Directive
from poolwise.model import Value

_FORWARDED = re.compile(r"X-Forwarded-|X-Real-IP|\bForwarded\b|HTTP:X-Scheme", re.IGNORECASE)
_LOOPBACK = re.compile(r"(127\.\d+\.\d+\.\d+|\[::1\]|localhost):\d+")
_MEANT = ("SetEnvIf", "SetEnvIfNoCase", "RequestHeader", "RewriteCond", "LogFormat")


def front(index: Index, listen: Value) -> str:
    """What shows that another server stands in front; "" when nothing does."""
    signs = [*_listening(listen), *_remoteip(index), *_headers(index)]
    return "; ".join(signs)


def _listening(listen: Value) -> list[str]:
    if listen.value is None:
        return []
    addresses = [entry.split()[0] for entry in str(listen.value).split(", ") if entry.split()]
    if addresses and all(_LOOPBACK.fullmatch(address) for address in addresses):
        return [f"listens on loopback only ({', '.join(addresses)}, {listen.where})"]
    ports = [address.rsplit(":", 1)[-1] for address in addresses]
    if ports and not {"80", "443"} & set(ports):
        return [f"listens on no standard port ({', '.join(ports)}, {listen.where})"]
    return []


def _remoteip(index: Index) -> list[str]:
    signs = []
    for directive in index.named("RemoteIPHeader"):
        signs.append(f"mod_remoteip takes the client from {' '.join(directive.args)} ({directive.where})")
    proxies = [" ".join(d.args) for d in index.named("RemoteIPInternalProxy", "RemoteIPTrustedProxy")]
    if proxies:
        signs.append(f"trusted proxies: {', '.join(proxies)}")
    for directive in index.named("RemoteIPProxyProtocol"):
        if directive.args and directive.args[0].lower() == "on":
            signs.append(f"expects the PROXY protocol ({directive.where})")
    return signs


def _headers(index: Index) -> list[str]:
    """One sign for each directive name that looks at a forwarding header."""
    signs = []
    for name in _MEANT:
        using = next((d for d in index.named(name) if _reads_forwarded(d)), None)
        if using:
            signs.append(f"{using.name} looks at a forwarding header ({using.where})")
    return signs


def _reads_forwarded(directive: Directive) -> bool:
    """RequestHeader also *writes* such headers when this httpd is the front itself."""
    if directive.key == "requestheader" and directive.args and directive.args[0].lower() != "edit":
        return False
    return bool(_FORWARDED.search(directive.argline))
