"""A directive that sizes a server or holds its workers, and the versions of httpd it is described for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from poolwise.model import InputError, Setting, Where

Release = tuple[int, int, int]
Kind = Literal["number", "long", "positive", "factor", "time", "flag", "text"]

NEWEST = "2.4.71"
_NEWEST_PATCH = {(2, 2): 34, (2, 4): 71}

SERVER = ("server config",)
HOST = ("server config", "virtual host")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One directive as a range of httpd versions knows it.

    ``default``: what is compiled in; None when the operating system or another directive decides.
    ``minimum`` and ``maximum``: outside of them httpd changes the value or refuses to start.
    ``kind`` says how httpd reads the argument (``read_value``). ``until`` is the first version that the
    description is not for. ``renamed``: this version only knows the names in ``aliases``.
    """

    name: str
    aliases: tuple[str, ...]
    default: Setting
    minimum: int | None
    maximum: int | None
    unit: str
    contexts: tuple[str, ...]
    source: str
    summary: str
    since: str = "2.2.0"
    until: str = ""
    kind: Kind = "number"
    renamed: bool = False

    @property
    def spellings(self) -> tuple[str, ...]:
        """The names under which this version of httpd accepts the directive."""
        return self.aliases if self.renamed else (self.name, *self.aliases)


def release(version: str) -> Release:
    """``"2.4.6"`` as numbers; ``"2.4"`` is the newest 2.4 known. InputError for all but 2.2 and 2.4."""
    found = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?(?:[-.].*)?", version.strip())
    if found:
        major, minor = int(found[1]), int(found[2])
        if (major, minor) in _NEWEST_PATCH:
            return major, minor, int(found[3]) if found[3] else _NEWEST_PATCH[major, minor]
    raise InputError(f"httpd version {version!r}: give 2.2, 2.4 or one of their releases, such as {NEWEST}")


def valid_for(rows: Iterable[Parameter], version: str) -> tuple[Parameter, ...]:
    """The rows that describe ``version``, one for each directive."""
    now = release(version)
    return tuple(
        row for row in rows if release(row.since) <= now and (not row.until or now < release(row.until))
    )


def compiled_in(version: str) -> Where:
    """The origin of a value that no file sets."""
    major, minor, _ = release(version)
    return Where(note=f"compiled-in default of httpd {major}.{minor}")
