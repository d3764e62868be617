"""Reloading what poolwise serves: which way, after a look at the new version, and told as it goes.

Where only the code of the applications has changed, and each has several daemon processes, they are rolled.
Anything else is a takeover: settings, another Python, the front, a certificate, a group of a single process,
and the servers of their own (gunicorn and uWSGI end altogether when a new version does not load).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from poolwise.deploy.finding.preflight import preflight
from poolwise.deploy.folder import replace_file, write_tree
from poolwise.deploy.plan import Deployment, Hosted
from poolwise.deploy.reloading.foreign import groups_of
from poolwise.deploy.reloading.rolling import Roll
from poolwise.deploy.reloading.takeover import take_over
from poolwise.deploy.rendering.apache import apache_front
from poolwise.deploy.rendering.render import render
from poolwise.deploy.running.child import Child
from poolwise.deploy.running.health import FAILED, ailment, health_of
from poolwise.deploy.running.ready import forget_markers
from poolwise.deploy.running.state import Reload, Started, State, read_state, state_folder
from poolwise.model import InputError, PoolwiseError, ServerError
from poolwise.observe import born_s

GENERATIONS = "abcdefghij"
NGINX = "nginx/"  # where its files lie
SHORT_S, TAKEN_S = 0.1, 10.0
PROGRESS = "reload.txt"  # in the state folder: the reload's number, then a line for each step


class Serving(Protocol):
    """What a reload needs of the poolwise that serves."""

    deployment: Deployment
    children: list[Child]
    reloaded: Reload

    @property
    def grace_s(self) -> float:
        """How long requests get to end in a server that is replaced."""

    def start(self, deployment: Deployment, *, without: Collection[str] = ()) -> list[Child]:
        """Write the files and start the servers, but for those roles."""

    def until_ready(self, deployment: Deployment, children: Sequence[Child]) -> object:
        """Wait until they have loaded and answer."""

    def wait(self, seconds: float, *files: Any) -> None:
        """Pass the time."""

    def retire(self, children: Sequence[Child], grace_s: float) -> None:
        """Ask servers to finish and end."""

    def state(self, phase: Any) -> State:
        """What runs, those included that are finishing."""


@dataclass(slots=True)
class Progress:
    """The steps of a reload as they happen: for who serves, and in a file for who asked for it."""

    number: int
    folder: str
    say: Callable[[str], None]
    lines: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    def __call__(self, text: str) -> None:
        """Tell a step."""
        self.say(text)
        self.lines.append(f"{time.monotonic() - self.begun:6.1f} s  {text}")
        with suppress(InputError):  # a full disk does not end a reload
            content = "\n".join([str(self.number), *self.lines])
            replace_file(state_folder(self.folder) / PROGRESS, content + "\n", 0o600)


def reload(
    serving: Serving,
    again: Callable[[], Deployment] | None,
    say: Callable[[str], None],
    *,
    takeover: bool = False,
) -> Reload:
    """Exchange what is served for what ``again`` says now; how that went, our own errors included.

    When it fails, what served before goes on serving. Raises only what ``serving.wait`` raises.
    """
    number = serving.reloaded.number + 1
    progress = Progress(number, serving.deployment.folder, say)
    try:
        said = exchange(serving, again() if again else serving.deployment, progress, takeover=takeover)
    except PoolwiseError as error:
        return Reload(number, time.time(), done=False, said=str(error))
    return Reload(number, time.time(), said=said)


def exchange(
    serving: Serving, wanted: Deployment, say: Callable[[str], None], *, takeover: bool = False
) -> str:
    """Put ``wanted`` in the place of what is served; in words what was done.

    Raises InputError with the traceback when the new version does not load, ServerError when it does not
    serve; in both cases what served before goes on.
    """
    running = serving.deployment
    if (running.nginx is None) != (wanted.nginx is None):
        raise InputError("nginx in front comes or goes with a new start only: poolwise stop, poolwise serve")
    for each in wanted.applications:
        _verify(serving, wanted, each, say)
    since_s = time.time() - (time.monotonic() - born_s(_httpd(serving).pid))
    reason = "asked for" if takeover else why_takeover(running, wanted, since_s)
    begun = time.monotonic()
    if reason:
        say(f"a second server takes over: {reason}")
        _take_over(serving, wanted, say)
        said = "the new server took over"
    else:
        _roll(serving, wanted, say)
        said = "every process was exchanged"
    if why := _new_for_nginx(running, wanted, since_s):
        say(f"nginx reads its settings again: {why} changed")
        for child in serving.children:
            if child.role == "nginx":
                child.tell(signal.SIGHUP)
    return f"{said} in {time.monotonic() - begun:.1f} s"


def _verify(serving: Serving, wanted: Deployment, hosted: Hosted, say: Callable[[str], None]) -> None:
    """Load the new version in a process of its own, and ask it; InputError with the traceback."""
    loaded = preflight(
        wanted.interpreter,
        hosted.target,
        hosted.folder,
        python_path=hosted.python_path,
        environment=hosted.environment,
        user=wanted.front.user,
        health=hosted.health,
    )
    if loaded.status >= FAILED:
        bad = ailment(health_of(serving.deployment.front, hosted), serving.wait)
        if not bad or not bad.status:
            raise InputError(
                f"{hosted.name}: the new version answers {loaded.status} to {hosted.health}, the one that "
                f"serves does not; that goes on\n{loaded.output.rstrip()}"
            )
    say(f"{hosted.name}: the new version loads ({loaded.import_wall_s:.1f} s in a process of its own)")


def why_takeover(running: Deployment, wanted: Deployment, since_s: float) -> str:
    """Why processes cannot simply be exchanged, "" when they can.

    ``since_s``: when the server was started, in seconds since 1970; it read the certificate then.
    """
    if changed := [path for path in _changed_files(running, wanted) if not path.startswith(NGINX)]:
        return f"{', '.join(changed)} changed"
    if not wanted.nginx and (renewed := _renewed(wanted, since_s)):
        return f"{renewed} changed"
    for each in wanted.applications:
        if each.backend != "daemon":
            return f"{each.name} runs on {each.backend if each.backend != 'embedded' else 'httpd itself'}"
        if each.processes < 2:
            return f"{each.name} has a single process"
    return ""


def _new_for_nginx(running: Deployment, wanted: Deployment, since_s: float) -> str:
    """What nginx in front has not read yet, "" for nothing."""
    if wanted.nginx is None:
        return ""
    changed = [path for path in _changed_files(running, wanted) if path.startswith(NGINX)]
    return ", ".join(changed) or _renewed(wanted, since_s)


def _renewed(wanted: Deployment, since_s: float) -> str:
    """The certificate or key that was written since, "" when neither was."""
    tls = wanted.front.tls
    for path in (tls.certificate, tls.key) if tls else ():
        with suppress(OSError):
            if Path(path).stat().st_mtime > since_s:
                return path
    return ""


def _changed_files(running: Deployment, wanted: Deployment) -> list[str]:
    """The files of servers that would be written otherwise now."""
    same = replace(wanted, generation=running.generation, reasons=running.reasons)
    before = {each.path: each.text for each in render(running)}
    now = {each.path: each.text for each in render(same)}
    both = sorted(before.keys() | now.keys())
    ours = [path for path in both if path.startswith(("apache/", "backends/", NGINX))]
    return [path for path in ours if before.get(path) != now.get(path)]


def _roll(serving: Serving, wanted: Deployment, say: Callable[[str], None]) -> None:
    deployment, httpd = replace(wanted, generation=serving.deployment.generation), _httpd(serving)
    write_tree(deployment.folder, render(deployment))
    serving.deployment = deployment
    forget_markers(deployment.folder)
    server = Started(httpd.role, httpd.pid, httpd.started)
    groups = {each.name: each for each in groups_of(deployment.folder, server)}
    for hosted in deployment.applications:
        Roll(groups[hosted.name], health_of(deployment.front, hosted), say, serving.wait).run()


def _take_over(serving: Serving, wanted: Deployment, say: Callable[[str], None]) -> None:
    running = serving.deployment
    fresh = replace(wanted, generation=_free_generation(serving))
    apache = apache_front(fresh)
    try:
        new = take_over(
            _httpd(serving).pid,
            lambda: serving.start(fresh, without=("nginx",)),
            lambda started: serving.until_ready(fresh, started),
            lambda started: serving.retire(started, 0.0),
            [health_of(apache, each) for each in fresh.applications],
            say=say,
            wait=serving.wait,
        )
    except BaseException:
        write_tree(running.folder, render(running))  # for daemons that are started anew
        raise
    nginx = [child for child in serving.children if child.role == "nginx"]
    old = [child for child in serving.children if child not in nginx]
    serving.children, serving.deployment = [*nginx, *new], fresh
    _let_go(serving, old, say)


def _let_go(serving: Serving, old: Sequence[Child], say: Callable[[str], None]) -> None:
    """End the servers that were replaced: Apache first, those behind it when nobody asks them any more."""
    front = [child for child in old if child.role == "httpd"]
    behind = [child for child in old if child.role != "httpd"]
    serving.retire(front, serving.grace_s)
    say(f"the old server (pid {front[0].pid}) finishes its requests")
    try:
        while behind and any(child.alive for child in front):
            serving.wait(SHORT_S)
    finally:
        serving.retire(behind, serving.grace_s)


def _httpd(serving: Serving) -> Child:
    return next(child for child in serving.children if child.role == "httpd")


def _free_generation(serving: Serving) -> str:
    """A letter that no server has, those included that are finishing. ServerError when there is none."""
    taken = {each.generation for each in serving.state("reloading").children}
    free = next((letter for letter in GENERATIONS if letter not in taken), "")
    if not free:
        raise ServerError("too many servers of before still finish their requests; wait for one to end")
    return free


def ask_to_reload(state: State, say: Callable[[str], None], *, takeover: bool = False) -> Reload:
    """Tell the poolwise that serves to reload, pass on what it says, and return how it ended.

    Raises InputError when it is another user's, has been killed, or reloads already; ServerError when it
    ends meanwhile or does not react.
    """
    folder, poolwise, number = state.deployment.folder, state.poolwise, state.reload.number
    if not poolwise.alive:
        raise InputError(
            f"the poolwise that served {folder} (pid {poolwise.pid}) was killed; 'poolwise stop', then serve"
        )
    if state.phase != "running":
        raise InputError(f"{state.deployment.name} is {state.phase} just now; reload it when that is over")
    try:
        os.kill(poolwise.pid, signal.SIGUSR1 if takeover else signal.SIGHUP)
    except PermissionError as error:
        raise InputError(
            f"{state.deployment.name} is served by another user; only that user or root may reload it"
        ) from error
    shown, begun, now = 0, time.monotonic(), state
    while now.reload.number == number:
        if not poolwise.alive:
            raise ServerError(f"poolwise (pid {poolwise.pid}) ended while it reloaded; its log says why")
        if now.phase == "running" and time.monotonic() - begun > TAKEN_S:
            raise ServerError(f"poolwise (pid {poolwise.pid}) does not react; is it stopped (SIGSTOP)?")
        time.sleep(SHORT_S)
        shown = _pass_on(folder, number + 1, shown, say)
        now = read_state(folder) or now
    _pass_on(folder, number + 1, shown, say)
    return now.reload


def _pass_on(folder: str, number: int, shown: int, say: Callable[[str], None]) -> int:
    """Say the lines of a reload's progress that were not said yet; how many have been said now."""
    with suppress(OSError):
        first, *lines = (Path(folder) / "state" / PROGRESS).read_text("utf-8").splitlines() or [""]
        if first == str(number):
            for line in lines[shown:]:
                say(line)
            return max(shown, len(lines))
    return shown
