"""Logical lines and words, cut exactly as httpd cuts them.

Sources: ``ap_cfg_getline_core``, ``cfg_trim_line`` and ``ap_getword_conf`` in httpd's ``server/util.c``.
Text is bytes decoded as UTF-8 with ``surrogateescape``, so that nothing is lost on the way back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

BLANKS = " \t\n\v\f\r"  # C's isspace(); str.strip() would also take U+0085 and U+00A0

_ESCAPED = {'"': re.compile(r'\\([\\"])'), "'": re.compile(r"\\([\\'])"), "": re.compile(r"\\(\\)")}
_WORD = re.compile(
    r"""[ \t\n\v\f\r]*(?:
        "(?P<double>(?:\\["\\]|[^"])*)"?
      | '(?P<single>(?:\\['\\]|[^'])*)'?
      | (?P<plain>[^ \t\n\v\f\r]+)
    )[ \t\n\v\f\r]*""",
    re.VERBOSE,
)
_QUOTE = {"double": '"', "single": "'", "plain": ""}


class Line(NamedTuple):
    """One logical line: ``raw`` as in the file, ``text`` as httpd sees it (joined, trimmed)."""

    raw: str
    text: str
    line: int  # first physical line
    end_line: int  # last physical line: the number httpd itself reports

    @property
    def is_comment(self) -> bool:
        """``#`` makes a comment only as the first character of the logical line."""
        return self.text.startswith("#")


def logical_lines(text: str) -> Iterator[Line]:
    """Cut ``text`` into logical lines; joining their ``raw`` gives ``text`` back.

    A line continues when a backslash is the very last byte before LF or CRLF, in comments too. httpd
    reads lines as C strings, so what follows a NUL byte on a physical line is lost, and with it the
    line's continuation.
    """
    raws: list[str] = []
    parts: list[str] = []
    number = start = 1
    for raw in _physical(text):
        if not raws and not raw.endswith(("\\\n", "\\\r\n")) and "\0" not in raw:  # most lines: be quick
            yield Line(raw, raw.strip(BLANKS), number, number)
            number += 1
            start = number
            continue
        raws.append(raw)
        body, continues = _content(raw)
        parts.append(body)
        if not continues:
            yield Line("".join(raws), "".join(parts).strip(BLANKS), start, number)
            raws, parts, start = [], [], number + 1
        number += 1
    if raws:  # the file ends in a continuation: httpd counts one line more
        yield Line("".join(raws), "".join(parts).strip(BLANKS), start, number)


def _physical(text: str) -> list[str]:
    """Physical lines with their LF; only LF ends a line."""
    pieces = text.split("\n")
    last = pieces.pop()
    lines = [piece + "\n" for piece in pieces]
    return [*lines, last] if last else lines


def _content(raw: str) -> tuple[str, bool]:
    """What httpd keeps of a physical line, and whether the next one is joined to it."""
    nul = raw.find("\0")
    if nul >= 0:
        return raw[:nul], False
    if not raw.endswith("\n"):
        return raw, False
    body = raw[:-1].removesuffix("\r")
    if body.endswith("\\"):
        return body[:-1], True
    return raw, False


def first_word(text: str) -> tuple[str, str]:
    """The first word of ``text`` and the rest without leading blanks (``ap_getword_conf``).

    A word in single or double quotes ends at the closing quote, or at the end of the text when there is
    none; inside, only a backslash before the same quote or another backslash is an escape.
    """
    match = _WORD.match(text)
    return (_word(match), text[match.end() :]) if match else ("", "")


def words(text: str) -> tuple[str, ...]:
    """All words of ``text`` as httpd hands them to a directive."""
    return tuple(_word(match) for match in _WORD.finditer(text))


def _word(match: re.Match[str]) -> str:
    """The word without its quotes and escapes."""
    kind = match.lastgroup or "plain"
    word = match[kind]
    return _ESCAPED[_QUOTE[kind]].sub(r"\1", word) if "\\" in word else word


def section_words(argline: str) -> tuple[str, ...]:
    """The words of a section's opening: what follows the line's last ``>`` is not read by httpd."""
    return words(section_argument(argline))


def section_argument(argline: str) -> str:
    """``argline`` of a section's opening without its last ``>`` and what follows it."""
    return argline.rpartition(">")[0] if ">" in argline else argline
