"""What is served, on one clear screen: where, by which processes, with how much memory, what to do next."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from dataclasses import asdict

from poolwise.model import Group, Serving
from poolwise.report.quantities import clock, count, plural, size

RUNS = {
    "daemon": "mod_wsgi daemon processes",
    "embedded": "Apache's own processes (mod_wsgi)",
    "uwsgi": "uWSGI, behind Apache",
    "gunicorn": "gunicorn, behind Apache",
    "granian": "granian, behind Apache",
}


def serving_text(serving: Serving) -> str:
    """The screen that ``poolwise serve`` shows when it answers."""
    name, logs = serving.name, [posixpath.basename(log) for log in serving.logs]
    lines = [f"{name} is served at {' and '.join(serving.addresses)}", _software(serving), ""]
    lines += [*_troubles(serving), *_processes(serving), ""]
    lines += [*(f"  {reason}" for reason in serving.reasons), ""] if serving.reasons else []
    lines += [
        f"  files   {serving.folder}",
        f"  logs    {serving.folder}/log: {', '.join(logs) or 'nothing yet'}",
        f"  reload  poolwise reload {name}",
        f"  status  poolwise status {name}",
        f"  stop    Ctrl-C here, or: poolwise stop {name}",
    ]
    return "\n".join(lines) + "\n"


def _software(serving: Serving) -> str:
    return f"by {', '.join(serving.software)}"


def status_text(servings: Sequence[Serving]) -> str:
    """What ``poolwise status`` says of each site."""
    return "\n".join(_status(each) for each in servings) if servings else "Nothing is served.\n"


def status_json(servings: Sequence[Serving]) -> str:
    """The same as JSON with sorted keys, ``"schema": "poolwise.status/1"``.

    ``sites``: for each the fields of ``Serving``, with ``memory_bytes`` of all its processes together and
    ``well``, whether there is no trouble.
    """
    sites = [
        {**asdict(each), "memory_bytes": each.memory_bytes, "well": not each.troubles} for each in servings
    ]
    document = {"schema": "poolwise.status/1", "sites": sites}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _status(serving: Serving) -> str:
    if serving.phase == "gone":
        return "\n".join([f"{serving.name} is not served", "", *_troubles(serving)]) + "\n"
    running = f"running for {clock(serving.uptime_s)}"
    lines = [f"{serving.name} at {' and '.join(serving.addresses)}, {running}", _software(serving), ""]
    lines += [*_troubles(serving), *_processes(serving), ""]
    servers = ", ".join(f"{role} {pid}" for role, pid in (("poolwise", serving.pid), *serving.servers))
    lines.append(f"  pids        {servers}")
    if serving.finishing:
        lines.append(f"  finishing   {', '.join(map(str, serving.finishing))} (before the last reload)")
    if serving.reloads:
        lines.append(f"  reloads     {count(serving.reloads)}, the last: {serving.last_reload}")
    lines.append(f"  generation  {serving.generation}")
    if serving.last_error:
        lines.append(f"  last error  {serving.last_error}")
    lines.append(f"  folder      {serving.folder}")
    return "\n".join(lines) + "\n"


def _troubles(serving: Serving) -> list[str]:
    return [*(f"  ! {text}" for text in serving.troubles), ""] if serving.troubles else []


def _processes(serving: Serving) -> list[str]:
    """A table: each application and the front, with processes and memory."""
    rows = [("", "at", "runs in", "processes", "memory")]
    rows += [_row(each) for each in serving.groups]
    front = "nginx and Apache" if any(role == "nginx" for role, _ in serving.servers) else "Apache"
    rows.append((front, "", plural(serving.connections, "connection"), "", size(serving.front_bytes)))
    if serving.poolwise_bytes:
        rows.append(("poolwise", "", "", "", size(serving.poolwise_bytes)))
    rows.append(("together", "", "", "", size(serving.memory_bytes)))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  " + "  ".join([*(row[i].ljust(widths[i]) for i in range(4)), row[4].rjust(widths[4])])
        for row in rows
    ]
    what = "Memory is PSS: pages that processes share are counted once."
    if not serving.exact:
        what = "Memory is RSS where the system shows no more: shared pages are counted for each process."
    return [*lines, "", f"  {what}"]


def _row(group: Group) -> tuple[str, str, str, str, str]:
    number = count(group.processes)
    if len(group.pids) != group.processes:
        number = f"{len(group.pids)} of {number}"
    processes = f"{number} × {plural(group.threads, 'thread')}"
    return (group.name, group.mount, RUNS[group.backend], processes, size(group.memory_bytes))
