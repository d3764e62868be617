"""The daemon processes of mod_wsgi below a running Apache: whose they are, and how each can be replaced.

Sources: src/server/wsgi_daemon.c of mod_wsgi 4.9.4 and 6.1.1, and what both were seen to do.
"""

from __future__ import annotations

import math
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from poolwise.deploy.running.ready import FAILED, READY
from poolwise.deploy.running.state import Started
from poolwise.model import DaemonGroup, InputError
from poolwise.observe import child_pids, process, title, unix_sockets

#: "marked": our script says so in a file; "eager": before the threads start; "lazy": at the first request
Loading = Literal["marked", "eager", "lazy"]

GRACEFUL_S, SHUTDOWN_S, DEADLOCK_S = 15, 5, 300  # mod_wsgi's own, where the options do not say


@dataclass(frozen=True, slots=True)
class Drain:
    """How a process is told to end, and the longest that it can take (seconds, ``inf`` without a limit)."""

    signal: signal.Signals
    longest_s: float


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a running server."""

    name: str
    server: Started  # Apache's first process
    processes: int
    place: int  # 1 for the server's first WSGIDaemonProcess: the number in its socket's name
    threads: int
    drain: Drain
    loading: Loading
    display: str = ""  # what its processes call themselves
    folder: str = ""  # of the served tree whose script leaves marks

    def pids(self) -> tuple[int, ...]:
        """The processes of the group now, by age. InputError when they cannot be told from others."""
        return tuple(pid for pid in child_pids(self.server.pid) if self._owns(pid))

    def loaded(self, pid: int) -> bool:
        """Whether a process has got as far as taking requests; a lazy one has from the start."""
        if self.loading == "marked":
            return (Path(self.folder) / READY / f"{self.name}.{pid}").exists()
        seen = process(pid)
        return seen is not None and seen.threads > self.threads

    def failure(self, pid: int) -> str:
        """The traceback of a process that could not load the application, where that is known."""
        try:
            path = Path(self.folder) / FAILED / f"{self.name}.{pid}"
            return path.read_text("utf-8", "replace").rstrip() if self.loading == "marked" else ""
        except OSError:
            return ""

    def _owns(self, pid: int) -> bool:
        sockets = unix_sockets(pid)
        if sockets is None:
            return self._has_title(pid)
        # just forked, it still has the sockets of all groups
        return _places(sockets, self.server.pid) == {self.place}

    def _has_title(self, pid: int) -> bool:
        """Whether the process calls itself as the group's do; the name ends where httpd's own path ended."""
        word = title(pid).partition(" ")[0]
        if not word:  # it has just ended
            return False
        if not self.display:
            raise InputError(
                f"this user cannot tell the processes of {self.name} from Apache's own: do this as root, "
                "or add display-name=%{GROUP} to its WSGIDaemonProcess"
            )
        return self.display.partition(" ")[0].startswith(word)


def running_groups(
    server: Started,
    declared: tuple[DaemonGroup, ...],
    loading: Callable[[DaemonGroup], Loading],
    folder: str = "",
) -> tuple[Group, ...]:
    """The groups of a server that was started with these ``WSGIDaemonProcess`` directives, in their order.

    Raises InputError when the server has others.
    """
    found = tuple(
        Group(
            name=each.name,
            server=server,
            processes=each.processes,
            place=place,
            threads=each.threads,
            drain=draining(each.options),
            loading=loading(each),
            display=_displayed(each),
            folder=folder,
        )
        for place, each in enumerate(declared, 1)
    )
    _check(server, found)
    return tuple(each for each in found if each.threads)  # without any it takes no requests


def draining(options: Mapping[str, str]) -> Drain:
    """The signal on which a process with these options loses the fewest requests.

    SIGUSR1: it goes on taking requests until a moment without any, and after eviction-timeout (or
    graceful-timeout) as on SIGINT. SIGINT: it takes no more, and ends with the last one or after
    shutdown-timeout. So SIGINT is the better one as soon as its time is not the shorter one.
    """
    shutdown = _seconds(options, "shutdown-timeout", SHUTDOWN_S)
    graceful = _seconds(options, "graceful-timeout", GRACEFUL_S)
    evicted = _seconds(options, "eviction-timeout", 0) or graceful
    if shutdown == 0 or shutdown >= evicted:
        return Drain(signal.SIGINT, shutdown or math.inf)
    # the thread that keeps these times runs only beside these, and may look as late as graceful-timeout
    watched = _seconds(options, "deadlock-timeout", DEADLOCK_S) or _seconds(options, "inactivity-timeout", 0)
    return Drain(signal.SIGUSR1, evicted + graceful + shutdown if watched and evicted else math.inf)


def _seconds(options: Mapping[str, str], name: str, default: int) -> int:
    written = re.match(r"\s*-?\d+", options.get(name, ""))
    return max(0, int(written[0])) if written else default  # atoi(3), as mod_wsgi reads it


def _displayed(group: DaemonGroup) -> str:
    given = group.options.get("display-name", "")
    return f"(wsgi:{group.name})" if given == "%{GROUP}" else given


def _places(sockets: frozenset[str], server: int) -> set[int]:
    """Which groups of a server these sockets belong to: ``PREFIX.SERVER.GENERATION.PLACE.sock``."""
    name = re.compile(rf"\.{server}\.(?:[^/]*\.)?(\d+)\.sock$")
    return {int(found[1]) for path in sockets if (found := name.search(path))}


def _check(server: Started, groups: tuple[Group, ...]) -> None:
    """InputError when the server was started with other groups, or two look the same to this user."""
    sockets = unix_sockets(server.pid)
    if sockets is not None:
        places = _places(sockets, server.pid)
        if places != {each.place for each in groups}:
            raise InputError(
                f"process {server.pid} runs {len(places)} groups of daemon processes, the configuration has "
                f"{len(groups)}: it was changed since, or is not this server's"
            )
        return
    for one in groups:
        for other in groups:
            if one is not other and one.display and one.display[:15] == other.display[:15]:
                raise InputError(
                    f"the processes of {one.name} and {other.name} look the same to this user; be root"
                )
