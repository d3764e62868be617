"""What is a rendered Apache worth beside other servers: requests a second, CPU, memory, lost connections?

Every server is started alone with the same applications, one after the other, and the whole list is repeated:
rounds, so that a slow minute of the machine does not hit one of them alone. Ratios are taken within a round,
against mod_wsgi-express. The results go to back_ends.json, from which docs/explanation/which-back-end.md is
made, and are printed as Markdown. The whole takes about 14 minutes, two of them for the reloads;
scripts/hosting makes what it needs.

    .venv/bin/python benchmarks/back_ends.py
    .venv/bin/python benchmarks/back_ends.py --parts reload
    .venv/bin/python benchmarks/back_ends.py --quick --only daemon,apache-uwsgi --out /tmp/some.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
from back_ends_load import keep_alive, wrk
from back_ends_reload import RELOADS, reload
from back_ends_running import Running, running
from back_ends_servers import BASE, FRONTS, SERVERS, Place, Start, versions
from back_ends_site import write_site
from back_ends_tables import markdown

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "back_ends.json"
ENVIRONMENT = HERE.parent / ".hosting"
KEPT = (BASE, "daemon")
KEPT_CLIENTS = 64


@dataclass(frozen=True)
class Effort:
    """How long and how often; seconds of load by the name of the case, whole ones as wrk knows no others."""

    rounds: int = 3
    clients: int = 16
    load_s: dict[str, int] = field(default_factory=lambda: {"hello": 2, "json": 5, "cpu": 2, "wait": 2})
    settle_s: float = 1.0
    kept_s: float = 30.0


QUICK = Effort(rounds=1, load_s={"hello": 1, "json": 2, "cpu": 1, "wait": 1}, kept_s=5.0)
#: module -> cases: name, path, and whether it is taken in every round or in the first only
CASES = {
    "hello": (("hello", "/", True),),
    "shop": (("json", "/", True), ("cpu", "/cpu", False), ("wait", "/wait", False)),
}
Rows = dict[str, Any]


def main() -> None:
    """Measure what the command line names; print it, write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default="", help=f"of {', '.join(SERVERS)}; with commas between them")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="one short round: for a look, not for figures")
    parser.add_argument("--out", type=Path, help=f"[default: {RESULTS.name}, unless --only or --quick]")
    asked = parser.parse_args()
    chosen = asked.only.split(",") if asked.only else list(SERVERS)
    parts = asked.parts.split(",")
    if unknown := [*(set(chosen) - set(SERVERS)), *(set(parts) - set(PARTS))]:
        parser.error(f"there is no {unknown[0]!r}")
    if not (ENVIRONMENT / "stamp").exists():
        parser.error("there is nothing to host with; run scripts/hosting first")
    effort = QUICK if asked.quick else Effort()
    effort = replace(effort, rounds=asked.rounds or effort.rounds)
    out = asked.out or (None if asked.only or asked.quick else RESULTS)
    found = json.loads(out.read_text("utf-8")) if out and out.exists() else {}
    names = [BASE, *(name for name in chosen if name != BASE)]
    found |= {"machine": machine(), "versions": versions(ENVIRONMENT)}
    found |= {part: measured(PARTS[part], names, effort) for part in parts}
    if out:
        out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(markdown(found))


def measured(part: Callable[[Path, list[str], Effort], Rows], names: list[str], effort: Effort) -> Rows:
    """One part of the results, and under what it was measured."""
    began, load_before = time.time(), os.getloadavg()[0]
    with applications() as site:
        rows = part(site, names, effort)
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime(began)),
        "took_s": round(time.time() - began),
        "load_average": [round(load_before, 2), round(os.getloadavg()[0], 2)],
        "effort": asdict(effort),
        "rows": rows,
    }


def under_load(site: Path, names: list[str], effort: Effort) -> Rows:
    """Speed, processor time and memory of each server: lists with a value for each round."""
    servers: dict[str, Rows] = {name: {} for name in names}
    for number in range(effort.rounds):
        for name in names:
            for module in CASES:
                note(f"round {number + 1}: {name}, {module}")
                one_server(SERVERS[name].start, site, module, effort, number, servers[name])
    return servers


