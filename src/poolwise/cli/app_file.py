"""The file that ``measure --output`` writes and ``--app`` reads: an App, and how it was measured."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, get_args, get_type_hints

from poolwise.model import App, InputError

SCHEMA = "poolwise.app/1"
MOST_BYTES = 10_000_000


def read_app(path: str) -> App:
    """The application of a file; what it leaves out has its default.

    Raises InputError that names the file and the field.
    """
    document = _document(path)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError(
            f"{path} is no application file of poolwise (schema {SCHEMA}); poolwise measure makes one"
        )
    given = document.get("app")
    if not isinstance(given, dict):
        raise InputError(f"{path}: 'app' is missing; it holds what the application costs")
    kinds = get_type_hints(App)
    unknown = sorted(given.keys() - kinds.keys())
    if unknown:
        raise InputError(f"{path}: app.{unknown[0]} is not known; there are {', '.join(kinds)}")
    return App(**{name: _checked(path, name, value, kinds[name]) for name, value in given.items()})


def measured_target(path: str) -> str | None:
    """The application that a file is a measurement of; None when it is something else, or unreadable."""
    try:
        target = _document(path)["measured"]["target"]
    except (InputError, KeyError, TypeError):
        return None
    return target if isinstance(target, str) else None


def _document(path: str) -> Any:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise InputError(f"{path} is too large for an application file")
        return json.loads(data)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}") from error


def _checked(path: str, name: str, value: Any, kind: Any) -> Any:
    """The value when its type and range are right for the field."""
    words = get_args(kind)
    if words:
        fine, wanted = value in words, f"one of {', '.join(words)}"
    elif kind is str:
        fine, wanted = isinstance(value, str), "a text"
    else:
        number = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
        fine = number and math.isfinite(value) and value >= 0
        wanted = f"{'a whole' if kind is int else 'a'} number, at least 0"
    if not fine:
        raise InputError(f"{path}: app.{name} = {value!r} must be {wanted}")
    return value
