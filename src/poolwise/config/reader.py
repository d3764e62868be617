"""Layer 1: the lossless tree of one file.

The reader never fails on text: what does not nest is kept as it stands, and the evaluator, which knows
which branches httpd obeys, says what is wrong with it. Joining all raws gives the file back byte for byte.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from poolwise.config.lines import BLANKS, Line, first_word, logical_lines
from poolwise.config.tree import Kind, Node
from poolwise.model import ConfigError, Where

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_LINE = 16 * 1024 * 1024  # VARBUF_MAX_LEN in httpd's server/config.c

#: Sections whose body is no configuration until it is used, or another language.
OPAQUE = ("<macro", "<perl")


def read_file(path: str, where: Where | None = None) -> str:
    """The text of a configuration file; ``where`` is the line that asks for it.

    Only regular files (and /dev/null) are opened, as httpd does (AH00554), so a FIFO never blocks.
    Raises ConfigError when the file is missing, unreadable, not regular or larger than 32 MiB.
    """
    named = f"{path}: " if where else ""  # else ``where`` is the file itself
    where = where or Where(file=path)
    try:
        status = os.stat(path)  # noqa: PTH116 - the path is httpd's own text, not ours to normalise
        if path == os.devnull:
            return ""
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{named}not a regular file; httpd refuses it (AH00554)", where)
        if status.st_size > MAX_FILE_BYTES:
            size = f"{status.st_size / 1e6:.0f} MB"
            raise ConfigError(f"{named}{size} is too large for a configuration (limit 32 MiB)", where)
        return decode(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"could not open configuration file {path}: {reason}", where) from error


def decode(data: bytes) -> str:
    """Bytes as text that ``encode`` turns back into the same bytes."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes of ``text``, the inverse of ``decode``."""
    return text.encode("utf-8", "surrogateescape")


def parse(text: str, file: str) -> tuple[Node, ...]:
    """The nodes of ``text``, sections with their children; never raises.

    A section that is not closed runs to the end of the file and has ``close_line`` 0. A closing tag
    without its opening stays a node of kind "directive" named ``</...>``.
    """
    return tuple(_Builder(file).build(logical_lines(text)))


def pieces(nodes: Iterable[Node]) -> Iterator[tuple[int, str]]:
    """Last line number and exact text of every logical line, closing tags included, in file order."""
    waiting: list[Node | tuple[int, str]] = list(reversed(tuple(nodes)))
    while waiting:
        item = waiting.pop()
        if isinstance(item, tuple):
            yield item
            continue
        yield item.end_line, item.raw
        if item.close_raw:
            waiting.append((item.close_line, item.close_raw))
        waiting.extend(reversed(item.children))


def source(nodes: Iterable[Node]) -> str:
    """The exact text that ``nodes`` were read from."""
    return "".join(raw for _, raw in pieces(nodes))


def closes(word: str, opening: str) -> bool:
    """Whether the word ``</Name>`` closes the section ``<Name`` (names are case-insensitive)."""
    return word[:2] == "</" and word[2:].removesuffix(">").lower() == opening[1:].lower()


class _Builder:
    """Nests logical lines; ``stack`` holds the openings and the children gathered so far."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.stack: list[tuple[Node, list[Node]]] = []
        self.children: list[Node] = []

    def build(self, lines: Iterable[Line]) -> list[Node]:
        """All nodes of ``lines``."""
        for line in lines:
            word, rest = first_word(line.text)
            if self.stack and self._is_close(word):
                self._close(line)
            elif word[:1] == "<" and word[1:2] != "/" and not self._in_opaque():
                node = self._node("section", line, word.removesuffix(">"), rest or ">")
                self.stack.append((node, self.children))
                self.children = []
            else:
                self.children.append(self._leaf(line, word, rest))
        while self.stack:
            self._close(None)
        return self.children

    def _in_opaque(self) -> bool:
        return bool(self.stack) and self.stack[-1][0].name.lower() in OPAQUE

    def _is_close(self, word: str) -> bool:
        return closes(word, self.stack[-1][0].name)

    def _leaf(self, line: Line, word: str, rest: str) -> Node:
        if not line.text:
            return self._node("blank", line)
        if line.is_comment:
            return self._node("comment", line)
        return self._node("directive", line, word, rest)

    def _node(self, kind: Kind, line: Line, name: str = "", argline: str = "") -> Node:
        return Node(kind, name, argline.strip(BLANKS), line.raw, self.file, line.line, line.end_line)

    def _close(self, line: Line | None) -> None:
        """End the innermost section, with its closing line when there is one."""
        opening, outer = self.stack.pop()
        node = Node(
            opening.kind,
            opening.name,
            opening.argline,
            opening.raw,
            opening.file,
            opening.line,
            opening.end_line,
            tuple(self.children),
            line.raw if line else "",
            line.end_line if line else 0,
        )
        outer.append(node)
        self.children = outer
