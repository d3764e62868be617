"""Erlang's formulas: refusals without a queue, waits with one, and how many workers a load needs.

Sources: A. K. Erlang 1917; Kleinrock, *Queueing Systems* I (1975), chapter 3; the recursion for B
is stable because it only adds positive numbers; square-root staffing is Halfin and Whitt 1981. ``load`` is
the offered load in Erlangs: arrivals a second times mean service in seconds.
"""

from __future__ import annotations

import math

import numpy as np

from poolwise.capacity.exact import ranges
from poolwise.capacity.exact.queue import Queue, solve
from poolwise.model import InputError

MOST_SERVERS = 1_000_000


def erlang_b(servers: int, load: float) -> float:
    """Share of requests refused by ``servers`` (>= 0) without a queue: M/G/c/c, any service law."""
    servers = ranges.count("servers", servers, 0)
    load = ranges.positive("load", load)
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Probability that a request waits: M/M/c with a queue without limit; ``0 < load < servers``."""
    blocked = erlang_b(ranges.count("servers", servers), load)
    ranges.stable(load, servers)
    return blocked / (1.0 - load / servers * (1.0 - blocked))


def mmc(rate_rps: float, service_s: float, servers: int) -> Queue:
    """M/M/c: a pool of fixed size with a queue without limit (M/M/1 for one server)."""
    return mmck(rate_rps, service_s, servers, None)


def mmck(rate_rps: float, service_s: float, servers: int, backlog: int | None) -> Queue:
    """M/M/c/K: a pool of fixed size and room for ``backlog`` (>= 0) that wait; K = servers + backlog."""
    service_s = ranges.positive("service_s", service_s)
    servers = ranges.count("servers", servers)
    return solve(rate_rps, np.arange(1, servers + 1) / service_s, backlog)


def servers_for_refusals(load: float, refused: float) -> int:
    """Fewest servers, without a queue, that refuse at most this share (0 < refused < 1)."""
    load = ranges.positive("load", load)
    refused = ranges.between("refused", refused, 0, 1)
    blocked = 1.0
    for n in range(1, MOST_SERVERS + 1):
        blocked = load * blocked / (n + load * blocked)
        if blocked <= refused:
            return n
    raise InputError(f"load is {load:g} Erlangs: more than {MOST_SERVERS} servers would be needed")


def servers_for_wait(rate_rps: float, service_s: float, wait_s: float, share: float) -> int:
    """Fewest servers with which at most ``share`` (0..1) wait longer than ``wait_s``: M/M/c."""
    rate_rps, service_s = ranges.positive("rate_rps", rate_rps), ranges.positive("service_s", service_s)
    wait_s, share = ranges.not_negative("wait_s", wait_s), ranges.between("share", share, 0, 1)
    load, blocked = rate_rps * service_s, 1.0
    for n in range(1, MOST_SERVERS + 1):
        blocked = load * blocked / (n + load * blocked)
        if n > load:
            waits = blocked / (1.0 - load / n * (1.0 - blocked))
            if waits * math.exp(-(n - load) * wait_s / service_s) <= share:
                return n
    raise InputError(f"the load is {load:g} Erlangs: more than {MOST_SERVERS} servers would be needed")


def square_root_staffing(load: float, wait_probability: float) -> float:
    """Servers for a probability of waiting (0..1), in the limit of a large load: load + b * sqrt(load).

    Not rounded. Halfin and Whitt 1981: 1 / P(wait) = 1 + b Phi(b) / phi(b).
    """
    load = ranges.positive("load", load)
    wanted = ranges.between("wait_probability", wait_probability, 0, 1)
    low, high = 0.0, 40.0
    for _ in range(100):
        b = 0.5 * (low + high)
        normal = 0.5 * math.erfc(-b / math.sqrt(2.0))
        density = math.exp(-0.5 * b * b) / math.sqrt(2.0 * math.pi)
        low, high = (b, high) if density / (density + b * normal) > wanted else (low, b)
    return load + low * math.sqrt(load)


def allen_cunneen(wait_s: float, arrivals_cv2: float, service_cv2: float) -> float:
    """A wait computed for exponential times, corrected for other laws; an approximation.

    ``_cv2``: squared coefficients of variation (1 for exponential, 0 for fixed), >= 0. Allen, *Probability,
    Statistics, and Queueing Theory* (1990): times (arrivals_cv2 + service_cv2) / 2; exact for M/G/1.
    """
    wait_s = ranges.not_negative("wait_s", wait_s)
    arrivals_cv2 = ranges.not_negative("arrivals_cv2", arrivals_cv2)
    return wait_s * 0.5 * (arrivals_cv2 + ranges.not_negative("service_cv2", service_cv2))
