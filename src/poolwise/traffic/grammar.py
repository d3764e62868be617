"""The small language of ``--traffic`` and ``--service``: ``name:key=value,key=value``.

One reader for shapes and laws. A ``Kind`` says what a name takes; its documentation is the docstring
of the function behind it. A bare value belongs to the first parameter (``poisson:20``).
Seconds may carry a unit: ``200ms``, ``90s``, ``15m``, ``2h``, ``1d``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from poolwise.model import InputError

_SECONDS = {"": 1.0, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(ms|[smhd]?)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a shape or a law: a number between two bounds, or words (without bounds)."""

    name: str
    unit: str  # "requests/s", "s", ""; what the words are
    minimum: float = 0.0
    maximum: float = 0.0
    default: float | str | None = None  # None: has to be given

    @property
    def words(self) -> bool:
        """Whether it is text, not a number."""
        return self.maximum == 0

    @property
    def range(self) -> str:
        """What may be given, in words: "0.001 to 3600 s", "a file"."""
        if self.words:
            return self.unit
        return f"{self.minimum:.8g} to {self.maximum:.8g} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Kind:
    """A shape or a law: what it takes, an example that works, and the function that makes it."""

    example: str
    parameters: tuple[Parameter, ...]
    build: Callable[..., Any]

    @property
    def name(self) -> str:
        """The word before the colon."""
        return self.example.partition(":")[0]

    @property
    def document(self) -> str:
        """The documentation, for ``--help``: example, docstring and the range of every parameter."""
        text = inspect.cleandoc(self.build.__doc__ or "")
        return "\n".join((self.example, "", text, "", *map(_line, self.parameters)))


def _line(parameter: Parameter) -> str:
    default = f" (default {parameter.default:.8g})" if isinstance(parameter.default, float) else ""
    return f"  {parameter.name}: {parameter.range}{default}"


def read_spec(argument: str, text: str, kinds: Mapping[str, Kind]) -> tuple[Kind, dict[str, float | str]]:
    """Split ``text`` into its kind and arguments, checked and with the defaults filled in.

    ``argument`` is what the user calls it ("shape", "service law"). Raises InputError.
    """
    name, _, rest = text.strip().partition(":")
    kind = kinds.get(name.strip().lower())
    if kind is None:
        examples = ", ".join(each.example for each in kinds.values())
        raise InputError(f"{argument} {text!r}: there is no {argument} {name!r}; there are: {examples}")
    return kind, read_values(argument, text, kind, rest)


def read_values(argument: str, text: str, kind: Kind, rest: str) -> dict[str, float | str]:
    """The arguments that ``rest``, a part of ``text``, gives to ``kind``: as ``read_spec``."""
    given = _assign(argument, text, kind, rest)
    values: dict[str, float | str] = {}
    for parameter in kind.parameters:
        if parameter.name in given:
            values[parameter.name] = _convert(argument, text, kind, parameter, given[parameter.name])
        elif parameter.default is None:
            raise _wrong(argument, text, kind, f"{parameter.name} is missing ({parameter.range})")
        else:
            values[parameter.name] = parameter.default
    return values


def _assign(argument: str, text: str, kind: Kind, rest: str) -> dict[str, str]:
    """Which text belongs to which parameter."""
    names = [parameter.name for parameter in kind.parameters]
    given: dict[str, str] = {}
    for position, piece in enumerate(rest.split(",") if rest.strip() else []):
        key, equals, value = piece.partition("=")
        if not equals or (position == 0 and kind.parameters[0].words):
            if position:
                raise _wrong(argument, text, kind, f"{piece.strip()!r} is not of the form name=value")
            key, value = names[0], piece
        key = key.strip()
        if key not in names:
            raise _wrong(argument, text, kind, f"{key!r} is not one of {', '.join(names)}")
        if key in given:
            raise _wrong(argument, text, kind, f"{key} is given twice")
        given[key] = value.strip()
    return given


def _convert(argument: str, text: str, kind: Kind, parameter: Parameter, value: str) -> float | str:
    if parameter.words:
        return value
    number = _number(value, parameter.unit)
    if number is None or not parameter.minimum <= number <= parameter.maximum:
        raise _wrong(argument, text, kind, f"{parameter.name} must be {parameter.range}, not {value!r}")
    return number


def _number(value: str, unit: str) -> float | None:
    match = _NUMBER.fullmatch(value)
    if match is None or (match[2] and unit != "s"):
        return None
    return float(match[1]) * _SECONDS[match[2]]


def seconds(value: str) -> float | None:
    """A number of seconds as users write it ("90", "15m", "200ms"), or None."""
    return _number(value, "s")


def _wrong(argument: str, text: str, kind: Kind, problem: str) -> InputError:
    return InputError(f"{argument} {text!r}: {problem}. Example: {kind.example}")
