"""Directives looked up by name and by virtual host, and which of them applies to one request.

httpd merges what a request meets in this order, later over earlier: main server, virtual host,
``<Directory>`` from the shortest path to the longest, ``<DirectoryMatch>``, ``<Files>``, ``<Location>``,
``<If>``; within one step the main server's before the virtual host's (manual: sections;
``ap_directory_walk``, ``ap_file_walk``, ``ap_location_walk`` in server/request.c).
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from poolwise.config.tree import Directive, Evaluation, Section

MAIN = "main server"

_STEPS = {"directory": 2, "directorymatch": 3, "files": 4, "filesmatch": 4, "location": 5, "locationmatch": 5}
_REGEX = {"directorymatch", "filesmatch", "locationmatch"}

Host = Section | None  # the <VirtualHost> section; None is the main server


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request ends up: in which virtual host, at which URL and in which file."""

    host: Host
    url: str
    file: str


class Index:
    """The directives of an evaluation by lower-case name and virtual host, in reading order."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._by_key: dict[str, list[tuple[int, Directive]]] = defaultdict(list)
        self._by_host: dict[tuple[str, Host], list[tuple[int, Directive]]] = defaultdict(list)
        self.hosts: dict[Host, str] = {None: MAIN}
        for position, directive in enumerate(evaluation.directives):
            host = host_of(directive)
            self._by_key[directive.key].append((position, directive))
            self._by_host[directive.key, host].append((position, directive))
            self.hosts.setdefault(host, host.argline if host else MAIN)
        for directive in self.named("ServerName"):
            host = host_of(directive)
            if host and directive.args and not sections_of(directive):
                self.hosts[host] = f"{host.argline} {directive.args[0]}"

    def named(self, *names: str) -> list[Directive]:
        """Every directive of these names, in reading order."""
        return _in_order(self._by_key.get(name.lower(), []) for name in names)

    def within(self, host: Host, *names: str) -> list[Directive]:
        """The directives of these names that stand in one host, in reading order."""
        return _in_order(self._by_host.get((name.lower(), host), []) for name in names)

    def at_server_level(self, name: str, host: Host) -> Directive | None:
        """The last directive of this name directly in the main server or in one virtual host."""
        found = [directive for directive in self.within(host, name) if not sections_of(directive)]
        return found[-1] if found else None

    def server_name(self, host: Host) -> str:
        """The ServerName of a host in lower case, "" when it has none."""
        found = self.at_server_level("ServerName", host)
        return found.args[0].lower() if found and found.args else ""

    def applying(self, name: str, place: Place) -> Directive | None:
        """The directive of this name that a request at ``place`` is served with."""
        ranked = [
            (rank, position, directive)
            for host in {None, place.host}
            for position, directive in self._by_host.get((name.lower(), host), [])
            if (rank := _rank(directive, place)) is not None
        ]
        return max(ranked, key=lambda entry: entry[:2])[2] if ranked else None


def _in_order(pieces: Iterable[list[tuple[int, Directive]]]) -> list[Directive]:
    found = [pair for piece in pieces for pair in piece]
    return [directive for _, directive in sorted(found, key=lambda pair: pair[0])]


def host_of(directive: Directive) -> Host:
    """The ``<VirtualHost>`` around a directive, or None."""
    return next((section for section in directive.context if section.name == "virtualhost"), None)


def sections_of(directive: Directive) -> tuple[Section, ...]:
    """The sections around a directive other than its virtual host."""
    return tuple(section for section in directive.context if section.name != "virtualhost")


def path_of(section: Section) -> str:
    """The path or pattern of a section, without quotes and the ``~`` that announces a pattern."""
    text = section.argline.strip()
    if text.startswith("~"):
        text = text[1:].strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def below(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or lies in it."""
    folder = folder.rstrip("/")
    return path == folder or path.startswith(folder + "/")


def _rank(directive: Directive, place: Place) -> tuple[int, int, int] | None:
    """How late a directive is merged for ``place``; None when it does not apply there."""
    sections = sections_of(directive)
    in_host = 1 if host_of(directive) else 0
    if not sections:
        return in_host, 0, 0
    if not all(_matches(section, place) for section in sections):
        return None
    innermost = sections[-1]
    depth = path_of(innermost).rstrip("/").count("/") if _step(innermost) == 2 else 0
    return _step(innermost), depth, in_host


def _is_pattern(section: Section) -> bool:
    return section.name in _REGEX or section.argline.lstrip().startswith("~")


def _step(section: Section) -> int:
    return 3 if section.name == "directory" and _is_pattern(section) else _STEPS.get(section.name, 6)


def _matches(section: Section, place: Place) -> bool:
    """Whether a section covers the place. ``<If>``, ``<Limit>`` and their like are taken not to."""
    path = path_of(section)
    if section.name.startswith("directory"):
        subject = posixpath.dirname(place.file)
    elif section.name.startswith("files"):
        subject = posixpath.basename(place.file)
    elif section.name.startswith("location"):
        subject = place.url
    else:
        return False
    if _is_pattern(section):
        try:
            return bool(re.search(path, subject))
        except re.error:
            return False
    if section.name == "files":
        return fnmatchcase(subject, path)
    return below(subject, path) or _wild(subject, path)


def _wild(subject: str, pattern: str) -> bool:
    """Whether the leading components of ``subject`` fit a shell pattern; ``*`` does not cross a slash."""
    wanted = pattern.rstrip("/").split("/")
    given = subject.split("/")[: len(wanted)]
    return len(given) == len(wanted) and all(map(fnmatchcase, given, wanted))
