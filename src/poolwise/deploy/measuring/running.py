"""A server of our own while it is measured: started in a scratch folder, gone at the end whatever happens."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from poolwise.deploy.folder import OPEN, make_folder, write_tree
from poolwise.deploy.measuring.subject import Layout, Place
from poolwise.deploy.rendering.backends import Command
from poolwise.deploy.running.child import Child, start_child
from poolwise.deploy.running.logs import last_lines
from poolwise.model import ServerError

LOG = "error.log"
START_S, STOP_S, STEP_S = 30.0, 5.0, 0.01
PLAIN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def free_ports(number: int) -> tuple[int, ...]:
    """Ports of 127.0.0.1 that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = tuple(each.getsockname()[1] for each in sockets)
    for each in sockets:
        each.close()
    return ports


@contextmanager
def running(layout: Layout, folder: Path, places: Sequence[Place]) -> Iterator[list[Child]]:
    """The server's first processes, as soon as each place accepts connections.

    Raises ServerError, with the end of its log, when it does not start, and for what goes wrong inside.
    """
    write_tree(folder, layout.files)
    make_folder(folder / "run", OPEN)
    children: list[Child] = []
    try:
        for command in layout.commands:
            children.append(_started(command, folder))
        _wait_for(places, children)
        yield children
    except ServerError as error:
        said = "\n".join(f"  {line}" for line in last_lines(folder / LOG, 15))
        raise ServerError(f"{error}\n{said}".rstrip()) from error
    finally:
        _stop(children)


def _started(command: Command, folder: Path) -> Child:
    return start_child(
        command.name,
        command.argv,
        folder / LOG,
        cwd=command.folder,
        environment={**PLAIN, **command.environment},
        user=command.user,
        group=command.group,
    )


def _wait_for(places: Sequence[Place], children: Sequence[Child]) -> None:
    """Return when every place accepts; ServerError when a process has ended or it takes too long."""
    until_s = time.monotonic() + START_S
    waiting = list(places)
    while waiting:
        ended = next((child for child in children if not child.alive), None)
        if ended:
            raise ServerError(f"{ended.role} did not start ({ended.ending})")
        if time.monotonic() > until_s:
            raise ServerError(f"the server does not listen {START_S:g} s after its start")
        waiting = [place for place in waiting if not _accepts(place.port)]
        time.sleep(STEP_S)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _stop(children: Sequence[Child]) -> None:
    """End the servers, and what is left of them after a while; reaps them."""
    try:
        for child in children:
            child.tell(signal.SIGTERM)
        until_s = time.monotonic() + STOP_S
        for child in children:
            try:
                child.popen.wait(max(0.0, until_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue
    finally:
        for child in children:
            child.tell_all(signal.SIGKILL)
            child.popen.wait()
