"""A look at what is served: processes, memory, whether it answers; nothing is changed by it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from poolwise.deploy.plan import Deployment, Hosted, Proxied
from poolwise.deploy.running.health import EVERY, ailment, pause
from poolwise.deploy.running.leftovers import left_running
from poolwise.deploy.running.logs import last_error
from poolwise.deploy.running.ready import failure, loaded, quick_checks
from poolwise.deploy.running.state import Started, State
from poolwise.deploy.running.vigil import ACCESS
from poolwise.model import Group, Serving
from poolwise.observe import Process, memory, session


def survey(state: State) -> Serving:
    """What is served now, by the state and by the processes themselves; takes at most 5 s an application."""
    deployment = state.deployment
    running = [each for each in state.children if each.alive]
    sessions = {each.pid: session(each.pid) for each in running if serves(each, state)}
    everyone = {one.pid: one for each in running for one in sessions.get(each.pid) or session(each.pid)}
    groups = tuple(_group(each, state, sessions) for each in deployment.applications)
    inside = {pid for each in groups for pid in each.pids} | _own_servers(state, sessions)
    front = [one for pid, one in everyone.items() if pid not in inside]
    return Serving(
        name=deployment.name,
        folder=deployment.folder,
        addresses=addresses(deployment),
        phase=state.phase if state.alive else "gone",
        pid=state.poolwise.pid,
        uptime_s=max(0.0, time.time() - state.since_s),
        generation=deployment.generation,
        groups=groups,
        servers=tuple((each.role, each.pid) for each in running if serves(each, state)),
        finishing=tuple(each.pid for each in running if not serves(each, state)),
        connections=deployment.front.connections,
        front_bytes=sum(one.pss_bytes for one in front),
        poolwise_bytes=memory([state.poolwise.pid]).pss_bytes if state.alive else 0,
        exact=all(one.exact for one in everyone.values()),
        software=tuple(software(deployment)),
        logs=logs(deployment.folder),
        reasons=deployment.reasons,
        reloads=state.reload.number,
        last_reload=_last_reload(state),
        last_error=last_error(Path(deployment.folder) / "log" / "error.log"),
        troubles=tuple(_troubles(state, groups)),
    )


def _last_reload(state: State) -> str:
    """How the last reload went: its first line, which names what was wrong."""
    said = state.reload.said.partition("\n")[0]
    return said if state.reload.done else f"not done: {said}"


def serves(server: Started, state: State) -> bool:
    """Whether it is one of those that serve now, not one that was replaced and finishes its requests."""
    return server.role == "nginx" or server.generation == state.deployment.generation


def _group(application: Hosted, state: State, sessions: Mapping[int, tuple[Process, ...]]) -> Group:
    pids = loaded(state.deployment.folder, application.name, sessions)
    own = {each.pid for each in state.children if each.role == application.name}
    members = [one for leader, group in sessions.items() for one in group if one.pid in pids or leader in own]
    return Group(
        name=application.name,
        target=application.target,
        mount=application.mount,
        backend=application.backend,
        processes=application.processes,
        threads=application.threads,
        pids=pids,
        memory_bytes=sum(one.pss_bytes for one in members),
    )


def _own_servers(state: State, sessions: Mapping[int, tuple[Process, ...]]) -> set[int]:
    """The processes of servers that belong to an application, Apache's and nginx's left out."""
    names = {each.name for each in state.deployment.applications if each.backend in Proxied}
    leaders = {each.pid for each in state.children if each.role in names}
    return {one.pid for leader in leaders for one in sessions.get(leader, ())}


def _troubles(state: State, groups: tuple[Group, ...]) -> Iterator[str]:
    """What is wrong, in sentences."""
    deployment, pid = state.deployment, state.poolwise.pid
    if not state.alive:
        left = sum(map(len, left_running(state).values()))
        rest = f"{left} processes are left running" if left else "nothing is left running"
        yield f"poolwise (pid {pid}) was killed; {rest}; clean up: poolwise stop {deployment.folder}"
        return
    if state.phase in ("starting", "stopping"):
        yield f"it is {state.phase}"
        return
    for gone in (each for each in state.children if serves(each, state) and not each.alive):
        yield f"{gone.role} (pid {gone.pid}) has ended"
    for group in groups:
        if len(group.pids) < group.processes:
            yield f"{group.name} has loaded in {len(group.pids)} of {group.processes} processes"
            if text := failure(deployment.folder, group.name).strip():
                yield f"{group.name} could not be loaded in a process: {text.splitlines()[-1]}"
    for health in quick_checks(deployment):
        if bad := ailment(health, pause):
            yield str(bad)


def software(deployment: Deployment) -> Iterator[str]:
    """What runs it, with versions where they are known."""
    if deployment.nginx:
        yield "nginx"
    yield f"Apache httpd {deployment.httpd.version}"
    if deployment.mod_wsgi and any(each.backend not in Proxied for each in deployment.applications):
        yield f"mod_wsgi {deployment.mod_wsgi.version}"
    yield f"Python {deployment.interpreter.version}"


def addresses(deployment: Deployment) -> tuple[str, ...]:
    """The URLs at which clients find it: by its names, or by the address that it listens on."""
    front = deployment.front
    names = front.names or (EVERY.get(front.host, front.host.strip("[]")),)
    hosts = [f"[{name}]" if ":" in name else name for name in names]
    schemes = [("https", front.tls.port, 443)] if front.tls else []
    if not (front.tls and front.tls.only):
        schemes.append(("http", front.port, 80))
    return tuple(
        f"{scheme}://{host}{'' if port == usual else f':{port}'}/"
        for scheme, port, usual in schemes
        for host in hosts
    )


def logs(folder: str | Path) -> tuple[str, ...]:
    """The log files in which something stands, access logs last."""
    found = [path for path in Path(folder, "log").glob("*.log") if path.stat().st_size]
    return tuple(map(str, sorted(found, key=lambda path: (path.name in ACCESS, path.name))))
