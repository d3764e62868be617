"""Rolling a running Apache by its configuration, whoever wrote it and whatever started it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from poolwise.config import Configuration, load
from poolwise.deploy.finding.find import find_interpreter
from poolwise.deploy.finding.preflight import preflight
from poolwise.deploy.reloading.groups import Group, Loading, running_groups
from poolwise.deploy.reloading.rolling import Roll
from poolwise.deploy.running.health import EVERY, Health, Wait
from poolwise.deploy.running.ready import READY, forget_markers
from poolwise.deploy.running.state import Started
from poolwise.model import Application, DaemonGroup, InputError, ServerError, Site
from poolwise.observe import born_s, process

CLOCK_S = 2.0  # a process that is younger than its pid file by more than this is not the one that wrote it
ASKED_A_PROCESS = 5  # health requests: enough that a single sick process among them is met


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is done."""

    health: Health | None  # None: the one that the configuration suggests
    ask: bool = True  # for health at all
    try_first: bool = True  # load the new code in a process of its own first
    accept_gap: bool = False  # of groups with a single process
    load_s: float = 60.0


def groups_of(folder: str, server: Started) -> tuple[Group, ...]:
    """The groups of the Apache that runs the tree in ``folder``, whose scripts leave marks."""
    site = load(Path(folder) / "apache" / "httpd.conf").site
    return running_groups(server, site.daemon_groups, lambda group: "marked", folder)


def reload_foreign(
    configuration: Configuration, pid: int, manner: Manner, *, say: Callable[[str], None], wait: Wait
) -> None:
    """Exchange every daemon process of the Apache that runs this configuration, one at a time.

    ``pid``: of its first process, 0 to read it from its PidFile. Raises InputError before anything is
    touched (no such server, another user's, a group of a single process), ServerError when the new code
    does not load, or a process does not come back healthy.
    """
    site = configuration.site
    server = _server(configuration, pid)
    groups = running_groups(server, site.daemon_groups, partial(when_loaded, configuration), _tree(site))
    if not groups:
        raise InputError(
            f"{site.root} has no daemon processes to exchange; embedded applications take new code at "
            "'apachectl graceful', which leaves requests to be finished"
        )
    with _alone(site.root):
        rolls = [_prepared(configuration, group, manner, say, wait) for group in groups]
        _say_changes(site, server, say)
        for roll in rolls:
            roll.run()


@contextmanager
def _alone(conf: str) -> Iterator[None]:
    """Hold the configuration's file locked until the end. InputError when another reload holds it."""
    with Path(conf).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"another reload by {conf} runs; wait for its end") from error
        yield


def _prepared(
    configuration: Configuration, group: Group, manner: Manner, say: Callable[[str], None], wait: Wait
) -> Roll:
    """A group with everything checked that can be before a process is touched."""
    site = configuration.site
    inside = _inside(site, group.name)
    load_s = 0.0
    for each in inside if manner.try_first else ():
        load_s = max(load_s, _try(configuration, group, each, say))
    if group.processes == 1:
        gap = f"about {load_s + 1:.0f} s" if load_s else "as long as loading takes, and up to a second more"
        if not manner.accept_gap:
            raise InputError(
                f"{group.name} has a single process: while it is exchanged requests wait ({gap}); give it a "
                "second one (processes=2), or accept that with --accept-gap"
            )
        say(f"{group.name} has a single process: requests wait meanwhile ({gap})")
    if group.loading == "lazy":
        say(
            f"{group.name} loads at its first request, which waits for that; it loads before when "
            "WSGIScriptAlias has process-group= and application-group="
        )
    health = (manner.health or suggested_health(configuration, inside)) if manner.ask else None
    if health is None and manner.ask:
        say(f"{group.name}: what to ask for its health cannot be seen; nothing is asked (--health URL)")
    if health and group.loading != "marked":
        health = replace(health, requests=ASKED_A_PROCESS * group.processes)
    if group.loading == "marked":
        forget_markers(group.folder)
    return Roll(group, health, say, wait, manner.load_s)


