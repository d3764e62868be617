"""Runs compared in text and JSON."""

from __future__ import annotations

import json

from report_samples import ADVISED, sample_run

from poolwise.report import run_json, run_text


def test_each_run_has_a_column() -> None:
    text = run_text([sample_run(), sample_run(ADVISED, label="advice")])
    header = next(line for line in text.splitlines() if "today" in line and "advice" in line)
    assert header.split() == ["today", "advice"]
    starts = next(line for line in text.splitlines() if line.strip().startswith("started anew per hour"))
    assert len(starts.split()[-2:]) == 2


def test_rows_that_are_zero_everywhere_are_left_out_but_refusals_never() -> None:
    text = run_text([sample_run()])
    assert "crashed" not in text and "recycled" not in text
    assert "refused" in text


def test_messages_with_times_and_counts() -> None:
    text = run_text([sample_run()])
    assert "AH00162 info: server seems busy" in text
    assert "3 times, first at 1 min 32 s, last at 7 min 33 s" in text
    assert "AH00161 error: server reached MaxRequestWorkers setting\n      at 1 min 34 s" in text


def test_assumptions_are_said_once() -> None:
    text = run_text([sample_run(), sample_run()])
    assert text.count("a request holds its worker for the logged duration") == 1


def test_json_has_stable_keys_and_the_series() -> None:
    run = sample_run(length=30)
    text = run_json([run])
    document = json.loads(text)
    assert document["schema"] == "poolwise.run/1"
    (found,) = document["runs"]
    assert sorted(found) == [
        "assumptions",
        "duration_s",
        "engine",
        "label",
        "measures",
        "messages",
        "origin",
        "pool",
        "series",
        "totals",
    ]
    assert found["series"]["busy"] == run.series["busy"].tolist()
    assert found["totals"]["served"] == run.totals["served"]
    assert text == json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def test_json_without_the_series() -> None:
    (found,) = json.loads(run_json([sample_run(length=30)], series=False))["runs"]
    assert "series" not in found
