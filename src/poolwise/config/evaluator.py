"""Layer 2: reads a configuration as httpd does, in reading order, and yields what httpd obeys.

A port of ``ap_build_config_sub`` and ``ap_build_cont_config`` (httpd's ``server/config.c``) without their
recursion: a stack holds the files and conditional sections being read.
"""

from __future__ import annotations

import re
from pathlib import Path

from poolwise.config import places
from poolwise.config.contexts import check_context
from poolwise.config.lines import first_word, section_argument, words
from poolwise.config.onread import ON_READ
from poolwise.config.reader import MAX_LINE, closes, read_file
from poolwise.config.reading import Block, Command, Files, Reading
from poolwise.config.stream import Read
from poolwise.config.tree import Directive, Evaluation, Section
from poolwise.config.world import World
from poolwise.model import ConfigError, Where

MAX_NESTING = 100  # sections within sections; httpd has no limit, its users have six
_NAME = re.compile(r"<?/?[A-Za-z][A-Za-z0-9_.:-]*>?")


def evaluate(conf: str | Path, world: World, text: str | None = None) -> Evaluation:
    """Read ``conf`` (a file, a server root or a directory) as an httpd described by ``world`` would.

    With ``text`` the configuration is that text and ``conf`` only its name ("-" for standard input).
    Raises ConfigError with file and line where httpd would refuse to start, InputError when ``conf``
    itself does not exist. What httpd lets pass but nobody can have meant becomes a Note.
    """
    file = str(conf) if text is not None else places.main_file(conf)
    reading = Reading(world, file)
    reading.begin_file(read_file(file) if text is None else text, file, (), Where(file))
    while reading.blocks:
        _step(reading, reading.blocks[-1])
    return reading.outcome()


def _step(reading: Reading, block: Block | Files) -> None:
    """Read one line, or begin the next file of an Include."""
    if isinstance(block, Files):
        path = next(block.paths, None)
        if path is None:
            reading.blocks.pop()
        else:
            reading.begin_file(read_file(path, block.where), path, block.context, block.where)
        return
    line = block.stream.next()
    if line is None:
        _end_of_file(reading, block)
    elif block.closing and not block.sections and line.text.lower() == block.closing:
        reading.blocks.pop()
    else:
        _line(reading, line, block)


def _end_of_file(reading: Reading, block: Block) -> None:
    """A section left open is an error; an active conditional one is not, for httpd."""
    reading.blocks.pop()
    if block.closing:
        message = f"{block.closing} is missing; httpd lets the section run to the end of the file"
        reading.note("warning", message, block.where)
    elif block.sections:
        section = block.inside[-1]
        raise ConfigError(f"<{section.name}> was not closed: </{section.name}> is missing", section.where)


def _line(reading: Reading, line: Read, block: Block) -> None:
    """One logical line (``ap_build_config_sub``)."""
    if line.cut:
        reading.note("warning", "a NUL byte: httpd ignores the rest of the line", line.where)
    if not line.text or line.text.startswith("#"):
        return
    name, argline = _name_and_rest(reading, line)
    command = Command(name, argline, line, block)
    handler = ON_READ.get(name.lower())
    if handler:
        handler(reading, command)
    elif name.startswith("</"):
        _close(command)
    elif name.startswith("<"):
        _open(reading, command)
    elif name:
        check_context(name, block.inside, line.where)
        _keep(reading, command, argline)


def _name_and_rest(reading: Reading, line: Read) -> tuple[str, str]:
    """The directive's name and the rest of the line; variables are expanded before words are cut."""
    text = line.text
    if "${" in text:
        text, unknown = reading.variables.expand(text)
        reading.spend(len(text), line.where)
        for variable in unknown:
            message = f"${{{variable}}} is not defined and stays as it is (AH00111)"
            reading.note("warning", message, line.where)
    if len(text) > MAX_LINE:
        raise ConfigError("the line is longer than 16 MiB", line.where)
    name, argline = first_word(text)
    if name and not _NAME.fullmatch(name):
        shown = ascii(name if len(name) <= 40 else name[:40] + "...")
        raise ConfigError(f"invalid command {shown}: this is not the name of a directive", line.where)
    if not name.startswith("</"):
        name = name.removesuffix(">")
    return name, ">" if name.startswith("<") and not argline else argline


def _keep(reading: Reading, command: Command, argument: str) -> None:
    """A directive that httpd obeys; Error is obeyed by stopping."""
    if command.name.lower() == "error":
        raise ConfigError(f"the configuration itself asks to stop: {argument}", command.where)
    reading.directives.append(
        Directive(command.name, words(argument), argument, command.where, command.block.inside)
    )


def _open(reading: Reading, command: Command) -> None:
    """The opening of a section that httpd keeps: ``<VirtualHost``, ``<Directory`` ..."""
    block = command.block
    if ">" not in command.argline:
        raise ConfigError(f"{command.name}> directive missing closing '>'", command.where)
    if len(block.inside) >= MAX_NESTING:
        raise ConfigError(f"sections are nested deeper than {MAX_NESTING} levels", command.where)
    argument = section_argument(command.argline).rstrip()
    _keep(reading, command, argument)
    section = Section(command.name[1:].lower(), argument, command.where)
    block.sections.append((*block.inside, section))


def _close(command: Command) -> None:
    """The closing tag of a section."""
    name, block = command.name, command.block
    if not name.endswith(">"):
        raise ConfigError(f"{name}> directive missing closing '>'", command.where)
    if not block.sections:
        after = f"; {block.closing} must stand alone on its line" if block.closing else ""
        raise ConfigError(f"{name} without matching <{name[2:-1]}> section{after}", command.where)
    section = block.inside[-1]
    if not closes(name, f"<{section.name}"):
        raise ConfigError(f"expected </{section.name}> ({section.where}) but saw {name}", command.where)
    block.sections.pop()
