"""Compares what we have read with what an installed httpd says it reads (``-t -D DUMP_CONFIG``).

The only place of this package that runs a program. httpd's mod_info prints the tree; where the
configuration does not load it, it is loaded after the configuration (``-c``), so that it changes nothing.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poolwise.config.includes import absolute
from poolwise.config.lines import section_words, words
from poolwise.config.places import envvars
from poolwise.config.tree import Directive, Evaluation
from poolwise.model import Note, ServerError, Where

if TYPE_CHECKING:
    import subprocess

    from poolwise.config.site import Configuration

TIMEOUT_S = 30.0
MOST_NOTES = 20

_FILE = re.compile(r"# In file: (.*)")
_LINE = re.compile(r"\s*#\s*(\d+):")
_MACRO = re.compile(r"macro '([^']*)' \(")
_USED = re.compile(r"\) used on line (\d+) of \"(.*)\"")
_OUR_USE = re.compile(r"line (\d+) of macro '([^']*)' used at ")


@dataclass(frozen=True, slots=True)
class Dumped:
    """One directive in httpd's own words; ``file`` names the macro for a line that a macro gave."""

    name: str
    argline: str
    file: str
    line: int

    @property
    def args(self) -> tuple[str, ...]:
        """The words, for a section without its ``>`` and what follows."""
        return section_words(self.argline) if self.name.startswith("<") else words(self.argline)


def crosscheck(
    configuration: Configuration,
    httpd: str,
    *,
    defines: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
) -> tuple[Note, ...]:
    """Where ``httpd`` (a path, or apache2ctl) reads ``configuration`` differently than we do.

    ``defines`` and ``environment`` are those that the configuration was loaded with.
    One note for every directive that only one side has, and one that says so when both agree. Raises
    ServerError when httpd cannot be run; a configuration that it refuses is an error note.
    """
    evaluation = configuration.evaluation
    main = Where(evaluation.root)
    if not Path(evaluation.root).is_file():
        return (Note("warning", main, "only a configuration in a file can be compared with httpd"),)
    finished = run_dump(evaluation, httpd, defines, environment or {})
    if finished.returncode:
        said = " ".join(finished.stderr.split()) or f"exit code {finished.returncode}"
        return (Note("error", main, f"{httpd} refuses this configuration: {said}"),)
    dumped = parse_dump(finished.stdout)
    if not dumped:
        return (Note("warning", main, f"{httpd} printed no configuration; is mod_info installed?"),)
    return tuple(compare(evaluation.directives, dumped, main))


def run_dump(
    evaluation: Evaluation, httpd: str, defines: Iterable[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Let ``httpd`` check the configuration and print it; nothing is started."""
    import subprocess  # only the cross-check pays for it

    command = [httpd, "-d", evaluation.server_root, "-f", evaluation.root, "-t", "-D", "DUMP_CONFIG"]
    for name in defines:
        command += ["-D", name]
    if all(module.name != "info_module" for module in evaluation.modules):
        command += ["-c", f'LoadModule info_module "{_mod_info(evaluation)}"']
    known = {**envvars(str(Path(evaluation.root).parent)), **environment}
    known.setdefault("PATH", os.environ.get("PATH", os.defpath))
    try:
        return subprocess.run(
            command,
            env=known,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerError(f"{httpd} could not be run: {error}") from error


def _mod_info(evaluation: Evaluation) -> str:
    """The path of mod_info.so beside the modules that the configuration loads."""
    paths = [
        Path(absolute(module.path, evaluation.server_root)) for module in evaluation.modules if module.path
    ]
    found = (path.with_name("mod_info.so") for path in paths)
    return str(next((path for path in found if path.is_file()), "modules/mod_info.so"))


def parse_dump(text: str) -> list[Dumped]:
    """The directives of a DUMP_CONFIG, without those that ``-C`` and ``-c`` gave."""
    found: list[Dumped] = []
    file, line = "", 0
    for shown in text.split("\n"):
        if match := _FILE.fullmatch(shown):
            file = match[1]
        elif match := _LINE.fullmatch(shown):
            line = int(match[1])
        elif line and not file.startswith("-c/-C"):
            name, _, argline = shown.strip().partition(" ")
            found.append(Dumped(name, argline, file, line))
            line = 0
        else:
            line = 0
    return found


def compare(ours: Iterable[Directive], dumped: Iterable[Dumped], main: Where) -> list[Note]:
    """Notes for what only one side has, in order; one note of agreement when there are none."""
    notes = []
    count = 0
    for mine, theirs in itertools.zip_longest(ours, dumped):
        count += 1
        if mine and theirs and _our_key(mine) == _their_key(theirs):
            continue
        where = mine.where if mine else Where(theirs.file, theirs.line) if theirs else main
        message = f"here {_shown(mine)}, httpd has {_shown(theirs)}"
        notes.append(Note("warning", where, message))
        if len(notes) == MOST_NOTES:
            break
    return notes or [Note("note", main, f"httpd reads the same {count} directives at the same lines")]


def _shown(directive: Directive | Dumped | None) -> str:
    return f"{directive.name} {' '.join(directive.args)}" if directive else "nothing"


def _our_key(directive: Directive) -> tuple[str, tuple[str, ...], object]:
    """Name, words and place: for a macro's line the chain of uses, as httpd names it."""
    where = directive.where
    chain = [(int(line), name) for line, name in _OUR_USE.findall(where.note)]
    if not chain:
        return directive.key, directive.args, (where.file, where.line)
    file, _, line = where.note.rstrip(")").rpartition(" used at ")[2].rpartition(":")
    return directive.key, directive.args, (*chain, (int(line), file))


def _their_key(dumped: Dumped) -> tuple[str, tuple[str, ...], object]:
    chain: list[tuple[int, str]] = []
    file, line = dumped.file, dumped.line
    while match := _MACRO.match(file):
        used = _USED.fullmatch(file, _closing(file, match.end()))
        if not used:
            break
        chain.append((line, match[1]))
        line, file = int(used[1]), used[2]
    place = (*chain, (line, file)) if chain else (file, line)
    return dumped.name.lower(), dumped.args, place


def _closing(text: str, start: int) -> int:
    """Where the parenthesis opened before ``start`` closes: a macro's origin may be a macro's name."""
    depth = 1
    for at in range(start, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if not depth:
            return at
    return len(text)
