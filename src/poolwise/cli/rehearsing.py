"""From a site and its traffic to a ``Rehearsal``, and to the simulation that is shown beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poolwise.cli.division import Division
from poolwise.cli.stages import Case, Place, Stages
from poolwise.cli.targets import absolute, mounted
from poolwise.cli.work import Work
from poolwise.deploy import (
    Httpd,
    Interpreter,
    ModWsgi,
    Mount,
    OwnApplication,
    Rehearsal,
    Rehearsed,
    find_apache,
    find_python,
    preflight,
    requests_of,
    service_user,
)
from poolwise.model import App, Clients, InputError, Machine, Site, Topology, Value
from poolwise.observe import this_machine
from poolwise.servers import pool, settle

if TYPE_CHECKING:
    from poolwise.model import Run, Setting, Workload
    from poolwise.simulation import Incident

NOT_OURS = ("Listen", "ScoreBoardFile")  # the rehearsal has its own
SHAKEN, SHAKEN_REQUESTS = 10, 50_000  # simulations, and requests of all of them together
SHAKE_S = 0.005
RESOURCE, GLOBAL = "%{RESOURCE}", "%{GLOBAL}"


@dataclass(frozen=True)
class Servers:
    """What a rehearsal runs on, and the user's own application where that takes part."""

    httpd: Httpd
    interpreter: Interpreter
    mod_wsgi: ModWsgi
    user: str
    cores: int
    own: OwnApplication | None


def find_servers(asked: Mapping[str, Any]) -> Servers:
    """The servers and the application that the verb's options name. Raises InputError."""
    httpd = find_apache(asked["httpd"])
    user = asked["user"] or (service_user() if os.geteuid() == 0 else "")
    any_will_do = not asked["application"]
    interpreter, mod_wsgi = find_python(httpd, asked["python"], user, any_will_do, asked["mod_wsgi"])
    own = None if any_will_do else _own(asked["application"], asked["folder"], asked["url"])
    if own:
        preflight(interpreter, own.target, own.folder, user=user, health=own.path)
    return Servers(httpd, interpreter, mod_wsgi, user, asked["cores"], own)


def _own(text: str, folder: str, url: str) -> OwnApplication:
    mount, target = mounted(text)
    if mount != "/":
        raise InputError(f"--application {text}: it takes the place of each one; leave its path out")
    beside = str(Path(target).parent) if target.startswith("/") else "."
    return OwnApplication(target, absolute(folder or beside), requests_of((url,), "", "")[0].path)


