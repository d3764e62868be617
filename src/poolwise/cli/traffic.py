"""The options that say what traffic there is, and the Workload that comes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poolwise.cli.inputs import Verb, options, say_notes
from poolwise.cli.progress import progress
from poolwise.cli.quantities import SECONDS
from poolwise.model import InputError

if TYPE_CHECKING:
    from poolwise.model import Workload

USUAL_SERVICE = "exponential:0.2"

#: Taught by every verb that takes traffic.
TRAFFIC_HELP = """
    \b
    Traffic is a log, or a shape (rates in requests per second, times in seconds):
      --log access.log --log access.log.1.gz   what really came; several files are one log
      --traffic constant:20                    one every 50 ms
      --traffic poisson:20                     20 a second, at random
      --traffic ramp:peak=40,up=60,hold=60,down=60
      --traffic burst:base=5,peak=100,at=10,length=5
      --traffic day:mean=20,peak=60            a day and its night
      --traffic mmpp:low=5,high=50,low_s=60,high_s=10
      --traffic replay:FILE,peak=50            the rates in a CSV file

    \b
    How long a request holds its worker comes from the log (%D, %T) or from --service:
      fixed:0.2   exponential:0.2   lognormal:mean=0.2,cv=1   pareto:mean=0.2,alpha=1.5
      empirical:FILE   one duration in seconds a line
"""


Mounts = Callable[[Mapping[str, Any]], Sequence[str]]


def no_mounts(given: Mapping[str, Any]) -> Sequence[str]:
    """For verbs that do not ask which application a request is for."""
    return ()


def takes_traffic(verb: Verb, mounts: Mounts = no_mounts) -> Verb:
    """Add the options of traffic; the verb gets ``workload``.

    ``mounts``: from what the verb gets, the URL paths by which a log's requests are told apart.
    """

    @options(
        click.option("--traffic", metavar="SHAPE", help="A shape; see above."),
        click.option("--log", "logs", multiple=True, metavar="FILE", help="An access log, also gzipped."),
        click.option(
            "--log-format", default="", metavar="FORMAT", help="Its LogFormat, or combined, common ..."
        ),
        click.option(
            "--service", metavar="LAW", help=f"See above.  [default: the log's, else {USUAL_SERVICE}]"
        ),
        click.option(
            "--duration",
            type=SECONDS,
            help="Of a shape, as 90s or 2h.  [default: its own length, else 10min]",
        ),
        click.option("--seed", type=int, default=1, show_default=True, help="Of a shape's random numbers."),
        click.option(
            "--scale", type=float, default=1.0, show_default=True, help="So many times as much traffic."
        ),
    )
    @wraps(verb)
    def run(**given: Any) -> Any:
        names = ("traffic", "logs", "log_format", "service", "duration", "seed", "scale")
        asked = {name: given.pop(name) for name in names}
        return verb(workload=_workload(**asked, mounts=mounts(given)), **given)

    return run


def _workload(
    traffic: str | None,
    logs: tuple[str, ...],
    log_format: str,
    service: str | None,
    duration: float | None,
    seed: int,
    scale: float,
    mounts: Sequence[str],
) -> Workload:
    """The workload that the options describe. Raises InputError when they contradict each other."""
    from poolwise.traffic import generate, parse_law, read_logs, scaled

    if bool(traffic) == bool(logs):
        raise InputError("say what traffic there is: either --traffic SHAPE or --log FILE (not both)")
    if scale <= 0:
        raise InputError(f"--scale {scale:g} makes no sense; give a number above 0")
    law = parse_law(service) if service else None
    if traffic:
        workload = generate(traffic, law or parse_law(USUAL_SERVICE), duration, seed)
    else:
        with progress("reading the log") as advance:
            workload = read_logs(
                [Path(log) for log in logs],
                format=log_format,
                service=law,
                progress=advance,
                mounts=mounts,
            )
    say_notes(workload.notes)
    return scaled(workload, scale) if scale != 1.0 else workload
