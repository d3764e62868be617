"""The figures of a run against sums made by hand from its series."""

from __future__ import annotations

import pytest
from report_samples import EVENT, TODAY, sample_run

from poolwise.report.measures import measures, pool_values, pool_words, repeated, table


def test_figures_follow_from_the_run() -> None:
    run = sample_run(length=600)
    found = measures(run)
    assert found["processes_mean"] == pytest.approx(run.series["total"].mean())
    assert found["processes_peak"] == run.series["total"].max()
    assert found["busy_mean"] == pytest.approx(run.series["busy"].mean())
    assert found["churn_per_hour"] == pytest.approx(run.series["created"].sum() * 6)
    assert found["memory_peak_bytes"] == run.series["memory_bytes"].max()
    assert found["wait_p50_s"] <= found["wait_p95_s"] <= found["wait_p99_s"] <= found["wait_max_s"]
    assert found["waited_share"] == pytest.approx(run.totals["waited"] / run.totals["requests"])


def test_memory_is_missing_when_unknown() -> None:
    run = sample_run(length=10)
    object.__setattr__(run, "series", {k: v for k, v in run.series.items() if k != "memory_bytes"})
    assert "memory_mean_bytes" not in measures(run)


def test_messages_are_counted() -> None:
    seems_busy, reached = repeated(sample_run())
    assert (seems_busy["id"], seems_busy["count"]) == ("AH00162", 3)
    assert (seems_busy["first_s"], seems_busy["last_s"]) == (92.0, 452.7)
    assert (reached["id"], reached["count"], reached["first_s"], reached["last_s"]) == (
        "AH00161",
        1,
        94.2,
        94.2,
    )


def test_a_pool_in_words() -> None:
    assert pool_words(TODAY) == "prefork, starts 5, keeps 5 to 10 idle, at most 150 processes"
    assert pool_words(EVENT).endswith("75 to 250 idle threads, at most 16 processes of 25 threads")


def test_pool_values_hold_the_derived_sizes() -> None:
    values = pool_values(EVENT)
    assert (values["minimum"], values["floor"], values["maximum"], values["workers"]) == (3, 10, 16, 400)


def test_columns_are_aligned() -> None:
    lines = table(["", "a", "b"], [["x", "1", "10,000"], ["longer", "22", "3"]])
    assert lines == ["           a       b", "  x        1  10,000", "  longer  22       3"]
