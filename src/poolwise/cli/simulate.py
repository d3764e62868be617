"""``poolwise simulate``: what the pool does under a traffic, as numbers and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from poolwise.cli.files import check_targets, write_all
from poolwise.cli.inputs import (
    Reading,
    describes_application,
    describes_machine,
    options,
    reads_configuration,
    say_notes,
    simulated_pool,
    values_with,
)
from poolwise.cli.progress import progress, say_compiling
from poolwise.cli.quantities import ASSIGNMENTS
from poolwise.cli.traffic import TRAFFIC_HELP, takes_traffic
from poolwise.model import App, Machine

if TYPE_CHECKING:
    from poolwise.model import Pool, Run, Site, Workload

HELP = f"""Simulate what the worker pool does under a traffic, second by second.

    Every request of the traffic is simulated, and every maintenance pass of httpd to the tick: you see the
    processes started and stopped, the requests that wait and for how long, refusals, memory, and what
    httpd would have written into its error log. The same seed gives the same run.
{TRAFFIC_HELP}
    \b
    Examples:
      poolwise simulate /etc/apache2 --traffic poisson:20 --service lognormal:mean=0.3,cv=2
      poolwise simulate /etc/apache2 --log /var/log/apache2/access.log --service exponential:0.2
      poolwise simulate /etc/apache2 --traffic burst:base=5,peak=100,at=10,length=5 \\
          --compare MaxSpareServers=40,StartServers=20 --compare MinSpareServers=20 --html runs.html
    """

SETTINGS = options(
    click.option(
        "--set",
        "changes",
        type=ASSIGNMENTS,
        multiple=True,
        metavar="DIRECTIVE=N",
        help="Simulate as if the configuration said this; can be repeated.",
    ),
    click.option(
        "--compare",
        "compared",
        type=ASSIGNMENTS,
        multiple=True,
        metavar="DIRECTIVE=N,...",
        help="One more run beside the first, with these settings; can be repeated.",
    ),
)
OUTPUTS = options(
    click.option("--png", metavar="FILE", help="Write the pictures as PNG."),
    click.option("--svg", metavar="FILE", help="Write the pictures as SVG."),
    click.option("--html", metavar="FILE", help="Write one page with interactive pictures."),
    click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        help="For people or programs.",
    ),
)


@click.command("simulate", help=HELP, short_help="what the pool does under a traffic")
@reads_configuration
@takes_traffic
@SETTINGS
@describes_application
@describes_machine
@OUTPUTS
def command(
    reading: Reading,
    workload: Workload,
    app: App,
    machine: Machine,
    changes: tuple[dict[str, int], ...],
    compared: tuple[dict[str, int], ...],
    png: str | None,
    svg: str | None,
    html: str | None,
    form: str,
) -> int:
    """Simulate each asked-for setting and print or write what came of it."""
    from poolwise import report
    from poolwise.simulation import simulate

    site = reading.configuration.site
    check_targets((png, svg, html), (*site.files, *click.get_current_context().params["logs"]))
    say_notes(site.notes)
    base = {name: number for change in changes for name, number in change.items()}
    pools = dict(_pools(site, base, compared))
    runs: list[Run] = []
    say_compiling(len(workload))
    with progress("simulating") as advance:
        for label, pool in pools.items():
            runs.append(simulate(pool, workload, app=app, machine=machine, label=label))
            advance(len(runs), len(pools))
    if form == "json":
        click.echo(report.run_json(runs))
    else:
        click.echo(report.terminal_figure(runs))
        click.echo(report.run_text(runs))
    _say_memory(runs, machine)
    written = write_all(
        [
            (png, lambda: report.png(report.pool_figure(runs))),
            (svg, lambda: report.svg(report.pool_figure(runs))),
            (
                html,
                lambda: report.html(report.pool_figure(runs), f"{site.root}: {workload.label}"),
            ),
        ]
    )
    for path in written:
        click.echo(f"wrote {path}", err=True)
    return 0


def _say_memory(runs: list[Run], machine: Machine) -> None:
    """Tell which runs take more than ``--memory``: the simulation goes on where a real host would not."""
    from poolwise.report import size

    for run in runs:
        peak = max(run.series["memory_bytes"], default=0.0)
        if machine.memory_bytes and peak > machine.memory_bytes:
            text = f"{run.label}: takes up to {size(peak)}, more than --memory {size(machine.memory_bytes)}"
            click.echo(f"warning: {text}", err=True)


def _pools(
    site: Site, base: dict[str, int], compared: tuple[dict[str, int], ...]
) -> Iterator[tuple[str, Pool]]:
    """Label and pool of each run: the configuration (with ``--set``), then every ``--compare``."""
    first = ", ".join(f"{name} {number}" for name, number in base.items())
    yield first or "as configured", simulated_pool(site, values_with(site, base, "--set"))
    for settings in compared:
        label = ", ".join(f"{name} {number}" for name, number in settings.items())
        yield label, simulated_pool(site, values_with(site, {**base, **settings}, "--compare"))
