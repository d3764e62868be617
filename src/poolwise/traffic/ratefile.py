"""Rate files: ``period,count`` lines (requests per minute, say), the recorded shape of a real site."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from poolwise.model import InputError
from poolwise.traffic.grammar import seconds
from poolwise.traffic.opening import open_data

if TYPE_CHECKING:
    from poolwise.model import Floats

_LARGEST_FILE_BYTES = 500_000_000
_MOST_PERIODS = 50_000_000
_EPOCH = datetime(1970, 1, 1)  # naive times are taken as UTC


@dataclass(frozen=True, slots=True, eq=False)
class RateFile:
    """Counts of consecutive periods of equal length; periods without a line count 0."""

    path: str
    start: float  # Unix time of the first period, or its number of seconds when times are plain numbers
    period_s: float
    counts: Floats  # shape (periods,)
    missing: int  # periods without a line

    def window(self, start: str, length_s: float) -> tuple[Floats, float]:
        """Counts from ``start`` for ``length_s`` (0: to the end), and the Unix time of the first.

        ``start``: seconds after the first period ("90", "2h") or a time of day ("1998-06-30 15:00").
        Whole periods only. Raises InputError with the range that the file covers.
        """
        after_s = seconds(start) if start else 0.0
        if after_s is None:
            after_s = _moment(start, self.path) - self.start
        first = math.floor(after_s / self.period_s + 1e-9)
        count = math.ceil(length_s / self.period_s - 1e-9) if length_s else len(self.counts) - first
        if first < 0 or count <= 0 or first + count > len(self.counts):
            raise InputError(
                f"{self.path}: start={start or 0},length={length_s:g} s lies outside the file, which covers "
                f"{len(self.counts) * self.period_s:g} s from {self.began}"
            )
        return self.counts[first : first + count], self.start + first * self.period_s

    @property
    def began(self) -> str:
        """The start in words."""
        if self.start < 1e8:
            return f"second {self.start:g}"
        return f"{datetime.fromtimestamp(self.start, UTC):%Y-%m-%d %H:%M:%S} UTC"


def read_rate_file(path: str) -> RateFile:
    """Read ``period,count`` lines (plain or gzip, a heading is skipped).

    ``period`` is an ISO time (UTC where it has no zone) or a number of seconds, ascending and evenly
    spaced; ``count`` the requests in it. Raises InputError with file and line.
    """
    times: list[float] = []
    counts: list[float] = []
    for number, line in enumerate(_lines(path), 1):
        if not line or line.startswith("#"):
            continue
        period, _, count = line.partition(",")
        try:
            times.append(_time(period))
            counts.append(float(count))
        except ValueError:
            if number == 1:
                continue  # the heading
            raise InputError(f"{path}:{number}: expected period,count, got {line[:60]!r}") from None
        if not 0 <= counts[-1] < 1e12:
            raise InputError(f"{path}:{number}: a count must be 0 or more, not {count!r}")
        if len(times) > 1 and not times[-2] < times[-1]:
            raise InputError(f"{path}:{number}: {period!r} is not later than the line before")
    if len(times) < 2:
        raise InputError(f"{path}: holds {len(times)} periods; at least two lines period,count are needed")
    return _dense(path, np.array(times), np.array(counts))


def _dense(path: str, times: Floats, counts: Floats) -> RateFile:
    """Put every count at its place; the period is the commonest distance between two lines."""
    distances, how_often = np.unique(np.diff(times), return_counts=True)
    period = float(distances[how_often.argmax()])
    place = (times - times[0]) / period
    index = np.rint(place).astype(np.int64)
    off = np.flatnonzero((np.abs(place - index) > 1e-3) | (np.diff(index, prepend=-1) == 0))
    if len(off) or index[-1] > _MOST_PERIODS:
        raise InputError(f"{path}: the periods are not evenly spaced (mostly {period:g} s, but not all)")
    dense = np.zeros(int(index[-1]) + 1)
    dense[index] = counts
    return RateFile(path, float(times[0]), period, dense, len(dense) - len(times))


def _lines(path: str) -> list[str]:
    with open_data(path) as (stream, _):
        try:
            content = stream.read(_LARGEST_FILE_BYTES)
        except (OSError, EOFError) as error:
            raise InputError(f"{path}: the gzip file is damaged or cut: {error}") from None
    return [line.strip() for line in content.decode("latin-1").split("\n")]


def _time(text: str) -> float:
    """Unix time or plain seconds; ValueError when it is neither."""
    if ":" in text or "-" in text.strip()[1:]:
        moment = datetime.fromisoformat(text.strip())
        return (moment - _EPOCH).total_seconds() if moment.tzinfo is None else moment.timestamp()
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _moment(text: str, path: str) -> float:
    try:
        return _time(text)
    except ValueError:
        raise InputError(f"replay of {path}: start must be seconds or a time, not {text!r}") from None
