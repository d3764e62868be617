"""The recordings of a real httpd's pool (see data/traces/README.md), and how to replay one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np

from poolwise.model import App, Pool, Value, Workload
from poolwise.servers import pool, settle

RECORDINGS = Path(__file__).parent / "data" / "traces"
CASES = sorted({path.name.split(".")[0] for path in RECORDINGS.glob("*.json.gz")})


def recordings(case: str) -> list[dict[str, Any]]:
    """Every run of ``case``."""
    paths = sorted(RECORDINGS.glob(f"{case}.run*.json.gz"))
    return [json.loads(gzip.decompress(path.read_bytes())) for path in paths]


def replay(recording: dict[str, Any]) -> tuple[Pool, Workload, App]:
    """The pool that httpd had, the arrivals that it saw, and what a child cost to start there."""
    asked = {name: Value(name, value) for name, value in recording["directives"].items()}
    mpm, version = recording["mpm"], recording["version"]
    front = pool(mpm, settle(mpm, asked, version), version)
    arrivals, service = np.array(recording["connected_s"]), np.array(recording["service_s"])
    inside = arrivals <= recording["duration_s"]
    load = Workload(recording["case"], arrivals[inside], service[inside], float(recording["duration_s"]))
    return front, load, App(startup_cpu_s=0.02 if mpm == "prefork" else 0.035)
