"""What has to be known to read a rehearsal: what it ran on, and how punctual the clients were."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from poolwise.deploy.rehearsal.answers import Answers
from poolwise.deploy.rehearsal.plan import Rehearsal

LATE_S = 0.1  # one request in a hundred sent later than this: what came was not what was asked for
BUSY = 0.9  # share of the cores in use, from where on the machine itself delays everything


def assumptions(plan: Rehearsal, seen: Answers, blind: bool, cores: int, used: float) -> Iterator[str]:
    """Sentences for ``Run.assumptions``.

    ``blind``: whether the scoreboard could not be read. ``used``: mean share of the machine's cores in use.
    """
    yield from plan.load.assumptions
    what = f"{plan.own.target}" if plan.own else "a stand-in application"
    yield (
        f"rehearsed on httpd {plan.httpd.version}, mod_wsgi {plan.mod_wsgi.version} and Python "
        f"{plan.interpreter.version} of this machine, with {what}; no TLS, no access log, no other module"
    )
    if blind:
        yield (
            "the scoreboard of this httpd is laid out otherwise than poolwise can read: busy and idle "
            "workers are those that the clients know of, and a process that starts counts as idle"
        )
    late = seen.late_s[np.isfinite(seen.late_s)]
    if len(late):
        middle, high, most = (1000 * float(np.quantile(late, q)) for q in (0.5, 0.99, 1.0))
        yield (
            f"requests were sent {middle:.1f} ms late (median; 99 % within {high:.0f} ms, all within "
            f"{most:.0f} ms); the simulation gets them as they were sent"
        )
        if high > 1000 * LATE_S:
            yield "WARNING: the clients were late: the machine was too busy, or there are too many requests"
    if used > BUSY:
        yield f"WARNING: the {cores} cores of this machine were {used:.0%} busy; everything takes longer then"
