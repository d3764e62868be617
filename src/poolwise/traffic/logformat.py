"""Apache's LogFormat notation, compiled to a regular expression that reads the lines back.

Only what poolwise needs is captured (when a request was received, how long it took); everything else is
matched, so that a line that was cut or belongs to another format is recognised. Facts: mod_log_config
(manual page; ``modules/loggers/mod_log_config.c``: parse_log_item for the modifiers, log_request_time for the
time tokens), mod_logio for %I %O %S %^FB. httpd writes quotes, backslashes and control bytes inside a value
as ``\\"``, ``\\\\``, ``\\n``, ``\\xhh``, so that a quoted value ends at the first bare quote.

Every part is matched in linear time, whatever the line holds: values that may contain spaces end at the
first place where the text that follows them in the format fits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from poolwise.model import InputError
from poolwise.traffic.stamps import complete, conversions, stamp_pattern

_COMMON = '%h %l %u %t "%r" %>s %b'
_COMBINED = _COMMON + ' "%{Referer}i" "%{User-Agent}i"'
FORMATS: Mapping[str, str] = {
    "vhost_combined_d": f"%v:%p {_COMBINED} %D",
    "vhost_combined": f"%v:%p {_COMBINED}",
    "combinedio": f"{_COMBINED} %I %O",
    "combined_d": f"{_COMBINED} %D",
    "combined": _COMBINED,
    "common_d": f"{_COMMON} %D",
    "common": _COMMON,
}
"""The formats known by name, the more particular first. Debian's (``%O`` for ``%b``) read the same."""

_METHOD = {"r": rb"[^\s\"]++ ", "U": b""}  # what stands before the path
HTTPD_TIME = "[%d/%b/%Y:%H:%M:%S %z]"
_PART_S = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6, "msec_frac": 1e-3, "usec_frac": 1e-6}
_UNIT_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
_ITEM = re.compile(
    r"%(?P<modifiers>[!<>,\d]*)(?:\{(?P<arg>[^}]*)\})?(?P<more>[!<>,\d]*)(?P<letter>\^..|.)", re.DOTALL
)

_NUMBERS = {"B", "b", "I", "O", "S", "k", "p", "s", "^FB"}
_WORDS = {"a", "A", "c", "h", "H", "l", "L", "m", "P", "R", "v", "V", "X"}
_TEXTS = {"C", "e", "f", "i", "n", "o", "q", "r", "U", "u", "x", "^ti", "^to"}
_NEED_ARGUMENT = {"C", "e", "i", "n", "o", "x", "c", "^ti", "^to"}
_NUMBER = rb"(?:-?\d{1,18}|-)"
_QUOTED = rb'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+'

Moment = Literal["begin", "end"]


@dataclass(frozen=True, slots=True)
class Capture:
    """One captured column: a part of a time stamp, or a duration."""

    kind: Literal["stamp", "sec", "msec", "usec", "msec_frac", "usec_frac", "duration", "mount"]
    moment: Moment = "begin"
    strftime: str = ""  # of a stamp
    unit_s: float = 1.0


MOUNT = Capture("mount")


@dataclass(frozen=True, slots=True)
class CompiledFormat:
    """A LogFormat that can be read.

    ``pattern`` matches every line: one group per entry of ``captures``, and a last one that holds the line
    when it does not fit the format (all others are then empty).
    """

    text: str
    pattern: re.Pattern[bytes]
    captures: tuple[Capture, ...]
    moment: Moment  # whether the usable time stamp is of the request's receipt or of its end
    stamps: tuple[int, ...] = field(default=())  # the columns that give the second
    fraction: int | None = None  # the column that gives the fraction of the second
    duration: int | None = None  # the column of the finest duration
    mount: int | None = None  # the column of the mount that the path is under, where mounts were asked for

    def fits(self, line: bytes) -> bool:
        """Whether the line is a record of this format."""
        match = self.pattern.match(line)
        return match is not None and bool(match[1])

    @property
    def strftime(self) -> str:
        """How the stamp columns, joined by a space, are written; "" when they are plain numbers."""
        return " ".join(self.captures[i].strftime for i in self.stamps if self.captures[i].kind == "stamp")

    @property
    def resolution_s(self) -> float:
        """What the logged times are rounded down to: 1, 1e-3 or 1e-6 seconds."""
        if self.fraction is not None:
            return _PART_S[self.captures[self.fraction].kind]
        return _PART_S.get(self.captures[self.stamps[0]].kind, 1.0)

    @property
    def zoned(self) -> bool:
        """Whether the stamps name their time zone (or are Unix time)."""
        return not self.strftime or bool({"z", "s"} & conversions(self.strftime))


