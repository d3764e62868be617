"""``poolwise rehearse``: the pool of a configuration on a real httpd, beside what the simulation says."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from poolwise.cli.division import division, log_mounts
from poolwise.cli.files import check_targets, write_all
from poolwise.cli.inputs import Reading, describes_application, options, reads_configuration, say_notes
from poolwise.cli.progress import progress
from poolwise.cli.quantities import SECONDS, share, words
from poolwise.cli.simulate import OUTPUTS, Outputs
from poolwise.cli.traffic import TRAFFIC_HELP, takes_traffic
from poolwise.cli.visible import visible
from poolwise.cli.visitors import CLIENTS_HELP, takes_clients, takes_events
from poolwise.cli.work import Work, describes_work
from poolwise.model import App

if TYPE_CHECKING:
    from poolwise.model import Run, Workload
    from poolwise.simulation import Incident

LIMIT_S = 60.0

HELP = f"""Rehearse a configuration: its pool on a real httpd, beside what the simulation says.

    An httpd of its own is started on a free port of 127.0.0.1, in a temporary folder, with the MPM, the pool,
    the connection settings and the daemon groups of CONF; nothing of the real server is touched. In the place
    of each application stands one that takes as long as the traffic says: it waits, and works its share of
    CPU. A client process sends the requests at their times. What httpd did is shown beside a simulation of
    the requests as they were sent. It takes as long as the traffic; Ctrl-C ends it and leaves nothing behind.
{TRAFFIC_HELP}{CLIENTS_HELP}
    Slow links (--upload, --download) cannot be rehearsed: the clients are on this machine.

    \b
    Examples:
      poolwise rehearse /etc/apache2 --traffic ramp:peak=40,up=20,hold=20,down=20 --service fixed:1
      poolwise rehearse /etc/apache2 --traffic poisson:20 --request-cpu 30% --html rehearsal.html
      poolwise rehearse /etc/apache2 --log access.log --service exponential:0.2 --limit 5min
      poolwise rehearse /etc/apache2 --traffic poisson:20 --application shop.wsgi:application \\
          --python /srv/shop/venv
    """

SERVERS = options(
    click.option(
        "--limit",
        "limit_s",
        type=SECONDS,
        help="Rehearse so much of the traffic.  [default: its first minute, or what --duration says]",
    ),
    click.option(
        "--share",
        "share_texts",
        multiple=True,
        metavar="NAME=SHARE,...",
        help="Which share of the traffic goes to an application (its mount, host or group), as /api=30%.  "
        "[default: as the paths in the log say, else all to the first]",
    ),
    click.option(
        "--application",
        default="",
        metavar="TARGET",
        help="Your own (module:callable or a file), in the place of each.",
    ),
    click.option("--folder", default="", help="Its working directory.  [default: its file's, or this]"),
    click.option("--url", default="/", show_default=True, metavar="PATH", help="What its clients ask for."),
    click.option("--python", default="", help="The Python, or the folder of a virtual environment."),
    click.option("--user", default="", help="Who runs it when root rehearses.  [default: www-data]"),
    click.option("--httpd", default="", metavar="PATH", help="Apache httpd.  [default: the installed]"),
    click.option("--mod-wsgi", default="", metavar="PATH", help="mod_wsgi.  [default: the one that fits]"),
    click.option(
        "--cores", type=click.IntRange(0, 4096), default=0, help="That httpd may use.  [default: all]"
    ),
)


@click.command("rehearse", help=HELP, short_help="the same traffic on a real httpd")
@reads_configuration
@partial(takes_traffic, mounts=log_mounts)
@takes_clients
@takes_events
@SERVERS
@describes_application
@describes_work
@OUTPUTS
def command(
    reading: Reading,
    workload: Workload,
    incidents: tuple[Incident, ...],
    limit_s: float | None,
    share_texts: tuple[str, ...],
    app: App,
    work: Work,
    **asked: Any,
) -> int:
    """Rehearse, simulate what was sent, and show both."""
    from poolwise.cli.rehearsing import Rehearsing, check_work, find_servers, first_part
    from poolwise.deploy import check_room, check_site, check_traffic, rehearse

    site = reading.configuration.site
    shown = Outputs(asked["png"], asked["svg"], asked["html"], asked["form"])
    given = click.get_current_context().params
    check_targets((shown.png, shown.svg, shown.html), (*site.files, *given["logs"]))
    say_notes(site.notes)
    check_site(site)
    check_work(work)
    if limit_s is None:
        limit_s = workload.duration_s if given["duration"] else LIMIT_S
    load = first_part(workload, limit_s)
    check_traffic(load)
    divided = division(site, _shares(share_texts), load)
    load = divided.of(work.in_requests(load), work)
    rehearsing = Rehearsing(site, divided, app, work, find_servers(asked), load)
    plan = rehearsing.plan()
    check_room(plan, rehearsing.expected())
    happening = tuple(incident for incident in incidents if incident.time_s < load.duration_s)
    click.echo(f"rehearsing {load.duration_s:g} s of traffic on {plan.httpd.path} ...", err=True)
    with progress("rehearsing") as advance:
        done = rehearse(plan, happening, advance)
    runs = [rehearsing.beside(done, happening), done.run]
    _show(runs, rehearsing.shaken(done, happening), shown)
    _write(runs, shown, f"{site.root}: {load.label}")
    return 0


def _shares(texts: Sequence[str]) -> dict[str, float]:
    return {name: share(part) for name, part in words(",".join(texts)).items()}


def _show(runs: Sequence[Run], shaken: Sequence[Run], shown: Outputs) -> None:
    from poolwise import report

    simulated, rehearsed = runs
    for sentence in rehearsed.assumptions:
        if sentence.startswith("WARNING"):
            click.echo(sentence, err=True)
    if shown.form == "json":
        click.echo(report.rehearsal_json(simulated, rehearsed, shaken), nl=False)
        return
    click.echo(report.terminal_figure(runs))
    click.echo(visible(report.run_text(runs)))
    click.echo(report.rehearsal_text(simulated, rehearsed, shaken), nl=False)


def _write(runs: Sequence[Run], shown: Outputs, title: str) -> None:
    from poolwise import report

    written = write_all(
        [
            (shown.png, lambda: report.png(report.pool_figure(runs))),
            (shown.svg, lambda: report.svg(report.pool_figure(runs))),
            (shown.html, lambda: report.html(report.pool_figure(runs), title)),
        ]
    )
    for path in written:
        click.echo(f"wrote {path}", err=True)
