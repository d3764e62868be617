"""WSGI applications and where each one really runs: inside Apache's processes or in which daemon group.

Sources: src/server/mod_wsgi.c of mod_wsgi 4 to 6: ``wsgi_hook_intercept`` (the first alias that matches
wins, a virtual host's before the main server's; options on the alias win over WSGIProcessGroup),
``wsgi_create_req_config`` (directory over virtual host over main server), ``wsgi_add_script_alias`` and
``wsgi_add_import_script`` (what is loaded when a process starts), ``wsgi_execute_remote`` (which groups a
host may use); src/server/wsgi_daemon.c for the group's options.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property

from poolwise.config.index import Host, Index, Place, below, host_of, path_of, sections_of
from poolwise.config.tree import Directive
from poolwise.config.wsgi_groups import Group, daemon_groups, options, words
from poolwise.model import Application, DaemonGroup, Note

EMBEDDED = "%{GLOBAL}"
RESOURCE = "%{RESOURCE}"
MOST_NAMED = 5  # daemon groups in one sentence


@dataclass(frozen=True, slots=True)
class Script:
    """One place of the configuration that maps a URL space to a WSGI script."""

    mount: str
    file: str
    pattern: bool  # ``mount`` is a regular expression
    options: dict[str, str]
    directive: Directive


@dataclass(frozen=True, slots=True)
class Embedded:
    """What an application inside Apache's own processes is told about them."""

    multiprocess: bool
    multithread: bool


def wsgi(
    index: Index, embedded: Embedded
) -> tuple[tuple[Application, ...], tuple[DaemonGroup, ...], tuple[Note, ...]]:
    """Every WSGI application with its place, every daemon group, and notes on what cannot work.

    ConfigError for a daemon group that is declared twice or with an option that is not ``name=value``.
    """
    groups = daemon_groups(index)
    resolver = _Resolver(index, groups, embedded)
    applications = [app for host in index.hosts for app in resolver.applications(host)]
    used = {app.process_group for app in applications if app.runs == "daemon"} | resolver.imported_groups()
    declared = tuple(replace(group.shown, selected=name in used) for name, group in groups.items())
    return tuple(applications), declared, tuple(dict.fromkeys(resolver.notes))


