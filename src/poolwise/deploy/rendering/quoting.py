"""How a value is written so that each program reads back exactly it, or is refused.

One function a language. What they return is ``Written``: templates print nothing else, so that a value which
was not written for the program at hand cannot get into its file. A value that a language cannot hold raises
InputError, which names it.

Sources: ``ap_getword_conf`` and ``ap_resolve_env`` in httpd's server/util.c, ``apr_fnmatch``;
``ngx_conf_read_token``; systemd.syntax(7), systemd.exec(5), systemd.service(5); core/ini.c and
``magic_sub`` of uWSGI.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping

from poolwise.model import InputError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@+,*%{}-]+")


class Written(str):
    """Text in the language of the program that reads it."""

    __slots__ = ()


def httpd_word(value: str) -> Written:
    """One argument of a directive. No control characters; no ``${``, which httpd would replace."""
    _check(value, "httpd.conf")
    if "${" in value:
        raise InputError(f"{value!r} cannot stand in httpd.conf: httpd would put a variable there for '${{'")
    return Written(value if _PLAIN.fullmatch(value) else _double_quoted(value))


def httpd_words(values: Iterable[str]) -> Written:
    """Several arguments."""
    return Written(" ".join(map(httpd_word, values)))


def httpd_options(options: Mapping[str, str]) -> Written:
    """``name=value`` arguments of mod_wsgi's directives, a line of the file each."""
    return Written(" \\\n    ".join(f"{name}={httpd_word(value)}" for name, value in options.items()))


def httpd_folder(path: str) -> Written:
    """The path of a ``<Directory>``, in which ``*``, ``?`` and ``[`` would stand for other characters."""
    plain = httpd_word(path)
    if not re.search(r"[*?\[]", path):
        return plain
    literal = re.sub(r"[*?\[]", lambda found: f"[{found[0]}]", path.replace("\\", "\\\\"))
    return httpd_word(literal)


def comment(text: str) -> Written:
    """Text behind a ``#``: on one line, and never ending in the backslash that would join the next one."""
    return Written(_CONTROL.sub(" ", text).rstrip("\\ "))


def nginx_word(value: str) -> Written:
    """One argument of nginx. No ``$``: where nginx expands variables it has no way to write one."""
    _check(value, "nginx.conf")
    if "$" in value:
        raise InputError(f"{value!r} cannot stand in nginx.conf: nginx takes '$' for a variable")
    return Written(value if re.fullmatch(r"[A-Za-z0-9_./:@+,-]+", value) else _double_quoted(value))


def uwsgi_value(value: str) -> Written:
    """The value of an option in uWSGI's ini file: no ``%``, ``$`` or ``@(``, no blanks around."""
    _check(value, "uwsgi.ini")
    if value != value.strip() or re.search(r"[%$]|@\(", value):
        raise InputError(f"{value!r} cannot stand in uwsgi.ini: uWSGI would put something else there")
    return Written(value)


def python_value(value: object) -> Written:
    """A Python literal of strings, numbers, lists, tuples and dictionaries, in ASCII."""
    return Written(ascii(value))


def shell_word(value: str) -> Written:
    """One word of a POSIX shell. No NUL."""
    if "\0" in value:
        raise InputError(f"{value!r} holds a NUL, which no command line can")
    return Written(shlex.quote(value))


def shell_words(values: Iterable[str]) -> Written:
    """A command line of a POSIX shell."""
    return Written(" ".join(map(shell_word, values)))


def systemd_word(value: str) -> Written:
    """One word of an ``ExecStart=``, where ``$`` starts a variable and ``%`` a specifier."""
    return Written(systemd_setting(value).replace("$", "$$"))


def systemd_command(words: Iterable[str]) -> Written:
    """A command line of ``ExecStart=``. The program's path is not expanded, and may hold no quotes."""
    program, *arguments = words
    if re.search(r"[\"'\\]", program):
        raise InputError(f"{program!r} cannot be run by systemd: its path holds a quote or a backslash")
    return Written(" ".join([systemd_setting(program), *map(systemd_word, arguments)]))


def systemd_setting(value: str) -> Written:
    """One word of ``Environment=`` or of a list of paths, where ``$`` is a dollar."""
    _check(value, "a systemd unit")
    _check_utf8(value, "a systemd unit")
    text = value.replace("%", "%%")
    return Written(text if re.fullmatch(r"[\w./:@+,=%$-]+", text, re.ASCII) else _double_quoted(text))


def systemd_settings(values: Iterable[str]) -> Written:
    """Several words of such a setting."""
    return Written(" ".join(map(systemd_setting, values)))


def systemd_path(value: str) -> Written:
    """The only value of a setting, which systemd takes whole: quotes stay, ``%`` starts a specifier."""
    _check(value, "a systemd unit")
    _check_utf8(value, "a systemd unit")
    if value != value.strip() or value.endswith("\\"):
        raise InputError(f"{value!r} cannot stand in a systemd unit: its end would be lost")
    return Written(value.replace("%", "%%"))


def plain_path(value: str) -> Written | None:
    """A path that no program takes for anything else, as it is; None for every other one."""
    return Written(value) if re.fullmatch(r"[A-Za-z0-9/._+@=,:-]+", value) else None


def docker_words(values: Iterable[str]) -> Written:
    """A command in a Dockerfile's exec form, JSON, in which nothing is replaced."""
    words = list(values)
    for word in words:
        _check_utf8(word, "a Dockerfile")
    return Written(json.dumps(words))


def _check(value: str, place: str) -> None:
    """Refuse control characters, line ends among them, and text that no bytes stand for."""
    if _CONTROL.search(value):
        raise InputError(f"{value!r} cannot stand in {place}: it holds a control character")
    if not value:
        raise InputError(f"an empty value cannot stand in {place}")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InputError(f"{value!r} cannot stand in {place}: no bytes stand for it") from error


def _check_utf8(value: str, place: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{value!r} cannot stand in {place}: it is not UTF-8") from error


def _double_quoted(value: str) -> str:
    return '"{}"'.format(value.replace("\\", "\\\\").replace('"', '\\"'))
