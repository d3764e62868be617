"""The files of a rehearsal: a minimal httpd.conf of our own around the site's pool, and its WSGI scripts.

Nothing of the site's own files is included: no module, log, certificate, path or user of it is touched.
What decides about processes and connections is written as the site asks for it, so that httpd itself makes
the changes that it would make there, and says so.
"""

from __future__ import annotations

import pwd
from collections.abc import Iterator
from pathlib import Path

from poolwise.deploy.plan import Rendered
from poolwise.deploy.rehearsal import standin
from poolwise.deploy.rehearsal.plan import Mount, Rehearsal
from poolwise.deploy.rendering.quoting import httpd_folder, httpd_word
from poolwise.model import App, DaemonGroup, Setting
from poolwise.servers import peer_parameters

MPM_FILES = {"prefork": "prefork.c", "worker": "worker.c", "event": "event.c"}
START, LOG, PID, SOCKETS = "start.wsgi", "error.log", "httpd.pid", "wsgi"


def files(plan: Rehearsal, folder: Path, port: int) -> list[Rendered]:
    """All files of the rehearsal, to be written below ``folder``."""
    text = "\n".join(configuration(plan, folder, port)) + "\n"
    scripts = [Rendered(script_name(kind), script(plan)) for kind in range(len(plan.mounts))]
    return [Rendered("httpd.conf", text), Rendered(START, start_script(plan)), *scripts]


def script_name(kind: int) -> str:
    """The file of the application for requests of that kind."""
    return f"kind{kind}.wsgi"


def mount_path(plan: Rehearsal, kind: int) -> str:
    """Where requests of that kind go."""
    return "/" if len(plan.mounts) == 1 else f"/kind{kind}"


def configuration(plan: Rehearsal, folder: Path, port: int) -> Iterator[str]:
    """The lines of httpd.conf."""
    yield from _modules(plan)
    yield from (
        f"ServerRoot {httpd_word(str(folder))}",
        f"DefaultRuntimeDir {httpd_word(str(folder))}",
        f"PidFile {PID}",
        "ScoreBoardFile scoreboard",
        f"ErrorLog {LOG}",
        'ErrorLogFormat "[%{cu}t] [%m:%l] [pid %P] %M"',
        "LogLevel info",
        f"Listen 127.0.0.1:{port}",
        "ServerName localhost",
        f"DocumentRoot {httpd_word(str(folder))}",
        f"WSGISocketPrefix {httpd_word(str(folder / SOCKETS))}",
        f"WSGIPythonHome {httpd_word(plan.interpreter.prefix)}",
        f"<Directory {httpd_folder(str(folder))}>\n    Require all granted\n</Directory>",
    )
    if plan.user:
        yield f"User {httpd_word(plan.user)}\nGroup #{pwd.getpwnam(plan.user).pw_gid}"
    yield from (f"{name} {argument(value)}" for name, value in plan.settings.items())
    yield from (daemon(group, plan.mod_wsgi.version) for group in plan.groups)
    for kind, mount in enumerate(plan.mounts):
        yield from _mounted(plan, kind, mount, folder)
    if slow_start(plan):
        for group in dict.fromkeys(_process_group(mount) for mount in plan.mounts):
            file = httpd_word(str(folder / START))
            yield f"WSGIImportScript {file} process-group={group} application-group=%{{GLOBAL}}"


def _modules(plan: Rehearsal) -> Iterator[str]:
    """What has to be loaded and is not built in."""
    mpm = plan.front.architecture
    wanted = {
        MPM_FILES[mpm]: (f"mpm_{mpm}_module", f"mod_mpm_{mpm}.so"),
        "mod_unixd.c": ("unixd_module", "mod_unixd.so"),
        "mod_authz_core.c": ("authz_core_module", "mod_authz_core.so"),
    }
    for source, (name, file) in wanted.items():
        if source not in plan.httpd.built_in:
            yield f"LoadModule {name} {httpd_word(f'{plan.httpd.modules}/{file}')}"
    yield f"LoadModule wsgi_module {httpd_word(plan.mod_wsgi.path)}"


def argument(value: Setting) -> str:
    """A value as httpd reads it; a time that is no whole number of seconds in milliseconds."""
    if isinstance(value, bool):
        return "On" if value else "Off"
    if isinstance(value, float):
        return f"{value:g}" if value.is_integer() else f"{round(value * 1000)}ms"
    return httpd_word(str(value))


def daemon(group: DaemonGroup, mod_wsgi: str) -> str:
    """The group with the options that decide about capacity, as written; no user, no path, no home."""
    known = {row.name for row in peer_parameters("mod_wsgi_daemon", mod_wsgi)} - {"processes", "threads"}
    sizes = [f"threads={group.threads}"]
    if group.multiprocess or group.processes > 1:
        sizes.insert(0, f"processes={group.processes}")
    options = [f"{name}={argument(text)}" for name, text in group.options.items() if name in known]
    return " ".join(["WSGIDaemonProcess", argument(group.name), *sizes, *options, "display-name=%{GROUP}"])


def _mounted(plan: Rehearsal, kind: int, mount: Mount, folder: Path) -> Iterator[str]:
    file, url = httpd_word(str(folder / script_name(kind))), mount_path(plan, kind)
    group, inside = _process_group(mount), argument(mount.application_group)
    yield f"WSGIScriptAlias {url} {file}"
    yield f"<Location {url}>\n    WSGIProcessGroup {group}\n    WSGIApplicationGroup {inside}\n</Location>"
    if mount.eager:
        yield f"WSGIImportScript {file} process-group={group} application-group={inside}"


def _process_group(mount: Mount) -> str:
    return argument(mount.group) if mount.group else "%{GLOBAL}"


def slow_start(plan: Rehearsal) -> bool:
    """Whether the start of a process takes more than httpd and Python need by themselves."""
    usual = App()
    return plan.app.startup_cpu_s > usual.startup_cpu_s or plan.app.startup_wait_s > 0


def start_script(plan: Rehearsal) -> str:
    """What a starting process does beside importing the application."""
    cpu_s = max(plan.app.startup_cpu_s - App().startup_cpu_s, 0.0)
    return f"{_source()}\n\nload(now(), {plan.app.startup_wait_s!r}, {cpu_s!r})\n"


def script(plan: Rehearsal) -> str:
    """The WSGI script of a kind: the stand-in, or the user's application with a watch around it."""
    if plan.own is None:
        costs = f"{plan.app.import_wait_s!r}, {plan.app.import_cpu_s!r}"
        return f"{_source()}\n\nload(now(), {costs})\napplication = stand_in\n"
    return (
        f"{_source()}\n\nbegan = now()\nsys.path.insert(0, {plan.own.folder!r})\n"
        f"application = Watched(imported({plan.own.target!r}))\nload(began, 0.0, 0.0)\n"
    )


def _source() -> str:
    return Path(standin.__file__).read_text("utf-8")
