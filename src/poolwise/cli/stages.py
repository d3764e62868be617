"""From a site to the stages that its requests pass: Apache in front, and the groups behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from poolwise.cli.servers import Server
from poolwise.cli.work import Work
from poolwise.model import App, Application, DaemonGroup, InputError, Pool, Proxy, Site, Topology
from poolwise.servers import peer_parameters, peer_pool

DAEMON = "mod_wsgi_daemon"
EMBEDDED, PROXIED = "embedded", "proxied"
MAIN = "main server"
NO_CHANGES: Mapping[str, Mapping[str, str]] = {}


@dataclass(frozen=True, eq=False)
class Place:
    """Where applications run: in Apache's own workers, in a daemon group, or in a back end."""

    name: str
    group: DaemonGroup | None
    applications: tuple[Application, ...]

    @property
    def loads(self) -> str:
        """When a process there loads its applications, by mod_wsgi's rules."""
        return "start" if all(app.eager for app in self.applications) else "first request"

    @property
    def interpreters(self) -> int:
        """Python interpreters in each of its processes: one for each application group."""
        names = {
            (app.host, app.mount) if app.application_group == "%{RESOURCE}" else app.application_group
            for app in self.applications
        }
        return max(len(names), 1)

    def kinds(self, gil: str) -> int:
        """Kinds of requests that have to be told apart there: only interpreters with GILs of their own."""
        return self.interpreters if gil == "per-interpreter" else 1

    @property
    def words(self) -> str:
        """The place with what runs there: ``/ (group shop)``."""
        where = self.name if self.group is None else f"group {self.name}"
        mounts = (
            app.mount if app.host == MAIN else f"{app.mount} of {_server_name(app)}"
            for app in self.applications
        )
        return f"{', '.join(mounts)} ({where})"

    @property
    def names(self) -> set[str]:
        """Mounts and host names by which ``--share`` may call it."""
        return {name for app in self.applications for name in (app.mount, _server_name(app))}


@dataclass(frozen=True)
class Case:
    """One run to be made: what requests pass, and what the application costs in each stage."""

    label: str
    where: Pool | Topology
    app: App
    apps: Mapping[str, App]
    assumptions: tuple[str, ...] = ()
    httpd: bool = True  # whether Apache is in front


def _server_name(app: Application) -> str:
    return app.host.split()[-1]  # of "*:80 shop.example"


def places(site: Site) -> tuple[Place, ...]:
    """The places in which applications run: Apache's own processes, then others in the order of the files.

    Applications whose process group does not exist are left out: each of their requests is an error.
    """
    groups = {group.name: group for group in site.daemon_groups}
    found: dict[str, list[Application]] = {}
    for app in sorted(site.applications, key=lambda app: app.runs != EMBEDDED):
        if app.runs == "daemon" and (
            app.process_group not in groups or not groups[app.process_group].threads
        ):
            continue
        name = app.process_group if app.runs == "daemon" else app.runs
        found.setdefault(name, []).append(app)
    return tuple(
        Place(name, groups.get(name) if apps[0].runs == "daemon" else None, tuple(apps))
        for name, apps in found.items()
    )


def group_pool(group: DaemonGroup, changes: Mapping[str, str], version: str) -> Pool:
    """The pool of a daemon group: its options as written, and ``changes`` to them.

    Options that do not concern capacity are left out. InputError names the line of a value out of range.
    """
    known = {row.name for row in peer_parameters(DAEMON, version)}
    asked: dict[str, float | str] = {"processes": group.processes, "threads": group.threads}
    asked |= {name: text for name, text in group.options.items() if name in known and name not in asked}
    asked |= {name.lower().replace("_", "-"): text for name, text in changes.items()}
    try:
        return peer_pool(DAEMON, asked, version, group.name)
    except InputError as error:
        raise InputError(f"WSGIDaemonProcess {group.name} ({group.where}): {error}") from None


@dataclass(frozen=True)
class Stages:
    """A site as the stages of a simulation: everything that its runs have in common.

    ``where``: the places to which traffic goes; what else is configured stands still and is left out.
    """

    site: Site
    where: tuple[Place, ...]
    app: App
    work: Work
    proxy: Proxy | None = None
    back_end: Server | None = None
    mod_wsgi: str = ""
    chained: bool = False  # whether the kernel of one pool is not enough in any case

    def case(self, label: str, front: Pool, changes: Mapping[str, Mapping[str, str]] = NO_CHANGES) -> Case:
        """The run with this front pool, and ``changes`` to the options of daemon groups by name."""
        where = self.where
        self._check(changes)
        pools: list[Pool] = []
        routes: list[int] = []
        apps: dict[str, App] = {}
        for place in where:
            pool, loads = self._pool(place, changes), place.loads
            routes += [len(pools) if pool else -1] * place.kinds(self.work.gil)
            if pool:
                server = self.back_end if place.group is None else None
                pools.append(pool)
                apps[pool.name] = self.work.of(
                    self.app, server.loads if server else loads, place.interpreters
                )
        if not pools:
            return self._front_only(label, front, where)
        own = next((place for place in where if self._pool(place, changes) is None), None)
        front = replace(front, name=f"Apache {front.architecture}")
        if own:
            app = self.work.of(self.app, own.loads, own.interpreters)
        else:  # a start of the front's processes does not load the application
            app = replace(self.app, startup_cpu_s=App().startup_cpu_s, startup_wait_s=0.0)
        topology = Topology(front, tuple(pools), tuple(routes), self.proxy)
        return Case(label, topology, app, apps, self._assumed(where))

    def _front_only(self, label: str, front: Pool, where: tuple[Place, ...]) -> Case:
        embedded = next((place for place in where if place.name == EMBEDDED), None)
        loads, count = (embedded.loads, embedded.interpreters) if embedded else ("first request", 1)
        app = self.work.of(self.app, loads, count)
        alone = not (self.chained or self.proxy)
        return Case(
            label,
            front if alone else Topology(front, proxy=self.proxy),
            app,
            {},
            self._assumed(where),
        )

    def _pool(self, place: Place, changes: Mapping[str, Mapping[str, str]]) -> Pool | None:
        if place.group is not None:
            return group_pool(place.group, changes.get(place.name, {}), self.mod_wsgi)
        if place.name == PROXIED and self.back_end is not None:
            return replace(self.back_end.pool, name=self.back_end.text)
        return None

    def _check(self, changes: Mapping[str, Mapping[str, str]]) -> None:
        """InputError for changes to a group in which nothing runs."""
        names = [place.name for place in self.where if place.group]
        for name in changes:
            if name not in names:
                there = f"there are {', '.join(names)}" if names else "none gets any"
                raise InputError(
                    f"{name}: no traffic goes to a daemon group of this name ({there}; see --share)"
                )

    def _assumed(self, where: tuple[Place, ...]) -> tuple[str, ...]:
        words = []
        for place in where:
            if place.name == PROXIED and self.back_end is None:
                target = place.applications[0].script
                words.append(f"the back end {target} has room for every request (--server describes it)")
            if place.group and "request-timeout" in place.group.options and not self.mod_wsgi:
                words.append("mod_wsgi is the newest one, whose request-timeout differs (--mod-wsgi-version)")
        if self.work.imports and not self.work.loads:
            words += [f"{place.words} is loaded {_when(place.loads)} of a process" for place in where]
        return tuple(words)


def _when(loads: str) -> str:
    return "at the start" if loads == "start" else "in the first request"
