"""Running what ``render`` writes: start it, wait until it answers, watch over it, end it.

One thread, one loop: signals are taken between steps, and logs are read while anything is waited for. What
takes its time (getting ready, a reload) waits through ``Supervisor.wait``, which raises ``Stopped`` as soon
as somebody wants the end.
"""

from __future__ import annotations

import errno
import os
import signal
import termios
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from poolwise.deploy.folder import locked, write_tree
from poolwise.deploy.plan import PATH, Deployment
from poolwise.deploy.reloading.reload import reload
from poolwise.deploy.rendering.backends import Command, commands
from poolwise.deploy.rendering.render import render
from poolwise.deploy.running.changes import Watch
from poolwise.deploy.running.child import Child, adopt_orphans, adopted, reap, start_child
from poolwise.deploy.running.ending import Ending
from poolwise.deploy.running.instances import forget_elsewhere, prepared
from poolwise.deploy.running.leftovers import clean_up, forget
from poolwise.deploy.running.logs import last_lines
from poolwise.deploy.running.ports import check_ports
from poolwise.deploy.running.ready import until_ready
from poolwise.deploy.running.state import Phase, Reload, Started, State, lock_file, read_state, write_state
from poolwise.deploy.running.vigil import ACCESS, TICK_S, Signals, Streams, Woken, sleep
from poolwise.deploy.validate import configtest
from poolwise.model import InputError, ServerError
from poolwise.observe import process

LOOK_S, LOOK_SHARE = 1.0, 20.0  # looking for changed files takes at most a twentieth of a processor
READY_S, GRACE_S = 60.0, 30.0
MOST_LINES = 10  # of each log, shown with an error
IN_FRONT = ("nginx", "httpd")  # who ends first: a server is ended when nobody asks it any more
FORCED = 130  # exit code: 128 + SIGINT, as a shell reports it


class Stopped(Exception):
    """Somebody wants the end; ``at_once``: without letting requests finish."""

    def __init__(self, at_once: bool = False) -> None:
        super().__init__("stopped")
        self.at_once = at_once


class Audience(Protocol):
    """Who is told what happens."""

    def ready(self, state: State) -> None:
        """It answers, and the applications have loaded."""

    def line(self, log: str, text: str) -> None:
        """A line was added to a log; ``log``: its file's name."""

    def note(self, text: str) -> None:
        """Something worth knowing happened."""

    def flush(self) -> None:
        """Let everything that was told be seen."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a deployment is run. ``again``: reads everything anew for a reload (it may raise our errors)."""

    again: Callable[[], Deployment] | None = None
    watch: bool = False  # reload when the applications' files change
    access_log: bool = False  # stream it as well
    ready_s: float = READY_S
    grace_s: float = GRACE_S
    wake: tuple[str, ...] = ()  # the command that we were started with; with none we stay whole


DEFAULT = Wishes()


