"""The options of ``render`` and ``serve`` that say what is hosted, and how; ``cli/hosting.py`` reads them."""

from __future__ import annotations

from typing import get_args

import click

from poolwise.cli.inputs import WHERE_IT_LIVES, options
from poolwise.cli.quantities import SIZE
from poolwise.deploy import Backend

APPLICATIONS = options(
    click.argument("targets", nargs=-1, metavar="TARGET..."),
    click.option("--name", default="", help="Of the site.  [default: the first application's]"),
    WHERE_IT_LIVES,
    click.option(
        "--env",
        "environment",
        multiple=True,
        metavar="NAME=VALUE",
        help="A variable in the application's environment; can be repeated. Its file may be read by others: "
        "leave secrets to a file of your own.",
    ),
    click.option(
        "--backend",
        multiple=True,
        metavar="[APP=]KIND",
        help=f"What runs it behind Apache: {', '.join(get_args(Backend))}.  [default: daemon]",
    ),
    click.option("--processes", multiple=True, metavar="[APP=]N", help="Of an application."),
    click.option("--threads", multiple=True, metavar="[APP=]N", help="Of each process."),
    click.option(
        "--option",
        multiple=True,
        metavar="[APP:]NAME=VALUE",
        help="An option of WSGIDaemonProcess (or of the other server) instead of poolwise's choice, as "
        "request-timeout=30; can be repeated.",
    ),
    click.option("--health", default="/", show_default=True, help="Asked for below its path to check it."),
)
FRONT = options(
    click.option(
        "--host", default="127.0.0.1", show_default=True, help="Address; 0.0.0.0 or :: for every one."
    ),
    click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Of HTTP."),
    click.option(
        "--server-name",
        multiple=True,
        metavar="NAME",
        help="A name that the site has, all others are refused; can be repeated.  [default: every name]",
    ),
    click.option(
        "--connections",
        type=click.IntRange(0, 20000),
        default=0,
        help="That can be in a request at once, slow and waiting clients included.  [default: 100 or more]",
    ),
    click.option(
        "--keep-alive",
        type=click.IntRange(0, 3600),
        default=5,
        show_default=True,
        metavar="SECONDS",
        help="How long a connection waits for its next request; 0 closes it.",
    ),
    click.option(
        "--timeout",
        type=click.IntRange(1, 86400),
        default=60,
        show_default=True,
        metavar="SECONDS",
        help="For a request; others are derived from it.",
    ),
    click.option("--body-limit", type=SIZE, default="100M", show_default=True, help="Of a request's body."),
    click.option(
        "--static",
        multiple=True,
        metavar="URL=FOLDER",
        help="A folder of files that Apache sends itself, as /static=/srv/shop/static; can be repeated.",
    ),
    click.option("--tls-certificate", default="", metavar="FILE", help="With its chain, PEM: serve HTTPS."),
    click.option("--tls-key", default="", metavar="FILE", help="The certificate's key."),
    click.option(
        "--https-port", type=click.IntRange(1, 65535), default=8443, show_default=True, help="Of HTTPS."
    ),
    click.option("--http-too", is_flag=True, help="Serve HTTP beside HTTPS, instead of redirecting it."),
    click.option("--http2", is_flag=True, help="HTTP/2 as well."),
    click.option("--compress", is_flag=True, help="Compress text for clients that take it."),
    click.option(
        "--trust-proxy",
        multiple=True,
        metavar="ADDRESS",
        help="Of a proxy before this server whose X-Forwarded-For and -Proto are believed; can be repeated.",
    ),
    click.option("--access-log/--no-access-log", default=True, show_default=True, help="Log every request."),
    click.option(
        "--status-port",
        type=click.IntRange(0, 65535),
        default=0,
        help="Apache's server-status on this port of 127.0.0.1.  [default: none]",
    ),
    click.option("--nginx", is_flag=True, help="Put nginx in front: it takes slow clients and static files."),
    click.option(
        "--apache-port",
        type=click.IntRange(0, 65535),
        default=0,
        help="Of Apache behind nginx.  [default: the port after --port]",
    ),
)
PROGRAMS = options(
    click.option(
        "--user", default="", help="Who runs the application when root starts it.  [default: www-data]"
    ),
    click.option("--group", default="", help="And its group.  [default: as the user's name]"),
    click.option("--httpd", default="", metavar="PATH", help="Apache httpd.  [default: the installed]"),
    click.option("--mod-wsgi", default="", metavar="PATH", help="mod_wsgi.  [default: the one that fits]"),
)
