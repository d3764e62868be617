"""From what a configuration says to what httpd will really do with it: the effective ``Site``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from poolwise.config.evaluator import evaluate
from poolwise.config.front import front
from poolwise.config.hosts import hosts
from poolwise.config.index import Index
from poolwise.config.logs import logs
from poolwise.config.mpm import check_arguments, find_mpm, version_or_hint
from poolwise.config.proxied import proxied
from poolwise.config.settings import settings
from poolwise.config.tree import Evaluation
from poolwise.config.world import World
from poolwise.config.wsgi import Embedded, wsgi
from poolwise.model import Note, Site, Value
from poolwise.servers import NEWEST, pool


@dataclass(frozen=True)
class Configuration:
    """A configuration as read (``evaluation``) and as in force (``site``)."""

    site: Site
    evaluation: Evaluation


def load(
    conf: str | Path,
    *,
    mpm: str = "",
    httpd_version: str = "",
    defines: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    text: str | None = None,
) -> Configuration:
    """Read ``conf`` (a file or server root; ``text`` in its stead) and work out what is in force.

    ``mpm``: the MPM built into httpd, where no LoadModule line names one. ``httpd_version``: "2.2", "2.4"
    or a release; newest 2.4 when empty. ConfigError and InputError say which line or argument is wrong.
    """
    check_arguments(mpm, httpd_version)
    world = World(
        httpd_version=httpd_version or NEWEST, mpm=mpm, defines=defines or {}, environment=environment or {}
    )
    evaluation = evaluate(conf, world, text)
    return Configuration(effective(evaluation, mpm, httpd_version), evaluation)


def effective(evaluation: Evaluation, mpm: str = "", httpd_version: str = "") -> Site:
    """The site that an evaluation makes; arguments and errors as for ``load``."""
    architecture, mpm_where, mpm_notes = find_mpm(evaluation, mpm)
    version, version_notes = version_or_hint(evaluation, httpd_version)
    values, setting_notes = settings(evaluation, architecture, version)
    index = Index(evaluation)
    applications, groups, wsgi_notes = wsgi(index, _embedded(architecture, values, version))
    written, log_notes = logs(index, evaluation.server_root)
    return Site(
        root=evaluation.root,
        httpd_version=version,
        mpm=architecture,
        mpm_where=mpm_where,
        values=values,
        modules=evaluation.modules,
        applications=applications + proxied(index),
        daemon_groups=groups,
        hosts=hosts(index, values, architecture, version),
        logs=written,
        front=front(index, values["Listen"]),
        inactive=evaluation.inactive,
        notes=(
            *evaluation.notes, *mpm_notes, *version_notes, *setting_notes, *log_notes, *wsgi_notes,
            *_missing_mod_wsgi(evaluation, index),
        ),
        files=evaluation.files,
    )  # fmt: skip


def _embedded(architecture: str, values: Mapping[str, Value], version: str) -> Embedded:
    """What mod_wsgi asks the MPM (``wsgi_hook_init``): may there be several processes, has each threads."""
    processes = pool(architecture, values, version).process_limit
    return Embedded(processes != 1, architecture != "prefork")


def _missing_mod_wsgi(evaluation: Evaluation, index: Index) -> tuple[Note, ...]:
    """WSGI directives without mod_wsgi: httpd refuses them, unless this is only part of a configuration."""
    used = index.named("WSGIScriptAlias", "WSGIDaemonProcess", "WSGIProcessGroup")
    if not used or any(module.name == "wsgi_module" for module in evaluation.modules):
        return ()
    text = f"{used[0].name} is used, but nothing that was read loads wsgi_module: httpd would refuse it"
    return (Note("warning", used[0].where, text),)