class _Resolver:
    """Follows each script to the process it runs in; collects notes on the way."""

    def __init__(self, index: Index, groups: dict[str, Group], embedded: Embedded) -> None:
        self.index = index
        self.groups = groups
        self.usable: dict[Host, list[DaemonGroup]] = defaultdict(list)  # by the host that declares them
        for group in groups.values():
            self.usable[group.host].append(group.shown)
        self.embedded = embedded
        self.notes: list[Note] = []
        self.imports = {_imported(directive) for directive in index.named("WSGIImportScript")}
        restrict = index.at_server_level("WSGIRestrictEmbedded", None)
        self.restricted = (
            restrict if restrict and restrict.args[:1] and restrict.args[0].lower() == "on" else None
        )

    def imported_groups(self) -> set[str]:
        """The daemon groups that load a script when they start."""
        return {group for _, group, _ in self.imports if group}

    def applications(self, host: Host) -> list[Application]:
        """The applications declared in one host, and the main server's where the host runs them elsewhere."""
        own = self._scripts(host)
        found = [app for script in own for app in self._placed(script, host, own)]
        for script, usual in self._inherited if host else ():
            here = self._application(script, host, script.mount)
            hidden = any(_hides(closer, script) for closer in own)
            if not hidden and _runs_in(here) != _runs_in(usual):
                found.append(here)
        return found

    @cached_property
    def _inherited(self) -> list[tuple[Script, Application]]:
        """The main server's scripts, which every host has too, and where they run there."""
        return [(script, self._application(script, None, script.mount)) for script in self._scripts(None)]

    def _scripts(self, host: Host) -> list[Script]:
        aliases = [_alias(d) for d in self.index.within(host, "WSGIScriptAlias", "WSGIScriptAliasMatch")]
        handled = [_handled(d, self.index) for d in self.index.within(host, "SetHandler", "AddHandler")]
        return [script for script in (*aliases, *handled) if script]

    def _placed(self, script: Script, host: Host, own: list[Script]) -> list[Application]:
        """The application at its mount, and below it where a <Location> sends part of it elsewhere."""
        for earlier in own[: own.index(script)]:
            if _hides(earlier, script):
                first = f"{earlier.directive.name} {earlier.mount} ({earlier.directive.where})"
                self.notes.append(
                    Note("warning", script.directive.where, f"never reached: {first} comes first")
                )
                return []
        top = self._application(script, host, script.mount)
        found = [top]
        for path in self._deeper_locations(script, host):
            part = self._application(script, host, path)
            if _runs_in(part) != _runs_in(top):
                found.append(replace(part, mount=path))
        return found

    def _deeper_locations(self, script: Script, host: Host) -> list[str]:
        paths = []
        names = ("WSGIProcessGroup", "WSGIApplicationGroup")
        for directive in (
            d for owner in dict.fromkeys((None, host)) for d in self.index.within(owner, *names)
        ):
            inside = [section for section in sections_of(directive) if section.name == "location"]
            path = path_of(inside[-1]) if inside else ""
            if path != script.mount and below(path, script.mount):
                paths.append(path)
        return list(dict.fromkeys(paths))

    def _application(self, script: Script, host: Host, url: str) -> Application:
        place = Place(host, url, script.file)
        group, why = self._choose("process-group", "WSGIProcessGroup", script, place, EMBEDDED)
        application_group, _ = self._choose(
            "application-group", "WSGIApplicationGroup", script, place, RESOURCE
        )
        group = self._expanded(group, place, script)
        daemon = group != EMBEDDED
        known = self.groups.get(group)
        reason = (
            self._reason(group, why, script, place) if daemon else self._embedded_reason(why, script, host)
        )
        return Application(
            mount=script.mount,
            script=script.file,
            host=self.index.hosts[host],
            runs="daemon" if daemon else "embedded",
            process_group=group if daemon else "",
            application_group=application_group,
            eager=self._eager(script, group, application_group),
            reason=reason,
            where=script.directive.where,
            multiprocess=known.shown.multiprocess if known else not daemon and self.embedded.multiprocess,
            multithread=known.shown.threads != 1 if known else not daemon and self.embedded.multithread,
        )

    def _choose(self, option: str, name: str, script: Script, place: Place, default: str) -> tuple[str, str]:
        """A group and where it was chosen: the alias's own option, else what applies at the place."""
        if option in script.options:
            return script.options[option], f"{option} on {script.directive.name} ({script.directive.where})"
        directive = self.index.applying(name, place)
        if directive and directive.args:
            return directive.args[0], f"{directive.name} {directive.args[0]} ({directive.where})"
        return default, ""

    def _expanded(self, group: str, place: Place, script: Script) -> str:
        """Resolve ``%{ENV:name}`` where a SetEnv says what it is; else say that it cannot be told."""
        if not group.startswith("%{ENV:"):
            return group
        name = group[6:].rstrip("}")
        for host in (place.host, None):
            for directive in reversed(self.index.within(host, "SetEnv")):
                if directive.args[:1] == (name,) and len(directive.args) > 1:
                    return directive.args[1]
        text = f"the process group is taken from the variable {name} at each request: it cannot be told which"
        self.notes.append(Note("warning", script.directive.where, text))
        return group

    def _reason(self, group: str, why: str, script: Script, place: Place) -> str:
        """Why it runs in a daemon group; notes a group that it cannot use."""
        known = self.groups.get(group)
        if known is None and not group.startswith("%{ENV:"):
            text = f"no WSGIDaemonProcess is called {group}: each request is answered with an error"
            self.notes.append(Note("error", script.directive.where, f"{text} ({why})"))
        elif known and known.host not in (None, place.host):
            theirs, ours = self.index.server_name(known.host), self.index.server_name(place.host)
            if theirs != ours:
                text = (
                    f"{group} belongs to another virtual host with another ServerName "
                    f"({known.shown.where}): each request is answered with an error"
                )
                self.notes.append(Note("error", script.directive.where, text))
        return why

    def _embedded_reason(self, why: str, script: Script, host: Host) -> str:
        if why:
            reason = f"{why}: inside Apache's own processes"
        else:
            reason = "no WSGIProcessGroup applies to it, so it runs inside Apache's own processes"
            idle = [group for owner in dict.fromkeys((None, host)) for group in self.usable.get(owner, ())]
            if idle:
                named = [f"WSGIDaemonProcess {group.name} ({group.where})" for group in idle[:MOST_NAMED]]
                more = [f"{len(idle) - MOST_NAMED} more"] if len(idle) > MOST_NAMED else []
                declared = ", ".join(named + more)
                are = "is" if len(idle) == 1 else "are"
                reason = f"{declared} {are} declared, but {reason} ({script.directive.where})"
        if self.restricted:
            text = (
                f"WSGIRestrictEmbedded On ({self.restricted.where}): each request is answered with an error"
            )
            self.notes.append(Note("error", script.directive.where, text))
            reason = f"{reason}; {text}"
        return reason

    def _eager(self, script: Script, group: str, application_group: str) -> bool:
        """Loaded when the process starts: both groups on the alias and literal, or a WSGIImportScript."""
        chosen = [script.options.get(name, "%{") for name in ("process-group", "application-group")]
        if all(_literal(value) for value in chosen):
            return True
        there = (script.file, "" if group == EMBEDDED else group, application_group)
        return _literal(application_group) and there in self.imports


