"""A rehearsal beside its simulation: how far apart, since when."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from report_samples import sample_run

from poolwise.report import rehearsal_json, rehearsal_text
from poolwise.report.rehearsal import chances, differences


def test_equal_runs_never_differ() -> None:
    run = sample_run(length=60)
    text = rehearsal_text(run, replace(run, origin="rehearsed"))
    line = next(line for line in text.splitlines() if line.strip().startswith("processes  "))
    assert line.split() == ["processes", "0", "0", "never", "100", "%"]
    assert all(line.split()[-1] in ("0", "s") for line in text.splitlines() if "wait p50" in line)


def test_what_differs_and_since_when() -> None:
    run = sample_run(length=60)
    total = run.series["total"].copy()
    total[[20, 30]] += (1.0, -3.0)
    other = replace(run, series={**run.series, "total": total}, totals={**run.totals, "refused": 7.0})
    processes, busy = differences(run, other)
    assert (processes.name, processes.most, processes.first_s) == ("processes", 3.0, 20.0)
    assert (processes.mean, processes.equal) == (4 / 60, 58 / 60)
    assert (busy.name, busy.most, busy.first_s, busy.equal) == ("busy workers", 0.0, -1.0, 1.0)
    text = rehearsal_text(run, other)
    assert "20 s" in text
    refused = next(line for line in text.splitlines() if "requests refused" in line)
    assert refused.split()[-1] == f"+{7 - int(run.totals['refused'])}"


def test_groups_are_compared_too() -> None:
    run, group = sample_run(length=10), sample_run(length=10)
    more = replace(group, series={**group.series, "busy": group.series["busy"] + 2})
    found = differences(replace(run, stages=(group,)), replace(run, stages=(more,)))
    assert [each.name for each in found][2:] == [
        f"{group.pool.name}: processes",
        f"{group.pool.name}: busy workers",
    ]
    assert found[3].mean == 2.0


def test_where_simulations_part_chance_decides() -> None:
    run = sample_run(length=10)
    fewer = replace(run, totals={**run.totals, "created": run.totals["created"] - 3})
    assert all(each.inside for each in chances(run, [run, fewer]))
    assert [each.name for each in chances(fewer, [run]) if not each.inside] == ["created"]
    text = rehearsal_text(run, fewer, [run, fewer])
    assert "2 simulations with every request sent a few ms earlier or later" in text
    created = next(line for line in text.splitlines() if line.startswith("  created"))
    assert created.split()[-1] == "inside"
    assert json.loads(rehearsal_json(run, fewer, [run]))["chances"][2]["inside"] is False


def test_json_holds_both_runs_and_the_differences() -> None:
    run = sample_run(length=10)
    document = json.loads(rehearsal_json(run, replace(run, origin="rehearsed")))
    assert document["schema"] == "poolwise.rehearsal/1"
    assert [each["origin"] for each in document["runs"]] == ["simulated", "rehearsed"]
    assert document["differences"][0] == {
        "name": "processes", "mean": 0.0, "most": 0.0, "first_s": -1.0, "equal": 1.0,
    }  # fmt: skip
    assert np.allclose(document["runs"][0]["series"]["total"], run.series["total"])
