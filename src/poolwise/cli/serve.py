"""``poolwise serve``: an application on Apache, well sized, in the foreground until it is told to stop."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from poolwise.cli.hosting import TARGET_HELP, Hosting, Programs, hosts_applications
from poolwise.cli.inputs import options
from poolwise.cli.quantities import SECONDS
from poolwise.cli.visible import visible

if TYPE_CHECKING:
    from poolwise.deploy import Deployment, Loaded, State

HELP = f"""Serve a Python web application on Apache, in the foreground.

    The application is loaded once before anything is started, so that what is wrong with it is said at once,
    and what it costs decides how many processes and threads it gets. Then the configuration is written, httpd
    is asked whether it accepts it, and started; when it answers, one screen says where, with how much memory
    and why these sizes, and the error log is shown until the end.
{TARGET_HELP}
    Ctrl-C (SIGINT) or SIGTERM lets requests finish, a second one does not. SIGHUP, or 'poolwise reload',
    takes new code and settings without dropping a request; a version that cannot be loaded is not taken.
    When poolwise is killed, so is everything that it started.

    Apache with mod_wsgi for the application's Python has to be installed. Root starts Apache as root and
    the application as another user (--user), who has to be able to read it; everybody else runs all as
    themselves.

    \b
    Examples:
      poolwise serve shop.wsgi:application --folder examples/shop
      poolwise serve wsgi.py --python venv --port 8080 --reload
      poolwise serve /=shop.main:app /api=api.wsgi:app --processes api=4 --static /static=static
      poolwise serve shop.wsgi:app --nginx --host 0.0.0.0 --tls-certificate cert.pem --tls-key key.pem
    """

RUNNING = options(
    click.option(
        "--state",
        "place",
        default="",
        metavar="FOLDER",
        help="To keep what runs in: configuration, logs, sockets.  [default: below /run/poolwise for root, "
        "else $XDG_RUNTIME_DIR/poolwise or ~/.local/state/poolwise]",
    ),
    click.option(
        "--reload", "watch", is_flag=True, help="Take new code by itself when the application's files change."
    ),
    click.option("--requests", is_flag=True, help="Show each request as it is logged."),
    click.option(
        "--start-timeout",
        type=SECONDS,
        default="60s",
        show_default=True,
        help="How long the application may take to load, and the servers to get ready.",
    ),
    click.option(
        "--grace",
        type=SECONDS,
        default="30s",
        show_default=True,
        help="How long requests may take to finish when it is stopped.",
    ),
)


@click.command("serve", help=HELP, short_help="an application on Apache, until it is told to stop")
@hosts_applications
@RUNNING
def command(
    hosting: Hosting, place: str, watch: bool, requests: bool, start_timeout: float, grace: float
) -> int:
    """Load the application, serve it, say so; or go on with that when something has happened."""
    from poolwise.deploy import Supervisor, Wishes, base_folder, check_ports, read_state, woken

    since = woken()
    folder = place or str(base_folder() / hosting.site)
    state = read_state(folder) if since else None
    if state:
        deployment = state.deployment
    else:
        programs = hosting.programs()
        check_ports(hosting.deployment(folder, programs))
        deployment = hosting.deployment(folder, programs, try_out(hosting, programs, start_timeout))

    def again() -> Deployment:
        """Everything read anew, in the sizes that were chosen at the start."""
        return resized(hosting.deployment(folder, hosting.programs()), deployment)

    wishes = Wishes(again, watch, requests, start_timeout, grace, started_by())
    supervisor = Supervisor(deployment, Screen(), wishes)
    return supervisor.resume(state, since) if state and since else supervisor.serve()


def resized(deployment: Deployment, like: Deployment) -> Deployment:
    """The deployment in the sizes of another one of the same applications."""
    sizes = {each.name: each for each in like.applications}
    applications = tuple(
        replace(each, processes=sizes[each.name].processes, threads=sizes[each.name].threads)
        for each in deployment.applications
    )
    front = replace(deployment.front, connections=like.front.connections)
    return replace(deployment, applications=applications, front=front, reasons=like.reasons)


def started_by() -> tuple[str, ...]:
    """The command that runs this again; () when poolwise is not the program but was called by one."""
    program = Path(sys.argv[0]).name if sys.argv[1:2] == ["serve"] else ""
    return (sys.executable, *sys.orig_argv[1:]) if program in ("poolwise", "__main__.py") else ()


def try_out(hosting: Hosting, programs: Programs, patience_s: float) -> dict[str, Loaded]:
    """Load every application once, as who will run it; by name. InputError with what is wrong with one."""
    from poolwise.deploy import preflight

    found = {}
    for each in hosting.applications():
        found[each.name] = preflight(
            programs.interpreter,
            each.target,
            each.folder,
            python_path=each.python_path,
            environment=each.environment,
            user=hosting.user or programs.user,
            patience_s=patience_s,
            health=each.health,
        )
    return found


@dataclass(frozen=True)
class Screen:
    """Tells what happens on the terminal: the screen and requests on standard output, the rest on error."""

    def ready(self, state: State) -> None:
        """The one clear screen."""
        from poolwise import report
        from poolwise.deploy import survey

        found = replace(survey(state), poolwise_bytes=0)  # it is going to be much less in a moment
        _say(sys.stdout, report.serving_text(found))

    def line(self, log: str, text: str) -> None:
        """A line of a log, as it is."""
        from poolwise.deploy import show

        show(log, text)

    def note(self, text: str) -> None:
        """A line of ours."""
        _say(sys.stderr, f"poolwise: {text}")

    def flush(self) -> None:
        """Nothing stays in a buffer."""
        with suppress(OSError, ValueError, AttributeError):  # a stream that was closed, or is none
            sys.stdout.flush()
            sys.stderr.flush()


def _say(stream: TextIO | None, text: str) -> None:
    """Print a line; a terminal or a reader that has gone is no reason to stop serving."""
    with suppress(OSError, ValueError):
        if stream:
            click.echo(visible(text), file=stream)