def compile_format(text: str, mounts: Sequence[str] = ()) -> CompiledFormat:
    """Compile a LogFormat: a known name (``FORMATS``), the format, or the whole LogFormat line.

    ``mounts``: URL paths of which the first that a request's path is under is captured, where the format
    has ``%r`` or ``%U``. Raises InputError naming the part that is wrong, or saying that the format has no
    usable time.
    """
    pieces = _pieces(_unwrap(text))
    captures: list[Capture] = []
    parts: list[bytes] = []
    for position, piece in enumerate(pieces):
        if mounts and not isinstance(piece, str) and piece.letter in _METHOD and MOUNT not in captures:
            parts.append(_under(mounts, _METHOD[piece.letter]))
            captures.append(MOUNT)
        parts.append(_regex(pieces, position))
        if not isinstance(piece, str) and piece.capture:
            captures.append(piece.capture)
    record = b"".join(parts) + rb"[ \t]*\r?$"
    pattern = re.compile(rb"^(?:" + record + rb"|([^\n]*)$)", re.MULTILINE)
    moment, stamps, fraction = _time_columns(text, captures)
    durations = [i for i, capture in enumerate(captures) if capture.kind == "duration"]
    finest = min(durations, key=lambda i: captures[i].unit_s, default=None)
    mount = captures.index(MOUNT) if MOUNT in captures else None
    return CompiledFormat(text, pattern, tuple(captures), moment, stamps, fraction, finest, mount)


def _under(mounts: Sequence[str], method: bytes) -> bytes:
    """What captures the first of ``mounts`` that a path begins with, and leaves all others as they are."""
    paths = [rb"/" if mount == "/" else re.escape(mount.encode()) + rb"(?=[/? \"])" for mount in mounts]
    return rb"(?:(?=" + method + rb"(" + rb"|".join(paths) + rb")))?"


@dataclass(frozen=True, slots=True)
class _Item:
    """One ``%`` directive: what it is and, when it is exact, its regular expression."""

    letter: str
    exact: bytes = b""  # numbers and times: nothing else fits
    capture: Capture | None = None


def _unwrap(text: str) -> str:
    """The bare format: names looked up, a LogFormat line taken apart, quotes unescaped as httpd does."""
    text = FORMATS.get(text.strip(), text).strip("\r\n")
    line = re.fullmatch(r'\s*(?:LogFormat|CustomLog\s+\S+)\s+"((?:[^"\\]|\\.)*)".*', text, re.IGNORECASE)
    text = line[1] if line else text
    if "%" not in text:
        raise InputError(
            f"log format {text!r}: neither a LogFormat nor one of the names {', '.join(FORMATS)}"
        )
    return text.replace('\\"', '"').replace("\\t", "\t")


def _pieces(text: str) -> list[str | _Item]:
    """Literals and directives in turn."""
    pieces: list[str | _Item] = []
    position = 0
    while position < len(text):
        if text[position] != "%":
            end = text.find("%", position)
            end = end if end >= 0 else len(text)
            pieces.append(text[position:end])
            position = end
        elif text.startswith("%%", position):
            pieces.append("%")
            position += 2
        else:
            match = _ITEM.match(text, position)
            if match is None:
                raise InputError(f"log format: {text[position:]!r} is cut: a %-directive ends in a letter")
            pieces.append(_item(match))
            position = match.end()
    if any("\\n" in piece or "\n" in piece for piece in pieces if isinstance(piece, str)):
        raise InputError("log format: a record of several lines (\\n in the format) cannot be read")
    return pieces


def _item(match: re.Match[str]) -> _Item:
    """What a directive means. InputError for one that httpd does not have."""
    letter, argument = match["letter"], match["arg"]
    if letter in _NEED_ARGUMENT and not argument and letter != "c":
        raise InputError(f"log format: {match[0]} needs a name in braces, %{{Name}}{letter}")
    if letter == "t":
        return _time(argument or "")
    if letter in ("D", "T"):
        unit = "us" if letter == "D" else argument or "s"
        if unit not in _UNIT_S:
            raise InputError(f"log format: {match[0]}: the unit is one of s, ms, us")
        return _Item(letter, _NUMBER, Capture("duration", unit_s=_UNIT_S[unit]))
    if letter in _NUMBERS:
        return _Item(letter, _NUMBER)
    if letter in _WORDS or letter in _TEXTS:
        return _Item(letter)
    raise InputError(f"log format: httpd has no directive {match[0]!r}")


