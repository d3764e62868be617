"""``poolwise stop``: end what ``poolwise serve`` runs."""

from __future__ import annotations

import click

from poolwise.cli.visible import visible

HELP = """Stop what 'poolwise serve' runs.

    SITE is the name of a site or the folder it is served from; it may be left out when only one is served.
    New connections are refused at once, requests that are in work may finish within the time that 'serve'
    was given for that (--grace). When poolwise itself was killed, what it left running is ended, each
    process checked by its start time, and the folder is left clean.

    \b
    Examples:
      poolwise stop
      poolwise stop shop
      poolwise stop /run/poolwise/shop --now
    """


@click.command("stop", help=HELP, short_help="end what 'serve' runs")
@click.argument("site", required=False)
@click.option("--now", is_flag=True, help="Do not let requests finish.")
def command(site: str | None, now: bool) -> int:
    """Stop one site and say how that went."""
    from poolwise.deploy import find_only, find_served, stop

    state = find_served(site) if site else find_only()
    click.echo(visible(stop(state, now=now)))
    return 0