class Supervisor:
    """One served folder. ``deployment`` and ``children`` are what serves now."""

    def __init__(self, deployment: Deployment, audience: Audience, wishes: Wishes = DEFAULT) -> None:
        self.deployment = deployment
        self.children: list[Child] = []
        self.audience = audience
        self.wishes = wishes
        self.reloaded = Reload()
        self._everyone: list[Child] = []  # all that were started and have not ended yet
        self._retiring: list[Ending] = []
        self._signals = Signals()
        self._watch = Watch(_watched(deployment)) if wishes.watch else None
        self._since_s = time.time()
        self._served = False  # somebody may have a request in work
        self._wanted, self._takeover = "", False  # why a reload is wanted; whether by another server

    def serve(self) -> int:
        """Run it until it is told to stop; the exit code.

        Raises InputError when it cannot be started as asked for, ServerError when a server did not get
        ready or died.
        """
        folder = prepared(self.deployment)
        holder = f"{self.deployment.name}, pid {os.getpid()}; end it first: poolwise stop {folder}"
        with locked(lock_file(folder), holder) as self._lock, self._signals:
            left = read_state(folder)
            if left and (number := clean_up(left)):
                self.audience.note(f"ended {number} processes that a killed poolwise had left running")
            self._streams = Streams(f"{folder}/log", self.wishes.access_log)
            return self._run(self._start)

    def resume(self, state: State, woken: Woken) -> int:
        """Go on where ``serve`` had fallen asleep; else the same."""
        self._since_s, self.reloaded, self._served = state.since_s, state.reload, True
        self._everyone = [
            adopted(each.role, each.generation, each.pid, each.started) for each in state.children
        ]
        self.children = list(self._everyone)
        with os.fdopen(woken.lock) as self._lock, Signals(woken.signals) as self._signals:
            self._streams = Streams(f"{state.deployment.folder}/log", self.wishes.access_log, woken.at)
            return self._run(lambda: None)

    def _run(self, begin: Callable[[], None]) -> int:
        """Begin, look after it, end it."""
        try:
            begin()
            while True:
                self._look_after()
        except Stopped as stopped:
            return self._end(0.0 if stopped.at_once or not self._served else self.grace_s)
        except BaseException:
            self._end(0.0)
            raise
        finally:
            self._streams.close()
            forget(Path(self.deployment.folder))
            forget_elsewhere(self.deployment.folder)

    def _start(self) -> None:
        check_ports(self.deployment)
        adopt_orphans()
        self.children = self.start(self.deployment)
        self.write("starting")
        self.until_ready(self.deployment, self.children)
        self._served = True
        self.write("running")
        self.audience.ready(self.state("running"))

    # --- what a reload is made of

    @property
    def grace_s(self) -> float:
        """How long requests get to end in a server that is to go."""
        return self.wishes.grace_s

    def start(self, deployment: Deployment, *, without: Collection[str] = ()) -> list[Child]:
        """Write the files of a deployment and start its servers, but for those roles.

        Raises InputError for what cannot be written or run, ServerError with httpd's words when it refuses
        the configuration.
        """
        write_tree(deployment.folder, render(deployment))
        check_configuration(deployment)
        children: list[Child] = []
        try:
            for command in commands(deployment):
                if command.name not in without:
                    children.append(_started(deployment, command))
                    self._everyone.append(children[-1])
        except BaseException:
            self.retire(children, 0.0)
            raise
        return children

    def until_ready(self, deployment: Deployment, children: Sequence[Child]) -> None:
        """Wait until these children of ours serve.

        Raises ServerError, with the last lines of the logs, when they do not, or when one ends.
        """
        sessions = {child.pid for child in children}
        try:
            return until_ready(
                deployment, sessions, partial(self.wait, watched=children), self.wishes.ready_s
            )
        except ServerError as error:
            raise ServerError(f"{error}{self.log_lines()}") from error

    def wait(self, seconds: float, *files: Any, watched: Sequence[Child] = ()) -> None:
        """Pass the time, or less when one of ``files`` can be read; meanwhile logs are shown.

        Raises Stopped when somebody wants the end, ServerError when one of our children, or of those
        ``watched``, has ended by itself.
        """
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            self._signals.wait(min(TICK_S, left), *files)
            self._turn()
            for number in self._signals.take():
                self._heed(number)
            for child in (*self.children, *watched):
                if not child.alive:
                    raise ServerError(f"{child.role} has ended by itself ({child.ending}){self.log_lines()}")
            if left <= TICK_S or files:
                return

    def retire(self, children: Iterable[Child], grace_s: float) -> None:
        """Ask these servers to finish what they are doing and end; it is seen to that they do."""
        self._retiring += [Ending.begin(child, grace_s) for child in children]

    def state(self, phase: Phase) -> State:
        """What runs, as it is written down."""
        return State(
            deployment=self.deployment,
            phase=phase,
            poolwise=_ourselves(),
            children=tuple(
                Started(each.role, each.pid, each.started, each.generation) for each in self._everyone
            ),
            since_s=self._since_s,
            stop_s=self.wishes.grace_s,
            reload=self.reloaded,
        )

    def write(self, phase: Phase) -> None:
        """Write down what runs; when that fails while all runs, it goes on running."""
        try:
            write_state(self.state(phase))
        except InputError as error:
            if phase == "starting":
                raise
            self.audience.note(str(error))

    def log_lines(self) -> str:
        """What the logs said last, to be put behind an error's own words."""
        folder = Path(self.deployment.folder) / "log"
        logs = sorted(path for path in folder.glob("*.log") if path.name not in ACCESS)
        lines = [line for log in logs for line in last_lines(log, MOST_LINES)]
        return "\nThe logs say:\n" + "\n".join(f"  {line}" for line in lines) if lines else ""

    # --- the loop

    def _look_after(self) -> None:
        """Do what is wanted, and wait for more; with nothing to do, asleep."""
        self.wait(0.0)
        if self._wanted:
            self._exchange()
        elif self._watch is None and not self._retiring:
            self._sleep()
        self.wait(max(LOOK_S, LOOK_SHARE * self._watch.took_s) if self._watch else TICK_S)
        if self._watch and (changed := self._watch.changed()):
            while more := self._watch.changed():
                changed = more
            self._wanted = f"{changed[0]} has changed"

    def _sleep(self) -> None:
        """Become the vigil when we may; it becomes us again, with ``resume``, when something happens."""
        if not self.wishes.wake:
            return
        arrived = self._signals.hold()
        if not arrived:
            self.audience.flush()
            folder, pids = f"{self.deployment.folder}/log", [child.pid for child in self._everyone]
            access, lock = self.wishes.access_log, self._lock.fileno()
            sleep(folder, access, self._streams.at, pids, lock, self.wishes.wake)
        self._signals.release(arrived)

    def _turn(self) -> None:
        """What is done again and again: show new log lines, let go of processes that have ended."""
        for log, text in self._streams.lines():
            self.audience.line(log, text)
        reap(self._everyone)
        self._retiring = [ending for ending in self._retiring if not ending.over()]
        self._everyone = [child for child in self._everyone if not child.gone]

    def _heed(self, number: signal.Signals) -> None:
        if number in (signal.SIGINT, signal.SIGTERM):
            raise Stopped
        if number == signal.SIGQUIT or (number == signal.SIGHUP and hung_up()):
            raise Stopped(at_once=number == signal.SIGQUIT)
        if number in (signal.SIGHUP, signal.SIGUSR1):
            self._wanted, self._takeover = "asked for by a signal", number == signal.SIGUSR1

    def _exchange(self) -> None:
        """Reload, and write down how that went; meanwhile another one may be asked for."""
        why, takeover = self._wanted, self._takeover
        self._wanted, self._takeover = "", False
        self.write("reloading")
        self.audience.note(f"reloading: {why}")
        self.reloaded = reload(self, self.wishes.again, self.audience.note, takeover=takeover)
        self.write("running")
        said = self.reloaded.said if self.reloaded.done else f"not reloaded: {self.reloaded.said}"
        self.audience.note(said)

    def _end(self, grace_s: float) -> int:
        """End all servers, those in front first; 0, or 130 when somebody did not want to wait."""
        self.write("stopping")
        code = 0
        until = time.monotonic() + grace_s
        for role in (*IN_FRONT, ""):
            leaving = [child for child in self.children if child.role == role or not role]
            self.children = [child for child in self.children if child not in leaving]
            self.retire(leaving, max(0.0, until - time.monotonic()))
            while self._retiring if not role else any(e.child in leaving for e in self._retiring):
                self._signals.wait(TICK_S)
                self._turn()
                if any(number != signal.SIGCHLD for number in self._signals.take()):
                    code, until = FORCED, time.monotonic()
                    for ending in self._retiring:
                        ending.hasten()
        return code


