"""The page that says which back end when: words around the figures of ``benchmarks/back_ends.json``.

Every figure on it comes from that file, which ``benchmarks/back_ends.py`` writes.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "benchmarks"))

from back_ends_servers import BASE, EMBEDDED_THREADS, PROCESSES, SERVERS, THREADS  # noqa: E402
from back_ends_tables import (  # noqa: E402
    CASES,
    PARTS,
    about,
    case_table,
    header,
    median,
    ratio,
    row,
    table,
)

PAGE = ROOT / "docs/explanation/which-back-end.md"
RESULTS = ROOT / "benchmarks/back_ends.json"
OURS = [name for name, server in SERVERS.items() if server.ours]
Found = dict[str, Any]

TEXT = """# Which back end, when

<!-- made by scripts/docs from benchmarks/back_ends.json; change the program, not this page -->

`poolwise serve` and `poolwise render` put an application behind Apache in one of five ways (`--backend`).
In each of them Apache holds the clients: the slow ones, the idle ones, TLS, static files.

- **daemon** (the default): mod_wsgi's daemon processes. One server, one configuration; new code is taken by
  one process after the other.
- **embedded**: the application runs in Apache's own children. Nothing lies between the two, and nothing
  protects one from the other.
- **uwsgi**, **gunicorn**, **granian**: a server of its own, to which Apache passes the requests over a unix
  socket.

## The choice

Each beside mod_wsgi-express with the same pool of {processes} processes with {threads} threads (embedded:
{embedded_threads} threads, as they hold the connections too). Requests a second are multiples of
mod_wsgi-express's, processor time and memory those of the whole server with Flask and a small JSON
document.

{choice}

- Stay with **daemon** unless the table gives you a reason: {daemon}. It is one server less to look after.
- **uwsgi** when a request takes well below a millisecond of Python: {apache_uwsgi}.
- **embedded** when Apache serves this one application and nothing else, and requests are short: {embedded},
  but {embedded_cpu:.2f} times the requests when one computes for 5 ms.
- **granian** or **gunicorn** when the application runs on them already: {apache_granian}, and
  {apache_gunicorn}.
- **nginx in front** (`--nginx`) when nginx is there already: {nginx_daemon}.

The Apache that poolwise renders takes {front_proxy:.1f} MB before the first request, {front_daemon:.1f} MB
with mod_wsgi in it; Debian's as installed {front_debian:.1f} MB, one with {modules} modules
{front_every:.1f} MB.

{kept_clients} clients that keep their connections and ask without a pause for {kept_s:.0f} s:
mod_wsgi-express closed the connection on {lost_express} requests of {asked_express}, poolwise's Apache on
{lost_daemon} of {asked_daemon}. A child of the event MPM closes connections when its threads are all busy,
and when it is ended because it is spare; poolwise renders one child with a thread for each connection.

## When it does not matter

What a server adds to a request does not depend on how long the request takes: between the cheapest and the
dearest of the table {overhead:.2f} ms of CPU. When the application itself works for 5 ms, a request costs
{cpu_least:.2f} to {cpu_most:.2f} ms of CPU ({cpu_apart:.0f} % apart). Look at the application first:
`poolwise measure` says what a request of yours costs.

When the application waits, only the number of requests that may wait at once matters: {pool} threads and 20
ms make {ideal:.0f} a second at most, on whatever back end. Measured: {wait_daemon:.0f} with daemons,
{wait_uwsgi:.0f} with uWSGI, {wait_embedded:.0f} with {embedded_pool} threads of an embedded application
under {clients} clients. `poolwise tune` finds the number that your traffic needs.

## Where others alone are faster

Without Apache in front, with the same Flask application: {alone}. For small answers to clients that are
near and quick, or behind a load balancer that holds the slow ones, that is the better choice.

## Everything that was measured

{about}

Every server alone, with wrk on the same machine: {clients} clients that keep their connections and ask
without a pause. Figures are medians of {rounds} rounds (5 ms and 20 ms: of one), ratios are taken within a
round, in brackets the smallest and the largest; between 0.9 and 1.1 they mean nothing. MB are the sum of
the proportional set sizes of all processes, before any request and after the load. No server writes an
access log but Debian's.

{tables}

