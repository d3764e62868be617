"""The lines that httpd reads next: a file, with the bodies of used macros spliced in.

Source: ``array_contents_t`` in httpd's ``modules/core/mod_macro.c``: a Use puts the macro's body in front
of the rest of the file, and httpd names such lines after the macro and the line that used it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from poolwise.config.lines import logical_lines
from poolwise.model import Where


class Read(NamedTuple):
    """One logical line and where it stands; a tuple, because there are many and few are kept."""

    text: str
    file: str
    line: int
    note: str = ""  # for a macro's line: how it got here
    used: tuple[str, ...] = ()  # the macros it comes from, outermost first
    cut: bool = False  # a NUL byte cut it short

    @property
    def where(self) -> Where:
        """File, line and note."""
        return Where(self.file, self.line, self.note)


class Stream:
    """Logical lines of one file in reading order; ``splice`` inserts lines before the next one."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self._waiting: list[Iterator[Read]] = [file_lines(text, file)]

    def splice(self, lines: Iterable[Read]) -> None:
        """Read ``lines`` first."""
        self._waiting.append(iter(lines))

    def next(self) -> Read | None:
        """The next line, or None at the end of the file."""
        while self._waiting:
            line = next(self._waiting[-1], None)
            if line is not None:
                return line
            self._waiting.pop()
        return None


def file_lines(text: str, file: str) -> Iterator[Read]:
    """The logical lines of a file; the line number is the last physical line's, as httpd counts."""
    for line in logical_lines(text):
        yield Read(line.text, file, line.end_line, cut="\0" in line.raw)
