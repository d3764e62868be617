"""The access logs that a configuration writes, each with its format in Apache's own notation.

Source: modules/loggers/mod_log_config.c: formats are looked up when logs are opened, so a LogFormat may
stand after its CustomLog; a name that nothing defines is itself the format; only CLF is built in.
Piped logs are recorded as written and never run.
"""

from __future__ import annotations

import posixpath

from poolwise.config.index import Host, Index, host_of
from poolwise.config.tree import Directive
from poolwise.model import LogFormat, Note

CLF = '%h %l %u %t "%r" %>s %b'


def logs(index: Index, server_root: str) -> tuple[tuple[LogFormat, ...], tuple[Note, ...]]:
    """Every CustomLog, TransferLog and GlobalLog in reading order, and notes on undefined names."""
    formats: dict[tuple[Host, str], str] = {(None, "CLF"): CLF}
    defaults: dict[Host, str] = {}
    for directive in index.named("LogFormat"):
        if len(directive.args) > 1:
            formats[host_of(directive), directive.args[1]] = directive.args[0]
        elif directive.args:
            defaults[host_of(directive)] = directive.args[0]
    found: list[LogFormat] = []
    notes: list[Note] = []
    for directive in index.named("CustomLog", "TransferLog", "GlobalLog"):
        if not directive.args:
            continue
        host = host_of(directive)
        word = directive.args[1] if directive.key != "transferlog" and len(directive.args) > 1 else ""
        text, nickname = _format(word, host, formats, defaults)
        if word and not nickname and "%" not in word:
            said = f"no LogFormat is named {word}: httpd writes the word itself for each request"
            notes.append(Note("warning", directive.where, said))
        found.append(LogFormat(_path(directive, server_root), nickname, text, directive.where))
    return tuple(found), tuple(notes)


def _format(
    word: str, host: Host, formats: dict[tuple[Host, str], str], defaults: dict[Host, str]
) -> tuple[str, str]:
    """The format text and its nickname; a virtual host's own formats come before the main server's."""
    if not word:
        return _nested(defaults.get(host, defaults.get(None, CLF)), host, formats), ""
    for owner in (host, None):
        if (owner, word) in formats:
            return formats[owner, word], word
    return word, ""


def _nested(text: str, host: Host, formats: dict[tuple[Host, str], str]) -> str:
    """``LogFormat nickname`` with one argument makes that format the default."""
    return formats.get((host, text), formats.get((None, text), text))


def _path(directive: Directive, server_root: str) -> str:
    path = directive.args[0]
    return path if path.startswith("|") else posixpath.join(server_root, path)