@dataclass(frozen=True)
class Rehearsing:
    """A site with what its applications cost, and the servers that stand for its own."""

    site: Site
    divided: Division
    app: App
    work: Work
    servers: Servers
    load: Workload

    def plan(self) -> Rehearsal:
        """What is to be rehearsed."""
        where = self._case(self.work).where
        topology = where if isinstance(where, Topology) else Topology(where)
        places = tuple(self.divided.used)
        values = self._values()
        limit = values["ThreadLimit"].value if "ThreadLimit" in values else 1
        return Rehearsal(
            httpd=self.servers.httpd,
            mod_wsgi=self.servers.mod_wsgi,
            interpreter=self.servers.interpreter,
            where=topology,
            settings=self._settings(),
            thread_limit=int(str(limit)),
            groups=tuple(place.group for place in places if place.group),
            mounts=tuple(self._mount(place) for place in places) or (Mount(),),
            load=self.load,
            app=self.work.of(self.app, "start"),
            own=self.servers.own,
            user=self.servers.user,
            cores=self.servers.cores,
            label="rehearsed",
        )

    def expected(self) -> Run:
        """What the simulation says before anything is started."""
        return self._simulated(self._case(self.work), self.load, ())

    def beside(self, done: Rehearsed, incidents: Sequence[Incident]) -> Run:
        """The simulation of the traffic as it was sent, with what was measured of the user's application."""
        wall_s, cpu_s = done.import_s
        work = replace(self.work, import_cpu_s=cpu_s, import_wait_s=wall_s - cpu_s)
        return self._simulated(self._case(work if self.servers.own else self.work), done.sent, incidents)

    def shaken(self, done: Rehearsed, incidents: Sequence[Incident]) -> list[Run]:
        """Simulations as ``beside``, with every arrival moved by up to 5 ms; none of very much traffic."""
        times = min(SHAKEN, SHAKEN_REQUESTS // max(len(done.sent), 1))
        return [
            self.beside(replace(done, sent=_moved(done.sent, seed)), incidents)
            for seed in range(times if len(done.sent) else 0)
        ]

    def _simulated(self, case: Case, load: Workload, incidents: Sequence[Incident]) -> Run:
        from poolwise.simulation import simulate

        machine = Machine(self.servers.cores or this_machine().cores)
        run = simulate(
            case.where,
            load,
            app=case.app,
            apps=case.apps,
            machine=machine,
            incidents=incidents,
            label=case.label,
        )
        return replace(run, assumptions=(*case.assumptions, *self.divided.assumed))

    def _case(self, work: Work) -> Case:
        """The pools as this httpd has them, and what the application costs in each."""
        version = self.servers.httpd.version
        load = self.load
        chained = (
            bool(self.servers.own) or work.said or load.connection is not None or load.clients != Clients()
        )
        stages = Stages(
            self.site,
            tuple(self.divided.used),
            self.app,
            work,
            mod_wsgi=self.servers.mod_wsgi.version,
            chained=chained,
        )
        return stages.case("simulated", pool(self.site.mpm, self._values(), version))

    def _values(self) -> dict[str, Value]:
        """The site's values with those of the application's host, as this httpd settles them."""
        return settle(self.site.mpm, self._asked(), self.servers.httpd.version)

    def _asked(self) -> dict[str, Value]:
        names = [place.applications[0].host for place in self.divided.used if place.applications]
        hosts = [host for host in self.site.hosts if host.name in names[:1]]
        return {**self.site.values, **(hosts[0].values if hosts else {})}

    def _settings(self) -> dict[str, Setting]:
        """What the configuration sets, as it was written."""
        return {
            name: value.asked
            for name, value in self._asked().items()
            if value.asked is not None
            and name not in NOT_OURS
            and (value.where.file or not value.where.note.startswith("compiled-in default"))
        }

    def _mount(self, place: Place) -> Mount:
        eager = (self.work.loads or place.loads) == "start"
        inside = place.applications[0].application_group or GLOBAL
        if eager and inside == RESOURCE:  # only a group with a name can be loaded at the start
            inside = GLOBAL
        return Mount(place.group.name if place.group else "", inside, eager)


def _moved(load: Workload, seed: int) -> Workload:
    import numpy as np

    moved = load.arrivals_s + np.random.default_rng(seed).uniform(-SHAKE_S, SHAKE_S, len(load))
    return replace(load, arrivals_s=np.clip(np.sort(moved), 0.0, load.duration_s))


def check_work(work: Work) -> None:
    """InputError for applications that mod_wsgi cannot run as they are described."""
    if work.loads == "preload":
        raise InputError("--loads preload cannot be rehearsed: mod_wsgi loads nothing before it forks")
    if work.gil != "shared":
        raise InputError(
            f"--gil {work.gil} cannot be rehearsed: the threads of a process share one GIL there"
        )


def first_part(load: Workload, limit_s: float) -> Workload:
    """The requests of the first ``limit_s`` seconds, all of a workload that is no longer. InputError."""
    if limit_s <= 0:
        raise InputError("--limit 0 makes no sense: give a time above 0")
    if limit_s >= load.duration_s:
        return load
    count = int((load.arrivals_s < limit_s).sum())
    arrays = ("arrivals_s", "service_s", "cpu_s", "upload_s", "download_s", "connection", "think_s", "kind")
    cut = {name: values[:count] for name in arrays if (values := getattr(load, name)) is not None}
    words = f"the first {limit_s:g} s of {load.duration_s:g} s of traffic (--limit)"
    return replace(load, duration_s=limit_s, assumptions=(*load.assumptions, words), **cut)
