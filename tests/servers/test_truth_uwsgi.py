"""uWSGI's cheaper against recordings of a real 2.0.31: what its master saw, and what it did, each second."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poolwise.servers import (
    cheaper_backlog,
    cheaper_busyness,
    cheaper_busyness_looks,
    cheaper_busyness_start,
    cheaper_carries_out,
    cheaper_spare,
    peer_pool,
    worker_busyness,
)

RECORDINGS = Path(__file__).parent.parent / "data/peers"
SPARE = ("spare", "steady", "threads")
BUSYNESS = ("busyness", "busyness2", "emergency", "mixed1", "mixed2")
NAMES = (*SPARE, "backlog", *BUSYNESS)


def recording(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text("utf-8"))
    return found


def settings(found: dict[str, Any]) -> dict[str, int]:
    asked = {**found["settings"], "cheaper-algo": found["algorithm"]}
    pool = peer_pool("uwsgi", asked, "2.0.31")
    return {"maximum": pool.process_limit, **{name: int(value) for name, value in pool.options.items()}}


@pytest.mark.parametrize("name", SPARE)
def test_spare(name: str) -> None:
    found = recording(name)
    s, overloaded, calm = settings(found), 0, 0
    for second, (running, busy, _, change, ending) in enumerate(found["rows"]):
        decided, overloaded, calm = cheaper_spare(
            running, busy, overloaded, calm, s["cheaper"], s["maximum"] - ending, s["cheaper-step"],
            s["cheaper-overload"],
        )  # fmt: skip
        assert cheaper_carries_out(decided, running - busy) == (change, 0), second


def test_a_worker_with_threads_does_not_notice_that_it_has_to_stop() -> None:
    found = recording("threads")
    ending = [row[4] for row in found["rows"]]
    assert sum(ending) == pytest.approx(settings(found)["worker-reload-mercy"], abs=2) and max(ending) == 1
    assert sum(row[4] for row in recording("spare")["rows"]) == 0


def test_backlog() -> None:
    found = recording("backlog")
    s, owed, owes = settings(found), 0, 0
    for second, (running, busy, queued, change, ending) in enumerate(found["rows"]):
        decided = owed or cheaper_backlog(
            running, queued, s["cheaper"], s["maximum"] - ending, s["cheaper-step"], s["cheaper-overload"]
        )  # fmt: skip
        did, owed = cheaper_carries_out(decided, running - busy)
        assert did == change, second
        owes += owed
    assert owes < 0


@pytest.mark.parametrize("name", BUSYNESS)
def test_busyness(name: str) -> None:
    decide: Callable[..., Any] = cheaper_busyness
    found = recording(name)
    s, rows = settings(found), found["rows"]
    overload = s["cheaper-overload"]
    first_look = next(second for second, row in enumerate(rows) if row[5] >= 0)
    window, *rest = cheaper_busyness_start(overload, s["cheaper-busyness-multiplier"])
    state = [overload - 1 - first_look, *rest]
    given = [s[f"cheaper-busyness-{part}"] for part in (
        "min", "max", "multiplier", "penalty", "backlog-alert", "backlog-multiplier", "backlog-step",
        "backlog-nonzero",
    )]  # fmt: skip
    for second, (running, busy, queued, change, ending, seen) in enumerate(rows):
        assert cheaper_busyness_looks(state[0], overload) == (seen >= 0), second
        decided, *state = decide(
            running, max(seen, 0), queued, *state, s["cheaper"], s["maximum"] - ending, s["cheaper-step"],
            overload, *given,
        )  # fmt: skip
        assert cheaper_carries_out(decided, running - busy) == (change, 0), (second, state)
    assert window == 0


@pytest.mark.parametrize("name", ["busyness", "emergency"])
def test_busyness_of_a_worker(name: str) -> None:
    found = recording(name)
    overload, compared = settings(found)["cheaper-overload"], 0
    for finished_us, seen_busy, percent in found["windows"]:
        assert abs(worker_busyness(finished_us / 1e6, seen_busy, overload) - percent) <= 1
        compared += percent > 0
    assert compared > 10


def test_the_recordings_have_something_to_say() -> None:
    for name in NAMES:
        changes = [row[3] for row in recording(name)["rows"]]
        assert max(changes) >= 1 and min(changes) == -1 and len(changes) < 100
