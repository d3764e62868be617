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
from poolwise.servers import peer_pool, pool, settle
from poolwise.simulation import simulate

RECORDINGS = Path(__file__).parent / "data" / "traces"
CASES = sorted({path.name.split(".")[0] for path in RECORDINGS.glob("*.json.gz")})
# What a request costs beside what it was told to do, measured in the recordings. It holds its worker before
# the application (0.45 ms), by a late timer (0.18 ms) and after it (0.5 ms). One that burns CPU: CPU seconds
# of the machine in p12, less those of starting processes, over the requests; httpd and client are in it.
BESIDE_S = 0.0011
BESIDE_CPU_S = 0.005
TWO_CORES = Machine(cores=2)


@dataclass(frozen=True)
class Replay:
    """What a recording was made with, as the simulation takes it."""

    topology: Topology
    load: Workload
    app: App
    machine: Machine = TWO_CORES

    def run(self, engine: str = "plain") -> Run:
        """The simulated run."""
        pool = self.topology if self.topology.groups else self.topology.front
        return simulate(pool, self.load, app=self.app, machine=self.machine, engine=engine, keep_starts=True)


def recordings(case: str) -> list[dict[str, Any]]:
    """Every run of ``case``."""
    paths = sorted(RECORDINGS.glob(f"{case}.run*.json.gz"))
    return [json.loads(gzip.decompress(path.read_bytes())) for path in paths]


def replay(recording: dict[str, Any]) -> Replay:
    """The pools that httpd had, the arrivals that it saw, and what the application cost there."""
    groups = (daemon_group(recording),) if recording["daemon"] else ()
    return Replay(Topology(front(recording), groups), workload(recording), application(recording))


def front(recording: dict[str, Any]) -> Pool:
    """httpd's own pool, with how it keeps connections."""
    keeps = {**recording["keepalive"], "KeepAlive": bool(recording["keepalive"]["KeepAlive"])}
    asked = {name: Value(name, value) for name, value in {**recording["directives"], **keeps}.items()}
    mpm, version = recording["mpm"], recording["version"]
    return pool(mpm, settle(mpm, asked, version), version)


def daemon_group(recording: dict[str, Any]) -> Pool:
    """mod_wsgi's daemon processes."""
    options = {name: value for name, value in recording["daemon"].items() if name != "name"}
    return peer_pool("mod_wsgi_daemon", options, recording["mod_wsgi"], recording["daemon"]["name"])


def workload(recording: dict[str, Any]) -> Workload:
    """The requests that reached the server within the recording."""
    arrivals, service = np.array(recording["connected_s"]), np.array(recording["service_s"])
    inside = arrivals <= recording["duration_s"]
    burns = recording["kind"] == "cpu"
    held = service[inside] + (BESIDE_CPU_S if burns else BESIDE_S)
    load = Workload(recording["case"], arrivals[inside], held, float(recording["duration_s"]))
    if burns:
        load = replace(load, cpu_s=held)
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
        loads="first request" if recording["at_import"] and not recording["preload"] else "start",
    )
