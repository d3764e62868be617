"""``poolwise status``: what is served on this machine, and whether it is well."""

from __future__ import annotations

import click

from poolwise.cli.visible import visible
from poolwise.model import InputError

HELP = """Show what poolwise serves: addresses, processes, memory, and what is wrong.

    SITE is the name of a site or the folder it is served from; without one, all that this user serves are
    shown. Memory is measured now, as PSS: pages that processes share are counted once. Each application is
    asked for its health page.

    Exit code 0 says that all is well; 1 that something is not running or not as it should be, and the lines
    that begin with an exclamation mark say what.

    \b
    Examples:
      poolwise status
      poolwise status shop
      poolwise status /run/poolwise/shop --format json
    """


@click.command("status", help=HELP, short_help="what is served, and whether it is well")
@click.argument("site", required=False)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people or programs."
)
def command(site: str | None, form: str) -> int:
    """Look at each site and print what was found."""
    from poolwise import report
    from poolwise.deploy import find_served, served_folders, survey

    found, unread = [], 0
    for each in [site] if site else map(str, served_folders()):
        try:
            found.append(survey(find_served(each)))
        except InputError as error:
            if site:
                raise
            click.echo(f"poolwise: {visible(str(error))}", err=True)
            unread += 1
    shown = report.status_json(found) if form == "json" else visible(report.status_text(found))
    click.echo(shown, nl=False)
    return 1 if unread or not found or any(each.troubles for each in found) else 0
