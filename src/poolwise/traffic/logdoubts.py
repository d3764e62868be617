"""What there is to doubt in a log that could be read: rejected lines, clocks, durations. All as notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from poolwise.model import Note, Where
from poolwise.traffic.records import SHOWN, Records

if TYPE_CHECKING:
    from poolwise.model import Floats

_SHOWN_CHARACTERS = 70  # of the beginning, and of the end of a longer line
# A median outside these bounds (in logged units) makes the unit doubtful: lowest, highest, likelier unit.
_USUAL = {
    1.0: (0.0, 10_000.0, "microseconds (%D)"),
    1e-3: (0.0, 10_000_000.0, "microseconds (%D)"),
    1e-6: (20.0, np.inf, "seconds or milliseconds (%T, %{ms}T)"),
}
_UNIT_NAME = {1.0: "seconds", 1e-3: "milliseconds", 1e-6: "microseconds"}


def printable(line: bytes) -> str:
    """A line as it can be shown anywhere: escaped, the middle of a long one left out."""
    if len(line) > 2 * _SHOWN_CHARACTERS:
        line = line[:_SHOWN_CHARACTERS] + b" ... " + line[-_SHOWN_CHARACTERS:]
    return "".join(chr(c) if 32 <= c < 127 else f"\\x{c:02x}" for c in line.rstrip(b"\r"))


def rejection_notes(part: Records) -> list[Note]:
    """The first rejected lines and how many there are; or that the file is empty."""
    if not len(part) and not part.rejected:
        return [Note("note", Where(part.path), "has no lines")]
    notes = [
        Note("warning", where, f"does not fit the log format and is left out: {printable(line)}")
        for where, line in part.shown
    ]
    if part.rejected > SHOWN:
        text = (
            f"{part.rejected} of {part.rejected + len(part)} lines do not fit the log format and are left out"
        )
        notes.append(Note("warning", Where(part.path), text))
    return notes


def clock_notes(parts: list[Records]) -> list[Note]:
    """One note per file whose clock runs backwards by more than the order of writing explains.

    httpd writes a line when the request ends: with durations the ends must ascend (but for 2 s of
    rounding), without them a step back of up to a minute is a long request.
    """
    notes = []
    for part in parts:
        ends = (
            part.seconds
            + part.fraction_s
            + np.nan_to_num(0.0 if part.duration_s is None else part.duration_s)
        )
        behind = np.maximum.accumulate(ends) - ends
        late = np.flatnonzero(behind > (60.0 if part.duration_s is None else 2.0))
        if len(late):
            text = (
                f"{len(late)} lines are earlier than a line above them, by up to {behind.max():.0f} s "
                "(a clock set back, or logs joined out of order?); they have been sorted"
            )
            notes.append(Note("warning", part.where(int(late[0])), text))
    return notes


def duration_notes(parts: list[Records], unit_s: float) -> list[Note]:
    """Negative, day-long, whole-second and wrong-unit durations."""
    notes = []
    for part in parts:
        assert part.duration_s is not None
        negative, long = np.flatnonzero(part.duration_s < 0), np.flatnonzero(part.duration_s > 86400)
        if len(negative):
            text = f"{len(negative)} durations are negative (a clock set back); they are taken as 0"
            notes.append(Note("warning", part.where(int(negative[0])), text))
        if len(long):
            text = f"{len(long)} durations are longer than a day; they are taken as logged"
            notes.append(Note("warning", part.where(int(long[0])), text))
    return notes + _unit_notes(parts, unit_s)


def _unit_notes(parts: list[Records], unit_s: float) -> list[Note]:
    known: Floats = np.concatenate(
        [np.zeros(0)] + [part.duration_s for part in parts if part.duration_s is not None]
    )
    known = known[~np.isnan(known)]
    if not len(known):
        return []
    lowest, highest, likelier = _USUAL[unit_s]
    median = float(np.median(known)) / unit_s
    if not lowest <= median <= highest:
        text = (
            f"the median duration would be {median:g} {_UNIT_NAME[unit_s]}; "
            f"the log probably holds {likelier}: check the log format"
        )
        return [Note("warning", Where(parts[0].path), text)]
    if unit_s == 1:
        text = (
            "durations are logged in whole seconds, cut off: shorter requests count 0 s; log %D instead of %T"
        )
        return [Note("note", Where(parts[0].path), text)]
    return []
