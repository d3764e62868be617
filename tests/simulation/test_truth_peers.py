"""Recordings of a real uWSGI, replayed through the chain: how many workers there are in each second.

Every load line of a recording was sent 0.2 s after the master had looked, which it did every 1.004 s because
it was asked so: times are divided by that, and a second here is one look there. A request takes what its
application slept and a millisecond; a client with pauses needed 3.5 ms to start each (so say the recorded
queues); the phase of the window of ``busyness`` is that of the first look in the recording.

Where seconds differ: a worker that had a request at a look and finished none counts as fully busy, so it
matters which of several idle workers took it: all of them wake, and chance decides. The real one, recorded a
second time (benchmarks/record_uwsgi.py), agreed with its first recording in 73 of 80 seconds of ``busyness``
(``busyness2`` is that second one), 88 of 88 of ``mixed1`` and 33 of 88 of ``mixed2``, and in all seconds of
``emergency``, ``spare`` and ``steady``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poolwise.model import App, Workload
from poolwise.servers import peer_pool
from poolwise.simulation import Timing, simulate

RECORDINGS = Path(__file__).parent.parent / "data/peers"
LOOK_S = 1.004
SENT_S, OVERHEAD_S, CLIENT_S = 0.2, 0.001, 0.0035

# name: (seconds that must be equal, most workers that any other second may differ by)
AGREE = {
    "spare": (40, 0),
    "steady": (33, 0),
    "threads": (78, 0),
    "backlog": (38, 0),
    "busyness": (73, 1),
    "busyness2": (80, 0),
    "emergency": (78, 0),
    "mixed1": (70, 1),
    "mixed2": (40, 1),
}


def replay(name: str, changed: dict[str, float] | None = None) -> tuple[Any, Any]:
    """Workers in each second (those that are ending included): recorded, simulated."""
    found = json.loads((RECORDINGS / f"{name}.json").read_text("utf-8"))
    rows, first = found["rows"], _seconds_before(found)
    asked = {**found["settings"], "cheaper-algo": found["algorithm"], "listen": 1000, **(changed or {})}
    times = []
    for second, count, length_s, pause_s in found["load"]:
        each_s = pause_s + CLIENT_S if pause_s else 0.0
        for k in range(count):
            at_s = 1 + first + second + (SENT_S + k * each_s) / LOOK_S
            times.append((at_s, (length_s + OVERHEAD_S) / LOOK_S))
    arrivals, service = np.array(sorted(times)).T
    end_s = float(len(rows) + first + 1)
    inside = arrivals < end_s
    load = Workload(name, arrivals[inside], service[inside], end_s)
    run = simulate(
        peer_pool("uwsgi", asked, "2.0.31"), load, app=App(startup_cpu_s=0.0, startup_wait_s=0.005),
        timing=replace(Timing(), fork_s=0.0), engine="plain",
    )  # fmt: skip
    simulated = run.series["total"][first : first + len(rows)]
    return np.array([row[0] + row[4] for row in rows]), simulated


def _seconds_before(found: dict[str, Any]) -> int:
    """How many seconds of the master came before the first row, as far as its window tells."""
    if found["algorithm"] != "busyness":
        return 0
    overload = int(found["settings"]["cheaper-overload"])
    first_look = next(second for second, row in enumerate(found["rows"]) if row[5] >= 0)
    return (overload - 1 - first_look) % overload


@pytest.mark.parametrize("name", AGREE)
def test_the_number_of_workers_in_each_second(name: str) -> None:
    recorded, simulated = replay(name)
    equal, apart = AGREE[name]
    assert (recorded == simulated).sum() == equal
    assert abs(recorded - simulated).max() == apart
    assert abs(recorded.mean() - simulated.mean()) < 0.6


def test_another_setting_would_be_seen() -> None:
    changed = {"spare": 4.0, "steady": 4.0, "threads": 4.0, "backlog": 9.0}
    for name, overload in changed.items():
        recorded, simulated = replay(name, {"cheaper-overload": overload})
        assert (recorded == simulated).sum() < AGREE[name][0] - 3, name
