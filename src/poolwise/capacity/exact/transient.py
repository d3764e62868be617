"""What happens between two passes: a finite birth-death process over a span of time.

Uniformization (Jensen 1953) over a short step, then doubling: only positive numbers are added and
multiplied, so even probabilities of 1e-20 come out with nearly all their digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from poolwise.model import Floats

TERMS = 24  # of the series; with a step of at most one expected jump the rest is below 1e-24


@dataclass(frozen=True, eq=False)
class Span:
    """Several birth-death processes over the same span; the first axis is the process."""

    move: Floats  # move[p, i, j]: probability of j at the end when it began in i
    spent: Floats  # spent[p, i, f]: integral over the span of the mean of measure f, beginning in i


def span(births: Floats, deaths: Floats, measures: Floats, seconds: float) -> Span:
    """``births[p, i]``: rate i -> i+1, ``deaths[p, i]``: rate i+1 -> i, both (processes, states - 1), >= 0.

    ``measures``: what is integrated, (processes, states, any number). ``seconds`` >= 0.
    """
    rows, states = births.shape[0], births.shape[1] + 1
    move = np.zeros((rows, states, states))
    move[:, np.arange(states), np.arange(states)] = 1.0
    spent = np.zeros_like(measures)
    up, down = np.pad(births, ((0, 0), (0, 1))), np.pad(deaths, ((0, 0), (1, 0)))
    fastest = float((up + down).max())
    if seconds == 0.0 or fastest == 0.0:
        return Span(move, measures * seconds)
    doublings = max(math.ceil(math.log2(fastest * seconds)), 0)
    jumps = fastest * seconds / 2**doublings  # expected in one step, at most 1
    stay = 1.0 - (up + down) / fastest
    up, down = up / fastest, down / fastest
    move, spent = _series(move, measures, (stay, up, down), jumps)
    spent = spent / fastest
    for _ in range(doublings):
        spent = spent + move @ spent
        move = move @ move
    return Span(move, spent)


def _series(
    one: Floats, measures: Floats, jump: tuple[Floats, Floats, Floats], jumps: float
) -> tuple[Floats, Floats]:
    """Sum over the number of jumps in a step: the matrix, and the integral in units of the fastest rate."""
    weight, left = math.exp(-jumps), -math.expm1(-jumps)  # P(this many jumps), P(more)
    power, seen = one, measures
    move, spent = weight * power, left * seen
    for n in range(1, TERMS + 1):
        power, seen = _after_jump(jump, power), _after_jump(jump, seen)
        weight *= jumps / n
        left = _more_than(n, jumps)
        move = move + weight * power
        spent = spent + left * seen
    return move, spent


def _after_jump(jump: tuple[Floats, Floats, Floats], values: Floats) -> Floats:
    """The jump matrix times ``values`` (processes, states, columns); it has three diagonals."""
    stay, up, down = jump
    result: Floats = stay[:, :, None] * values
    result[:, :-1] += up[:, :-1, None] * values[:, 1:]
    result[:, 1:] += down[:, 1:, None] * values[:, :-1]
    return result


def _more_than(n: int, mean: float) -> float:
    """P(N > n) for a Poisson number with ``mean`` <= 1."""
    term = math.exp(-mean + (n + 1) * math.log(mean) - math.lgamma(n + 2))
    total, k = 0.0, n + 1
    while term > 1e-17 * total:
        total += term
        k += 1
        term *= mean / k
    return total
