"""The sections that decide while reading: IfModule, IfDefine, IfFile and IfVersion.

Sources: ``start_ifmod``, ``start_ifdefine``, ``start_iffile`` in httpd's ``server/core.c`` and
``start_ifversion`` in ``modules/metadata/mod_version.c``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass

from poolwise.config.includes import absolute
from poolwise.config.lines import first_word, words
from poolwise.config.modules import is_loaded
from poolwise.model import ConfigError, Where

NAMES = ("ifmodule", "ifdefine", "iffile", "ifversion")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the conditions ask about, at this point of the reading."""

    modules: Collection[str]
    defines: Collection[str]
    server_root: str
    httpd_version: str


def holds(name: str, argline: str, facts: Facts, where: Where) -> tuple[bool, str]:
    """Whether the section ``<name argline`` is read, and why (not), in words.

    Raises ConfigError as httpd does: no argument, no closing ``>``, a bad version or operator.
    """
    if name == "ifversion":
        return _if_version(words(argline), facts.httpd_version, where)
    argument, closed, _ = argline.rpartition(">")
    if not closed:
        raise ConfigError(f"<{name}> directive missing closing '>'", where)
    negated = argument.startswith("!")
    subject = first_word(argument[negated:])[0]
    if not subject:
        raise ConfigError(f"<{name}> directive requires additional arguments", where)
    true, reason = _fact(name, subject, facts)
    return true != negated, reason


def _fact(name: str, subject: str, facts: Facts) -> tuple[bool, str]:
    """Whether ``subject`` is so, and the sentence that says which."""
    if name == "ifmodule":
        true = is_loaded(subject, facts.modules)
        return true, f"module {subject} is {'' if true else 'not '}loaded"
    if name == "ifdefine":
        true = subject in facts.defines
        return true, f"{subject} is {'' if true else 'not '}defined"
    path = absolute(subject, facts.server_root)
    true = os.path.exists(path)  # noqa: PTH110 - a NUL in the name must not raise
    return true, f"{path} {'exists' if true else 'does not exist'}"


def _if_version(args: tuple[str, ...], version: str, where: Where) -> tuple[bool, str]:
    """``<IfVersion [!][op] version>``: the shapes with one, two or three words."""
    if not 1 <= len(args) <= 3:
        raise ConfigError("<IfVersion> takes an operator and a version", where)
    operator, wanted = _operator_and_version(args, where)
    negated = operator.startswith("!") and len(operator) > 1
    true = _compare(operator[negated:] or "=", wanted, version, where)
    if operator == "!":
        raise ConfigError("unrecognized operator '!'", where)
    return true != negated, f"httpd is {version}"


def _operator_and_version(args: tuple[str, ...], where: Where) -> tuple[str, str]:
    """The two without the closing ``>``, which may stand at the end or alone as the last word."""
    given = list(args) if len(args) > 1 else ["=", *args]
    if len(given) == 2 and given[1] == ">":
        given = ["=", given[0], ">"]
    operator, wanted = given[0], given[1]
    if len(given) == 3 and given[2] == ">" and wanted:
        return operator, wanted
    if not wanted.endswith(">"):
        raise ConfigError("<IfVersion> directive missing closing '>'", where)
    return operator, wanted[:-1]


def _compare(operator: str, wanted: str, version: str, where: Where) -> bool:
    """One comparison of httpd's version with ``wanted``; a missing part of ``wanted`` counts as 0."""
    kind, equal = operator[0], operator[1:] == "="
    if len(operator) > 2 or operator[1:] not in ("", "=") or operator == "~=" or kind not in "=~<>":
        raise ConfigError(f"unrecognized operator '{operator}'; use =, ==, <, <=, >, >= or ~", where)
    if kind == "~" or (kind == "=" and wanted.startswith("/")):
        return _matches(kind, wanted, version, where)
    mine, theirs = _numbers(version, where), _numbers(wanted, where)
    if kind == "=":
        return mine == theirs
    return (mine < theirs if kind == "<" else mine > theirs) or (equal and mine == theirs)


def _matches(kind: str, wanted: str, version: str, where: Where) -> bool:
    """Regular expression against the whole version; with ``=`` it stands between slashes."""
    pattern = wanted
    if kind == "=":
        if len(wanted) < 2 or not wanted.endswith("/"):
            raise ConfigError("<IfVersion> regular expression lacks its closing /", where)
        pattern = wanted[1:-1]
    try:
        return re.search(pattern, version) is not None
    except re.error as error:
        raise ConfigError(f"<IfVersion> regular expression {pattern!r}: {error}", where) from error


def _numbers(version: str, where: Where) -> tuple[int, ...]:
    """``2.4`` as ``(2, 4, 0)``."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+){0,2}", version):
        raise ConfigError(f"{version!r} is not a version: major[.minor[.patch]]", where)
    return (*map(int, version.split(".")), 0, 0)[:3]
