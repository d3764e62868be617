"""``poolwise measure``: what an application costs, measured in a real server, as an App."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poolwise.cli.app_file import measured_target
from poolwise.cli.files import check_targets, write
from poolwise.cli.inputs import WHERE_IT_LIVES, options
from poolwise.cli.progress import progress
from poolwise.cli.quantities import SECONDS
from poolwise.cli.visible import visible
from poolwise.model import InputError

if TYPE_CHECKING:
    from poolwise.deploy import Hosted
    from poolwise.model import Measured

HELP = """Measure what an application costs, in a real server: its start, its memory, a request.

    TARGET is module:callable, as shop.wsgi:application, or a file, as wsgi.py. It is run in a server of its
    own on this machine (mod_wsgi behind a small Apache, unless you choose another), several times afresh,
    and asked for the pages that you name. You see medians and their range, what could not be told, and what
    it means for a pool. Nothing of yours is changed, and everything that was started is stopped.

    CPU is the process's own, and waiting leaves out the time in which other programs had the processor: a
    busy machine makes it take longer, and hardly changes what is found.

    \b
    Examples:
      poolwise measure shop.wsgi:application --folder /srv/shop --python /srv/shop/venv
      poolwise measure shop:app --url / --url '/search?q=tea' --output app.json
      poolwise measure shop:app --urls session.har --host-header shop.example --server gunicorn
      poolwise simulate /etc/apache2 --app app.json --log access.log

    The file of --output is what show, simulate and tune take as --app.
    """

SUBJECT = options(
    WHERE_IT_LIVES,
    click.option(
        "--env",
        "environment",
        multiple=True,
        metavar="NAME=VALUE",
        help="A variable in its environment; can be repeated.",
    ),
    click.option("--user", default="", help="Who runs it when root measures it.  [default: www-data]"),
)
REQUESTS = options(
    click.option(
        "--url", "urls", multiple=True, metavar="PATH", help="What to ask for; can be repeated.  [default: /]"
    ),
    click.option(
        "--urls", "file", metavar="FILE", help="Paths, one a line; or what a browser has recorded (HAR)."
    ),
    click.option(
        "--host-header", default="", metavar="NAME", help="The site's name, where it looks at that."
    ),
    click.option(
        "--accept-errors", is_flag=True, help="Measure answers that are errors (status 400 and up)."
    ),
)
EFFORT = options(
    click.option(
        "--server",
        type=click.Choice(["mod_wsgi", "gunicorn", "uwsgi"]),
        default="mod_wsgi",
        show_default=True,
        help="The server to measure it in.",
    ),
    click.option("--httpd", default="", metavar="PATH", help="Apache httpd.  [default: the installed]"),
    click.option("--mod-wsgi", default="", metavar="PATH", help="mod_wsgi.  [default: the one that fits]"),
    click.option(
        "--requests",
        type=click.IntRange(1, 1_000_000),
        default=1500,
        show_default=True,
        help="So many one after the other, of each fresh server ...",
    ),
    click.option(
        "--seconds", type=SECONDS, default="2s", show_default=True, help="... for no longer than this."
    ),
    click.option(
        "--repeat", type=click.IntRange(1, 100), default=5, show_default=True, help="Fresh servers."
    ),
    click.option(
        "--threads",
        type=click.IntRange(1, 64),
        default=8,
        show_default=True,
        help="Requests at the same time, to see what threads cost; 1 where it has to be left alone.",
    ),
    click.option(
        "--patience", type=SECONDS, default="60s", show_default=True, help="For one answer, and for loading."
    ),
)
OUTPUTS = options(
    click.option("--output", metavar="FILE", help="Write what was found, for --app of the other verbs."),
    click.option("--write", "overwrite", is_flag=True, help="Also over a file that is something else."),
    click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        help="For people or programs.",
    ),
)


@click.command("measure", help=HELP, short_help="what an application costs")
@click.argument("target")
@SUBJECT
@REQUESTS
@EFFORT
@OUTPUTS
def command(target: str, output: str | None, overwrite: bool, form: str, **given: Any) -> int:
    """Measure, print, write."""
    from poolwise.deploy import Effort, find_interpreter, measure, requests_of, server_for, service_user

    application = hosted(target, given["folder"], given["python_path"], given["environment"])
    _check_output(output, application.target, overwrite, given["file"])
    requests = requests_of(given["urls"], given["file"] or "", _text(given["file"]))
    interpreter = find_interpreter(given["python"])
    server = server_for(given["server"], interpreter, httpd=given["httpd"], mod_wsgi=given["mod_wsgi"])
    amounts = ("requests", "seconds", "threads", "patience", "host_header")
    user = given["user"] or (service_user() if os.geteuid() == 0 else "")
    with progress("measuring") as advance:
        measured = measure(
            application,
            interpreter,
            server,
            requests,
            user=user,
            effort=Effort(*(given[name] for name in amounts)),
            repeat=given["repeat"],
            accept_errors=given["accept_errors"],
            progress=advance,
        )
    _show(measured, output, form)
    return 0


def hosted(text: str, folder: str, paths: tuple[str, ...], environment: tuple[str, ...]) -> Hosted:
    """The application that the command line names. Raises InputError."""
    from poolwise.cli.targets import absolute, application_name, mounted, pairs
    from poolwise.deploy import Hosted

    mount, target = mounted(text)
    if mount != "/":
        raise InputError(f"{text}: an application is measured at /; leave its path out")
    name = application_name(target, ())
    beside = str(Path(target).parent) if target.startswith("/") else "."
    return Hosted(
        name,
        target,
        absolute(folder or beside),
        python_path=tuple(map(absolute, paths)),
        environment=pairs((name,), "--env", environment)[name],
    )


def _check_output(output: str | None, target: str, overwrite: bool, file: str | None) -> None:
    """InputError when the output would replace something else than an earlier measurement of the same."""
    check_targets((output,), [file] if file else [])
    if output and not overwrite and Path(output).exists() and measured_target(output) != target:
        raise InputError(f"{output} is no earlier measurement of {target}; --write replaces it all the same")


def _text(file: str | None) -> str:
    """What the file of requests says, "" without one."""
    try:
        return Path(file).read_text("utf-8") if file else ""
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is neither a list of paths nor a HAR file: it is no UTF-8") from error


def _show(measured: Measured, output: str | None, form: str) -> None:
    from poolwise.report import app_json, app_text

    if output:
        write(output, app_json(measured))
    if form == "json":
        click.echo(app_json(measured), nl=False)
        return
    click.echo(visible(app_text(measured)))
    service = measured.figures["service_s"].median
    if output:
        click.echo(
            f"\nUse it: poolwise simulate CONF --app {output} --service fixed:{service:.3g} --traffic ..."
        )
