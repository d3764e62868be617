"""Which files an Include names, in which order.

Source: ``include_config`` in httpd's ``server/core.c``, ``process_resource_config_fnmatch`` in
``server/config.c``, ``apr_fnmatch`` and ``apr_filepath_merge``. Matches are sorted by byte value; a
directory is read whole, with its subdirectories and dot files; a wildcard does not match a leading dot,
and in the middle of a path matches real directories only, no symbolic links.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator

from poolwise.model import ConfigError, Where

MAX_DEPTH = 128  # AP_MAX_INCLUDE_DEPTH
MAX_DIRECTORY_DEPTH = 20  # AP_MAX_INCLUDE_DIR_DEPTH

_WILDCARD = re.compile(r"[*?]|\[[^]]+\]")


def absolute(name: str, server_root: str) -> str:
    """``name`` relative to ServerRoot, without ``.`` and ``..`` (``ap_server_root_relative``)."""
    path = os.path.normpath(os.path.join(server_root, name))  # noqa: PTH118 - normalised as text
    return "/" + path.lstrip("/")


def has_wildcard(pattern: str) -> bool:
    """Whether ``apr_fnmatch_test`` finds a wildcard; a backslash takes one's meaning away."""
    return _WILDCARD.search(re.sub(r"\\.", "", pattern)) is not None


def matching_files(path: str, optional: bool, where: Where) -> Iterator[str]:
    """The files that Include ``path`` (absolute, perhaps with wildcards) reads, in order.

    ``optional`` (IncludeOptional) allows nothing to be there. A missing file without a wildcard is
    yielded all the same unless ``optional``: opening it gives the better message. Raises ConfigError.
    """
    if not has_wildcard(path):
        yield from _whole(path, optional, where)
        return
    yield from _below("/", path.strip("/").split("/"), optional, where)


def _below(directory: str, parts: list[str], optional: bool, where: Where) -> Iterator[str]:
    """The files under ``directory`` that the path components ``parts`` match."""
    name, rest = parts[0], parts[1:]
    names = _matches(directory, parts, optional, where) if has_wildcard(name) else [name]
    for path in (os.path.join(directory, entry) for entry in names):  # noqa: PTH118
        if rest:
            yield from _below(path, rest, optional, where)
        else:
            yield from _whole(path, optional, where)


def _matches(directory: str, parts: list[str], optional: bool, where: Where) -> list[str]:
    """The names in ``directory`` that the wildcard ``parts[0]`` matches, sorted as httpd sorts."""
    pattern = parts[0]
    try:
        with os.scandir(directory) as entries:
            names = [
                entry.name
                for entry in entries
                if _match(entry.name, pattern) and (len(parts) == 1 or entry.is_dir(follow_symlinks=False))
            ]
    except OSError as error:
        if optional and not isinstance(error, PermissionError):  # httpd starts as root: it may read it
            return []
        raise ConfigError(f"could not open directory {directory}: {error.strerror}", where) from error
    if not names and not optional:
        raise ConfigError(
            f"no file matches the wildcard '{pattern}' in {directory}; IncludeOptional would allow that",
            where,
        )
    return sorted(names, key=os.fsencode)


def _match(name: str, pattern: str) -> bool:
    """``apr_fnmatch`` with APR_FNM_PERIOD."""
    if name.startswith(".") and not pattern.startswith("."):
        return False
    return fnmatch.fnmatchcase(name, re.sub(r"\\(.)", r"[\1]", pattern).replace("[^", "[!"))


def _whole(path: str, optional: bool, where: Where, depth: int = 0) -> Iterator[str]:
    """``path`` itself, or every file of the directory that it is."""
    if not os.path.isdir(path):  # noqa: PTH112
        if os.path.exists(path) or not optional:  # noqa: PTH110
            yield path
        return
    if depth >= MAX_DIRECTORY_DEPTH:
        raise ConfigError(
            f"directory {path} is nested deeper than {MAX_DIRECTORY_DEPTH} levels; probably a link to itself",
            where,
        )
    try:
        names = sorted(os.listdir(path), key=os.fsencode)  # noqa: PTH208
    except OSError as error:
        raise ConfigError(f"could not open config directory {path}: {error.strerror}", where) from error
    for name in names:
        yield from _whole(os.path.join(path, name), optional, where, depth + 1)  # noqa: PTH118
