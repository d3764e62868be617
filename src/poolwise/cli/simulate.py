"""``poolwise simulate``: what the pool does under a traffic, as numbers and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import click

from poolwise.cli.division import division, log_mounts
from poolwise.cli.files import check_targets, write_all
from poolwise.cli.inputs import (
    Reading,
    describes_application,
    describes_machine,
    may_read_configuration,
    options,
    say_notes,
    simulated_pool,
    values_with,
)
from poolwise.cli.progress import progress, say_compiling
from poolwise.cli.quantities import WHAT_IF, WhatIf
from poolwise.cli.servers import SERVERS_HELP, Server, WithNginx, as_server, is_server, takes_servers
from poolwise.cli.stages import PROXIED, Case, Stages
from poolwise.cli.traffic import TRAFFIC_HELP, takes_traffic
from poolwise.cli.visitors import CLIENTS_HELP, takes_clients, takes_events
from poolwise.cli.work import Work, describes_work
from poolwise.model import App, InputError, Machine, Proxy, Topology

if TYPE_CHECKING:
    from poolwise.model import Run, Setting, Workload
    from poolwise.simulation import Incident

HELP = f"""Simulate what the worker pool does under a traffic, second by second.

    Every request of the traffic is simulated, and every maintenance pass of httpd to the tick: you see the
    processes started and stopped, the requests that wait and for how long, refusals, memory, and what
    httpd would have written into its error log. Applications run where the configuration says: in Apache's
    own processes, or in daemon groups behind them. The same seed gives the same run.
{TRAFFIC_HELP}{CLIENTS_HELP}{SERVERS_HELP}
    \b
    Examples:
      poolwise simulate /etc/apache2 --traffic poisson:20 --service lognormal:mean=0.3,cv=2
      poolwise simulate /etc/apache2 --log /var/log/apache2/access.log --service exponential:0.2
      poolwise simulate /etc/apache2 --traffic burst:base=5,peak=100,at=10,length=5 \\
          --compare MaxSpareServers=40,StartServers=20 --compare MinSpareServers=20 --html runs.html
      poolwise simulate /etc/apache2 --traffic poisson:20 --keep-alive think=5s,requests=6 \\
          --request-cpu 30% --import-cpu 2s --compare shop:processes=4 --compare gunicorn_sync:workers=8
      poolwise simulate --server uwsgi:workers=8,cheaper=2 --traffic day:mean=20,peak=60 --nginx
    """

SETTINGS = options(
    click.option(
        "--set",
        "changes",
        type=WHAT_IF,
        multiple=True,
        metavar="DIRECTIVE=N",
        help="Simulate as if the configuration said this (GROUP:OPTION=N: a daemon group); can be repeated.",
    ),
    click.option(
        "--compare",
        "compared",
        type=WHAT_IF,
        multiple=True,
        metavar="DIRECTIVE=N,...",
        help="One more run beside the first, with these settings, or of another server; can be repeated.",
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


@dataclass(frozen=True)
class Outputs:
    """Where the pictures go, and who reads the numbers."""

    png: str | None
    svg: str | None
    html: str | None
    form: str


@click.command("simulate", cls=WithNginx, help=HELP, short_help="what the pool does under a traffic")
@may_read_configuration
@partial(takes_traffic, mounts=log_mounts)
@takes_clients
@takes_events
@SETTINGS
@takes_servers
@describes_application
@describes_work
@describes_machine
@OUTPUTS
def command(
    reading: Reading | None,
    workload: Workload,
    incidents: tuple[Incident, ...],
    changes: tuple[WhatIf, ...],
    compared: tuple[WhatIf, ...],
    server: Server | None,
    proxy: Proxy | None,
    mod_wsgi: str,
    shares: Mapping[str, float],
    app: App,
    work: Work,
    machine: Machine,
    **outputs: str | None,
) -> int:
    """Simulate each asked-for setting and print or write what came of it."""
    shown = Outputs(outputs["png"], outputs["svg"], outputs["html"], outputs["form"] or "text")
    site = reading.configuration.site if reading else None
    read = (*(site.files if site else ()), *click.get_current_context().params["logs"])
    check_targets((shown.png, shown.svg, shown.html), read)
    say_notes(site.notes if site else ())
    chained = work.said or _has_clients(workload)
    divided = division(site, shares, workload)
    stages = Stages(site, tuple(divided.used), app, work, proxy, server, mod_wsgi, chained) if site else None
    if stages is None and server is None:
        raise click.UsageError("Missing argument 'CONF'.")
    cases = list(_cases(stages, server, changes, compared, app, work, proxy))
    load = work.in_requests(workload)
    apache = divided.of(load, work)
    runs: list[Run] = []
    say_compiling(len(load), chain=any(isinstance(case.where, Topology) for case in cases))
    try:
        with progress("simulating") as advance:
            for case in cases:
                runs.append(_run(case, apache if case.httpd else load, machine, incidents, divided.assumed))
                advance(len(runs), len(cases))
    except KeyboardInterrupt:
        if runs:  # what is finished is true
            _show(runs, shown)
        raise
    _show(runs, shown)
    _say_memory(runs, machine)
    _write(runs, shown, f"{site.root if site else runs[0].label}: {workload.label}", _grows(work))
    return 0


def _has_clients(workload: Workload) -> bool:
    arrays = (workload.upload_s, workload.download_s, workload.connection)
    return any(array is not None for array in arrays) or workload.clients != type(workload.clients)()


def _grows(work: Work) -> bool:
    """Whether memory tells something that the number of processes does not."""
    return work.said and bool(work.leak_bytes or work.response_bytes or work.imports or work.loads)


def _run(
    case: Case, load: Workload, machine: Machine, incidents: Sequence[Incident], assumed: tuple[str, ...]
) -> Run:
    from poolwise.simulation import simulate

    happens, words = incidents, (*case.assumptions, *(assumed if case.httpd else ()))
    if incidents and not case.httpd:
        happens, words = (), (*words, "restarts and crashes happen to Apache only")
    run = simulate(
        case.where,
        load,
        app=case.app,
        apps=case.apps,
        machine=machine,
        incidents=happens,
        label=case.label,
    )
    return replace(run, assumptions=(*run.assumptions, *words)) if words else run


def _cases(
    stages: Stages | None,
    server: Server | None,
    changes: Sequence[WhatIf],
    compared: Sequence[WhatIf],
    app: App,
    work: Work,
    proxy: Proxy | None,
) -> Iterator[Case]:
    """What is to be run: the configuration or the server, then every ``--compare``."""
    if stages is None:
        assert server is not None
        if changes:
            raise InputError("--set changes a configuration: with --server alone there is none")
        yield _server_case(server, app, work, proxy)
    else:
        if server and not any(place.name == PROXIED for place in stages.where):
            raise InputError(
                "--server stands in the place of CONF, and nothing in CONF proxies to one: leave one of them "
                "out, or put the server beside CONF with --compare"
            )
        yield _site_case(stages, changes, ())
    for asked in compared:
        if is_server(asked):
            yield _server_case(as_server(asked), app, work, proxy)
        elif stages is None:
            raise InputError(f"--compare {asked.text}: without CONF only another server can be compared")
        else:
            yield _site_case(stages, changes, (asked,))


def _server_case(server: Server, app: App, work: Work, proxy: Proxy | None) -> Case:
    topology = Topology(server.pool, proxy=proxy)
    return Case(server.text, topology, work.of(app, server.loads), {}, httpd=False)


def _site_case(stages: Stages, changes: Sequence[WhatIf], compared: Sequence[WhatIf]) -> Case:
    """The site with ``--set``, and with one ``--compare`` on top of it."""
    directives: dict[str, Setting] = {}
    groups: dict[str, dict[str, str]] = {}
    for asked in (*changes, *compared):
        if asked.name:
            texts = {name: str(value) for name, value in asked.settings.items()}
            groups.setdefault(asked.name, {}).update(texts)
        else:
            directives.update(asked.settings)
    values = values_with(stages.site, directives, "--compare" if compared else "--set")
    return stages.case(_label(compared or changes), simulated_pool(stages.site, values), groups)


def _label(asked: Sequence[WhatIf]) -> str:
    """The settings in words: ``StartServers 40, shop: threads 5``."""
    parts = []
    for one in asked:
        words = ", ".join(f"{name} {value}" for name, value in one.settings.items())
        parts.append(f"{one.name}: {words}" if one.name else words)
    return ", ".join(parts) or "as configured"


def _show(runs: list[Run], shown: Outputs) -> None:
    from poolwise import report

    if shown.form == "json":
        click.echo(report.run_json(runs))
    else:
        click.echo(report.terminal_figure(runs))
        click.echo(report.run_text(runs))


def _write(runs: list[Run], shown: Outputs, title: str, memory: bool) -> None:
    from poolwise import report

    written = write_all(
        [
            (shown.png, lambda: report.png(report.pool_figure(runs, memory=memory))),
            (shown.svg, lambda: report.svg(report.pool_figure(runs, memory=memory))),
            (shown.html, lambda: report.html(report.pool_figure(runs, memory=memory), title)),
        ]
    )
    for path in written:
        click.echo(f"wrote {path}", err=True)


def _say_memory(runs: list[Run], machine: Machine) -> None:
    """Tell which runs take more than ``--memory``: the simulation goes on where a real host would not."""
    from poolwise.report import size

    for run in runs:
        peak = max(run.series["memory_bytes"], default=0.0)
        if machine.memory_bytes and peak > machine.memory_bytes:
            text = f"{run.label}: takes up to {size(peak)}, more than --memory {size(machine.memory_bytes)}"
            click.echo(f"warning: {text}", err=True)
