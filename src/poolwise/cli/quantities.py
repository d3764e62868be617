"""What is written on a command line, read as numbers: ``60M``, ``90min``, ``MaxSpareServers=40``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import click

from poolwise.model import InputError
from poolwise.servers import PEERS

SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30}
TIMES = {"": 1.0, "s": 1.0, "ms": 0.001, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
ENDLESS = 10**15

Read = TypeVar("Read")


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


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Settings to simulate with: of Apache's directives, or of the server or daemon group called ``name``."""

    text: str
    name: str  # "" for directives
    settings: Mapping[str, int | str]


def what_if(text: str) -> WhatIf:
    """``"MaxSpareServers=40"``, ``"shop:threads=5"`` or ``"uwsgi:workers=8"``. Raises InputError."""
    name, colon, rest = text.partition(":")
    if not colon and name.strip() not in PEERS:
        return WhatIf(text.strip(), "", assignments(text))
    if not re.fullmatch(r"\s*[\w.-]+\s*", name):
        raise InputError(f"{text!r} is neither Directive=number nor NAME:setting=value")
    return WhatIf(text.strip(), name.strip(), words(rest))


def words(text: str) -> dict[str, str]:
    """``"workers=8,cheaper=2"`` -> names and values as written. Raises InputError."""
    found: dict[str, str] = {}
    for part in text.split(",") if text.strip() else []:
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (name and equals and value):
            raise InputError(f"{part.strip()!r} is not setting=value, as in workers=8")
        if name in found:
            raise InputError(f"{name} is given twice")
        found[name] = value
    return found


def share(text: str) -> float:
    """``"30%"`` or ``"0.3"`` -> 0.3. Raises InputError outside of 0 to 1."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)\s*", text)
    value = float(match[1]) / (100.0 if match[2] else 1.0) if match else -1.0
    if not 0 <= value <= 1:
        raise InputError(f"{text!r} is not a share; write for example 0.3 or 30%, at most 1 or 100%")
    return value


@dataclass(frozen=True, slots=True)
class Cpu:
    """The CPU part of a request: a share of its time, or ``seconds`` (then ``share`` is 0)."""

    share: float = 0.0
    seconds: float | None = None


def request_cpu(text: str) -> Cpu:
    """``"30%"`` or ``"20ms"``. Raises InputError."""
    if "%" in text:
        return Cpu(share=share(text))
    try:
        return Cpu(seconds=seconds(text))
    except InputError:
        raise InputError(f"{text!r} is neither a share nor a time; write for example 30% or 20ms") from None


@dataclass(frozen=True, slots=True)
class Moments:
    """When something happens: once at ``time_s``, or over and over; and to how many processes."""

    text: str
    time_s: float
    repeated: bool
    count: int


def moments(text: str) -> Moments:
    """``"30min"``, ``"every=24h"``, ``"10min,count=3"``. Raises InputError."""
    match = re.fullmatch(r"\s*(every\s*=)?\s*([^,=]+?)\s*(?:,\s*count\s*=\s*(\d{1,6}))?\s*", text)
    if not match:
        raise InputError(f"{text!r} is not a time; write for example 30min or every=24h")
    time_s, times = seconds(match[2]), int(match[3] or 1)
    if match[1] and time_s < 1:
        raise InputError(f"{text!r}: at most once a second")
    if times < 1:
        raise InputError(f"{text!r}: count must be at least 1")
    return Moments(text.strip(), time_s, bool(match[1]), times)


def quantity(name: str, read: Callable[[str], Read]) -> Callable[[Any], Read]:
    """``read`` as the type of an option: a text is read, with an error that names the option."""

    def convert(value: Any) -> Read:
        if not isinstance(value, str):  # a default
            return cast("Read", value)
        try:
            return read(value)
        except InputError as error:
            raise click.BadParameter(str(error)) from error

    convert.__name__ = name
    return convert


SIZE = quantity("size", size_bytes)
SECONDS = quantity("time", seconds)
WHAT_IF = quantity("settings", what_if)
REQUEST_CPU = quantity("share or time", request_cpu)
MOMENTS = quantity("time", moments)
