"""The figures as data: what is drawn is what the runs hold."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from report_samples import ADVISED, EVENT, TODAY, sample_run

from poolwise.report import histogram_figure, pool_figure
from poolwise.report.charts import figure_columns, series_rows, standalone


def test_the_four_pictures_share_one_time_axis() -> None:
    (column,) = pool_figure([sample_run()])["hconcat"]
    domains = [view["encoding"]["x"]["scale"]["domain"] for view in column["vconcat"]]
    assert domains == [[0, 15.0]] * 4  # minutes
    labelled = [view["encoding"]["x"]["axis"]["labels"] for view in column["vconcat"]]
    assert labelled == [False, False, False, True]


def test_memory_is_a_further_picture() -> None:
    (column,) = pool_figure([sample_run()], memory=True)["hconcat"]
    assert len(column["vconcat"]) == 5


def test_a_specification_is_json() -> None:
    json.dumps(pool_figure([sample_run(), sample_run(ADVISED)], title="two"), allow_nan=False)
    json.dumps(histogram_figure([sample_run()]), allow_nan=False)


def test_unthinned_data_are_the_series_themselves() -> None:
    run = sample_run()
    states, counts = series_rows(run)
    assert [row["busy"] for row in states] == run.series["busy"].tolist()
    assert states[0]["t"] == pytest.approx(0.5 / 60, abs=1e-4)
    assert sum(row["created"] for row in counts) == run.series["created"].sum()
    assert -sum(row["killed"] for row in counts) == run.series["killed"].sum()


def test_a_day_is_thinned_without_losing_peaks() -> None:
    run = sample_run(length=86_400)
    states, counts = series_rows(run)
    assert 2 * len(states) <= 1500
    for name in ("busy", "queued", "total", "idle"):
        assert max(row[f"{name}_high"] for row in states) == run.series[name].max()
        assert min(row[f"{name}_low"] for row in states) == run.series[name].min()
    assert sum(row["created"] for row in counts) == run.series["created"].sum()
    assert max(row["created_most"] for row in counts) == run.series["created"].max()
    assert states[-1]["t"] <= 24


def test_runs_side_by_side_have_the_same_vertical_scales() -> None:
    left, right = figure_columns([sample_run(TODAY), sample_run(ADVISED)])
    for one, other in zip(left["vconcat"], right["vconcat"], strict=True):
        assert _y_domain(one) == _y_domain(other)


def test_columns_are_titled_with_the_labels() -> None:
    figure = pool_figure([sample_run(label="a"), sample_run(label="b")])
    assert [column["title"] for column in figure["hconcat"]] == ["a", "b"]


def _y_domain(view: Any) -> Any:
    return next(
        layer["encoding"]["y"]["scale"]["domain"]
        for layer in view["layer"]
        if layer["encoding"].get("y", {}).get("field")
    )


def _words(view: Any) -> Any:
    texts = [layer["encoding"].get("text", {}).get("value") for layer in view["layer"] if "encoding" in layer]
    return [text for text in texts if text]


def test_floor_and_limit_are_drawn_and_named() -> None:
    (column,) = figure_columns([sample_run(TODAY)])
    total, idle = column["vconcat"][2], column["vconcat"][3]
    assert {"limit 150", "floor 10"} <= set(_words(total))
    assert {"min 5", "max 10"} <= set(_words(idle))
    rules = [layer for layer in total["layer"] if layer["mark"].get("strokeDash")]
    assert [rule["encoding"]["y"]["datum"] for rule in rules] == [150, 10]


def test_a_limit_far_above_the_data_does_not_flatten_them() -> None:
    (column,) = figure_columns([sample_run(TODAY, peak=3.0)])
    total = column["vconcat"][2]
    assert _y_domain(total)[1] < 60
    assert "limit 150 ↑" in _words(total)


def test_threads_are_what_event_counts_as_idle() -> None:
    (column,) = figure_columns([sample_run(EVENT, peak=200.0)])
    assert "Idle threads" in _words(column["vconcat"][3])


def test_refusals_are_marked_only_when_there_are_any() -> None:
    calm, full = figure_columns([sample_run(peak=5.0), sample_run(EVENT, peak=900.0)])
    assert not any("refused" in text for text in _words(calm["vconcat"][0]))
    assert any("refused" in text for text in _words(full["vconcat"][0]))


def test_the_pointer_of_a_lone_second_column_refers_to_itself() -> None:
    _, second = figure_columns([sample_run(), sample_run(ADVISED)])
    figure = standalone(second)
    names = {layer["name"] for view in figure["vconcat"] for layer in view["layer"] if "name" in layer}
    assert {param["name"] for param in figure["params"]} == {"at1", "zoom1"}
    assert all(set(param["views"]) == names for param in figure["params"])


def test_the_tail_falls_from_the_share_that_waited() -> None:
    run = sample_run()
    figure = histogram_figure([run])
    line = next(layer for layer in figure["vconcat"][0]["layer"] if layer["mark"]["type"] == "line")
    shares = [row["share"] for row in line["data"]["values"]]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == pytest.approx(run.totals["waited"] / run.totals["served"], rel=0.05)
    assert shares[-1] == pytest.approx(0, abs=1e-4)


def test_a_run_in_which_nobody_waited_says_so() -> None:
    calm = sample_run(peak=1.0)
    assert calm.wait.max_s == 0
    (waits, _) = histogram_figure([calm])["vconcat"]
    assert any("none" in text for text in _words(waits))


@pytest.mark.parametrize("figure", [pool_figure, histogram_figure])
def test_no_run_is_an_error(figure: Any) -> None:
    with pytest.raises(ValueError, match="at least one run"):
        figure([])


def test_an_empty_run_can_be_drawn() -> None:
    run = sample_run(length=0)
    assert all(len(series) == 0 for series in run.series.values())
    states, counts = series_rows(run)
    assert states == counts == []
    pool_figure([run])


def test_a_series_that_is_missing_counts_as_zero() -> None:
    run = sample_run()
    bare = {name: values for name, values in run.series.items() if name != "queued"}
    object.__setattr__(run, "series", bare)
    states, _ = series_rows(run)
    assert not np.any([row["queued"] for row in states])
