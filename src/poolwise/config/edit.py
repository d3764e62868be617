"""Changes settings in the user's own files by editing as little as possible; writes nothing itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from poolwise.config.lines import BLANKS
from poolwise.config.reader import pieces, source
from poolwise.config.tree import Directive, Evaluation
from poolwise.model import ConfigError, Where
from poolwise.servers import ARCHITECTURES, NEWEST, parameters

#: After the last of these a directive that is not there yet is put.
SIZING = frozenset(
    (
        "startservers",
        "minspareservers",
        "maxspareservers",
        "minsparethreads",
        "maxsparethreads",
        "serverlimit",
        "threadlimit",
        "threadsperchild",
        "maxrequestworkers",
        "maxclients",
        "maxconnectionsperchild",
        "maxrequestsperchild",
        "asyncrequestworkerfactor",
    )
)

_GAP = r"(?:[ \t\v\f\r]|\\\r?\n)"  # blanks, or a continued line's end
_WORDED = re.compile(rf"({_GAP}*[A-Za-z]\w*{_GAP}+)(.*?)((?:{_GAP}+#.*)?{_GAP}*\n?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FileEdit:
    """One file before and after; text as ``reader.decode`` makes it (UTF-8 with ``surrogateescape``)."""

    path: str
    before: str
    after: str

    def diff(self) -> str:
        """A unified diff that ``patch -p0`` applies."""
        import difflib

        old, new = (_marked_lines(text) for text in (self.before, self.after))
        return "".join(difflib.unified_diff(old, new, self.path, self.path))


def edit(evaluation: Evaluation, changes: Mapping[str, int | str]) -> tuple[FileEdit, ...]:
    """The files as they must become for each directive in ``changes`` to have its new value.

    The argument of the last occurrence that httpd obeys is replaced, whatever its spelling (MaxClients
    stays MaxClients). A directive that is not there goes after the last sizing directive, or to the end of
    the main file. Raises ConfigError for a value that comes from the body of a macro.
    """
    replaced: dict[tuple[str, int], str] = {}
    added: dict[tuple[str, int], list[str]] = {}
    for name, value in changes.items():
        directive = _last(evaluation, _spellings(name))
        if directive is None:
            anchor = _last(evaluation, SIZING, plain=True)
            place = (anchor.where.file, anchor.where.line) if anchor else _end_of_main_file(evaluation)
            added.setdefault(place, []).append(f"{name} {_word(value)}")
        elif directive.args[:1] != (str(value),):
            where = directive.where
            _refuse_macro(directive)
            raw = dict(pieces(evaluation.nodes[where.file]))[where.line]
            replaced[where.file, where.line] = _with_argument(raw, directive, value)
    files = dict.fromkeys(file for file, _ in (*replaced, *added))
    return tuple(_file_edit(evaluation, file, replaced, added) for file in files)


def _file_edit(
    evaluation: Evaluation,
    file: str,
    replaced: Mapping[tuple[str, int], str],
    added: Mapping[tuple[str, int], list[str]],
) -> FileEdit:
    """Put the changed and the new lines of one file together."""
    parts = []
    for line, raw in pieces(evaluation.nodes[file]):
        raw = replaced.get((file, line), raw)
        parts.append(raw)
        for text in added.get((file, line), []):
            indent = raw[: len(raw) - len(raw.lstrip(" \t"))]
            parts[-1:] = [*_insertion(parts[-1], indent + text, Where(file, line))]
    for text in added.get((file, 0), []):
        parts[-1:] = [*_insertion(parts[-1] if parts else "", text, Where(file))]
    return FileEdit(file, source(evaluation.nodes[file]), "".join(parts))


def _insertion(before: str, line: str, where: Where) -> tuple[str, str]:
    """The text before, with a line's end, and the new line with the same."""
    end = "\r\n" if before.endswith("\r\n") else "\n"
    continues = before.removesuffix("\n").removesuffix("\r").endswith("\\")
    if before.endswith("\n") or not before:
        return before, f"{end if continues else ''}{line}{end}"
    if continues:
        raise ConfigError("the file ends in a backslash; end its last line before adding one", where)
    return before + end, line + end


def _end_of_main_file(evaluation: Evaluation) -> tuple[str, int]:
    """The place of what goes nowhere else; ConfigError when a section is still open there."""
    last = next(reversed(evaluation.nodes[evaluation.root]), None)
    if last and last.kind == "section" and not last.close_line:
        raise ConfigError(
            f"the file ends inside {last.name}>; close it before anything can be added",
            Where(last.file, last.line),
        )
    return evaluation.root, 0


def _last(evaluation: Evaluation, names: frozenset[str], plain: bool = False) -> Directive | None:
    """The last directive of the main server with one of ``names``; ``plain``: not from a macro."""
    found = (
        directive
        for directive in reversed(evaluation.directives)
        if directive.key in names and not directive.context and not (plain and directive.where.note)
    )
    return next(found, None)


def _refuse_macro(directive: Directive) -> None:
    if directive.where.note:
        raise ConfigError(
            f"{directive.name} is set by the body of a macro, which may be used elsewhere too; "
            "change it there by hand",
            directive.where,
        )


def _with_argument(raw: str, directive: Directive, value: int | str) -> str:
    """``raw`` with another argument; indentation, spacing, quotes and line ends stay."""
    match = _WORDED.fullmatch(raw)
    if not match or match[1].strip(BLANKS + "\\").lower() != directive.key:
        indent = raw[: len(raw) - len(raw.lstrip(" \t"))]  # a quoted, cut or computed name: write it anew
        end = "\r\n" if raw.endswith("\r\n") else "\n" if raw.endswith("\n") else ""
        return f"{indent}{directive.name} {_word(value)}{end}"
    quote = match[2][:1]
    quoted = quote in ("'", '"') and match[2].endswith(quote) and len(match[2]) > 1
    return f"{match[1]}{quote}{value}{quote}{match[3]}" if quoted else f"{match[1]}{_word(value)}{match[3]}"


def _word(value: int | str) -> str:
    """``value`` as one word of a configuration."""
    text = str(value)
    return f'"{text}"' if not text or any(blank in text for blank in BLANKS) else text


@cache
def _spellings(name: str) -> frozenset[str]:
    """All lower-case names of the directive ``name``."""
    for architecture in ARCHITECTURES:
        for parameter in parameters(architecture, NEWEST):
            names = frozenset(spelling.lower() for spelling in (parameter.name, *parameter.aliases))
            if name.lower() in names:
                return names
    return frozenset((name.lower(),))


def _marked_lines(text: str) -> list[str]:
    """Lines for difflib; a last line without its end is marked as diff and patch do."""
    lines = text.split("\n")
    last = lines.pop()
    marked = [line + "\n" for line in lines]
    return [*marked, f"{last}\n\\ No newline at end of file\n"] if last else marked