def _hides(earlier: Script, later: Script) -> bool:
    """Whether an alias takes every URL of a later one: the first that matches wins."""
    aliases = all(script.directive.key == "wsgiscriptalias" for script in (earlier, later))
    return aliases and below(later.mount, earlier.mount)


def _runs_in(app: Application) -> tuple[str, str]:
    return app.process_group, app.application_group


def _literal(group: str) -> bool:
    return group == EMBEDDED or "%{" not in group


def _alias(directive: Directive) -> Script | None:
    """WSGIScriptAlias URL FILE [name=value ...]."""
    given = words(directive.argline)
    if len(given) < 2:
        return None
    mount = given[0] if given[0] == "/" else given[0].rstrip("/")
    pattern = directive.key.endswith("match")
    return Script(mount, given[1], pattern, options(given[2:], directive), directive)


def _handled(directive: Directive, index: Index) -> Script | None:
    """SetHandler or AddHandler with wsgi-script, or with a name that WSGIHandlerScript gives a script."""
    if not directive.args:
        return None
    handler, suffixes = directive.args[0], directive.args[1:]
    url, folder = _covers(directive, index)
    if handler == "wsgi-script":
        names = ", ".join(f"*.{suffix.lstrip('.')}" for suffix in suffixes) or "*"
        return Script(url, f"{folder.rstrip('/')}/{names}", False, {}, directive)
    for script in index.named("WSGIHandlerScript"):
        given = words(script.argline)
        if len(given) > 1 and given[0] == handler:
            return Script(url, given[1], False, options(given[2:], script), directive)
    return None


def _covers(directive: Directive, index: Index) -> tuple[str, str]:
    """The URL space and the folder of a handler: from its <Location>, or the alias of its <Directory>."""
    inside = sections_of(directive)
    host = host_of(directive)
    root = index.at_server_level("DocumentRoot", host) or index.at_server_level("DocumentRoot", None)
    top = root.args[0] if root and root.args else "/"
    folder = next((path_of(s) for s in inside if s.name == "directory"), "")
    location = next((path_of(s) for s in inside if s.name == "location"), "")
    if location or not folder:
        return location or "/", folder or top
    for alias in index.within(host, "Alias", "ScriptAlias") + index.within(None, "Alias", "ScriptAlias"):
        if len(alias.args) > 1 and below(folder, alias.args[1]):
            rest = folder.rstrip("/")[len(alias.args[1].rstrip("/")) :]
            return alias.args[0].rstrip("/") + rest or "/", folder
    if below(folder, top):
        return folder.rstrip("/")[len(top.rstrip("/")) :] or "/", folder
    return "/", folder


def _imported(directive: Directive) -> tuple[str, str, str]:
    """The script, process group ("" embedded) and application group of a WSGIImportScript."""
    given = words(directive.argline)
    chosen = options(given[1:], directive)
    group = chosen.get("process-group", EMBEDDED)
    return (
        (given[0] if given else ""),
        "" if group == EMBEDDED else group,
        chosen.get("application-group", ""),
    )
