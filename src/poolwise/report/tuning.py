"""Advice on a site's settings: plain text, and one HTML page that needs nothing but a browser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from poolwise.model import Advice, App, Recommendation, Site, Value
from poolwise.report import pages, render
from poolwise.report.charts import figure_columns, histogram_figure, standalone
from poolwise.report.measures import pool_words, repeated, table
from poolwise.report.quantities import clock
from poolwise.report.show import memory_words, setting_text
from poolwise.report.verdict import figures, headline, sentences, target_words

FIXED_AT_START = ("ServerLimit", "ThreadLimit")  # until httpd is stopped it keeps the first value (AH00179)
_PLACE = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


def tune_text(advice: Advice) -> str:
    """The advice in plain text: verdict, figures of today and of the advice, changes with their reasons."""
    lines = [headline(advice), "", *(f"  {sentence}" for sentence in sentences(advice))]
    lines += ["", f"Target: {target_words(advice.target)}.", ""]
    lines += table(["", "today", "advice", ""], [list(row) for row in _rows(advice)])
    for change in advice.changes:
        lines += ["", *_change_lines(change)]
    for title, notes in (("Assumed", _assumptions(advice)), ("Also", advice.remarks)):
        if notes:
            lines += ["", f"{title}:", *(f"  - {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _rows(advice: Advice) -> list[tuple[str, str, str, str]]:
    rows = []
    for figure in figures(advice):
        main = figure.main
        rows.append((main.name, main.before, main.after, main.change))
        rows += [(f"  {other.name}", other.before, other.after, other.change) for other in figure.others]
    return rows


def _change_lines(change: Recommendation) -> list[str]:
    origin = f"   {change.today.where}" if change.today else ""
    lines = [f"{change.name}: {today_text(change)} → {change.value}{origin}", f"  {change.reason}"]
    return [*lines, f"  If not changed: {change.without}"] if change.without else lines


def today_text(change: Recommendation) -> str:
    """The value in force today, ``"not set"`` when there is none."""
    return setting_text(change.today.value) if change.today else "not set"


def _assumptions(advice: Advice) -> list[str]:
    return list(dict.fromkeys((*advice.before.assumptions, *advice.after.assumptions)))


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a unified diff: ``kind`` is ``file``, ``place``, ``add``, ``remove`` or ``same``."""

    kind: str
    text: str


def diff_lines(diff_text: str) -> list[DiffLine]:
    """The lines of a unified diff with their kinds; each ``@@`` line says how many lines follow it."""
    lines, old, new = [], 0, 0
    for text in diff_text.splitlines():
        place = _PLACE.match(text)
        if old > 0 or new > 0:
            kind = {"+": "add", "-": "remove"}.get(text[:1], "same")
            old -= kind != "add" and not text.startswith("\\")
            new -= kind != "remove" and not text.startswith("\\")
        elif place:
            kind = "place"
            old, new = (int(number) if number else 1 for number in place.groups())
        else:
            kind = "file" if text.startswith(("---", "+++")) else "same"
        lines.append(DiffLine(kind, text))
    return lines


def altered(site: Site) -> list[Value]:
    """The settings that httpd itself changes at start-up."""
    return [value for value in site.values.values() if value.changes]


def tune_html(advice: Advice, site: Site, app: App, diff_text: str, *, generated: str = "") -> str:
    """The report page: one file with styles, scripts and figures inside, nothing fetched.

    ``diff_text``: the change to the user's files as a unified diff, "" when there is none. ``generated``:
    when and by what the page was made, in words. Every text is escaped; scripts run only by their hash.
    """
    runs = (advice.before, advice.after)
    columns = [standalone(column) for column in figure_columns(runs, width=430, memory=True)]
    tails = histogram_figure(runs, width=430, height=150)
    return pages.page(
        "report.html.j2",
        advice=advice,
        site=site,
        app=app,
        generated=generated,
        headline=headline(advice),
        sentences=sentences(advice),
        target=target_words(advice.target),
        figures=figures(advice),
        rows=_rows(advice),
        runs=[_run_values(run.label, pool_words(run.pool), repeated(run)) for run in runs],
        length=clock(advice.before.duration_s),
        origin=advice.before.origin,
        changes=[(change, today_text(change)) for change in advice.changes],
        diff=diff_lines(diff_text),
        altered=altered(site),
        setting=setting_text,
        stop_first=[c.name for c in advice.changes if c.name in FIXED_AT_START],
        assumptions=_assumptions(advice),
        memory_words=memory_words(site, app),
        clock=clock,
        stills=[render.svg(figure) for figure in (*columns, tails)],
        specs=pages.script_json([render.shipped(figure) for figure in (*columns, tails)]),
        bundle=render.bundle(),
    )


def _run_values(label: str, pool: str, messages: Sequence[dict[str, str | float | int]]) -> dict[str, object]:
    return {"label": label, "pool": pool, "messages": messages}
