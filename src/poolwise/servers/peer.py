"""What a server other than Apache can be told, and what of a connection holds one of its workers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from poolwise.model import InputError, Pool

_FLAGS = {"on": 1.0, "yes": 1.0, "true": 1.0, "off": 0.0, "no": 0.0, "false": 0.0}


@dataclass(frozen=True, slots=True)
class Option:
    """One setting as a range of versions of its server knows it.

    ``minimum`` and ``maximum``: outside of them the setting is impossible, or means nothing. ``choices``:
    words; in ``Pool.options`` each stands as its place in this list. ``flag``: on or off, 1 or 0.
    ``until`` is the first version that the description is not for.
    """

    name: str
    default: float
    minimum: float
    maximum: float
    unit: str
    source: str
    summary: str
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    flag: bool = False
    whole: bool = True
    since: str = ""
    until: str = ""

    @property
    def shown(self) -> str:
        """The default as its server writes it."""
        if self.choices:
            return self.choices[int(self.default)]
        if self.flag:
            return "on" if self.default else "off"
        return f"{self.default:g}" if self.default < 1e6 else f"{self.default:.0f}"

    @property
    def range(self) -> str:
        """What may be given, in words."""
        if self.choices:
            return ", ".join(self.choices)
        if self.flag:
            return "on, off"
        low = f"{self.minimum:g}"
        return f"{low} or more" if math.isinf(self.maximum) else f"{low} to {self.maximum:g}"


@dataclass(frozen=True, slots=True)
class Holds:
    """What keeps a worker of the pool from serving another request.

    ``holds_upload``, ``holds_download``: while the client's link takes its time. ``holds_idle``: while a
    kept-alive connection waits for its next request. ``keeps_alive``: whether the server keeps
    connections at all.
    """

    name: str
    holds_upload: bool
    holds_download: bool
    holds_idle: bool
    keeps_alive: bool
    summary: str
    source: str


@dataclass(frozen=True, slots=True)
class Peer(Holds):
    """A server other than Apache: what holds its workers, its settings, the newest version described."""

    parameters: tuple[Option, ...]
    newest: str


def numbered(version: str) -> tuple[int, ...]:
    """``"2.0.31"`` as numbers that compare; 6 is 6.0. InputError when it does not begin with a number."""
    found = re.match(r"\d+(?:\.\d+)*", version.strip())
    if not found:
        raise InputError(f"version {version!r}: give numbers with dots, such as 2.0.31")
    parts = [int(part) for part in found[0].split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def valid_options(rows: Iterable[Option], version: str) -> tuple[Option, ...]:
    """The rows that describe ``version``, one for each setting. InputError when it is no version."""
    now = numbered(version)
    return tuple(
        row
        for row in rows
        if (not row.since or numbered(row.since) <= now) and (not row.until or now < numbered(row.until))
    )


def effective(
    rows: Iterable[Option], asked: Mapping[str, float | str], version: str, server: str
) -> dict[str, float]:
    """Every setting by its name: as asked, or the default. ``-`` and ``_`` in a name are the same.

    InputError for an unknown setting, one that is given twice, and a value out of range.
    """
    known = valid_options(rows, version)
    by_name = {_folded(name): row for row in known for name in (row.name, *row.aliases)}
    values = {row.name: row.default for row in known}
    given: set[str] = set()
    for name, value in asked.items():
        row = by_name.get(_folded(name))
        if row is None:
            raise InputError(f"{name} is not a setting of {server} {version} that is known here")
        if row.name in given:
            raise InputError(f"{server}: {row.name} is given twice")
        given.add(row.name)
        values[row.name] = _number(row, value, server)
    return values


def _folded(name: str) -> str:
    return name.strip().lower().replace("_", "-")


def _number(row: Option, value: float | str, server: str) -> float:
    """The value as a number within the row's range."""
    number = _read(row, value)
    fits = math.isfinite(number) and row.minimum <= number <= row.maximum
    if not fits or (row.whole and not number.is_integer()):
        kind = "a whole number, " if row.whole and not (row.choices or row.flag) else ""
        raise InputError(f"{server}: {row.name} must be {kind}{row.range}, not {value!r}")
    return number


def _read(row: Option, value: float | str) -> float:
    """A word of the choices, a flag or a number; NaN when it is none of them."""
    if not isinstance(value, str):
        return float(value)
    word = value.strip()
    if word in row.choices:
        return float(row.choices.index(word))
    if row.flag and word.lower() in _FLAGS:
        return _FLAGS[word.lower()]
    try:
        return float(word)
    except ValueError:
        return math.nan


def pool_of(
    architecture: str,
    start: int,
    processes: int,
    threads: int,
    backlog: int,
    requests: int,
    version: str,
    values: Mapping[str, float],
    named: Iterable[str],
) -> Pool:
    """A pool without Apache's spare rule; ``named`` values have become fields, the rest its ``options``."""
    gone = set(named)
    return Pool(
        name=architecture, architecture=architecture, threads=threads, start=start, min_spare=0, max_spare=0,
        process_limit=processes, server_limit=processes, max_workers=processes * threads,
        max_connections_per_child=requests, backlog=backlog, httpd_version=version,
        options={name: float(value) for name, value in values.items() if name not in gone},
    )  # fmt: skip
