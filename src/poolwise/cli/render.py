"""``poolwise render``: the files of a site, to be owned; or of an existing one with the advice applied."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from poolwise.cli.advised import advised_copy, read_advice
from poolwise.cli.elsewhere import Elsewhere, describes_another_machine
from poolwise.cli.hosting import TARGET_HELP, Hosting, Programs, group_of, hosts_applications
from poolwise.cli.inputs import options
from poolwise.cli.targets import absolute
from poolwise.cli.tree import difference, put
from poolwise.cli.visible import visible
from poolwise.deploy import render
from poolwise.model import InputError

COLOURS = {"+": "green", "-": "red", "@": "cyan"}
HELP = f"""Write the files of a site on Apache: lean, commented, complete, and yours.

    The tree below --output holds Apache's whole configuration with only the modules that it uses, what loads
    each application, the other servers' settings where they are asked for, hardened systemd units, log
    rotation that restarts nobody, a Dockerfile, and a README that says how to check, start, reload and stop
    it. No server is started, and nothing else is written. A file that is there with another text stays as it
    is without --write; with it, a backup is kept.
{TARGET_HELP}
    With --from and --advice the files are those of an existing configuration instead, with what
    `poolwise tune --advice` found out in force; the originals are not touched.

    \b
    Examples:
      poolwise render shop.wsgi:application --output /srv/sites/shop
      poolwise render shop.wsgi --python /srv/shop/.venv --folder /srv/shop --output site \\
          --static /static=/srv/shop/static --compress --server-name shop.example --host 0.0.0.0 --port 80
      poolwise render /=shop.wsgi /api=api.wsgi:app --processes api=4 --backend api=uwsgi --output site
      poolwise render app.py --nginx --tls-certificate cert.pem --tls-key key.pem --http2 --output site
      poolwise render shop.wsgi --layout fedora --python /srv/shop/.venv --output site
      poolwise render shop.wsgi --port 8080 --output site --diff      what would change
      poolwise render shop.wsgi --port 8080 --output site --write     change it
      poolwise render --from /etc/apache2 --advice advice.json --output tuned

    Exit code 1 says that --diff has shown a difference.
    """

OUTPUTS = options(
    click.option("--output", required=True, metavar="FOLDER", help="Where the tree goes."),
    click.option("--write", "over", is_flag=True, help="Replace files that differ (backups are kept)."),
    click.option("--diff", is_flag=True, help="Show what would change, and write nothing."),
    click.option("--from", "conf", metavar="CONF", help="A configuration to write a changed copy of."),
    click.option("--advice", metavar="FILE", help="What to change in it: made by tune --advice."),
    click.option("--mpm", default="", help="The MPM built into the httpd of --from."),
)


@click.command("render", help=HELP, short_help="the files of a site, to be owned")
@hosts_applications
@describes_another_machine
@OUTPUTS
def command(
    hosting: Hosting,
    elsewhere: Elsewhere,
    output: str,
    over: bool,
    diff: bool,
    conf: str | None,
    advice: str | None,
    mpm: str,
) -> int:
    """Render, then show or write."""
    folder = Path(absolute(output))
    if conf or advice:
        return _advised(conf, advice, hosting, folder, over, diff, mpm, elsewhere.httpd_version)
    files = render(hosting.deployment(str(folder), _programs(hosting, elsewhere)))
    if diff:
        return _show(difference(folder, files))
    _say(put(folder, files, over=over))
    click.echo(f"{len(files)} files are in {folder}; begin with {folder / 'README'}.")
    return 0


def _programs(hosting: Hosting, elsewhere: Elsewhere) -> Programs:
    """What runs it here or elsewhere, with a user to run as, so that there can be units."""
    if elsewhere.layout:
        return elsewhere.programs(hosting)
    if elsewhere.httpd_version or elsewhere.mod_wsgi_version or elsewhere.python_version:
        raise click.UsageError("Versions are those of another machine: add --layout.")
    try:
        found = hosting.programs()
    except InputError as error:
        raise InputError(f"{error}\n(for another machine: --layout debian or fedora)") from error
    if found.user:
        return found
    ourselves = getpass.getuser()
    return replace(found, user=ourselves, group=group_of(ourselves))


def _advised(
    conf: str | None,
    advice: str | None,
    hosting: Hosting,
    folder: Path,
    over: bool,
    diff: bool,
    mpm: str,
    httpd_version: str,
) -> int:
    """The copy of a configuration with the advice applied, shown or written and read back."""
    if not (conf and advice) or hosting.targets:
        raise click.UsageError("--from CONF and --advice FILE go together, and take no TARGET.")
    copy = advised_copy(conf, read_advice(advice), folder, mpm, httpd_version)
    if diff:
        return _show(difference(folder, copy.files))
    copy.check_apart()
    _say(put(folder, copy.files, over=over))
    copy.link()
    copy.check_in_force()
    click.echo(f"{len(copy.files)} files are in {folder}, with every advised value in force.")
    for remark in copy.remarks:
        click.echo(remark)
    return 0


def _show(text: str) -> int:
    for line in text.splitlines():
        click.secho(visible(line), fg=COLOURS.get(line[:1]))
    return 1 if text else 0


def _say(backups: Sequence[Path]) -> None:
    for backup in backups:
        click.echo(f"As it was: {backup}")
