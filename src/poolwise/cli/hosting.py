"""What is to be hosted, and how: options of ``render`` and ``serve``, read as a ``Deployment``."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poolwise.cli.hosting_options import APPLICATIONS, FRONT, PROGRAMS
from poolwise.cli.inputs import Verb
from poolwise.cli.targets import (
    absolute,
    application_name,
    backend_called,
    for_each,
    mounted,
    number,
    pairs,
    static_folder,
)
from poolwise.deploy import Deployment, Front, Hosted, Httpd, Interpreter, ModWsgi, NginxFront, Tls
from poolwise.model import InputError, Machine

if TYPE_CHECKING:
    from poolwise.deploy import Loaded

TARGET_HELP = """
    TARGET is what answers requests: module:callable, as shop.wsgi:application (the callable is "application"
    when left out), or a file, as wsgi.py or /srv/shop/app.wsgi. Several are given with a URL path each:
    /=shop.wsgi /api=api.wsgi:app. An option for one of them begins with its name: --processes api=4.
"""


@dataclass(frozen=True)
class Programs:
    """What runs the site: found on this machine, or known of another one."""

    httpd: Httpd
    interpreter: Interpreter
    mod_wsgi: ModWsgi | None
    nginx: str  # "" when it is not asked for
    user: str  # as whom root runs the applications, "" for nobody else
    group: str
    machine: Machine


@dataclass(frozen=True)
class Hosting:
    """The options as given. ``deployment`` makes the noun of them, anew each time it is asked."""

    targets: tuple[str, ...]
    name: str
    folder: str
    python: str
    python_path: tuple[str, ...]
    environment: tuple[str, ...]
    health: str
    backend: tuple[str, ...]
    processes: tuple[str, ...]
    threads: tuple[str, ...]
    option: tuple[str, ...]
    host: str
    port: int
    server_name: tuple[str, ...]
    connections: int
    keep_alive: int
    timeout: int
    body_limit: int
    static: tuple[str, ...]
    tls_certificate: str
    tls_key: str
    https_port: int
    http_too: bool
    http2: bool
    compress: bool
    trust_proxy: tuple[str, ...]
    access_log: bool
    status_port: int
    nginx: bool
    apache_port: int
    user: str
    group: str
    httpd: str
    mod_wsgi: str

    @property
    def site(self) -> str:
        """The name of the site: as given, or the first application's."""
        return self.name or self.applications()[0].name

    def applications(self) -> tuple[Hosted, ...]:
        """What is hosted, with sizes only where they were asked for (else 0). InputError."""
        if not self.targets:
            raise click.UsageError("Missing argument 'TARGET'.")
        found: list[Hosted] = []
        for text in self.targets:
            mount, target = mounted(text)
            name = application_name(target, [each.name for each in found])
            found.append(Hosted(name, target, self._folder(target), mount))
        names = [each.name for each in found]
        backends, processes, threads = (
            for_each(names, option, given)
            for option, given in (
                ("--backend", self.backend),
                ("--processes", self.processes),
                ("--threads", self.threads),
            )
        )
        chosen, variables = (
            pairs(names, "--option", self.option),
            pairs(names, "--env", self.environment),
        )
        return tuple(
            replace(
                each,
                backend=backend_called(backends.get(each.name, "daemon")),
                processes=number("--processes", processes.get(each.name, "0")),
                threads=number("--threads", threads.get(each.name, "0")),
                python_path=tuple(map(absolute, self.python_path)),
                environment=variables[each.name],
                options=chosen[each.name],
                health=self.health,
            )
            for each in found
        )

    def programs(self) -> Programs:
        """What is installed here. InputError says what is missing."""
        from poolwise.deploy import find_apache, find_interpreter, find_mod_wsgi, find_nginx, service_user
        from poolwise.observe import this_machine

        httpd, interpreter = find_apache(self.httpd), find_interpreter(self.python)
        wanted = any(each.backend in ("daemon", "embedded") for each in self.applications())
        mod_wsgi = find_mod_wsgi(interpreter, httpd, self.mod_wsgi) if wanted else None
        user = self.user or (service_user() if os.geteuid() == 0 else "")
        return Programs(
            httpd,
            interpreter,
            mod_wsgi,
            find_nginx() if self.nginx else "",
            user,
            self.group or group_of(user),
            this_machine(),
        )

    def deployment(
        self, folder: str, programs: Programs, loaded: Mapping[str, Loaded] | None = None
    ) -> Deployment:
        """The noun, for the tree in ``folder``; ``loaded``: applications as measured, by name. InputError."""
        applications, connections, reasons = self._sized(programs.machine, loaded or {})
        return Deployment(
            name=self.site,
            folder=absolute(folder),
            httpd=programs.httpd,
            interpreter=programs.interpreter,
            applications=applications,
            front=self._front(connections, programs),
            mod_wsgi=programs.mod_wsgi,
            nginx=NginxFront(programs.nginx, self.apache_port or self.port + 1) if programs.nginx else None,
            reasons=reasons,
        )

    def _folder(self, target: str) -> str:
        """The working directory: as given, else where the script lies, else where we are."""
        beside = str(Path(target).parent) if target.startswith("/") else "."
        return absolute(self.folder or beside)

    def _sized(
        self, machine: Machine, loaded: Mapping[str, Loaded]
    ) -> tuple[tuple[Hosted, ...], int, tuple[str, ...]]:
        """The applications with sizes, the connections of the front, and the reasons for both."""
        from poolwise.deploy import choose

        asked = self.applications()
        share = Machine(
            cores=max(1, machine.cores // len(asked)), memory_bytes=machine.memory_bytes // len(asked)
        )
        sized, connections, reasons = [], 0, []
        for each in asked:
            sizes = choose(
                share,
                loaded.get(each.name),
                processes=each.processes,
                threads=each.threads,
                connections=self.connections,
            )
            sized.append(replace(each, processes=sizes.processes, threads=sizes.threads))
            connections = max(connections, sizes.connections)
            before = f"{each.name}: " if len(asked) > 1 else ""
            reasons += [before + reason for reason in sizes.reasons]
        return tuple(sized), connections, tuple(reasons)

    def _front(self, connections: int, programs: Programs) -> Front:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise InputError("--tls-certificate and --tls-key belong together; give both")
        tls = Tls(
            absolute(self.tls_certificate),
            absolute(self.tls_key),
            self.https_port,
            not self.http_too,
        )
        return Front(
            host=self.host,
            port=self.port,
            names=self.server_name,
            connections=connections,
            keep_alive_s=self.keep_alive,
            timeout_s=self.timeout,
            body_limit_bytes=self.body_limit,
            tls=tls if self.tls_certificate else None,
            http2=self.http2,
            compress=self.compress,
            trusted_proxies=self.trust_proxy,
            static=tuple(map(static_folder, self.static)),
            access_log=self.access_log,
            status_port=self.status_port,
            user=programs.user,
            group=programs.group,
        )


def group_of(user: str) -> str:
    """The name of a user's own group on this machine, "" for no user. InputError for an unknown one."""
    if not user:
        return ""
    try:
        return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    except KeyError:
        raise InputError(f"--user {user}: there is no such user on this machine") from None


def hosts_applications(verb: Verb) -> Verb:
    """Add TARGET and the options that describe a deployment; the verb gets ``hosting``."""

    @APPLICATIONS
    @FRONT
    @PROGRAMS
    @wraps(verb)
    def run(**given: Any) -> Any:
        ours = {name: given.pop(name) for name in (each.name for each in fields(Hosting))}
        return verb(hosting=Hosting(**ours), **given)

    return run
