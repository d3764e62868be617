"""Macro, Use and UndefMacro.

Source: httpd's ``modules/core/mod_macro.c``. A body is kept as text: parameters are replaced wherever
their names stand, the leftmost first and of several at one place the longest, and the result is read
again as configuration.
"""

from __future__ import annotations

from dataclasses import dataclass

from poolwise.config.lines import BLANKS, first_word, words
from poolwise.config.stream import Read, Stream
from poolwise.model import ConfigError, Where

_FLAGS = ("/ignoreemptyargs", "/ignorebadnesting")


@dataclass(frozen=True, slots=True)
class Macro:
    """A definition: ``body`` without comments, names in lower case as mod_macro keeps them."""

    name: str
    parameters: tuple[str, ...]
    body: tuple[Read, ...]
    where: Where


def define(argline: str, stream: Stream, where: Where) -> Macro:
    """Read a macro's body from ``stream`` up to its ``</Macro>``.

    ``argline`` is what follows ``<Macro``. Raises ConfigError for a missing name or closing tag, and
    for parameters of the same name.
    """
    argument, closed, _ = argline.rpartition(">")
    if not closed:
        raise ConfigError("<Macro> directive missing closing '>'", where)
    name, rest = first_word(argument)
    if not name:
        raise ConfigError("<Macro> needs a name: <Macro NAME $parameter ...>", where)
    while rest.lower().startswith(_FLAGS):
        rest = first_word(rest)[1]
    parameters = words(rest)
    if len(set(parameters)) < len(parameters) or "" in parameters:
        raise ConfigError(f"macro '{name}' has an empty or repeated parameter name", where)
    return Macro(name.lower(), parameters, tuple(_body(name, stream, where)), where)


def _body(name: str, stream: Stream, where: Where) -> list[Read]:
    """The lines up to the matching ``</Macro>``; a macro defined inside stays part of the body."""
    lines: list[Read] = []
    depth = 1
    while (line := stream.next()) is not None:
        if line.text.startswith("#"):
            continue
        word = first_word(line.text)[0].lower()
        depth += (word == "<macro") - (word == "</macro>")
        if not depth:
            return lines
        lines.append(line)
    raise ConfigError(f"<Macro {name}> is not closed: </Macro> is missing", where)


def expand(macro: Macro, arguments: tuple[str, ...], use: Read) -> list[Read]:
    """The lines that ``Use`` on the line ``use`` puts in its place.

    Each keeps the file and line of the body and says in its note how it got here. Raises ConfigError
    for a wrong number of arguments and for a macro that uses itself.
    """
    if macro.name in use.used:
        raise ConfigError(f"recursive use of macro '{macro.name}'", use.where)
    if len(arguments) != len(macro.parameters):
        wanted, given = len(macro.parameters), len(arguments)
        raise ConfigError(
            f"macro '{macro.name}' ({macro.where}) used with {given} arguments instead of {wanted}", use.where
        )
    used = (*use.used, macro.name)
    lines = []
    for number, line in enumerate(macro.body, 1):
        note = f"line {number} of macro '{macro.name}' used at {use.where}"
        text = substitute(line.text, macro.parameters, arguments).strip(BLANKS)
        lines.append(Read(text, line.file, line.line, note, used, line.cut))
    return lines


def substitute(text: str, parameters: tuple[str, ...], arguments: tuple[str, ...]) -> str:
    """Replace parameter names in ``text``; one that starts with ``@`` gives a quoted argument.

    What a replacement brings in is not searched again, except the tail that quoting adds: mod_macro
    goes on after as many characters as the plain argument has.
    """
    at = 0
    while True:
        hits = [
            (text.find(name, at), -len(name), i) for i, name in enumerate(parameters) if name in text[at:]
        ]
        if not hits:
            return text
        start, _, chosen = min(hits)
        name, plain = parameters[chosen], arguments[chosen]
        quoted = name.startswith("@") and name != plain
        value = '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"' if quoted else plain
        text = text[:start] + value + text[start + len(name) :]
        at = start + len(plain)
