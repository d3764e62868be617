"""``poolwise tune``: today's settings, better ones, the proof, and the change to make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from poolwise.cli.advised import advice_json
from poolwise.cli.apply import apply
from poolwise.cli.files import check_targets, write, write_all
from poolwise.cli.inputs import (
    Reading,
    describes_application,
    describes_machine,
    options,
    reads_configuration,
    say_notes,
    simulated_pool,
)
from poolwise.cli.progress import progress, say_compiling
from poolwise.cli.quantities import SECONDS
from poolwise.cli.traffic import TRAFFIC_HELP, takes_traffic
from poolwise.cli.visible import visible
from poolwise.cli.work import loaded_at_start
from poolwise.config import edit
from poolwise.model import App, InputError, Machine, Target

if TYPE_CHECKING:
    from poolwise.config import FileEdit
    from poolwise.model import Setting, Site, Workload

HELP = f"""Find the settings that need the least memory and churn within a target, and prove it.

    Simulates today's settings, searches better ones, simulates those under the same traffic, and writes
    report.html with both side by side and a reason for every change. The change is printed as a diff of
    your own files. Nothing of yours is changed without --write; with it, backups are kept, every changed
    setting is read back, and the installed httpd (if any) has to accept the result, or all is put back.
{TRAFFIC_HELP}
    \b
    Examples:
      poolwise tune /etc/apache2 --log /var/log/apache2/access.log --service exponential:0.2
      poolwise tune /etc/apache2 --log access.log --memory 2G --app-memory 120M --target-wait 100ms
      poolwise tune /etc/apache2 --traffic day:mean=20,peak=60 --duration 1d --diff pool.diff
      poolwise tune /etc/apache2 --log access.log --write

    Exit code 1 means that no setting keeps the target within the memory; the report says what comes closest.
    """

TARGET = options(
    click.option(
        "--target-wait",
        type=SECONDS,
        default="50ms",
        show_default=True,
        help="No request may wait longer than this for a worker ...",
    ),
    click.option(
        "--quantile",
        type=click.FloatRange(0, 1, min_open=True),
        default=0.95,
        show_default=True,
        help="... up to this share of them.",
    ),
    click.option(
        "--refused",
        type=click.FloatRange(0, 1, max_open=True),
        default=0.0,
        show_default=True,
        help="Share of requests that may be refused.",
    ),
)
OUTPUTS = options(
    click.option("--report", default="report.html", show_default=True, metavar="FILE", help="The report."),
    click.option("--diff", metavar="FILE", help="Write the change as a unified diff too."),
    click.option(
        "--advice", "advice_file", metavar="FILE", help="Write what to change as JSON, for render --from."
    ),
    click.option("--write", "change", is_flag=True, help="Make the change in the files (backups are kept)."),
    click.option(
        "--with-httpd",
        metavar="PATH",
        help="The httpd that must accept what --write wrote; 'none' asks none.  [default: the installed]",
    ),
)


@click.command("tune", help=HELP, short_help="better settings, and the proof")
@reads_configuration
@takes_traffic
@TARGET
@describes_application
@describes_machine
@OUTPUTS
def command(
    reading: Reading,
    workload: Workload,
    app: App,
    machine: Machine,
    target_wait: float,
    quantile: float,
    refused: float,
    report: str,
    diff: str | None,
    advice_file: str | None,
    change: bool,
    with_httpd: str | None,
) -> int:
    """Tune, print and write; return 1 when no setting keeps the target."""
    from poolwise.capacity import tune
    from poolwise.report import tune_html, tune_text

    site = reading.configuration.site
    check_targets((report, diff, advice_file), (*site.files, *click.get_current_context().params["logs"]))
    if change and site.root == "-":
        raise InputError("--write needs files; the configuration came from standard input")
    say_notes(site.notes)
    _say_groups(site)
    target = Target(quantile, target_wait, refused, machine.memory_bytes)
    pool, app = simulated_pool(site, site.values), loaded_at_start(app)
    say_compiling(len(workload))
    with progress("searching") as advance:
        advice = tune(pool, site.values, workload, app=app, machine=machine, target=target, progress=advance)
    wanted = {item.name: item.value for item in advice.changes}
    edits = edit(reading.configuration.evaluation, wanted)
    diff_text = "".join(one.diff() for one in edits)
    write(report, tune_html(advice, site, app, diff_text))
    write_all([(diff, lambda: diff_text), (advice_file, lambda: advice_json(advice, site))])
    click.echo(visible(tune_text(advice)))
    _show_diff(diff_text)
    if change:
        _make_change(reading, edits, wanted, with_httpd)
    click.echo(f"The report: {report}")
    return 0 if advice.met else 1


def _say_groups(site: Site) -> None:
    """Tell when applications run behind the pool that is tuned: it is then taken to do their work itself."""
    names = [group.name for group in site.daemon_groups if group.selected]
    if names and all(app.runs != "embedded" for app in site.applications):
        said = f"the applications run in daemon groups ({', '.join(names)})"
        how = "tune looks at Apache's own pool as if it ran them; for the groups"
        click.echo(f"warning: {said}; {how}: poolwise simulate --compare {names[0]}:threads=N", err=True)


def _show_diff(diff_text: str) -> None:
    """Print a unified diff, in colours on a terminal."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in diff_text.splitlines():
        click.secho(visible(line), fg=colours.get(line[:1]))


def _make_change(
    reading: Reading, edits: tuple[FileEdit, ...], wanted: Mapping[str, Setting], with_httpd: str | None
) -> None:
    """Write the edits and say where the backups are."""
    if not edits:
        click.echo("Nothing to change.")
        return
    done = apply(reading, edits, wanted, with_httpd)
    for path, backup in done.backups.items():
        click.echo(f"Changed {path}; as it was: {backup}")
    click.echo(done.verdict)
