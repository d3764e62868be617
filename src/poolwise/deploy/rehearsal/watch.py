"""Watching the rehearsed httpd: who is born and dies, and what its scoreboard shows each second.

Births are seen in the list of children every 50 ms, and dated by the kernel to 10 ms; deaths are told by the
kernel at once (pidfd_open(2)). The scoreboard is read from its file. httpd does nothing for any of it.
"""

from __future__ import annotations

import mmap
import os
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from poolwise.deploy.rehearsal.server import Running
from poolwise.model import Pool
from poolwise.observe import Scoreboard, born_s, child_pids, cpu_s, decode, title

if TYPE_CHECKING:
    from poolwise.simulation import Incident

LOOK_S, MIDDLE_S = 0.05, 0.5
FRONT = ""
ALIVE = float("inf")
SIGNALS = {"graceful": signal.SIGUSR1, "restart": signal.SIGHUP}


@dataclass(slots=True)
class Offspring:
    """A child of httpd's parent, in seconds of the run. ``group``: None while it is not known."""

    pid: int
    born_s: float
    ended_s: float = ALIVE
    group: str | None = None  # "" is Apache's own pool


@dataclass(frozen=True, slots=True)
class Glance:
    """What the scoreboard showed at ``time_s``, in workers; ``idle`` as httpd counts. -1: it is not read."""

    time_s: float
    busy: int
    idle: int
    cpu_s: float  # that httpd and its children have used so far


@dataclass
class Watch:
    """Everything that was seen, while it is seen."""

    running: Running
    pool: Pool
    thread_limit: int
    segment: mmap.mmap | None
    offspring: dict[int, Offspring] = field(default_factory=dict)  # by pid, those that live
    buried: list[Offspring] = field(default_factory=list)
    cpu_s: float = 0.0  # of children that have ended
    unreaped: set[int] = field(default_factory=set)
    glances: list[Glance] = field(default_factory=list)
    crashed: set[int] = field(default_factory=set)
    used: float = 0.0  # mean share of the machine's cores in use
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    @property
    def now_s(self) -> float:
        """Seconds since second 0 of the run."""
        return time.monotonic() - self.running.start_s

    def until(
        self,
        over: Callable[[], bool],
        incidents: Sequence[Incident] = (),
        advance: Callable[[float], None] = lambda now_s: None,
    ) -> None:
        """Watch until ``over``, or until httpd has ended; let the incidents happen meanwhile."""
        plan = sorted(incidents, key=lambda incident: incident.time_s, reverse=True)
        psutil.cpu_percent()  # from here on
        step = 0
        while self.running.child.alive and not over():
            now_s = self.now_s
            if plan and now_s >= plan[-1].time_s:
                self._happen(plan.pop())
            if now_s >= step * LOOK_S:
                self._look()
                step = int(self.now_s / LOOK_S) + 1
                advance(now_s)
            self._wait(step * LOOK_S - self.now_s)
        self.used = psutil.cpu_percent() / 100.0
        self._close()

    def _wait(self, seconds: float) -> None:
        """Until then, or until a child ends."""
        for key, _ in self.selector.select(max(seconds, 0.0)):
            self._bury(key)

    def _bury(self, key: selectors.SelectorKey) -> None:
        self.selector.unregister(key.fileobj)
        os.close(key.fd)
        child = self.offspring.pop(key.data)
        self.cpu_s += cpu_s(child.pid)
        child.ended_s = self.now_s
        self.buried.append(child)
        self.unreaped.add(child.pid)

    def _look(self) -> None:
        """Who has been born; and, from the middle of each second on, once what the workers do."""
        there = set(child_pids(self.running.child.pid))
        self.unreaped &= there
        for pid in sorted(there - self.unreaped - self.offspring.keys()):
            self._welcome(pid)
        board = self._board()
        for slot in board.slots if board else ():
            if slot.pid in self.offspring:
                self.offspring[slot.pid].group = FRONT
        for child in self.offspring.values():
            if child.group is None:
                child.group = _group(title(child.pid))
        if self.now_s >= len(self.glances) + MIDDLE_S:
            self._glance(board)

    def _board(self) -> Scoreboard | None:
        if self.segment is None:
            return None
        return decode(self.segment, self.pool.server_limit, self.thread_limit, self.pool.threads)

    def _glance(self, board: Scoreboard | None) -> None:
        busy = idle = -1
        if board:
            busy = sum(slot.busy for slot in board.slots if slot.pid in self.offspring)
            idle = board.idle(self.pool.threads > 1)
        used_s = self.cpu_s + sum(map(cpu_s, (self.running.child.pid, *self.offspring)))
        self.glances.append(Glance(self.now_s, busy, idle, used_s))

    def _welcome(self, pid: int) -> None:
        try:
            number = os.pidfd_open(pid)
        except OSError:  # it has been reaped since
            return
        self.offspring[pid] = Offspring(pid, born_s(pid) - self.running.start_s)
        self.selector.register(number, selectors.EVENT_READ, pid)

    def _happen(self, incident: Incident) -> None:
        if incident.kind in SIGNALS:
            self.running.child.tell(SIGNALS[incident.kind])
            return
        own = [child for child in self.offspring.values() if child.group == FRONT]
        for child in sorted(own, key=lambda child: child.born_s)[: incident.count]:
            self.crashed.add(child.pid)
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)

    def _close(self) -> None:
        for key in list(self.selector.get_map().values()):
            os.close(key.fd)
        self.selector.close()

    @property
    def everyone(self) -> list[Offspring]:
        """Every child, in the order of birth."""
        return sorted([*self.buried, *self.offspring.values()], key=lambda child: child.born_s)


def _group(text: str) -> str | None:
    """The group of a daemon process, by what mod_wsgi calls it: ``(wsgi:shop) ...``."""
    if text.startswith("(wsgi:") and ")" in text:
        return text[len("(wsgi:") : text.index(")")]
    return None