def _server(configuration: Configuration, pid: int) -> Started:
    """The running server's first process. InputError when there is none, or the id is another's by now."""
    said = f"pid {pid}"
    if not pid:
        path = _pid_file(configuration)
        said = str(path)
        try:
            pid = int(path.read_text("ascii", "replace").strip() or "0")
            written = path.stat().st_mtime
        except FileNotFoundError as error:
            raise InputError(f"{path} does not exist: the server does not run, or give --pid") from error
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read as a process id: {error}; give --pid") from error
        if process(pid) and time.time() - (time.monotonic() - born_s(pid)) > written + CLOCK_S:
            raise InputError(f"{path} is of a server that runs no more: process {pid} is younger than it")
    seen = process(pid)
    if not seen:
        raise InputError(f"no process {pid} runs ({said}); the server is down")
    try:
        os.kill(pid, 0)
    except PermissionError as error:
        raise InputError(
            f"the server (pid {pid}) belongs to uid {seen.uid}: do this as that user, or as root (sudo)"
        ) from error
    return Started("httpd", pid, seen.started)


def _pid_file(configuration: Configuration) -> Path:
    """Where httpd writes its process id: PidFile, else below DefaultRuntimeDir (server/core.c)."""
    root = Path(configuration.evaluation.server_root)
    if named := _last(configuration, "pidfile"):
        return root / named
    if folder := _last(configuration, "defaultruntimedir"):
        return root / folder / "httpd.pid"
    raise InputError(f"{configuration.site.root} has no PidFile; give the server's process id with --pid")


def _last(configuration: Configuration, key: str) -> str:
    found = [each.args[0] for each in configuration.evaluation.directives if each.key == key and each.args]
    return found[-1] if found else ""


def when_loaded(configuration: Configuration, group: DaemonGroup) -> Loading:
    """When a process of a group loads its applications, and how that is seen."""
    site = configuration.site
    if _tree(site):
        return "marked"
    imports = [each for each in configuration.evaluation.directives if each.key == "wsgiimportscript"]
    named = {word.partition("=")[2].strip("'\"") for each in imports for word in each.args}
    if group.name in named:
        return "eager"
    inside = _inside(site, group.name)
    return "eager" if inside and all(each.eager for each in inside) else "lazy"


def _inside(site: Site, group: str) -> list[Application]:
    """The applications that run in a group."""
    return [each for each in site.applications if each.runs == "daemon" and each.process_group == group]


def _tree(site: Site) -> str:
    """The folder of the tree that we rendered this configuration for, "" when it is not one of ours."""
    conf = Path(site.root).absolute()
    folder = conf.parent.parent
    return str(folder) if conf.parent.name == "apache" and (folder / READY).is_dir() else ""


def _try(
    configuration: Configuration, group: Group, application: Application, say: Callable[[str], None]
) -> float:
    """Load the script as the group would, in a process of its own; the seconds it took, 0 when unknown."""
    options = {each.name: each.options for each in configuration.site.daemon_groups}[group.name]
    home = options.get("python-home") or _last(configuration, "wsgipythonhome")
    if not home:
        say(f"{group.name}: its Python is not told (python-home), so the new code is not tried out before")
        return 0.0
    try:
        loaded = preflight(
            find_interpreter(home),
            application.script,
            options.get("home") or str(Path(application.script).parent),
            python_path=tuple(filter(None, options.get("python-path", "").split(":"))),
            user=_user(configuration, options.get("user", "")),
            ask=False,
        )
    except InputError as error:
        raise ServerError(f"{group.name}: no process was touched, as {error}") from error
    say(f"{group.name}: the new code loads ({loaded.import_wall_s:.1f} s in a process of its own)")
    return loaded.import_wall_s


def _user(configuration: Configuration, of_group: str) -> str:
    return (of_group or _last(configuration, "user")) if os.geteuid() == 0 else ""


def suggested_health(configuration: Configuration, inside: list[Application]) -> Health | None:
    """The first application of a group, asked where the configuration listens."""
    if not inside:
        return None
    address, _, name = inside[0].host.partition(" ")
    listens = _last(configuration, "listen")
    host, _, port = (listens if address == "main" else address).replace("_default_", "*").rpartition(":")
    if not port.isdecimal():
        port = listens.rpartition(":")[2]
    bare = host.strip("[]")
    site_name = name if address != "main" else ""
    return Health(EVERY.get(bare, bare), int(port), inside[0].mount, site_name, tls=port == "443")


def _say_changes(site: Site, server: Started, say: Callable[[str], None]) -> None:
    """Tell when the configuration is newer than the server: what is rolled reads none."""
    since_s = time.time() - (time.monotonic() - born_s(server.pid))
    newer = [path for path in site.files if Path(path).exists() and Path(path).stat().st_mtime > since_s]
    if newer:
        say(
            f"{newer[0]} is newer than the server: settings are not read now, but at 'apachectl graceful', "
            "which ends requests in daemon processes after 3 s"
        )
