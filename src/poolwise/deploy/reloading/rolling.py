"""New code without a gap: the processes of a group are exchanged one at a time, while the others serve.

A process is told to end, finishes its requests, and Apache starts another in its place, which loads the new
code. Only when that one has loaded, and requests through the front are answered well, is it the next one's
turn. Memory stays what it was, and one process less than usual serves.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from poolwise.deploy.reloading.groups import Group
from poolwise.deploy.running.health import Health, Wait, ailment
from poolwise.model import InputError, ServerError
from poolwise.observe import alive, process

SHORT_S, TELL_S, SLACK_S = 0.05, 5.0, 5.0
REAPED_S = 10.0  # Apache looks for ended children once a second, and may be busy
LOAD_S = 60.0
DEATHS = 3  # of newcomers, before we believe that they die of the new code


@dataclass(slots=True)
class Roll:
    """One group being rolled. ``wait(seconds, *files)`` passes the time and may raise."""

    group: Group
    health: Health | None
    say: Callable[[str], None]
    wait: Wait
    load_s: float = LOAD_S  # how long a process may take to load
    old: dict[int, int] = field(default_factory=dict)  # process -> its start time
    seen: list[int] = field(default_factory=list)  # newcomers, those that have died included
    loaded: list[int] = field(default_factory=list)  # newcomers that have loaded, in that order
    ailed: bool = False  # whether health checks failed already before

    def run(self) -> None:
        """Exchange every process.

        Raises ServerError, with the traceback where there is one, when a process does not come back
        healthy: the others then go on serving the old code. InputError when nothing could be begun.
        """
        begun = time.monotonic()
        try:
            self._begin()
            for number, pid in enumerate(tuple(self.old), 1):
                self._exchange(pid, number)
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(f"interrupted; {self._standing()}; reload again to go on") from error
        took = time.monotonic() - begun
        self.say(f"{self.group.name}: {_processes(len(self.old))} exchanged in {took:.1f} s")

    def _begin(self) -> None:
        """Note who is there, and see that all are: where one is missing, the new code has to load first."""
        pids = self.group.pids()
        if not pids:
            pid = self.group.server.pid
            raise InputError(
                f"no process of {self.group.name} runs below process {pid}; is that Apache's first?"
            )
        self.old = {pid: seen.started for pid in pids if (seen := process(pid))}
        self._ask_before()
        until = time.monotonic() + self.load_s
        while any(self._lives(pid) and not self.group.loaded(pid) for pid in self.old):
            if time.monotonic() > until:
                break
            self._pause()
        self.old = {pid: self.old[pid] for pid in sorted(self.old, key=self.group.loaded) if self._lives(pid)}
        missing = self.group.processes - len(self.old)
        if missing > 0:
            self.say(f"{self.group.name}: {_processes(missing)} missing; the new code has to load first")
            self._until_loaded(missing, self.group.name)

    def _ask_before(self) -> None:
        if self.health is None or not (bad := ailment(self.health, self.wait)):
            return
        if not bad.status:
            raise InputError(f"{bad}: without a health check that works no process is exchanged")
        self.ailed = True
        self.say(f"{self.group.name}: already before the reload {bad}; asked again at the end")

    def _exchange(self, pid: int, number: int) -> None:
        """Let an old process go, and wait until newcomers serve for all that have gone."""
        place = f"{self.group.name} {number}/{len(self.old)}"
        begun = time.monotonic()
        told = self._tell(pid)
        self._until_gone(pid, place)
        drained = time.monotonic() - begun
        missing = self.group.processes - len(self.old)
        self._until_loaded(max(0, missing) + number, place)
        took = time.monotonic() - begun - drained
        text = f"{place}: {pid} {f'drained in {drained:.1f} s' if told else 'ended by itself'}"
        came = "started" if self.group.loading == "lazy" else "loaded"
        text += f", {self.loaded[-1]} {came} in {took:.1f} s"
        if self.health and not (self.ailed and number < len(self.old)):
            if bad := ailment(self.health, self.wait):
                raise ServerError(f"{text}, but {bad}; {self._standing()}")
            text += ", healthy"
        self.say(text)

    def _tell(self, pid: int) -> bool:
        """Send the signal to that very process; False when it has gone already."""
        if not self._lives(pid):
            return False
        try:
            os.kill(pid, self.group.drain.signal)
        except ProcessLookupError:
            return False
        except PermissionError as error:
            seen = process(pid)
            owner = f"uid {seen.uid}" if seen else "another user"
            raise InputError(f"process {pid} belongs to {owner}: be that user, or root (sudo)") from error
        return True

    def _until_gone(self, pid: int, place: str) -> None:
        limit, begun = self.group.drain.longest_s, time.monotonic()
        tell = TELL_S
        while self._lives(pid):
            waited = time.monotonic() - begun
            if waited > limit + SLACK_S:
                raise ServerError(f"{place}: {pid} did not end within {limit:g} s; {self._standing()}")
            if waited > tell:
                most = "" if limit == math.inf else f" of {limit:g} s at most"
                self.say(f"{place}: {pid} still has requests after {waited:.0f} s{most}; the others serve")
                tell *= 2
            self._pause()

    def _until_loaded(self, number: int, place: str) -> None:
        """Wait until so many newcomers have loaded."""
        begun = time.monotonic()
        while len(self.loaded) < number:
            self._look(place)
            waited = time.monotonic() - begun
            if len(self.seen) < number and waited > REAPED_S:
                raise ServerError(f"{place}: Apache starts no process in its place; {self._standing()}")
            if waited > self.load_s:
                raise ServerError(f"{place}: no new process has loaded in {waited:.0f} s; {self._standing()}")
            self._pause()

    def _look(self, place: str) -> None:
        """Take note of newcomers; ServerError when one could not load, or too many have died of it."""
        now = [pid for pid in self.group.pids() if pid not in self.old]
        # what lives and is not the group's any more was a child of Apache that had just been forked
        self.seen = [pid for pid in self.seen if pid in now or pid in self.loaded or not process(pid)]
        self.seen += [pid for pid in now if pid not in self.seen]
        loading = [pid for pid in self.seen if pid not in self.loaded]
        for pid in loading:
            if text := self.group.failure(pid):
                raise ServerError(f"{place}: {pid} could not load the new code; {self._standing()}\n{text}")
        self.loaded += [pid for pid in loading if pid in now and self.group.loaded(pid)]
        died = sum(pid not in now for pid in loading)
        if died >= DEATHS:
            raise ServerError(f"{place}: {died} new processes died while they loaded; {self._standing()}")

    def _lives(self, pid: int) -> bool:
        return alive(pid, self.old[pid])

    def _pause(self) -> None:
        if not self.group.server.alive:
            raise ServerError(f"the server (pid {self.group.server.pid}) ended meanwhile")
        self.wait(SHORT_S)

    def _standing(self) -> str:
        """How things stand, in words."""
        old = sum(map(self._lives, self.old))
        return f"{_processes(old)} of {self.group.name} with the old code, {len(self.loaded)} with the new"


def _processes(number: int) -> str:
    return f"{number} process{'' if number == 1 else 'es'}"
