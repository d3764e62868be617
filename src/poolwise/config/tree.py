"""The two shapes a configuration takes: the text as written (``Node``) and what httpd obeys (``Directive``).

A ``Node`` keeps every byte, so that a changed file differs from the original only where it was changed.
A ``Directive`` is one line that httpd really obeys, with its words expanded and the sections around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from poolwise.model import Inactive, Module, Note, Where

Kind = Literal["directive", "section", "comment", "blank"]


@dataclass(frozen=True, slots=True)
class Node:
    """One logical line as written (continuations joined in ``raw``), or a section with its children."""

    kind: Kind
    name: str  # directive or section name as written, "" for comments and blanks
    argline: str  # everything after the name, as httpd hands it on (continuations joined, stripped)
    raw: str  # the exact text of the opening logical line, line ends included
    file: str
    line: int  # first physical line
    end_line: int  # last physical line of this logical line
    children: tuple[Node, ...] = ()
    close_raw: str = ""  # exact text of the closing line of a section
    close_line: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """An enclosing ``<VirtualHost>``, ``<Directory>``, ``<Location>`` ... of a directive."""

    name: str  # lower case
    argline: str
    where: Where


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive that httpd obeys: words expanded, in reading order."""

    name: str  # as written
    args: tuple[str, ...]  # as httpd splits them: quotes removed, ${VAR} expanded
    argline: str  # the text before splitting, ${VAR} expanded
    where: Where
    context: tuple[Section, ...] = ()  # outermost first; conditional sections are not listed

    @property
    def key(self) -> str:
        """The name in lower case: directive names are case-insensitive."""
        return self.name.lower()


@dataclass(frozen=True)
class Evaluation:
    """What reading a configuration as httpd does has yielded."""

    root: str
    directives: tuple[Directive, ...]
    modules: tuple[Module, ...]  # in loading order, static ones of the world first
    inactive: tuple[Inactive, ...]
    notes: tuple[Note, ...]
    files: tuple[str, ...]  # every file read, in reading order
    server_root: str
    defines: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)  # file -> its lossless nodes
