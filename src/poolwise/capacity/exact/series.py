"""What several formulas need: Poisson probabilities, and stationary distributions without cancellation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from poolwise.model import Floats


def poisson(mean: float, terms: int) -> Floats:
    """P(N = 0), ..., P(N = terms - 1) for a Poisson number with this mean (>= 0), shape (terms,)."""
    if mean == 0.0:
        return np.eye(1, terms).ravel()
    n = np.arange(1, terms)
    logs = np.concatenate(([0.0], np.cumsum(np.log(mean / n))))
    result: Floats = np.exp(logs - mean)
    return result


def birth_death(births: Floats, deaths: Floats) -> Floats:
    """Stationary distribution of a birth-death process on 0..n.

    ``births[i]`` is the rate i -> i+1, ``deaths[i]`` that of i+1 -> i. Both have shape (n,) and are above
    0. Worked in logarithms, so nothing overflows.
    """
    logs = np.concatenate(([0.0], np.cumsum(np.log(births / deaths))))
    weights = np.exp(logs - logs.max())
    result: Floats = weights / weights.sum()
    return result


def stationary(transitions: Floats) -> Floats:
    """Stationary distribution of an irreducible chain, from its non-negative matrix, shape (n, n).

    Grassmann, Taksar and Heyman 1985: elimination without a single subtraction (the diagonal is not even
    read, so rates will do as well as probabilities); every component is right to nearly full precision.
    """
    a = np.array(transitions, dtype=np.float64)
    n = len(a)
    for k in range(n - 1, 0, -1):
        a[:k, k] /= a[k, :k].sum()
        a[:k, :k] += np.outer(a[:k, k], a[k, :k])
    result = np.ones(n)
    for k in range(1, n):
        result[k] = result[:k] @ a[:k, k]
    result /= result.sum()
    return result
