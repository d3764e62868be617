"""Advice as text and as the report page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from report_samples import APP, EVIL, Scripts, sample_advice, sample_site

from poolwise.model import LogLine, Note, Recommendation, Where
from poolwise.report import tune_html, tune_text
from poolwise.report.tuning import diff_lines

DIFF = """\
--- a/etc/apache2/mpm.conf
+++ b/etc/apache2/mpm.conf
@@ -1,3 +1,2 @@
 # pool
-MaxSpareServers 3
+MaxSpareServers 70
--- a removed line that looks like a header
"""


@pytest.fixture(scope="module")
def page() -> Any:
    return tune_html(sample_advice(300), sample_site(), APP, DIFF, generated="on a Monday")


def test_text_holds_verdict_figures_changes_and_assumptions() -> None:
    text = tune_text(sample_advice())
    assert text.startswith("Change 3 settings: the target is kept.")
    assert "MaxSpareServers: 6 → 70   /etc/apache2/mods-enabled/mpm_prefork.conf:10" in text
    assert "If not changed: Each burst starts dozens" in text
    assert "a request holds its worker for the logged duration" in text
    assert "KeepAlive was left alone" in text


def test_page_is_one_small_file_that_fetches_nothing(page: Any) -> None:
    found = Scripts()
    found.feed(page)
    assert found.fetched == [] and found.handlers == []
    assert len(found.scripts) == 3
    assert len(page.encode()) < 3_000_000


def test_a_day_stays_under_three_megabytes() -> None:
    assert len(tune_html(sample_advice(86_400), sample_site(), APP, DIFF).encode()) < 3_000_000


def test_page_tells_the_story_in_order(page: Any) -> None:
    stations = [
        "<h1>Change 3 settings: the target is kept.</h1>",
        "Memory, mean",
        "What the pool does",
        "What to change, and why",
        "The change to your files",
        "How to apply it",
        "What httpd made of your settings today",
        "What was assumed",
        "on a Monday",
    ]
    places = [page.index(station) for station in stations]
    assert places == sorted(places)
    assert page.count("<svg") >= 3
    assert "silently" in page


def test_a_new_server_limit_needs_a_stop(page: Any) -> None:
    assert "apachectl stop" in page
    advice = sample_advice(60)
    reloadable = replace(advice, changes=tuple(c for c in advice.changes if c.name != "ServerLimit"))
    other = tune_html(reloadable, sample_site(), APP, "")
    assert "apachectl stop" not in other and "apachectl graceful" in other


def test_nothing_to_change() -> None:
    text = tune_html(replace(sample_advice(60), changes=()), sample_site(), APP, "")
    assert "Leave it as it is" in text
    assert "How to apply it" not in text and "The change to your files" not in text


def test_a_setting_that_was_not_set() -> None:
    advice = replace(sample_advice(60), changes=(Recommendation("ServerLimit", None, 9, "so that it fits"),))
    assert "not set" in tune_text(advice)
    assert "not set anywhere" in tune_html(advice, sample_site(), APP, "")


def test_hostile_text_never_runs() -> None:
    site = replace(
        sample_site(root=f"/etc/{EVIL}"),
        notes=(Note("warning", Where(EVIL, 1), EVIL),),
        front=EVIL,
        files=(EVIL,),
    )
    advice = sample_advice(60)
    for run in (advice.before, advice.after):
        object.__setattr__(run, "label", EVIL)
        object.__setattr__(run, "messages", (LogLine(1.0, EVIL, "info", EVIL),))
        object.__setattr__(run, "assumptions", (EVIL,))
    hostile = Recommendation(EVIL, None, EVIL, EVIL, EVIL)
    advice = replace(advice, changes=(hostile,), remarks=(EVIL,))
    text = tune_html(advice, site, replace(APP, name=EVIL), f"+{EVIL}\n", generated=EVIL)
    found = Scripts()
    found.feed(text)
    assert len(found.scripts) == 3
    assert found.handlers == []
    assert "<script>alert" not in text
    assert "img" not in found.tags


def test_lines_of_a_diff() -> None:
    kinds = [line.kind for line in diff_lines(DIFF)]
    assert kinds == ["file", "file", "place", "same", "remove", "add", "remove"]
    two_files = [line.kind for line in diff_lines(DIFF + "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")]
    assert two_files[7:] == ["file", "file", "place", "remove", "add"]
