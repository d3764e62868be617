"""WSGIDaemonProcess: the groups of fixed size, and how mod_wsgi splits its own argument lines.

Source: ``wsgi_add_daemon_process`` in src/server/wsgi_daemon.c, ``wsgi_parse_option`` in mod_wsgi.c.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from poolwise.config.index import Host, Index, host_of
from poolwise.config.tree import Directive
from poolwise.model import ConfigError, DaemonGroup
from poolwise.servers import parse_number

DEFAULT_PROCESSES = 1
DEFAULT_THREADS = 15
_WORD = re.compile(r"""(?:[^\s"'=]+=)?(?:"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|[^\s"'][^\s]*)|[^\s]+""")
_QUOTED = re.compile(r"""^([^\s"'=]+=)?(["'])(.*?)\2?$""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Group:
    """A daemon group and the virtual host it is declared in."""

    shown: DaemonGroup
    host: Host


def words(argline: str) -> tuple[str, ...]:
    """An argument line in words; a value may be quoted as a whole or after its ``name=``."""
    return tuple(_unquoted(word) for word in _WORD.findall(argline))


def options(given: tuple[str, ...], directive: Directive) -> dict[str, str]:
    """``name=value`` words as a mapping. ConfigError for a word that is something else."""
    split = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise ConfigError(
                f"Invalid option to {directive.name}: {word!r} is not name=value", directive.where
            )
        split[name] = value
    return split


def daemon_groups(index: Index) -> dict[str, Group]:
    """Every group by name, in reading order. ConfigError for a name that is used twice."""
    found: dict[str, Group] = {}
    for directive in index.named("WSGIDaemonProcess"):
        group = _group(directive)
        if group.name in found:
            first = found[group.name].shown.where
            raise ConfigError(
                f"Name duplicates previous WSGI daemon definition. ({group.name}, at {first})",
                directive.where,
            )
        found[group.name] = Group(group, host_of(directive))
    return found


def _group(directive: Directive) -> DaemonGroup:
    given = words(directive.argline)
    if not given:
        raise ConfigError("Name of WSGI daemon process not supplied.", directive.where)
    chosen = options(given[1:], directive)
    processes = _count(chosen, "processes", DEFAULT_PROCESSES, 1, directive)
    threads = _count(chosen, "threads", DEFAULT_THREADS, 0, directive)
    return DaemonGroup(
        name=given[0],
        processes=processes,
        threads=threads,
        multiprocess="processes" in chosen,  # true as soon as it is written, even as 1
        options=chosen,
        where=directive.where,
        selected=False,
    )


def _count(chosen: dict[str, str], name: str, default: int, least: int, directive: Directive) -> int:
    if name not in chosen:
        return default
    number = parse_number(name, chosen[name])
    if number < least:
        text = f"{name}={chosen[name]} of {directive.name} must be {least} or more"
        raise ConfigError(text, directive.where)
    return number


def _unquoted(word: str) -> str:
    found = _QUOTED.match(word)
    if not found:
        return word
    quote = found[2]
    return (found[1] or "") + found[3].replace("\\" + quote, quote).replace("\\\\", "\\")
