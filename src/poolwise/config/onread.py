"""What httpd executes while it reads: LoadModule, Define, Include, ServerRoot, conditions, macros.

These directives change how the following lines are read and, as in httpd's own tree, are not kept
(EXEC_ON_READ in ``server/core.c``, ``mod_so.c``, ``mod_macro.c``, ``mod_version.c``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from poolwise.config import conditions, includes, macros
from poolwise.config.lines import first_word, words
from poolwise.config.reader import closes
from poolwise.config.reading import Block, Command, Files, Reading
from poolwise.model import ConfigError, Inactive, Module


def _condition(reading: Reading, command: Command) -> None:
    """IfModule and its kin: read on, or skip to the closing tag."""
    kind = command.name[1:].lower()
    if kind == "ifversion":
        _needs("version_module", reading, command)
    facts = conditions.Facts(
        reading.modules, reading.variables.names, reading.server_root, reading.world.httpd_version
    )
    active, reason = conditions.holds(kind, command.argline, facts, command.where)
    block = command.block
    if active:
        reading.blocks.append(Block(block.stream, block.inside, f"</{kind}>", command.where))
        return
    skipped = tuple(_skip(command))
    reading.inactive.append(Inactive(command.where, f"{command.name} {command.argline}", reason, skipped))


def _skip(command: Command) -> Iterator[str]:
    """Yield the lines up to the section's closing tag (``ap_soak_end_container``)."""
    open_sections = [(command.name, command.where)]
    while (line := command.block.stream.next()) is not None:
        word, rest = first_word(line.text)
        if word.startswith("</"):
            opening, where = open_sections.pop()
            if not closes(word, opening):
                raise ConfigError(f"expected </{opening[1:]}> ({where}) but saw {word}", line.where)
            if not open_sections:
                return
        elif word.startswith("<"):
            open_sections.append((word if rest else word.removesuffix(">"), line.where))
        if line.text and not line.text.startswith("#"):
            yield line.text
    opening, where = open_sections[-1]
    raise ConfigError(f"{opening}> was not closed: </{opening[1:]}> is missing", where)


def _include(reading: Reading, command: Command) -> None:
    """Include and IncludeOptional: the files are opened one after the other, each when its turn comes."""
    path = reading.path(_arguments(command, 1, 1)[0], command.where)
    files = reading.open_files()
    if len(files) > includes.MAX_DEPTH:
        depth = f"exceeded the maximum include depth of {includes.MAX_DEPTH}"
        raise ConfigError(f"{depth}: {files[-1].stream.file} is included again and again", files[-1].where)
    optional = command.name.lower() == "includeoptional"
    paths = includes.matching_files(path, optional, command.where)
    reading.blocks.append(Files(paths, command.block.inside, command.where))


def _server_root(reading: Reading, command: Command) -> None:
    """ServerRoot; one that does not exist means a copied tree, whose own folder is then the root."""
    root = _arguments(command, 1, 1)[0].rstrip("/") or "/"
    reading.assumed_root = False
    if Path(root).is_dir():
        reading.server_root = root
        return
    reading.missing_root, reading.server_root = root, reading.folder
    message = f"ServerRoot {root} does not exist here; {reading.folder} is taken for it"
    reading.note("warning", message, command.where)


def _define(reading: Reading, command: Command) -> None:
    args = _arguments(command, 1, 2)
    if ":" in args[0]:
        raise ConfigError("the name of a variable must not contain ':'", command.where)
    reading.variables.define(args[0], args[1] if len(args) > 1 else "")


def _undefine(reading: Reading, command: Command) -> None:
    reading.variables.undefine(_arguments(command, 1, 1)[0])


def _load_module(reading: Reading, command: Command) -> None:
    """LoadModule; what the world takes for built in is not, when the configuration loads it."""
    name, path = _arguments(command, 2, 2)
    loaded = reading.modules.get(name)
    if loaded and loaded.path:
        message = f"module {name} is already loaded ({loaded.where}), skipping (AH01574)"
        reading.note("warning", message, command.where)
        return
    reading.modules.pop(name, None)
    reading.modules[name] = Module(name, path, command.where)


def _macro(reading: Reading, command: Command) -> None:
    _needs("macro_module", reading, command)
    macro = macros.define(command.argline, command.block.stream, command.where)
    earlier = reading.macros.get(macro.name)
    if earlier:
        message = f"macro '{macro.name}' is redefined; first defined at {earlier.where} (AH02802)"
        reading.note("warning", message, command.where)
    reading.macros[macro.name] = macro


def _use(reading: Reading, command: Command) -> None:
    macro, rest = _known_macro(reading, command)
    lines = macros.expand(macro, words(rest), command.line)
    reading.spend(sum(len(line.text) + len(line.note) for line in lines), command.where)
    command.block.stream.splice(lines)


def _undef_macro(reading: Reading, command: Command) -> None:
    del reading.macros[_known_macro(reading, command)[0].name]


def _known_macro(reading: Reading, command: Command) -> tuple[macros.Macro, str]:
    """The macro that a Use or UndefMacro names, and the rest of the line."""
    name, rest = first_word(command.argline)
    macro = reading.macros.get(name.lower())
    if macro is None:
        known = ", ".join(sorted(reading.macros)) or "none"
        raise ConfigError(
            f"macro '{name.lower()}' is not defined here; defined so far: {known}", command.where
        )
    return macro, rest


def _nothing(reading: Reading, command: Command) -> None:
    """Without a bearing on what is read next."""


def _needs(module: str, reading: Reading, command: Command) -> None:
    """Without its module httpd would refuse the directive; a fragment is still worth reading."""
    if module not in reading.modules:
        message = f"{command.name} needs {module}, which is not loaded: httpd itself would not start"
        reading.note("warning", message, command.where)


def _arguments(command: Command, least: int, most: int) -> tuple[str, ...]:
    """The words after the name, ``least`` to ``most`` of them, the first not empty; else ConfigError."""
    args = words(command.argline)
    if not least <= len(args) <= most or not args[0]:
        counts = f"{least}" if least == most else f"{least} or {most}"
        raise ConfigError(f"{command.name} takes {counts} argument(s), not {len(args)}", command.where)
    return args


ON_READ: dict[str, Callable[[Reading, Command], None]] = {
    "include": _include,
    "includeoptional": _include,
    "serverroot": _server_root,
    "define": _define,
    "undefine": _undefine,
    "loadmodule": _load_module,
    "loadfile": _nothing,
    "defaultruntimedir": _nothing,
    "<macro": _macro,
    "use": _use,
    "undefmacro": _undef_macro,
    "macroignoreemptyargs": _nothing,
    "macroignorebadnesting": _nothing,
    **{f"<{name}": _condition for name in conditions.NAMES},
}
