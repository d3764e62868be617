"""Another machine than this one: where its programs lie, by the layout of its distribution."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from poolwise.cli.hosting import Hosting, Programs
from poolwise.cli.inputs import Verb, options
from poolwise.deploy import Httpd, Interpreter, ModWsgi
from poolwise.model import InputError, Machine


@dataclass(frozen=True, slots=True)
class Layout:
    """What a distribution's packages put where."""

    httpd: Httpd
    mod_wsgi: ModWsgi
    python: str  # its version
    user: str


_LINKED = ("core.c", "http_core.c", "mod_so.c", "mod_unixd.c", "mod_version.c", "mod_watchdog.c")
LAYOUTS: Mapping[str, Layout] = {
    "debian": Layout(  # 12
        Httpd(
            "/usr/sbin/apache2",
            "2.4.57",
            "/usr/lib/apache2/modules",
            frozenset((*_LINKED, "mod_log_config.c", "mod_logio.c")),
            "/etc/mime.types",
        ),
        ModWsgi("/usr/lib/apache2/modules/mod_wsgi.so", "4.9.4", ""),
        "3.11.2",
        "www-data",
    ),
    "fedora": Layout(  # 41, and its relatives
        Httpd(
            "/usr/sbin/httpd",
            "2.4.62",
            "/usr/lib64/httpd/modules",
            frozenset(("core.c", "http_core.c", "mod_so.c")),
            "/etc/mime.types",
        ),
        ModWsgi("/usr/lib64/httpd/modules/mod_wsgi_python3.so", "5.0.0", ""),
        "3.13.0",
        "apache",
    ),
}


@dataclass(frozen=True)
class Elsewhere:
    """The options as given; ``layout`` "" means this machine."""

    layout: str
    httpd_version: str
    mod_wsgi_version: str
    python_version: str
    cores: int

    def programs(self, hosting: Hosting) -> Programs:
        """What the other machine has. InputError where the options do not fit together."""
        layout = LAYOUTS[self.layout]
        python = hosting.python or "/usr"
        if not python.startswith("/"):
            raise InputError(f"--python {python}: give its absolute path on the other machine")
        is_file = posixpath.basename(python).startswith("python")
        prefix = posixpath.dirname(posixpath.dirname(python)) if is_file else python
        executable = python if is_file else posixpath.join(python, "bin/python3")
        version = self.python_version or layout.python
        path = hosting.mod_wsgi or layout.mod_wsgi.path
        wanted = any(each.backend in ("daemon", "embedded") for each in hosting.applications())
        httpd = layout.httpd
        return Programs(
            httpd=Httpd(
                hosting.httpd or httpd.path,
                self.httpd_version or httpd.version,
                httpd.modules,
                httpd.built_in,
                httpd.mime_types,
            ),
            interpreter=Interpreter(executable, prefix, "/usr", version, ""),
            mod_wsgi=ModWsgi(path, self.mod_wsgi_version or layout.mod_wsgi.version, "") if wanted else None,
            nginx="/usr/sbin/nginx" if hosting.nginx else "",
            user=hosting.user or layout.user,
            group=hosting.group or hosting.user or layout.user,
            machine=Machine(cores=self.cores),
        )


def describes_another_machine(verb: Verb) -> Verb:
    """Add the options that describe a machine which is not this one; the verb gets ``elsewhere``."""

    @options(
        click.option(
            "--layout",
            type=click.Choice([*LAYOUTS]),
            help="For another machine, with this distribution's paths; nothing is looked for here.",
        ),
        click.option("--httpd-version", default="", metavar="VERSION", help="Of httpd there, or of --from."),
        click.option("--mod-wsgi-version", default="", metavar="VERSION", help="Of the mod_wsgi there."),
        click.option("--python-version", default="", metavar="VERSION", help="Of the Python there."),
        click.option(
            "--cores",
            type=click.IntRange(1, 4096),
            default=2,
            show_default=True,
            help="Of that machine.",
        ),
    )
    @wraps(verb)
    def run(
        layout: str | None,
        httpd_version: str,
        mod_wsgi_version: str,
        python_version: str,
        cores: int,
        **rest: Any,
    ) -> Any:
        elsewhere = Elsewhere(layout or "", httpd_version, mod_wsgi_version, python_version, cores)
        return verb(elsewhere=elsewhere, **rest)

    return run