def hung_up() -> bool:
    """Whether the terminal that we were started on has gone (ioctl_tty(2): EIO; what is none says ENOTTY)."""
    for number in (0, 1, 2):
        try:
            termios.tcgetattr(number)
        except termios.error as error:
            if error.args[0] == errno.EIO:
                return True
    return False


def check_configuration(deployment: Deployment) -> None:
    """Ask httpd whether it accepts its file; ServerError with its words when it does not."""
    conf = Path(deployment.folder) / "apache" / "httpd.conf"
    accepted, said = configtest(deployment.httpd.path, conf, server_root=deployment.folder)
    if not accepted:
        raise ServerError(f"httpd refuses the configuration {conf}:\n{said}")


def _watched(deployment: Deployment) -> tuple[str, ...]:
    """The folders that hold the applications' code."""
    return tuple(folder for each in deployment.applications for folder in (each.folder, *each.python_path))


def _started(deployment: Deployment, command: Command) -> Child:
    """Start one server; what it prints goes into ``log/NAME.output.log``."""
    return start_child(
        command.name,
        command.argv,
        Path(deployment.folder) / "log" / f"{command.name}.output.log",
        generation=deployment.generation,
        cwd=command.folder,
        environment={"PATH": PATH, **command.environment},
        user=command.user,
        group=command.group,
    )


def _ourselves() -> Started:
    seen = process(os.getpid())
    return Started("poolwise", os.getpid(), seen.started if seen else 0)
