"""The verdict in words agrees with the figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from report_samples import TODAY, sample_advice, sample_run

from poolwise.model import Target
from poolwise.report.measures import measures
from poolwise.report.verdict import figures, headline, sentences, target_words


@pytest.mark.parametrize(
    ("changed", "met", "words"),
    [
        (True, True, "Change 3 settings: the target is kept."),
        (True, False, "Change 3 settings: it gets better, but the target is still missed."),
        (False, True, "Leave it as it is: today's settings keep the target."),
        (False, False, "No setting that was tried does better than today's, and today's miss the target."),
    ],
)
def test_headline(changed: Any, met: Any, words: Any) -> None:
    advice = replace(sample_advice(60), met=met)
    assert headline(advice if changed else replace(advice, changes=())) == words


def test_figures_are_judged_by_direction() -> None:
    advice = sample_advice()
    memory, starts, wait, _, _ = figures(advice)
    assert memory.main.tone == "worse"  # the sample trades memory for fewer starts
    assert starts.main.tone == "better"
    assert wait.others[-1].tone == "better"
    more_served = next(c for f in figures(advice) for c in f.others if c.name == "served")
    assert (more_served.tone == "better") == (advice.after.totals["served"] > advice.before.totals["served"])


def test_sentences_name_the_figures() -> None:
    advice = sample_advice()
    memory, starts, waits, refusals = sentences(advice)
    assert memory.startswith("Memory rises from")
    old = round(measures(advice.before)["churn_per_hour"])
    assert f"instead of {old:,}" in starts
    assert "95 % of requests" in waits
    assert refusals == "No request is refused, today or with the advice."


def test_a_change_to_the_same_is_called_the_same() -> None:
    run = sample_run(TODAY, 300)
    memory, starts, _, _ = sentences(replace(sample_advice(300), before=run, after=run))
    assert memory.startswith("Memory stays")
    assert starts.startswith("Processes are started as often as today")


def test_without_memory_nothing_is_claimed_about_it() -> None:
    advice = sample_advice(60)
    object.__setattr__(advice.before, "series", {"busy": advice.before.series["busy"]})
    assert not any("Memory" in sentence for sentence in sentences(advice))
    assert not any("Memory" in figure.main.name for figure in figures(advice))


def test_target() -> None:
    assert target_words(Target()) == "95 % of requests wait at most 50 ms, none is refused"
    tight = target_words(Target(0.99, 0.2, 0.001, 2_000_000_000))
    assert tight == "99 % of requests wait at most 200 ms, at most 0.1 % are refused, memory stays below 2 GB"
