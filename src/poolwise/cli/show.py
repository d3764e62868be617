"""``poolwise show``: what is really in force in a configuration."""

from __future__ import annotations

import click

from poolwise.cli.inputs import Reading, describes_application, pool_of, reads_configuration
from poolwise.cli.visible import visible
from poolwise.model import App


@click.command("show", short_help="the settings really in force, each with its origin")
@reads_configuration
@describes_application
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people or programs."
)
@click.option(
    "--with-httpd",
    metavar="PATH",
    help="Also ask this httpd (it needs mod_info) what it would obey, and say where it and poolwise differ.",
)
def command(reading: Reading, app: App, form: str, with_httpd: str | None) -> int:
    """Show the settings really in force, each with the file and line it comes from.

    CONF is a configuration file, a server root (/etc/apache2), any directory with one, or - for standard
    input. Nothing is executed, no Apache is needed. You see what was asked for and what httpd makes of it,
    how many processes and threads there will be, where each WSGI application really runs, and the memory
    that all of it can take.

    \b
    Examples:
      poolwise show /etc/apache2
      poolwise show /etc/apache2 --app-memory 120M
      poolwise show httpd.conf --mpm event --httpd-version 2.4.57   an httpd with event built in
      poolwise show /etc/httpd -D STAGING --format json
      poolwise show /etc/apache2 --with-httpd /usr/sbin/apache2
    """
    from poolwise.report import show_json, show_text

    site = reading.configuration.site
    render = show_json if form == "json" else show_text
    click.echo(visible(render(site, pool_of(site), app)))
    if not with_httpd:
        return 0
    from poolwise.config import crosscheck

    notes = crosscheck(reading.configuration, with_httpd)
    for note in notes:
        click.echo(visible(str(note)), err=True)
    return 0 if all(note.severity == "note" for note in notes) else 1
