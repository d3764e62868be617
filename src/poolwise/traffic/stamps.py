"""Time stamps as ``strftime`` writes them, read back: a regular expression and a remembering reader.

``strptime`` takes 10 microseconds a line; a log has at most one new stamp a second, so that every stamp is
worked out once and looked up afterwards.
"""

from __future__ import annotations

import re
from datetime import date

from poolwise.model import InputError

BAD = -(2**62)  # what the clock says of a stamp that is no date ("31/Feb/2015")
_REMEMBERED = 200_000  # two days of seconds: bounds the memory, not the speed
_EPOCH = date(1970, 1, 1).toordinal()

_MONTHS = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_COMPOSED = {
    "T": "%H:%M:%S",
    "F": "%Y-%m-%d",
    "D": "%m/%d/%y",
    "x": "%m/%d/%y",
    "R": "%H:%M",
    "X": "%H:%M:%S",
    "r": "%I:%M:%S %p",
    "c": "%a %b %e %H:%M:%S %Y",
    "h": "%b",
    "k": "%H",
    "l": "%I",
    "e": "%d",
}
_PIECES = {  # conversion -> regular expression; the letter is the group's name
    "Y": rb"\d{4}",
    "y": rb"\d\d",
    "m": rb"\d\d",
    "d": rb"[ \d]\d",
    "H": rb"[ \d]\d",
    "I": rb"[ \d]\d",
    "M": rb"\d\d",
    "S": rb"\d\d",
    "j": rb"\d{3}",
    "b": rb"[A-Za-z]{3}",
    "B": rb"[A-Za-z]{3,9}",
    "p": rb"(?i:am|pm)",
    "z": rb"[+-]\d\d:?\d\d|Z",
    "s": rb"\d{9,11}",
}
_SKIPPED = {  # conversions that say nothing new
    "a": rb"[^\W\d]{2,9}\.?",
    "A": rb"[^\W\d]{2,12}",
    "Z": rb"[A-Za-z+-][A-Za-z0-9+-]{0,9}",
    "u": rb"\d",
    "w": rb"\d",
    "U": rb"\d\d",
    "V": rb"\d\d",
    "W": rb"\d\d",
    "G": rb"\d{4}",
    "g": rb"\d\d",
    "C": rb"\d\d",
    "%": rb"%",
    "t": rb"\t",
}


def stamp_pattern(strftime: str, named: bool = False) -> bytes:
    """The regular expression of what ``strftime`` writes; with a group per conversion when ``named``.

    Month and day names are English, as httpd (which runs in the C locale) writes them. Raises InputError
    for conversions that are not known.
    """
    for letter, composed in _COMPOSED.items():
        strftime = re.sub(rf"(?<!%)((?:%%)*)%{letter}", rf"\g<1>{composed}", strftime)
    pattern, seen = b"", set()
    for literal, letter in re.findall(r"([^%]*)(?:%[EO]?(.))?", strftime, re.DOTALL):
        pattern += re.escape(literal.encode("utf-8"))
        if not letter:
            continue
        piece = _PIECES.get(letter) or _SKIPPED.get(letter)
        if piece is None:
            raise InputError(
                f"log format: %{letter} in %{{{strftime}}}t is not a time conversion that can be read"
            )
        name = (
            b"?P<" + letter.encode() + b">" if named and letter in _PIECES and letter not in seen else b"?:"
        )
        pattern += b"(" + name + piece + b")"
        seen.add(letter)
    return pattern


def conversions(strftime: str) -> set[str]:
    """The letters of the conversions in ``strftime``, composed ones taken apart."""
    return set(re.compile(stamp_pattern(strftime, named=True)).groupindex)


def complete(strftime: str) -> bool:
    """Whether it names a moment to the second: a date and a time of day."""
    letters = conversions(strftime)
    day = {"m", "b", "B"} & letters and "d" in letters
    hour = "H" in letters or {"I", "p"} <= letters
    return "s" in letters or bool(
        ({"Y", "y"} & letters) and (day or "j" in letters) and hour and {"M", "S"} <= letters
    )


class Clock(dict[bytes, int]):
    """Unix second of a stamp (bytes), worked out once: ``clock[b"17/May/2015:10:05:03 +0000"]``.

    A stamp without a zone is taken as UTC; one that is no date gives ``BAD``. Only the first stamp of an
    hour is read in full; the others differ from it in the digits of the minute and the second.
    """

    def __init__(self, strftime: str) -> None:
        super().__init__()
        self._pattern = re.compile(stamp_pattern(strftime, named=True))
        self._hours: dict[tuple[bytes, bytes, bytes], int] = {}
        self._places = (0, 0)  # where minute and second stood in the last stamp read in full

    def __missing__(self, stamp: bytes) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        at, to = self._places
        hour = self._hours.get((stamp[:at], stamp[at + 2 : to], stamp[to + 2 :]))
        second = self._read(stamp) if hour is None else _in_hour(hour, stamp[at : at + 2], stamp[to : to + 2])
        self[stamp] = second
        return second

    def _read(self, stamp: bytes) -> int:
        """Read a stamp in full and remember its hour."""
        match = self._pattern.fullmatch(stamp)
        if match is None:
            return BAD
        parts = match.groupdict()
        if "s" in parts:
            return int(parts["s"])
        try:
            hour = _unix_hour(parts)
        except ValueError:
            return BAD
        at, to = match.start("M"), match.start("S")
        if at < to:
            self._places = at, to
            self._hours[(stamp[:at], stamp[at + 2 : to], stamp[to + 2 :])] = hour
        return _in_hour(hour, parts["M"], parts["S"])


def _in_hour(hour: int, minute: bytes, second: bytes) -> int:
    """60 is a leap second."""
    return hour + 60 * int(minute) + int(second) if minute < b"60" and second < b"61" else BAD


def _unix_hour(parts: dict[str, bytes]) -> int:
    """Unix time of the hour in which a stamp lies; ValueError when there is no such date."""
    hour = _hour(parts)
    if hour > 23:
        raise ValueError(hour)
    zone = parts.get("z", b"Z").replace(b":", b"")
    offset = 0 if zone == b"Z" else (int(zone[1:3]) * 60 + int(zone[3:5])) * (-60 if zone[:1] == b"-" else 60)
    return (_day(parts) - _EPOCH) * 86400 + hour * 3600 - offset


def _hour(parts: dict[str, bytes]) -> int:
    if "H" in parts:
        return int(parts["H"])
    return int(parts["I"]) % 12 + (12 if parts["p"].lower() == b"pm" else 0)


def _day(parts: dict[str, bytes]) -> int:
    year = int(parts["Y"]) if "Y" in parts else 2000 + int(parts["y"])
    if "j" in parts and "d" not in parts:
        if not 1 <= int(parts["j"]) <= 366:
            raise ValueError(parts)
        return date(year, 1, 1).toordinal() + int(parts["j"]) - 1
    if "m" in parts:
        month = int(parts["m"])
    else:
        month = _MONTHS.index((parts.get("b") or parts["B"])[:3].lower()) + 1
    return date(year, month, int(parts["d"])).toordinal()
