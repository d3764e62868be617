"""A small canvas of braille characters: two dots across and four down in every character cell."""

from __future__ import annotations

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # Unicode's numbering, rows top to bottom
_BLANK = 0x2800
RESET = "\x1b[0m"


class Canvas:
    """Dots over ``width`` x ``height`` characters; (0, 0) is the dot at the bottom left."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._cells = [[_BLANK] * width for _ in range(height)]
        self._inks = [[""] * width for _ in range(height)]
        self._rules: dict[int, tuple[str, str]] = {}

    def fill(self, x: int, low: int, high: int, ink: str = "") -> None:
        """Sets the dots of column ``x`` from ``low`` to ``high`` (both included), cut to the canvas."""
        for y in range(max(low, 0), min(high, 4 * self.height - 1) + 1):
            row, part = divmod(4 * self.height - 1 - y, 4)
            self._cells[row][x // 2] |= _DOTS[part][x % 2]
            self._inks[row][x // 2] = ink

    def rule(self, y: int, character: str, ink: str = "") -> None:
        """Draws ``character`` through the empty cells of the line that holds dot row ``y``."""
        row = self.height - 1 - min(max(y, 0) // 4, self.height - 1)
        self._rules.setdefault(row, (character, ink))

    def rows(self) -> list[str]:
        """The lines, top to bottom, with ANSI colours around what has an ink."""
        return [self._row(row) for row in range(self.height)]

    def _row(self, row: int) -> str:
        blank = self._rules.get(row, (" ", ""))
        text = ""
        for cell, ink in zip(self._cells[row], self._inks[row], strict=True):
            character, shade = blank if cell == _BLANK else (chr(cell), ink)
            text += f"{shade}{character}{RESET}" if shade else character
        return text
