"""The recordings of a real httpd's pool (see data/traces/README.md), and how to replay one."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from poolwise.model import App, Machine, Pool, Run, Topology, Value, Workload
from poolwise.servers import pool, settle
from poolwise.simulation import simulate

RECORDINGS = Path(__file__).parent / "data" / "traces"
CASES = sorted({path.name.split(".")[0] for path in RECORDINGS.glob("*.json.gz")})
LISTEN_BACKLOG = 100  # of a WSGIDaemonProcess
# CPU that a request costs beside what it burns, in httpd, the client and the sampler, which all share the two
# cores: the machine's CPU seconds of p11 and p12, less those of starting processes, over the requests
BESIDE_CPU_S = 0.0045
TWO_CORES = Machine(cores=2)


@dataclass(frozen=True)
class Replay:
    """What a recording was made with, as the simulation takes it."""

    topology: Topology
    load: Workload
    app: App
    machine: Machine = TWO_CORES

    @property
    def needs_stages(self) -> bool:
        """Whether it has what the kernel of one pool does not know: keep-alive, a group, CPU, loading."""
        app, load = self.app, self.load
        loads = app.import_cpu_s + app.import_wait_s > 0
        return bool(self.topology.groups) or load.connection is not None or load.cpu_s is not None or loads

    def run(self, engine: str = "plain") -> Run:
        """The simulated run."""
        return simulate(self.topology.front, self.load, app=self.app, machine=self.machine, engine=engine)


def recordings(case: str) -> list[dict[str, Any]]:
    """Every run of ``case``."""
    paths = sorted(RECORDINGS.glob(f"{case}.run*.json.gz"))
    return [json.loads(gzip.decompress(path.read_bytes())) for path in paths]


def replay(recording: dict[str, Any]) -> Replay:
    """The pools that httpd had, the arrivals that it saw, and what the application cost there."""
    groups = (daemon_group(recording["daemon"]),) if recording["daemon"] else ()
    return Replay(Topology(front(recording), groups), workload(recording), application(recording))


def front(recording: dict[str, Any]) -> Pool:
    """httpd's own pool, with how it keeps connections where it does."""
    asked = {name: Value(name, value) for name, value in recording["directives"].items()}
    mpm, version = recording["mpm"], recording["version"]
    made = pool(mpm, settle(mpm, asked, version), version)
    keeps = recording["keepalive"]
    if not keeps["KeepAlive"]:
        return replace(made, options={**made.options, "KeepAliveTimeout": 0.0})
    options = {name: float(value) for name, value in keeps.items() if name != "KeepAlive"}
    return replace(made, options={**made.options, **options, "AsyncRequestWorkerFactor": 2.0})


def daemon_group(daemon: dict[str, Any]) -> Pool:
    """A group of mod_wsgi's daemon processes: their number is fixed."""
    processes, threads = int(daemon["processes"]), int(daemon["threads"])
    most = int(daemon.get("maximum-requests", 0))
    return Pool(
        name=str(daemon["name"]), architecture="mod_wsgi_daemon", threads=threads, start=processes,
        min_spare=0, max_spare=processes * threads, process_limit=processes, server_limit=processes,
        max_workers=processes * threads, max_connections_per_child=most, backlog=LISTEN_BACKLOG,
        options={"maximum-requests": float(most)},
    )  # fmt: skip


def workload(recording: dict[str, Any]) -> Workload:
    """The requests that reached the server within the recording."""
    arrivals, service = np.array(recording["connected_s"]), np.array(recording["service_s"])
    inside = arrivals <= recording["duration_s"]
    load = Workload(recording["case"], arrivals[inside], service[inside], float(recording["duration_s"]))
    if recording["kind"] == "cpu":
        load = replace(load, service_s=load.service_s + BESIDE_CPU_S, cpu_s=load.service_s + BESIDE_CPU_S)
    if "connection" in recording:
        connection = np.array(recording["connection"], dtype=np.int64)[inside]
        load = replace(load, connection=connection, think_s=np.full(len(load), np.nan))
    return load


def application(recording: dict[str, Any]) -> App:
    """What a process cost to start, and what loading the application took."""
    slept = re.search(r"sleep\(([\d.]+)\)", recording["at_import"])
    burned = re.search(r"burn\(([\d.]+)\)", recording["at_import"])
    return App(
        startup_cpu_s=0.02 if recording["mpm"] == "prefork" else 0.035,
        import_wait_s=float(slept[1]) if slept else 0.0,
        import_cpu_s=float(burned[1]) if burned else 0.0,
        loads="start" if recording["preload"] else "first request",
    )
