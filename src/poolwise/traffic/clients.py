"""Clients with links and connections of their own: laws become the optional arrays of a ``Workload``.

Everything is a function of the workload, the laws and a seed; the requests stay where the traffic has them,
so that a pool can be compared with and without slow or faithful clients.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from poolwise.model import Clients, InputError, Workload
from poolwise.traffic.grammar import Kind, Parameter, read_values

if TYPE_CHECKING:
    from poolwise.model import Floats, Ints
    from poolwise.traffic.laws import Law

PATIENT = Clients()
_UPLOADS, _DOWNLOADS, _CONNECTIONS, _KINDS = 11, 12, 13, 14  # each law draws from a stream of its own


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """People who read: ``requests`` on a connection, a pause of ``think_s`` before each next one (means)."""

    think_s: float
    requests: float


CONNECTIONS = Kind(
    "think=5s,requests=6",
    (Parameter("think", "s", 0.0, 86400.0), Parameter("requests", "", 1.0, 1e6)),
    KeepAlive,
)


def parse_keep_alive(text: str) -> KeepAlive:
    """The connections that ``text`` describes ("think=5s,requests=6"). Raises InputError."""
    values = read_values("keep-alive", text, CONNECTIONS, text.strip())
    return KeepAlive(float(values["think"]), float(values["requests"]))


def with_clients(
    workload: Workload,
    *,
    upload: Law | None = None,
    download: Law | None = None,
    keep_alive: KeepAlive | None = None,
    clients: Clients = PATIENT,
    seed: int = 0,
) -> Workload:
    """The same requests from clients whose links take time, who keep connections, who lose patience.

    Links are drawn from their laws. For the connections each request is the next one on the connection that
    has been due longest, or else opens one: after a request a connection goes on with probability
    ``1 - 1/requests``, and is due after an exponential pause of mean ``think_s``. The pause that this makes
    is kept when the server is slow: slow answers slow such clients down. Equal seeds give equal clients.
    """
    count, words = len(workload), []
    upload_s, download_s = workload.upload_s, workload.download_s
    if upload is not None:
        upload_s = upload.draw(count, _stream(seed, _UPLOADS))
        words.append(f"uploads are drawn from {upload.text} (seed {seed})")
    if download is not None:
        download_s = download.draw(count, _stream(seed, _DOWNLOADS))
        words.append(f"downloads are drawn from {download.text} (seed {seed})")
    made = replace(workload, upload_s=upload_s, download_s=download_s, clients=clients)
    if keep_alive is not None:
        connection, think_s = _connected(made, keep_alive, _stream(seed, _CONNECTIONS))
        made = replace(made, connection=connection, think_s=think_s)
        words.append(
            f"a connection carries {keep_alive.requests:g} requests with pauses of {keep_alive.think_s:g} s, "
            f"both on average (seed {seed})"
        )
    return replace(made, assumptions=(*workload.assumptions, *words))


def _stream(seed: int, number: int) -> np.random.Generator:
    if seed < 0:
        raise InputError(f"seed must be 0 or more, not {seed}")
    return np.random.default_rng((seed, number))


def _connected(workload: Workload, law: KeepAlive, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Connection and pause of each request; NaN for the first of a connection."""
    count = len(workload)
    held_s = workload.service_s.copy()
    for link_s in (workload.upload_s, workload.download_s):
        held_s += link_s if link_s is not None else 0.0
    ends_s = (workload.arrivals_s + held_s).tolist()
    due_s = (workload.arrivals_s + held_s + rng.exponential(law.think_s, count)).tolist()
    goes_on = (rng.random(count) < 1.0 - 1.0 / law.requests).tolist()
    connection, think_s = np.zeros(count, np.int64), np.full(count, np.nan)
    waiting: list[tuple[float, int, int]] = []  # when it is due, the connection, the request before
    opened = 0
    for i, now_s in enumerate(workload.arrivals_s.tolist()):
        if waiting and waiting[0][0] <= now_s:
            _, number, before = heapq.heappop(waiting)
            think_s[i] = now_s - ends_s[before]
        else:
            number, opened = opened, opened + 1
        connection[i] = number
        if goes_on[i]:
            heapq.heappush(waiting, (due_s[i], number, i))
    return connection, think_s


def with_cpu(workload: Workload, cpu_s: float) -> Workload:
    """Every request works ``cpu_s`` on a processor within its service time (all of a shorter one)."""
    words = f"every request needs {cpu_s:g} s of CPU, a shorter one all of its time"
    return replace(
        workload,
        cpu_s=np.minimum(workload.service_s, cpu_s),
        assumptions=(*workload.assumptions, words),
    )


def divided(workload: Workload, shares: Sequence[float], seed: int = 0) -> Workload:
    """Each request gets a ``kind`` by chance: kind k with probability ``shares[k]``. Raises InputError."""
    if min(shares, default=-1.0) < 0 or not abs(sum(shares) - 1.0) < 1e-9:
        raise InputError(f"shares {tuple(shares)}: each must be 0 or more, together 1")
    bounds = np.cumsum(shares)[:-1]
    drawn = _stream(seed, _KINDS).random(len(workload))
    return replace(workload, kind=np.searchsorted(bounds, drawn, side="right").astype(np.int64))