def one_server(start: Start, site: Path, module: str, effort: Effort, number: int, into: Rows) -> None:
    """Start it with one application, add what is measured to each case's lists, end it."""
    with place(site, module) as here, running(start, here) as server:
        time.sleep(effort.settle_s)
        idle_mb = memory_mb(server)
        for name, path, always in CASES[module]:
            if not always and number:
                continue
            wrk(here.port, path, 1, effort.clients)  # warms up
            before_s = cpu_s(server)
            load = wrk(here.port, path, effort.load_s[name], effort.clients)
            row = {
                **asdict(load),
                "cpu_ms": 1000 * (cpu_s(server) - before_s) / max(1, load.requests),
                "idle_mb": idle_mb,
                "loaded_mb": memory_mb(server),
                "machine_load": os.getloadavg()[0],
            }
            case = into.setdefault(name, {key: [] for key in row})
            for key, value in row.items():
                case[key].append(round(value, 4))


def fronts(site: Path, names: list[str], effort: Effort) -> Rows:
    """The memory of Apache's own processes before any request, where the application runs in others."""
    return {name: front(start, site) for name, start in FRONTS.items()}


def front(start: Start, site: Path) -> Rows:
    """One Apache without its daemon processes: its modules, processes, threads and memory."""
    with place(site, "hello") as here, running(start, here, "") as server:
        time.sleep(2)
        own = [one for one in server.processes() if "apache2" in one.title and one.title[0] != "("]
        mapped = Path(f"/proc/{own[0].pid}/maps").read_text("utf-8")
        return {
            "modules": len(set(re.findall(r"/(mod_\w+)\S*\.so", mapped))),
            "processes": len(own),
            "threads": sum(one.threads for one in own),
            "mb": round(sum(one.pss_bytes for one in own) / 2**20, 2),
        }


def kept(site: Path, names: list[str], effort: Effort) -> Rows:
    """Many keep-alive clients on the smallest application: how many lose an answer that was owed?"""
    return {name: kept_open(SERVERS[name].start, site, effort) for name in KEPT if name in names}


def kept_open(start: Start, site: Path, effort: Effort) -> Rows:
    """One server under them."""
    note(f"{KEPT_CLIENTS} keep-alive clients for {effort.kept_s:.0f} s")
    with place(site, "hello") as here, running(start, here):
        seen = keep_alive(here.port, "/", KEPT_CLIENTS, effort.kept_s)
    return {"clients": KEPT_CLIENTS, "duration_s": effort.kept_s, **asdict(seen), "lost": seen.lost}


def reloads(site: Path, names: list[str], effort: Effort) -> Rows:
    """New code while clients are served."""
    rows = {}
    for name in (name for name in RELOADS if name in names):
        note(f"reload: {name}")
        with place(site, "version") as here:
            rows[name] = asdict(reload(name, here))
    return rows


PARTS = {"load": under_load, "fronts": fronts, "kept": kept, "reload": reloads}


def memory_mb(server: Running) -> float:
    """The sum of the proportional set sizes of all its processes."""
    return sum(one.pss_bytes for one in server.processes()) / 2**20


def cpu_s(server: Running) -> float:
    """Processor time of all its processes, those included that have ended.

    A process that is waited for meanwhile would be counted twice or not at all: then it is counted again.
    """
    while True:
        members = server.members()
        with suppress(psutil.NoSuchProcess):
            times = [one.cpu_times() for one in members]
            if server.members() == members:
                return sum(t.user + t.system + t.children_user + t.children_system for t in times)


@contextmanager
def applications() -> Iterator[Path]:
    """A folder with the applications that every user can read, with their byte code beside them."""
    folder = Path(tempfile.mkdtemp(prefix="poolwise-bench-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        write_site(folder / "site")
        python = ENVIRONMENT / "bin" / "python"  # the user of the servers cannot write byte code there
        subprocess.run([python, "-m", "compileall", "-q", folder / "site"], check=True)
        yield folder / "site"
    finally:
        shutil.rmtree(folder)


@contextmanager
def place(site: Path, module: str) -> Iterator[Place]:
    """A new folder and free ports for one server."""
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=site.parent))
    folder.chmod(0o755)
    try:
        yield Place(folder, free_port(), free_port(), site, module, ENVIRONMENT)
    finally:
        shutil.rmtree(folder)


def free_port() -> int:
    """A port of this machine on which nothing listens."""
    with closing(socket.socket()) as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def machine() -> str:
    """The machine in a few words."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{os.cpu_count()} cores ({next(names, 'unknown')}), Linux {platform.release()}"


def note(text: str) -> None:
    """Say what is being done, on standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
