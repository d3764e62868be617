"""The options that say how clients behave, and what happens to the server while they come."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, cast

import click

from poolwise.cli.inputs import Verb, options
from poolwise.cli.quantities import MOMENTS, SECONDS, Moments
from poolwise.model import Clients, InputError

if TYPE_CHECKING:
    from poolwise.model import Workload
    from poolwise.simulation import Incident

EVENTS = ("graceful", "restart", "crash")

#: Taught by every verb that takes clients.
CLIENTS_HELP = """
    \b
    Clients hold workers too, each server in its own way:
      --keep-alive think=5s,requests=6         requests of a connection and pauses between them (means)
      --upload fixed:2  --download lognormal:mean=1,cv=2   what the client's link takes; laws as above
      --patience 10s --retries 2               who waits longer leaves, and comes again after 1, 2, 4 ... s

    \b
    What happens meanwhile (also several times, or every=24h):
      --graceful 30min   --restart 1h   --crash 10min,count=3
"""


def takes_clients(verb: Verb) -> Verb:
    """Add the options of clients; the verb's ``workload`` gets them."""

    @options(
        click.option("--keep-alive", metavar="think=TIME,requests=N", help="Connections; see above."),
        click.option("--upload", metavar="LAW", help="How long the client takes to send a request."),
        click.option("--download", metavar="LAW", help="How long it takes to receive the response."),
        click.option("--patience", type=SECONDS, help="Who waits longer gives up.  [default: nobody does]"),
        click.option(
            "--retries",
            type=click.IntRange(0, 20),
            default=0,
            show_default=True,
            help="How often one who gave up or was refused comes again.",
        ),
    )
    @wraps(verb)
    def run(workload: Workload, **given: Any) -> Any:
        names = ("keep_alive", "upload", "download", "patience", "retries")
        asked = {name: given.pop(name) for name in names}
        return verb(workload=_with_clients(workload, **asked), **given)

    return run


def _with_clients(
    workload: Workload,
    keep_alive: str | None,
    upload: str | None,
    download: str | None,
    patience: float | None,
    retries: int,
) -> Workload:
    """The workload with what was asked for; itself when nothing was. Raises InputError."""
    if patience is not None and patience <= 0:
        raise InputError("--patience 0 makes no sense: give a time above 0")
    if not (keep_alive or upload or download or retries or patience is not None):
        return workload
    from poolwise.traffic import parse_keep_alive, parse_law, with_clients

    return with_clients(
        workload,
        upload=parse_law(upload, "--upload law") if upload else None,
        download=parse_law(download, "--download law") if download else None,
        keep_alive=parse_keep_alive(keep_alive) if keep_alive else None,
        clients=Clients(patience if patience is not None else math.inf, retries),
        seed=click.get_current_context().params["seed"],
    )


def takes_events(verb: Verb) -> Verb:
    """Add the options of restarts and crashes; the verb gets ``incidents``."""

    @options(
        click.option(
            "--graceful", type=MOMENTS, multiple=True, metavar="TIME", help="'apachectl graceful' then."
        ),
        click.option(
            "--restart", type=MOMENTS, multiple=True, metavar="TIME", help="'apachectl restart' then."
        ),
        click.option(
            "--crash",
            type=MOMENTS,
            multiple=True,
            metavar="TIME[,count=N]",
            help="So many processes are killed then.",
        ),
    )
    @wraps(verb)
    def run(workload: Workload, **given: Any) -> Any:
        asked = [(kind, moments) for kind in EVENTS for moments in given.pop(kind)]
        return verb(workload=workload, incidents=tuple(_incidents(asked, workload.duration_s)), **given)

    return run


def _incidents(asked: Iterable[tuple[str, Moments]], duration_s: float) -> Iterator[Incident]:
    """Everything that happens before the end of the traffic. Raises InputError for what would not."""
    from poolwise.simulation import Incident

    for kind, when in asked:
        if when.count > 1 and kind != "crash":
            raise InputError(f"--{kind} {when.text}: only --crash takes a count")
        if when.time_s >= duration_s:
            raise InputError(f"--{kind} {when.text}: the traffic is over after {duration_s:g} s")
        times = math.ceil(duration_s / when.time_s) - 1 if when.repeated else 1
        for number in range(1, times + 1):
            name = cast("Literal['graceful', 'restart', 'crash']", kind)
            yield Incident(when.time_s * number, name, when.count)
