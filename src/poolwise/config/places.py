"""Where a configuration begins: its main file, its ServerRoot and Debian's ``envvars``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from poolwise.config.reader import read_file
from poolwise.model import ConfigError, InputError, Where

DEBIAN_ROOT = "/etc/apache2"  # compiled in (``apache2 -V``: HTTPD_ROOT)

#: What to look for in a directory, the server root itself or the root of a container's file system.
MAIN_FILES = (
    "apache2.conf",
    "conf/httpd.conf",
    "httpd.conf",
    "etc/apache2/apache2.conf",
    "etc/httpd/conf/httpd.conf",
    "usr/local/apache2/conf/httpd.conf",
)

_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|[^\s;#]*)")
_REFERENCE = re.compile(r"\$(?:\{(\w+)(?::[-=]([^}]*))?\}|(\w+))")


def main_file(conf: str | Path) -> str:
    """The absolute path of the file to begin with, for a file or a directory.

    Raises InputError when ``conf`` does not exist or is a directory without a known main file.
    """
    if not str(conf):
        raise InputError("the name of the configuration is empty; give a file or a directory")
    path = Path(conf).absolute()
    try:
        if not path.exists():
            raise InputError(f"{conf}: there is no such file or directory")
        if not path.is_dir():
            return str(path)
        for name in MAIN_FILES:
            if (path / name).is_file():
                return str(path / name)
    except OSError as error:  # a directory that may not be entered
        raise InputError(f"{conf}: cannot be read: {error.strerror or error}") from error
    raise InputError(f"{conf}: no {', '.join(MAIN_FILES[:3])} in this directory; name the file itself")


def default_server_root(file: str) -> str:
    """The ServerRoot of a configuration that names none: where its main file lies.

    Debian compiles in /etc/apache2, the directory of apache2.conf; upstream's layout has the file in
    ``conf`` under the root.
    """
    folder = Path(file).parent
    return str(folder.parent if folder.name == "conf" else folder)


def envvars(folder: str) -> Mapping[str, str]:
    """The variables that Debian's ``envvars`` in ``folder`` sets; empty when there is no such file.

    apache2ctl lets a shell run this file. Here nothing is run: plain assignments outside ``if`` are
    read, ``$NAME`` and ``${NAME:-default}`` in them resolved; one with a command in it is left out.
    """
    path = Path(folder) / "envvars"
    if not path.is_file():
        return {}
    try:
        text = read_file(str(path))
    except ConfigError as error:
        raise ConfigError(f"envvars cannot be read: {error.message}", Where(str(path))) from error
    instance = Path(folder).name.partition("apache2-")[2]  # Debian's way to run several instances
    values = {"APACHE_CONFDIR": folder, "SUFFIX": f"-{instance}" if instance else ""}
    depth = 0
    for line in text.splitlines():
        words = line.split()
        depth += words[:1] == ["if"]
        depth -= words[:1] == ["fi"]
        match = _ASSIGNMENT.match(line.strip())
        if match and not depth and "`" not in match[2] and "$(" not in match[2]:
            values[match[1]] = _shell_value(match[2], values)
    return values


def _shell_value(text: str, known: Mapping[str, str]) -> str:
    """A shell word's value: quotes removed, variables replaced except in single quotes."""
    if text.startswith("'"):
        return text[1:-1]
    return _REFERENCE.sub(lambda match: known.get(match[1] or match[3]) or match[2] or "", text.strip('"'))
