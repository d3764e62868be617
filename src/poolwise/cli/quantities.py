"""What is written on a command line, read as numbers: ``60M``, ``90min``, ``MaxSpareServers=40``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from poolwise.model import InputError

SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30}
TIMES = {"": 1.0, "s": 1.0, "ms": 0.001, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
ENDLESS = 10**15

Number = TypeVar("Number", int, float, dict[str, int])


def size_bytes(text: str) -> int:
    """``"1.5G"`` -> 1500000000: decimal K M G T, binary Ki Mi Gi, an optional ``B``. Raises InputError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*", text.lower())
    if not match or match[2] not in SIZES:
        raise InputError(f"{text!r} is not a size; write for example 60M, 1.5G or 512Mi")
    value = float(match[1]) * SIZES[match[2]]
    if value > ENDLESS:
        raise InputError(f"{text!r} is more memory than any machine has")
    return round(value)


def seconds(text: str) -> float:
    """``"90min"`` -> 5400.0; units ms, s (when none is given), min, h, d. Raises InputError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if not match or match[2] not in TIMES:
        raise InputError(f"{text!r} is not a length of time; write for example 90, 250ms, 15min or 2h")
    value = float(match[1]) * TIMES[match[2]]
    if not math.isfinite(value):
        raise InputError(f"{text!r} is not a finite length of time")
    return value


def assignments(text: str) -> dict[str, int]:
    """``"StartServers=20,MaxSpareServers=40"`` -> names and numbers as written. Raises InputError."""
    found: dict[str, int] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*([A-Za-z]\w*)\s*=\s*([+-]?\d{1,9})\s*", part)
        if not match:
            raise InputError(f"{part!r} is not Directive=number, as in MaxSpareServers=40")
        found[match[1]] = int(match[2])
    return found


def quantity(name: str, read: Callable[[str], Number]) -> Callable[[Any], Number]:
    """``read`` as the type of an option: a text is read, with an error that names the option."""

    def convert(value: Any) -> Number:
        if not isinstance(value, str):  # a default
            return cast("Number", value)
        try:
            return read(value)
        except InputError as error:
            raise click.BadParameter(str(error)) from error

    convert.__name__ = name
    return convert


SIZE = quantity("size", size_bytes)
SECONDS = quantity("time", seconds)
ASSIGNMENTS = quantity("assignments", assignments)
