"""The checks of arguments that all formulas share: each complaint names the argument and its range."""

from __future__ import annotations

import math

import numpy as np

from poolwise.model import InputError


def positive(name: str, value: float) -> float:
    """``value``, a finite number above 0. Raises InputError."""
    if not (_is_number(value) and 0 < value < math.inf):
        raise InputError(f"{name} is {value!r}; give a number above 0")
    return float(value)


def not_negative(name: str, value: float) -> float:
    """``value``, a finite number of at least 0. Raises InputError."""
    if not (_is_number(value) and 0 <= value < math.inf):
        raise InputError(f"{name} is {value!r}; give a number of at least 0")
    return float(value)


def finite(name: str, value: float) -> float:
    """``value``, any finite number. Raises InputError."""
    if not (_is_number(value) and math.isfinite(value)):
        raise InputError(f"{name} is {value!r}; give a finite number")
    return float(value)


def between(name: str, value: float, low: float, high: float) -> float:
    """``value``, a number strictly between ``low`` and ``high``. Raises InputError."""
    if not (_is_number(value) and low < value < high):
        raise InputError(f"{name} is {value!r}; give a number above {low:g} and below {high:g}")
    return float(value)


def count(name: str, value: int, least: int = 1) -> int:
    """``value``, a whole number of at least ``least``. Raises InputError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name} is {value!r}; give a whole number of at least {least}")
    return int(value)


def stable(load: float, servers: float) -> None:
    """Refuse a load that a queue without limit cannot carry (both in Erlangs). Raises InputError."""
    if load >= servers:
        raise InputError(
            f"the load is {load:g} Erlangs and the capacity {servers:g}: the queue would grow for ever; "
            "give a load below the capacity, or a backlog"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
