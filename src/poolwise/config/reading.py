"""The state of one reading: what has been defined, loaded and found up to the current line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from poolwise.config import includes, places
from poolwise.config.macros import Macro
from poolwise.config.reader import MAX_FILE_BYTES, parse
from poolwise.config.stream import Read, Stream
from poolwise.config.tree import Directive, Evaluation, Node, Section
from poolwise.config.variables import Variables
from poolwise.config.world import World
from poolwise.model import ConfigError, Inactive, Module, Note, Severity, Where

_FILE_COST = 1024  # what opening a file weighs against the limit on all text read


@dataclass(slots=True)
class Block:
    """A file, or an active conditional section in it, that is being read."""

    stream: Stream
    context: tuple[Section, ...]  # the sections around it
    closing: str = ""  # "</ifmodule>" for a conditional section
    where: Where = field(default_factory=Where)
    sections: list[tuple[Section, ...]] = field(default_factory=list)  # contexts opened inside it

    @property
    def inside(self) -> tuple[Section, ...]:
        """The sections around the next line."""
        return self.sections[-1] if self.sections else self.context


@dataclass(slots=True)
class Files:
    """The files that one Include still has to read."""

    paths: Iterator[str]
    context: tuple[Section, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class Command:
    """One line that is a directive: its name, the rest with variables expanded, and its block."""

    name: str
    argline: str
    line: Read
    block: Block

    @property
    def where(self) -> Where:
        """File and line."""
        return self.line.where


class Nodes(Mapping[str, tuple[Node, ...]]):
    """The lossless nodes of each file read; made when first asked for."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self._made: dict[str, tuple[Node, ...]] = {}

    def __getitem__(self, file: str) -> tuple[Node, ...]:
        if file not in self._made:
            self._made[file] = parse(self.texts[file], file)
        return self._made[file]

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    def __len__(self) -> int:
        return len(self.texts)


class Reading:
    """What is known so far; ``blocks`` is the stack of what is being read, innermost last."""

    def __init__(self, world: World, file: str) -> None:
        self.world = world
        self.file = file
        self.folder = places.default_server_root(file) if "/" in file else str(Path.cwd())
        self.server_root = world.server_root or self.folder
        self.assumed_root = self.server_root not in (world.server_root, places.DEBIAN_ROOT)
        self.missing_root = ""  # a ServerRoot that does not exist here: a copied tree
        beside = os.path.dirname(file) or self.folder  # noqa: PTH120 - "-" has no parent
        self.variables = Variables(world.defines, {**places.envvars(beside), **world.environment})
        built_in = [*world.static_modules, *([f"mpm_{world.mpm}_module"] if world.mpm else [])]
        self.modules = {name: Module(name, "", Where(note="built into httpd")) for name in built_in}
        self.macros: dict[str, Macro] = {}
        self.blocks: list[Block | Files] = []
        self.directives: list[Directive] = []
        self.inactive: list[Inactive] = []
        self.notes: list[Note] = []
        self.files: list[str] = []
        self.nodes = Nodes()
        self._left = MAX_FILE_BYTES

    def begin_file(self, text: str, path: str, context: tuple[Section, ...], where: Where) -> None:
        """Read ``text``, the content of ``path``, next; ``where`` is the line that includes it."""
        self.spend(len(text) + _FILE_COST, where)
        self.files.append(path)
        self.nodes.texts.setdefault(path, text)
        self.blocks.append(Block(Stream(text, path), context, where=where))

    def open_files(self) -> list[Block]:
        """The files being read, outermost first; ``where`` is the line that includes each."""
        return [block for block in self.blocks if isinstance(block, Block) and not block.closing]

    def path(self, name: str, where: Where) -> str:
        """An absolute path; one under a ServerRoot that is not here is looked for in the copied tree."""
        if self.assumed_root and not name.startswith("/"):
            self.assumed_root = False  # said once
            root = self.server_root
            self.note("note", f"no ServerRoot is set; relative names are looked for in {root}", where)
        path = includes.absolute(name, self.server_root)
        if self.missing_root and path.startswith(self.missing_root + "/"):
            return self.server_root + path.removeprefix(self.missing_root)
        return path

    def spend(self, size: int, where: Where) -> None:
        """Keep includes, macros and variables within 32 MiB in all; ConfigError beyond."""
        self._left -= size
        if self._left < 0:
            raise ConfigError(
                "the configuration is larger than 32 MiB when everything is included and expanded; "
                "something includes or expands without end",
                where,
            )

    def note(self, severity: Severity, message: str, where: Where) -> None:
        """Something to tell about the input that does not stop the reading."""
        self.notes.append(Note(severity, where, message))

    def outcome(self) -> Evaluation:
        """What the reading has yielded."""
        return Evaluation(
            root=self.file,
            directives=tuple(self.directives),
            modules=tuple(self.modules.values()),
            inactive=tuple(self.inactive),
            notes=tuple(self.notes),
            files=tuple(self.files),
            server_root=self.server_root,
            defines=dict(self.variables.names),
            nodes=self.nodes,
        )