A reload is asked for while two clients open a connection for each request and a third one waits for an
answer that takes five seconds; the application takes a second to load. What the peers do is what their
documentation calls a graceful reload (SIGUSR1 for Apache and mod_wsgi-express, SIGHUP for the others).
"""

ISOLATION = {
    "express": "processes of its own",
    "daemon": "processes of its own",
    "embedded": "none",
    "apache-uwsgi": "a server of its own",
    "apache-granian": "a server of its own",
    "apache-gunicorn": "a server of its own",
    "nginx-daemon": "processes of its own",
}
DEBIAN, EVERY = "Debian's, as installed", "Debian's, with every module"


def back_ends_page() -> str:
    """The whole page."""
    found = json.loads(RESULTS.read_text("utf-8"))
    words = {name.replace("-", "_"): _against(found, name) for name in OURS}
    figures = {**words, **_sizes(found), **_fronts(found), **_kept(found), **_costs(found), **_parts(found)}
    return "\n\n".join(map(_wrapped, TEXT.format(**figures).split("\n\n"))).rstrip("\n") + "\n"


def _wrapped(paragraph: str) -> str:
    """A paragraph or list in lines of a readable length; a table as it is."""
    if paragraph.startswith(("|", "#", "<")):
        return paragraph
    items = re.split(r"\n(?=- )", paragraph)
    return "\n".join(
        textwrap.fill(
            " ".join(item.split()),
            112,
            subsequent_indent="  " * item.startswith("- "),
            break_on_hyphens=False,
        )
        for item in items
    )


def _sizes(found: Found) -> dict[str, Any]:
    effort = found["load"]["effort"]
    return {
        "processes": PROCESSES,
        "threads": THREADS,
        "embedded_threads": EMBEDDED_THREADS,
        "embedded_pool": PROCESSES * EMBEDDED_THREADS,
        "pool": PROCESSES * THREADS,
        "ideal": PROCESSES * THREADS / 0.02,
        "clients": effort["clients"],
        "rounds": effort["rounds"],
    }


def _fronts(found: Found) -> dict[str, Any]:
    rows = found["fronts"]["rows"]
    return {
        "front_proxy": rows["rendered, for uWSGI"]["mb"],
        "front_daemon": rows["rendered, for mod_wsgi daemons"]["mb"],
        "front_debian": rows[DEBIAN]["mb"],
        "front_every": rows[EVERY]["mb"],
        "modules": rows[EVERY]["modules"],
    }


def _kept(found: Found) -> dict[str, Any]:
    rows = found["kept"]["rows"]
    figures: dict[str, Any] = {"kept_clients": rows[BASE]["clients"], "kept_s": rows[BASE]["duration_s"]}
    for name in (BASE, "daemon"):
        figures[f"lost_{name}"] = f"{rows[name]['lost']:,}"
        figures[f"asked_{name}"] = f"{rows[name]['lost'] + rows[name]['answers']:,}"
    return figures


def _costs(found: Found) -> dict[str, Any]:
    small = [median(found, name, "json", "cpu_ms") for name in (BASE, *OURS)]
    large = [median(found, name, "cpu", "cpu_ms") for name in (BASE, *OURS)]
    return {
        "overhead": max(small) - min(small),
        "cpu_least": min(large),
        "cpu_most": max(large),
        "cpu_apart": 100 * (max(large) / min(large) - 1),
        "wait_daemon": median(found, "daemon", "wait", "rate_rps"),
        "wait_uwsgi": median(found, "apache-uwsgi", "wait", "rate_rps"),
        "embedded_cpu": ratio(found, "embedded", "cpu", "rate_rps").median,
        "wait_embedded": median(found, "embedded", "wait", "rate_rps"),
    }


def _parts(found: Found) -> dict[str, str]:
    alone = (f"{SERVERS[name].title} {_against(found, name)}" for name in ("uwsgi", "granian", "gunicorn"))
    tables = [table(f"### {words}", case_table(found, case)) for case, words in CASES.items()]
    tables += [table(f"### {title}", lines(found[part]["rows"])) for part, (title, lines) in PARTS.items()]
    return {
        "choice": "\n".join(_choice(found)),
        "alone": "; ".join(alone),
        "about": "- " + about(found).replace("\n", "\n- "),
        "tables": "\n\n".join(tables),
    }


def _against(found: Found, name: str) -> str:
    """Speed and memory of a server with the Flask application, in words."""
    rate, memory = (ratio(found, name, "json", key).median for key in ("rate_rps", "loaded_mb"))
    return f"{rate:.2f} times the requests of mod_wsgi-express with {memory:.2f} times its memory"


def _choice(found: Found) -> Iterator[str]:
    """The table of the five back ends, with and without nginx."""
    rates = ("hello", "JSON", "5 ms of CPU", "20 ms of waiting")
    yield from header(("back end", *rates, "CPU ms a request", "MB", "reload: longest gap, s", "isolation"))
    for name in (BASE, *OURS):
        cells = (
            *(f"{ratio(found, name, case, 'rate_rps').median:.2f}" for case in CASES),
            f"{median(found, name, 'json', 'cpu_ms'):.2f}",
            f"{median(found, name, 'json', 'loaded_mb'):.0f}",
            _gap(found, name),
            ISOLATION[name],
        )
        yield row((SERVERS[name].title, *cells))


def _gap(found: Found, name: str) -> str:
    """What clients noticed of a reload; "" where it was not measured."""
    seen = found["reload"]["rows"].get(name)
    if not seen:
        return ""
    if seen["old_s"] is None:
        return "no new code"
    lost = seen["failed"] + (not seen["slow"])
    return f"{seen['gap_s']:.2f}" + (f", {lost} lost" if lost else "")
