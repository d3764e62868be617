"""Servers by name on the command line: ``uwsgi:workers=8,cheaper=2``, and nginx in front of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from poolwise.cli.inputs import Verb, options
from poolwise.cli.quantities import WhatIf, share, words
from poolwise.model import InputError, Pool, Proxy
from poolwise.servers import PEERS, nginx_proxy, peer_pool

STANDALONE = tuple(name for name in PEERS if name != "mod_wsgi_daemon")
EXAMPLE = "uwsgi:workers=8,cheaper=2,threads=2"

#: Taught by every verb that takes servers.
SERVERS_HELP = f"""
    \\b
    Instead of Apache, or beside it with --compare, in each server's own words (version=... for an older one):
      {", ".join(STANDALONE)}
      --server {EXAMPLE}   --compare gunicorn_gthread:workers=2,threads=5
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server other than Apache as the user wrote it, and the pool that it makes."""

    text: str
    pool: Pool

    @property
    def loads(self) -> str:
        """When its processes load the application, by its own options."""
        options = self.pool.options
        copies = options.get("preload_app", 0.0) or ("lazy-apps" in options and not options["lazy-apps"])
        return "preload" if copies else "start"


def server(text: str) -> Server:
    """The server that ``text`` describes. Raises InputError naming what is unknown or out of range."""
    name, _, rest = text.partition(":")
    return as_server(WhatIf(text.strip(), name.strip(), words(rest)))


def is_server(asked: WhatIf) -> bool:
    """Whether this is a server of its own, rather than a change to the configuration."""
    return asked.name in STANDALONE


def as_server(asked: WhatIf) -> Server:
    """The server of a ``--compare``. Raises InputError."""
    if asked.name not in STANDALONE:
        raise InputError(
            f"unknown server {asked.name!r}: there are {', '.join(STANDALONE)}; write for example {EXAMPLE}"
        )
    settings = {name: str(value) for name, value in asked.settings.items()}
    version = settings.pop("version", "")
    return Server(asked.text, peer_pool(asked.name, settings, version, asked.name))


def takes_servers(verb: Verb) -> Verb:
    """Add the options of what stands in Apache's place, in front of it and behind it.

    The verb gets ``server`` (or None), ``proxy`` (or None), ``mod_wsgi`` (a version or "") and ``shares``.
    """

    @options(
        click.option(
            "--server",
            "server_text",
            metavar="NAME:SETTING=N,...",
            help="A server in the place of CONF; beside a CONF that proxies: the back end.",
        ),
        click.option(
            "--nginx",
            metavar="[keepalive=N]",
            help="nginx in front, which takes slow clients off the server; keepalive: connections to it.",
        ),
        click.option(
            "--mod-wsgi-version", "mod_wsgi", default="", metavar="VERSION", help="For example 4.9.4."
        ),
        click.option(
            "--share",
            "share_texts",
            multiple=True,
            metavar="NAME=SHARE,...",
            help="Which share of the traffic goes to an application (its mount, host or group), as "
            "/api=30%.  [default: as the paths in the log say, else all to the first]",
        ),
    )
    @wraps(verb)
    def run(
        server_text: str | None, nginx: str | None, mod_wsgi: str, share_texts: tuple[str, ...], **given: Any
    ) -> Any:
        found = {
            "server": server(server_text) if server_text is not None else None,
            "proxy": _proxy(nginx),
            "mod_wsgi": mod_wsgi,
            "shares": _shares(share_texts),
        }
        return verb(**found, **given)

    return run


def _proxy(text: str | None) -> Proxy | None:
    if text is None:
        return None
    settings = dict(words(text))
    version = settings.pop("version", "")
    return nginx_proxy(settings, version) if version else nginx_proxy(settings)


def _shares(texts: tuple[str, ...]) -> dict[str, float]:
    """``/api=30%,/=0.7`` as shares by name. Raises InputError."""
    found: dict[str, float] = {}
    for part in ",".join(texts).split(",") if texts else []:
        name, equals, value = part.strip().rpartition("=")
        if not equals or not name:
            raise InputError(f"--share: {part.strip()!r} is not NAME=SHARE, as in /api=30%")
        if name in found:
            raise InputError(f"--share: {name} is given twice")
        try:
            found[name] = share(value)
        except InputError as error:
            raise InputError(f"--share {name}: {error}") from None
    return found


class WithNginx(click.Command):
    """A command whose ``--nginx`` may stand alone: only ``setting=value`` after it belongs to it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write a lone ``--nginx`` as ``--nginx=``."""
        given = []
        for place, arg in enumerate(args):
            after = args[place + 1] if place + 1 < len(args) else ""
            lone = arg == "--nginx" and ("=" not in after or after.startswith(("-", "/", ".")))
            given.append("--nginx=" if lone else arg)
        return super().parse_args(ctx, given)
