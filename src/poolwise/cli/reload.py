"""``poolwise reload``: new code and settings for what runs, without dropping a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poolwise.cli.quantities import SECONDS
from poolwise.cli.visible import visible
from poolwise.model import InputError, ServerError

if TYPE_CHECKING:
    from poolwise.deploy import Manner

HELP = """Take new code without dropping a request.

    SITE is what 'poolwise serve' runs, by its name or folder; it may be left out when only one is served.
    The new version is loaded in a process of its own first, and one that does not load is not taken. When
    only code has changed, the processes of the application are exchanged one at a time, each only after the
    one before has loaded and answers well. When settings have changed, for an application with a single
    process, or with --takeover, a second Apache is started beside the first and gets the port's new
    connections as soon as it has loaded and answers well; the first one finishes its requests.

    SITE can also be the configuration of an Apache that something else runs (a file, a folder, or a tree of
    'poolwise render'): the processes of each WSGIDaemonProcess are exchanged one at a time. Its settings are
    not read anew.

    Exit code 0: the new version serves. 2: nothing was done, and the message says why. 3: the new version
    does not load or does not answer well; what served before goes on.

    \b
    Examples:
      poolwise reload
      poolwise reload shop --takeover
      sudo poolwise reload /etc/apache2 --health http://127.0.0.1/shop/health
      sudo poolwise reload /srv/site/httpd.conf --pid 1234
    """


@click.command("reload", help=HELP, short_help="new code and settings without dropping a request")
@click.argument("site", required=False)
@click.option("--takeover", is_flag=True, help="Let a second Apache take over, whatever has changed.")
@click.option("--pid", type=click.IntRange(1), help="Of a configuration's first process.  [default: PidFile]")
@click.option("--health", metavar="URL", help="What to ask a configuration's server between two processes.")
@click.option("--no-health", is_flag=True, help="Do not ask it anything.")
@click.option("--no-try", is_flag=True, help="Do not load its new code in a process of its own before.")
@click.option("--accept-gap", is_flag=True, help="Exchange the only process of a group: requests wait.")
@click.option(
    "--load-timeout", type=SECONDS, default="60s", show_default=True, help="For a process to load the code."
)
@click.option("-D", "--define", "defines", multiple=True, metavar="NAME[=VALUE]", help="As httpd's own -D.")
def command(
    site: str | None,
    takeover: bool,
    pid: int | None,
    health: str | None,
    no_health: bool,
    no_try: bool,
    accept_gap: bool,
    load_timeout: float,
    defines: tuple[str, ...],
) -> int:
    """Reload what poolwise serves, or roll the processes of a configuration's server."""
    from poolwise.deploy import Manner, health_from

    conf = _configuration(site)
    if conf is None:
        given = {"--pid": pid, "--health": health, "--no-health": no_health, "--no-try": no_try,
                 "--accept-gap": accept_gap, "--define": defines}  # fmt: skip
        if wrong := [name for name, value in given.items() if value]:
            raise InputError(f"{', '.join(wrong)}: for a configuration only; this is served by poolwise")
        return _served(site, takeover)
    if takeover:
        raise InputError(f"--takeover: only what 'poolwise serve' runs can be taken over, not {conf}")
    asked = health_from(health) if health else None
    manner = Manner(asked, not no_health, not no_try, accept_gap, load_timeout)
    return _foreign(conf, pid or 0, manner, defines)


def _configuration(site: str | None) -> str | None:
    """The configuration that SITE is; None when it is served by poolwise."""
    from poolwise.deploy import read_state, served_folders

    if site is None:
        return None
    place = Path(site)
    if (place / "state" / "state.json").exists() or not place.exists():
        return None
    names = {state.deployment.name for folder in served_folders() if (state := read_state(folder))}
    if "/" not in site and site in names:
        return None
    rendered = place / "apache" / "httpd.conf"
    return str(rendered if rendered.is_file() else place)


def _served(site: str | None, takeover: bool) -> int:
    from poolwise.deploy import ask_to_reload, find_only, find_served

    state = find_served(site) if site else find_only()
    try:
        reload = ask_to_reload(state, _say, takeover=takeover)
    except KeyboardInterrupt as error:
        name = state.deployment.name
        raise KeyboardInterrupt(f"the reload goes on; 'poolwise status {name}' tells how it ended") from error
    if not reload.done:
        raise ServerError(f"{state.deployment.name} was not reloaded: {reload.said}")
    _say(f"{state.deployment.name}: {reload.said}")
    return 0


def _foreign(conf: str, pid: int, manner: Manner, defines: tuple[str, ...]) -> int:
    from poolwise.config import load
    from poolwise.deploy import pause, reload_foreign

    given = {name: value for name, _, value in (text.partition("=") for text in defines)}
    reload_foreign(load(conf, defines=given), pid, manner, say=_timed(), wait=pause)
    return 0


def _say(text: str) -> None:
    click.echo(visible(text))


def _timed() -> Callable[[str], None]:
    """Prints each line with the seconds since now."""
    begun = time.monotonic()
    return lambda text: _say(f"{time.monotonic() - begun:6.1f} s  {text}")
