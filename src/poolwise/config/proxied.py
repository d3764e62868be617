"""Applications that run behind this httpd, in another server: ProxyPass, RewriteRule [P], proxy handlers.

FastCGI and AJP back ends are left out: they are not Python's. Source: manual page mod_proxy.
"""

from __future__ import annotations

import re

from poolwise.config.index import Index, host_of, path_of, sections_of
from poolwise.config.tree import Directive
from poolwise.model import Application

_BACK_END = re.compile(r"(unix:[^|]*\|)?(https?|h2c?|uwsgi|scgi|balancer)://", re.IGNORECASE)


def proxied(index: Index) -> tuple[Application, ...]:
    """One application for each URL space that is handed to a back end."""
    found = []
    for directive in index.named("ProxyPass", "ProxyPassMatch", "RewriteRule", "SetHandler"):
        mount, target = _handed_on(directive)
        if _BACK_END.match(target):
            found.append(_application(mount, target, index.hosts[host_of(directive)], directive))
    return tuple(found)


def _handed_on(directive: Directive) -> tuple[str, str]:
    """The URL space and the back end of one directive; an empty back end when it hands nothing on."""
    args = directive.args
    around = next((s for s in sections_of(directive) if s.name.startswith("location")), None)
    if directive.key == "sethandler":
        inside = sections_of(directive)
        target = args[0].removeprefix("proxy:") if args and args[0].startswith("proxy:") else ""
        return (path_of(inside[-1]) if inside else "/"), target
    if directive.key == "rewriterule":
        flags = args[2].strip("[]").lower().split(",") if len(args) > 2 else []
        return (args[0] if args else ""), args[1] if {"p", "proxy"} & {f.strip() for f in flags} else ""
    if args and (around is None or args[0].startswith("/")):
        return args[0], args[1] if len(args) > 1 else ""
    return (path_of(around) if around else ""), args[0] if args else ""


def _application(mount: str, target: str, host: str, directive: Directive) -> Application:
    return Application(
        mount=mount,
        script=target,
        host=host,
        runs="proxied",
        process_group="",
        application_group="",
        eager=False,
        reason=f"{directive.name} hands it to {target} ({directive.where})",
        where=directive.where,
    )
