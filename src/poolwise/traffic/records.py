"""The records of one log file as columns of numbers, and which line each came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from poolwise.model import Note, Where
from poolwise.traffic.logfile import blocks
from poolwise.traffic.logformat import CompiledFormat
from poolwise.traffic.stamps import BAD, Clock

if TYPE_CHECKING:
    from poolwise.model import Floats, Ints

SHOWN = 3  # rejected lines that are shown in full
_UNKNOWN = -(10**18)  # "-" in place of a duration


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """What was read of one file, in file order.

    ``seconds`` (Unix time) and ``fraction_s`` (of the second) shape (n,); ``duration_s`` shape (n,), NaN
    where the line has none, or None when the format has none. ``mount``: index of the mount that the path
    is under, or how many there are when it is under none; None when not asked for.
    """

    path: str
    seconds: Ints
    fraction_s: Floats
    duration_s: Floats | None
    lines: tuple[tuple[int, Sequence[int]], ...]  # (index of the first record, line numbers) per block
    rejected: int
    shown: tuple[tuple[Where, bytes], ...]  # the first few rejected lines
    notes: tuple[Note, ...]
    mount: Ints | None = None

    def __len__(self) -> int:
        return len(self.seconds)

    def where(self, index: int) -> Where:
        """File and line of record ``index``."""
        first, numbers = next(block for block in reversed(self.lines) if block[0] <= index)
        return Where(self.path, numbers[index - first])


@dataclass(slots=True)
class _Columns:
    seconds: list[Ints] = field(default_factory=list)
    fraction_s: list[Floats] = field(default_factory=list)
    duration_s: list[Floats] = field(default_factory=list)
    mount: list[Ints] = field(default_factory=list)
    lines: list[tuple[int, Sequence[int]]] = field(default_factory=list)
    count: int = 0
    rejected: int = 0
    shown: list[tuple[Where, bytes]] = field(default_factory=list)


def read_records(
    path: str,
    compiled: CompiledFormat,
    progress: Callable[[int], None] | None = None,
    mounts: Sequence[str] = (),
) -> Records:
    """Read a whole file; lines that do not fit the format are counted and the first few kept.

    ``mounts``: those that ``compiled`` captures. Raises InputError when the file cannot be read at all.
    """
    columns, notes = _Columns(), list[Note]()
    clock = Clock(compiled.strftime)
    numbers = {mount.encode(): number for number, mount in enumerate(mounts)} | {b"": len(mounts)}
    for number, block in blocks(path, notes, progress):
        _add(columns, path, number, block, compiled, clock, numbers)
    return Records(
        path,
        np.concatenate([np.zeros(0, dtype=np.int64), *columns.seconds]),
        np.concatenate([np.zeros(0), *columns.fraction_s]),
        None if compiled.duration is None else np.concatenate([np.zeros(0), *columns.duration_s]),
        tuple(columns.lines),
        columns.rejected,
        tuple(columns.shown),
        tuple(notes),
        None if compiled.mount is None else np.concatenate([np.zeros(0, dtype=np.int64), *columns.mount]),
    )


def _add(
    columns: _Columns,
    path: str,
    number: int,
    block: bytes,
    compiled: CompiledFormat,
    clock: Clock,
    mounts: Mapping[bytes, int],
) -> None:
    """Read a block; the lines that do not fit, and those whose date does not exist, are rejected."""
    values = list(zip(*compiled.pattern.findall(block, 0, len(block) - 1), strict=True))
    numbers: Sequence[int] = range(number, number + len(values[0]))
    misfits = values.pop()
    if b"" in values[0]:
        _reject(
            columns, path, ((at, line) for at, line in zip(numbers, misfits, strict=True) if line.strip())
        )
        fitting = [i for i, text in enumerate(values[0]) if text]
        values = [tuple(column[i] for i in fitting) for column in values]
        numbers = [numbers[i] for i in fitting]
    seconds, fraction_s = _times(values, compiled, clock)
    duration_s = None if compiled.duration is None else _durations(values[compiled.duration], compiled)
    if compiled.mount is not None:
        found = np.array([mounts[name] for name in values[compiled.mount]], dtype=np.int64)
        columns.mount.append(found[seconds != BAD])
    real = seconds != BAD
    if not real.all():
        lines = block.split(b"\n")
        bad = [numbers[i] for i in np.flatnonzero(~real).tolist()]
        _reject(columns, path, ((at, lines[at - number]) for at in bad))
        numbers = [at for at, fine in zip(numbers, real, strict=True) if fine]
        seconds, fraction_s = seconds[real], fraction_s[real]
        duration_s = None if duration_s is None else duration_s[real]
    columns.lines.append((columns.count, numbers))
    columns.seconds.append(seconds)
    columns.fraction_s.append(fraction_s)
    if duration_s is not None:
        columns.duration_s.append(duration_s)
    columns.count += len(numbers)


def _reject(columns: _Columns, path: str, lines: Iterable[tuple[int, bytes]]) -> None:
    for number, line in lines:
        columns.rejected += 1
        if len(columns.shown) < SHOWN:
            columns.shown.append((Where(path, number), line))


def _times(values: Sequence[Sequence[bytes]], compiled: CompiledFormat, clock: Clock) -> tuple[Ints, Floats]:
    """Unix seconds and fractions of a second of the rows of a block."""
    kind = compiled.captures[compiled.stamps[0]].kind
    columns = [values[i] for i in compiled.stamps]
    if kind == "stamp":
        stamps = columns[0] if len(columns) == 1 else map(b" ".join, zip(*columns, strict=True))
        seconds = np.array([clock[stamp] for stamp in stamps], dtype=np.int64)
        fraction_s = np.zeros(len(seconds))
    else:
        scale = {"sec": 1, "msec": 10**3, "usec": 10**6}[kind]
        seconds, rest = np.divmod(np.array(list(map(int, columns[0])), dtype=np.int64), scale)
        fraction_s = rest / scale
    if compiled.fraction is not None:
        scale = 10**3 if compiled.captures[compiled.fraction].kind == "msec_frac" else 10**6
        fraction_s = np.array(list(map(int, values[compiled.fraction])), dtype=np.int64) / scale
    return seconds, fraction_s


def _durations(column: Sequence[bytes], compiled: CompiledFormat) -> Floats:
    assert compiled.duration is not None
    try:
        numbers = list(map(int, column))
    except ValueError:
        numbers = [_UNKNOWN if text == b"-" else int(text) for text in column]
    ticks = np.array(numbers, dtype=np.int64)
    return np.where(ticks == _UNKNOWN, np.nan, ticks * compiled.captures[compiled.duration].unit_s)
