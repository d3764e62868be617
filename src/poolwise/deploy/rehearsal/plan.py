"""What is to be rehearsed: the pool, the places where applications run, the traffic, and the servers used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from poolwise.deploy.plan import Httpd, Interpreter, ModWsgi
from poolwise.model import App, DaemonGroup, Pool, Setting, Topology, Workload


@dataclass(frozen=True, slots=True)
class Mount:
    """Where the requests of one kind run, and when a process loads the application for them."""

    group: str = ""  # the daemon group; "" is Apache's own processes
    application_group: str = "%{GLOBAL}"
    eager: bool = False  # when a process starts, not in its first request


@dataclass(frozen=True, slots=True)
class OwnApplication:
    """The user's application, where it takes the place of the stand-in."""

    target: str  # "shop.wsgi:application", or the absolute path of a script
    folder: str  # first on sys.path
    path: str = "/"  # what is asked for


@dataclass(frozen=True)
class Rehearsal:
    """Everything that a rehearsal needs. ``mounts`` by kind of request, as ``where.routes``.

    ``settings``: directives of the MPM and of connections as asked for, in Apache's spelling;
    ``thread_limit``: what comes of ThreadLimit, 1 for prefork. ``app``: what loading costs, and the CPU
    share of requests. ``user``: what root drops to. ``cores``: that httpd may use, 0 for all.
    """

    httpd: Httpd
    mod_wsgi: ModWsgi
    interpreter: Interpreter
    where: Topology
    settings: Mapping[str, Setting]
    thread_limit: int
    groups: tuple[DaemonGroup, ...]
    mounts: tuple[Mount, ...]
    load: Workload
    app: App
    own: OwnApplication | None = None
    user: str = ""
    cores: int = 0
    label: str = ""

    @property
    def imports(self) -> bool:
        """Whether loading the application costs anything."""
        return self.own is not None or self.app.import_cpu_s > 0 or self.app.import_wait_s > 0

    @property
    def front(self) -> Pool:
        """Apache's own pool."""
        return self.where.front
