"""The terminal figure: width, axes, levels, peaks."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from report_samples import ADVISED, EVENT, sample_run

from poolwise.report import terminal_figure


@pytest.mark.parametrize("width", [40, 80, 100, 200])
@pytest.mark.parametrize("pool", [ADVISED, EVENT])
def test_fits_the_terminal(width: Any, pool: Any) -> None:
    text = terminal_figure([sample_run(pool, peak=200.0)], width=width)
    pictures = [line for line in text.splitlines() if "┤" in line or "│" in line]
    assert len(pictures) == 4 * 8
    assert max(len(line) for line in pictures) <= width


def test_says_what_each_picture_shows() -> None:
    text = terminal_figure([sample_run()])
    for words in ("Requests at once", "Processes each second", "Processes in total", "Idle processes"):
        assert words in text
    for words in ("limit 150", "floor 10", "max 10", "min 5", "0 s", "15 min"):
        assert words in text


def test_runs_follow_one_another() -> None:
    text = terminal_figure([sample_run(label="first"), sample_run(label="second")])
    assert text.index("first:") < text.index("second:")
    assert text.count("Requests at once") == 2


def _filled_columns(text: Any, title: Any) -> Any:
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(title))
    return lines[at + 1]


def test_a_peak_of_one_second_in_a_day_is_seen() -> None:
    run = sample_run(length=86_400, peak=5.0)
    run.series["total"][40_000] = 150.0
    top = _filled_columns(terminal_figure([run]), "Processes in total")
    assert re.search("[\u2801-\u28ff]", top)
    run.series["total"][40_000] = 10.0
    flat = terminal_figure([run])
    assert "limit 150 is above the picture" in flat


def test_colour_only_when_asked() -> None:
    run = sample_run(length=60)
    assert "\x1b" not in terminal_figure([run])
    coloured = terminal_figure([run], colour=True)
    plain = re.sub(r"\x1b\[\d+m", "", coloured)
    trimmed = "\n".join(line.rstrip() for line in plain.splitlines()) + "\n"
    assert trimmed == terminal_figure([run])


def test_an_idle_run_and_an_empty_run() -> None:
    idle = sample_run(length=30, peak=0.0)
    assert not np.any(idle.series["queued"])
    assert terminal_figure([idle])
    assert terminal_figure([sample_run(length=0)])


def test_no_run_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one run"):
        terminal_figure([])
