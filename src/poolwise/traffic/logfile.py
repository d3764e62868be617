"""A log file as blocks of whole lines, in bounded memory, whatever the file holds."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import IO

from poolwise.model import Note, Where
from poolwise.traffic.opening import open_data

BLOCK = 1 << 20
LONGEST_LINE = 1 << 20  # httpd writes at most a few 8 KB fields; more is not a log line


def blocks(
    path: str, notes: list[Note], progress: Callable[[int], None] | None = None
) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the first line, bytes ending in a newline), about a megabyte each.

    Lines longer than ``LONGEST_LINE`` are cut to it. A gzip file that is damaged or cut adds a note and
    ends there. ``progress`` is told the bytes read on disk. Raises InputError when it cannot be opened.
    """
    number, rest = 1, b""
    with open_data(path) as (stream, position):
        more = True
        while more:
            data, more, problem = _read(stream)
            data = rest + data
            end = data.rfind(b"\n") + 1
            rest = data[end:][:LONGEST_LINE]
            if end:
                yield number, data[:end]
                number += data.count(b"\n", 0, end)
            if problem:
                text = f"the gzip file is damaged or cut here ({problem}); what comes before is used"
                notes.append(Note("warning", Where(path, number), text))
            if progress:
                progress(position())
    if rest:
        yield number, rest + b"\n"


def _read(stream: IO[bytes]) -> tuple[bytes, bool, str]:
    """Up to a block of bytes, whether there may be more, and what is wrong with the packed data."""
    pieces: list[bytes] = []
    missing = BLOCK
    while missing > 0:
        try:
            piece = stream.read1(missing)  # type: ignore[attr-defined]  # keeps what precedes the damage
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            return b"".join(pieces), False, str(error)
        if not piece:
            return b"".join(pieces), False, ""
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces), True, ""
