"""Directives that httpd refuses inside sections.

Source: ``ap_check_cmd_context`` in httpd's ``server/core.c``; which directive may stand where is known to
``poolwise.servers``, for the listeners' directives it does not know see ``include/ap_listen.h``.
"""

from __future__ import annotations

from functools import cache

from poolwise.config.tree import Section
from poolwise.model import ConfigError, Where
from poolwise.servers import ARCHITECTURES, NEWEST, parameters

_SERVER_ONLY = ("ListenTCPDeferAccept", "SendBufferSize", "ReceiveBufferSize", "PidFile", "CoreDumpDirectory")


@cache
def _allowed_in_hosts() -> dict[str, bool]:
    """For each directive with a restricted place, by lower-case name: may it stand in a virtual host."""
    known = {
        spelling.lower(): "virtual host" in parameter.contexts
        for architecture in ARCHITECTURES
        for parameter in parameters(architecture, NEWEST)
        for spelling in (parameter.name, *parameter.aliases)
    }
    return known | {name.lower(): False for name in _SERVER_ONLY}


def check_context(name: str, context: tuple[Section, ...], where: Where) -> None:
    """Raise ConfigError when ``name`` may not stand in ``context``, as httpd does at start-up."""
    if not context:
        return
    in_hosts = _allowed_in_hosts().get(name.lower())
    inner = context[-1]
    if in_hosts is None or (in_hosts and inner.name == "virtualhost"):
        return
    place = "outside of sections or in a virtual host" if in_hosts else "outside of all sections"
    refused = f"{name} cannot occur within <{inner.name}> ({inner.where}), so httpd does not start"
    raise ConfigError(f"{refused}; it belongs {place}", where)
