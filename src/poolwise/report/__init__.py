"""Shows the nouns: plain text, JSON, pictures for terminal, paper and browser, and the report page.

Everything takes values and returns text, bytes or a specification; nothing prints, writes or reads a clock.
"""

from poolwise.report.app import app_json, app_text
from poolwise.report.charts import histogram_figure, pool_figure
from poolwise.report.quantities import share, size
from poolwise.report.rehearsal import rehearsal_json, rehearsal_text
from poolwise.report.render import html, png, svg
from poolwise.report.runs import run_json, run_text
from poolwise.report.serving import serving_text, status_json, status_text
from poolwise.report.show import show_json, show_text
from poolwise.report.terminal import terminal_figure
from poolwise.report.tuning import tune_html, tune_text

__all__ = [
    "app_json",
    "app_text",
    "histogram_figure",
    "html",
    "png",
    "pool_figure",
    "rehearsal_json",
    "rehearsal_text",
    "run_json",
    "run_text",
    "serving_text",
    "share",
    "show_json",
    "show_text",
    "size",
    "status_json",
    "status_text",
    "svg",
    "terminal_figure",
    "tune_html",
    "tune_text",
]