def _time(argument: str) -> _Item:
    """``%t``, ``%{usec_frac}t``, ``%{end:%s}t`` ...: exact, and captured."""
    moment: Moment = "begin"
    for prefix in ("begin", "end"):
        if argument == prefix or argument.startswith(prefix + ":"):
            moment, argument = prefix, argument[len(prefix) + 1 :]
    match argument:
        case "":
            return _Item("t", stamp_pattern(HTTPD_TIME), Capture("stamp", moment, HTTPD_TIME))
        case "sec" | "msec" | "usec":
            digits = {"sec": rb"\d{9,11}", "msec": rb"\d{12,14}", "usec": rb"\d{15,17}"}[argument]
            return _Item("t", digits, Capture(argument, moment))
        case "msec_frac" | "usec_frac":
            digits = rb"\d{3}" if argument == "msec_frac" else rb"\d{6}"
            return _Item("t", digits, Capture(argument, moment))
    return _Item("t", stamp_pattern(argument), Capture("stamp", moment, argument))


def _regex(pieces: list[str | _Item], position: int) -> bytes:
    """The regular expression of one piece, given what follows it."""
    piece = pieces[position]
    if isinstance(piece, str):
        return re.escape(piece.encode("utf-8"))
    if piece.exact and piece.capture:
        return b"(" + piece.exact + b")"
    if piece.exact:
        return piece.exact
    before, after = (_literal(pieces, i) for i in (position - 1, position + 1))
    if before.endswith('"') and after.startswith('"'):
        return _QUOTED
    if piece.letter in _WORDS and (after[:1].isspace() or position + 1 == len(pieces)):
        return rb"\S++"
    following = pieces[position + 1] if position + 1 < len(pieces) else ""
    if not isinstance(following, str) and following.letter in _TEXTS:
        return b""  # two free values without anything between them (%U%q) are one
    some = rb"\S+?" if piece.letter in _WORDS else rb"[^\n]+?" if piece.letter == "u" else rb"[^\n]*?"
    return rb"(?>" + some + rb"(?=" + _following(pieces, position + 1) + rb"))"


def _literal(pieces: list[str | _Item], position: int) -> str:
    piece = pieces[position] if 0 <= position < len(pieces) else ""
    return piece if isinstance(piece, str) else ""


def _following(pieces: list[str | _Item], position: int) -> bytes:
    """What ends a value of free text: the literals and exact items up to the next free value.

    A word behind a space takes part too (it cannot be searched twice), a time closes the search.
    """
    end = b""
    for place, piece in enumerate(pieces[position:], position):
        if isinstance(piece, str):
            end += re.escape(piece.encode("utf-8"))
        elif piece.exact:
            end += piece.exact
            if piece.letter == "t":
                return end
        elif piece.letter in _WORDS and _literal(pieces, place - 1)[-1:].isspace():
            last = rb"[ \t]*\r?$" if place + 1 == len(pieces) else b""
            return end + rb"\S+?" + re.escape(_literal(pieces, place + 1)).encode("utf-8") + last
        else:
            return end
    return end + rb"[ \t]*\r?$"


def _time_columns(text: str, captures: list[Capture]) -> tuple[Moment, tuple[int, ...], int | None]:
    """Which columns give the time: the receipt of the request when it is logged, else its end."""
    moments: tuple[Moment, Moment] = ("begin", "end")
    for moment in moments:
        at = {
            kind: [i for i, c in enumerate(captures) if c.kind == kind and c.moment == moment]
            for kind in _KINDS
        }
        for whole in ("usec", "msec"):
            if at[whole]:
                return moment, (at[whole][0],), None
        fraction = (at["usec_frac"] + at["msec_frac"] + [None])[0]
        if at["sec"]:
            return moment, (at["sec"][0],), fraction
        stamps = tuple(at["stamp"])
        for chosen in (*((i,) for i in stamps if complete(captures[i].strftime)), stamps):
            if chosen and complete(" ".join(captures[i].strftime for i in chosen)):
                zone = tuple(
                    i for i in stamps if i not in chosen and "z" in conversions(captures[i].strftime)
                )
                return moment, chosen + zone, fraction
    raise InputError(
        f"log format {text!r} does not say when a request came (date and time to the second): add %t, "
        f"or better %{{usec}}t"
    )


_KINDS = ("stamp", "sec", "msec", "usec", "msec_frac", "usec_frac")
