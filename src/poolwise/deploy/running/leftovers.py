"""What a killed poolwise has left running, and ending it: known by ids and start times, never by name."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from pathlib import Path

from poolwise.deploy.folder import remove_file
from poolwise.deploy.running.child import tell_group
from poolwise.deploy.running.ready import forget_markers
from poolwise.deploy.running.state import Started, State, forget_state
from poolwise.model import ServerError
from poolwise.observe import Process, session

SOFT_S, HARD_S = 8.0, 4.0


def left_running(state: State) -> dict[Started, tuple[Process, ...]]:
    """The processes of each server in the state that still run.

    A session whose leader has another start time belongs to somebody who got its number later; so does a
    process in it that is older than the leader that we started.
    """
    found = {}
    for each in state.children:
        seen = session(each.pid)
        stranger = any(one.pid == each.pid and one.started != each.started for one in seen)
        ours = () if stranger else tuple(one for one in seen if one.started >= each.started)
        if ours:
            found[each] = ours
    return found


def clean_up(state: State) -> int:
    """End what a killed poolwise left running, and forget its state; how many processes there were.

    Raises ServerError when they do not end.
    """
    number = sum(map(len, left_running(state).values()))
    for how, seconds in ((signal.SIGTERM, SOFT_S), (signal.SIGKILL, HARD_S)):
        for each in left_running(state):
            tell_group(each.pid, how)
            tell_group(each.pid, signal.SIGCONT)  # one that is stopped could not end
        until = time.monotonic() + seconds
        while (left := left_running(state)) and time.monotonic() < until:
            time.sleep(0.1)
        if not left:
            break
    else:
        pids = ", ".join(str(one.pid) for group in left_running(state).values() for one in group)
        raise ServerError(f"what was left running in {state.deployment.folder} does not end: {pids}")
    forget(Path(state.deployment.folder))
    return number


def forget(folder: Path) -> None:
    """Remove what a server that ended leaves in its folder: its state, markers and sockets."""
    forget_state(folder)
    forget_markers(folder)
    with suppress(OSError):
        for path in (folder / "run").iterdir():
            if path.is_socket():
                remove_file(path)
