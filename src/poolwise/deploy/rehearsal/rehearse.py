"""Rehearsing: a site's pool on a real httpd on loopback, under scripted traffic, seen as a ``Run``.

It runs in a folder of its own below the temporary one, on a free port of 127.0.0.1, and leaves nothing, also
when it is interrupted. When poolwise is killed, the kernel tells httpd and the clients to end, and the
clients, who are the last, remove the folder.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poolwise.deploy.folder import replace_file, scratch, write_tree
from poolwise.deploy.measuring.measure import interruptible
from poolwise.deploy.measuring.running import free_ports
from poolwise.deploy.rehearsal import client
from poolwise.deploy.rehearsal.configuration import LOG, files, mount_path
from poolwise.deploy.rehearsal.errorlog import messages
from poolwise.deploy.rehearsal.limits import check_plan, raise_open_files
from poolwise.deploy.rehearsal.plan import Rehearsal
from poolwise.deploy.rehearsal.server import Running, running, said
from poolwise.deploy.rehearsal.watch import Watch
from poolwise.deploy.running.child import Child, start_child
from poolwise.deploy.running.logs import last_lines
from poolwise.model import LogLine, Run, ServerError, Workload
from poolwise.observe import attached, this_machine

if TYPE_CHECKING:
    from poolwise.simulation import Incident

Advance = Callable[[float, float], None]
DRAIN_S = 30.0  # how long after the end of the traffic its last requests may take
CLIENT_S = 20.0  # for the client to start, and to write its record
LOOK_S = 0.005
PROGRAM = (
    "import pathlib, sys; from poolwise.deploy.rehearsal.client import main; main(pathlib.Path(sys.argv[1]))"
)


@dataclass(frozen=True)
class Rehearsed:
    """What came of it: the run, and what a simulation beside it needs: the traffic as it was really sent.

    ``import_s``: what loading the user's own application took in a process, and the CPU of that (medians).
    """

    run: Run
    sent: Workload
    import_s: tuple[float, float] = (0.0, 0.0)


def rehearse(
    plan: Rehearsal, incidents: Sequence[Incident] = (), advance: Advance = lambda done, total: None
) -> Rehearsed:
    """Run the plan; takes as long as its traffic, and up to 30 s more for the requests that are left.

    ``advance`` is told how many seconds of how many are over. Raises ServerError when httpd or the clients
    fail, with what they said; InputError for what cannot be set up.
    """
    check_plan(plan)
    raise_open_files()
    with interruptible(), scratch("rehearse") as folder:
        (port,) = free_ports(1)
        write_tree(folder, files(plan, folder, port))
        replace_file(folder / client.SCRIPT, json.dumps(script(plan, port)))
        with _clients(folder) as clients, running(plan.httpd.path, folder, plan) as httpd:
            watch = _watched(plan, httpd, clients, folder, incidents, advance)
            record = _record(clients, folder)
        lines = messages(folder / LOG, httpd.stamp, plan.load.duration_s)
    return _outcome(plan, watch, record, incidents, lines)


def _watched(
    plan: Rehearsal,
    httpd: Running,
    clients: Child,
    folder: Path,
    incidents: Sequence[Incident],
    advance: Advance,
) -> Watch:
    """Let the clients begin, and watch httpd until they have ended."""
    duration_s = plan.load.duration_s
    until_s = duration_s + DRAIN_S
    with attached(httpd.scoreboard) if httpd.scoreboard else nullcontext() as segment:
        watch = Watch(httpd, plan.front, plan.thread_limit, segment)
        replace_file(folder / client.START, repr(httpd.start_s))
        watch.until(
            lambda: (folder / client.RECORD).exists() or not clients.alive or watch.now_s > until_s,
            incidents,
            lambda now_s: advance(min(now_s, duration_s), duration_s),
        )
    if not httpd.child.alive:
        raise ServerError(f"httpd ended in the middle ({httpd.child.ending}). It said:\n{said(folder)}")
    return watch


def script(plan: Rehearsal, port: int) -> dict[str, Any]:
    """What the clients do, as they read it."""
    import numpy as np

    load, count = plan.load, len(plan.load)
    cpu_s = load.cpu_s if load.cpu_s is not None else load.service_s * plan.app.cpu_share
    kinds = load.kind if load.kind is not None else np.zeros(count, np.int64)
    connection = load.connection if load.connection is not None else np.full(count, -1)
    think_s = load.think_s.tolist() if load.think_s is not None else [None] * count
    patience_s = load.clients.patience_s
    path = plan.own.path.lstrip("/") if plan.own else ""
    return {
        "host": "127.0.0.1",
        "port": port,
        "paths": [f"{mount_path(plan, kind).rstrip('/')}/{path}" for kind in range(len(plan.mounts))],
        "duration_s": load.duration_s,
        "arrival_s": load.arrivals_s.tolist(),
        "service_s": load.service_s.tolist(),
        "cpu_s": cpu_s.tolist(),
        "bursts": plan.app.bursts,
        "kind": kinds.tolist(),
        "connection": connection.tolist(),
        "think_s": [None if value is None or value != value else value for value in think_s],
        "patience_s": None if patience_s == client.NEVER else patience_s,
        "retries": load.clients.retries,
        "retry_s": load.clients.retry_s,
    }


@contextmanager
def _clients(folder: Path) -> Iterator[Child]:
    """The process of the clients, ready to begin; ended with the block. Raises ServerError."""
    child = start_child("clients", [sys.executable, "-c", PROGRAM, str(folder)], folder / "clients.out")
    try:
        until = time.monotonic() + CLIENT_S
        while not (folder / client.READY).exists():
            if not child.alive or time.monotonic() > until:
                raise _client_failed(child, folder)
            time.sleep(LOOK_S)
        yield child
    finally:
        child.tell_all(signal.SIGKILL)
        child.popen.wait()


def _record(clients: Child, folder: Path) -> dict[str, list[Any]]:
    """What the clients have to say; when they are not at the end, they are told to come to it."""
    until, place = time.monotonic() + CLIENT_S, folder / client.RECORD
    if not place.exists():
        clients.tell(signal.SIGTERM)
    while not place.exists() and clients.alive and time.monotonic() < until:
        time.sleep(LOOK_S)
    try:
        record: dict[str, list[Any]] = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError):
        raise _client_failed(clients, folder) from None
    return record


def _client_failed(child: Child, folder: Path) -> ServerError:
    said = "\n".join(f"  {line}" for line in last_lines(folder / "clients.out"))
    return ServerError(f"the process that sends the requests failed. It said:\n{said or '  nothing'}")


def _outcome(
    plan: Rehearsal,
    watch: Watch,
    record: dict[str, list[Any]],
    incidents: Sequence[Incident],
    lines: tuple[LogLine, ...],
) -> Rehearsed:
    from poolwise.deploy.rehearsal.answers import answers, as_sent, import_costs
    from poolwise.deploy.rehearsal.outcome import Seen
    from poolwise.deploy.rehearsal.words import assumptions

    cores = plan.cores or this_machine().cores
    seen = answers(plan.load, record, watch.running.start_s)
    outcome = Seen(
        plan=plan,
        answers=seen,
        offspring=watch.everyone,
        crashed=frozenset(watch.crashed),
        glances=watch.glances,
        incidents=incidents,
        messages=lines,
        assumptions=tuple(assumptions(plan, seen, watch.segment is None, cores, watch.used)),
        cores=cores,
        machine_busy=watch.used,
    )
    sent = as_sent(plan.load, seen, measured=plan.own is not None)
    return Rehearsed(outcome.run(), sent, import_costs(seen) if plan.own else (0.0, 0.0))
