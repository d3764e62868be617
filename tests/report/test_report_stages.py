"""What a chain adds to texts and pictures, and that a plain pool adds nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from report_samples import EVENT, GROUP, TODAY, sample_chain, sample_run

from poolwise.report import png, pool_figure, run_json, run_text, svg, terminal_figure
from poolwise.report.charts import figure_columns, series_rows
from poolwise.report.measures import chain_words, measures, pool_words
from poolwise.report.stages import group_words, present, size_words, stage_figures, stage_rows


def titles(column: Any) -> list[str]:
    """The first words of each picture."""
    bold = [
        next(layer for layer in view["layer"] if layer["mark"].get("fontWeight") == "bold")
        for view in column["vconcat"]
    ]
    return [layer["encoding"]["text"]["value"] for layer in bold]


def test_a_plain_pool_has_none_of_it() -> None:
    run = sample_run(length=60)
    assert stage_figures(run) == {}
    assert not present(run, "cpu_cores")
    assert titles(figure_columns([run])[0]) == [
        "Requests at once",
        "Processes",
        "Processes in total",
        "Idle processes",
    ]


def test_a_chain_has_a_picture_of_each() -> None:
    (column,) = figure_columns([sample_chain()])
    assert titles(column) == [
        "Requests in front",
        "Group shop: 2 processes × 5 threads",
        "Processes",
        "Processes in total",
        "Idle threads",
        "Processor",
        "Idle connections",
    ]


def test_groups_that_only_some_runs_have_come_last_so_that_the_others_stay_side_by_side() -> None:
    chain, plain = figure_columns([sample_chain(), sample_run(EVENT, 120)])
    assert titles(chain)[-1].startswith("Group shop")
    assert titles(chain)[1:-1] == titles(plain)[1:]


def test_the_data_of_the_pictures_are_the_series() -> None:
    run = sample_chain()
    states, counts = series_rows(run)
    assert [row["group0_queued"] for row in states] == run.stages[0].series["queued"].tolist()
    assert [row["cpu_cores"] for row in states] == pytest.approx(run.series["cpu_cores"].tolist(), abs=1e-4)
    assert sum(row["gave_up"] for row in counts) == run.totals["gave_up"]
    assert "failed" not in counts[0]


def test_levels_say_how_much_there_is() -> None:
    text = json.dumps(figure_columns([sample_chain()])[0], ensure_ascii=False)
    assert '"workers 10"' in text
    assert '"cores 2"' in text
    assert "gave up" in text and "■ failed" not in text


def test_the_figures_can_be_drawn() -> None:
    assert png(pool_figure([sample_chain(length=30)])).startswith(b"\x89PNG")
    assert "Processor" in svg(pool_figure([sample_chain(), sample_run()]))


def test_a_day_and_nothing_at_all_can_be_drawn() -> None:
    assert svg(pool_figure([sample_chain(length=86_400)]))
    assert svg(pool_figure([sample_chain(length=0)]))


def test_figures_of_a_chain() -> None:
    run = sample_chain()
    found = measures(run)
    assert found["cpu_cores_peak"] == pytest.approx(1.9, abs=0.01)
    assert found["idle_connections_peak"] == 40
    assert found["gave_up"] == run.totals["gave_up"] > 0
    assert "failed" not in found


def test_stage_by_stage() -> None:
    run = sample_chain()
    front, group = stage_rows(run)
    assert front[:2] == ["front", "400"]
    assert group[:2] == ["shop", "10"]
    assert group[4] == f"{run.stages[0].series['busy'].max():.0f}"
    assert front[6:8] == ["0 s", "0 s"]  # nobody waits in front


def test_text_and_json() -> None:
    run = sample_chain(label="a chain")
    text = run_text([run, sample_run(TODAY, 120)])
    assert "Stage by stage, a chain:" in text
    assert text.count("Stage by stage") == 1
    assert "gave up (tries)" in text and "refused (tries)" in text  # some came again
    assert "cores busy mean" in text and "applications loaded" in text
    chain, plain = json.loads(run_json([run, sample_run(length=30)]))["runs"]
    assert [stage["label"] for stage in chain["stages"]] == ["shop"]
    assert chain["stages"][0]["series"]["busy"] == run.stages[0].series["busy"].tolist()
    assert "stages" not in plain


def test_the_terminal_shows_groups_the_processor_and_connections() -> None:
    text = terminal_figure([sample_chain()])
    for words in (
        "Requests in front",
        "Group shop",
        "10 workers",
        "Processor, cores busy",
        "Idle connections",
    ):
        assert words in text
    assert max(map(len, text.splitlines()[1:])) <= 100
    assert "Processor" not in terminal_figure([sample_run()])


def test_pools_without_spare_limits_in_words() -> None:
    assert pool_words(GROUP) == "mod_wsgi_daemon, 2 processes × 5 threads"
    assert group_words(GROUP) == "shop: 2 processes × 5 threads"
    assert chain_words(sample_chain()).endswith("; behind it shop (mod_wsgi_daemon, 2 processes × 5 threads)")
    assert size_words(sample_run(GROUP).pool) == "2 processes × 5 threads"
