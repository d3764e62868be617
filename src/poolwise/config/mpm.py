"""Which MPM serves: the one LoadModule line that names one, or the one built in."""

from __future__ import annotations

import re

from poolwise.config.tree import Evaluation
from poolwise.model import ConfigError, InputError, Note, Where
from poolwise.servers import ARCHITECTURES, NEWEST, release

_MPM = re.compile(r"mpm(?:t)?_(\w+)_module")
_ON_TOP_OF_PREFORK = "itk"
_ONLY_IN_22 = ("LockFile", "AcceptMutex", "Win32DisableAcceptEx", "DefaultType", "NameVirtualHost")
_ONLY_IN_24 = ("Require", "IncludeOptional", "Mutex", "MaxRequestWorkers", "MaxConnectionsPerChild", "Define")


def check_arguments(mpm: str, httpd_version: str) -> None:
    """InputError when the MPM or the version given is not one that is known."""
    if mpm and mpm not in ARCHITECTURES:
        raise InputError(f"unknown MPM {mpm!r}: give one of {', '.join(ARCHITECTURES)}")
    if httpd_version:
        release(httpd_version)


def find_mpm(evaluation: Evaluation, built_in: str) -> tuple[str, Where, tuple[Note, ...]]:
    """The MPM, its origin and what there is to say about it.

    ConfigError with httpd's own AH00534 when there is none, or more than one; InputError for an MPM
    that is not known here.
    """
    found = {built_in: Where(note="built into httpd, as given")} if built_in else {}
    notes: list[Note] = []
    for module in evaluation.modules:
        match = _MPM.fullmatch(module.name)
        if match and match[1] == _ON_TOP_OF_PREFORK:
            text = (
                "mpm-itk forks a process for each request on top of prefork, which is not taken into account"
            )
            notes.append(Note("warning", module.where, text))
        elif match:
            found.setdefault(match[1], module.where)
    if not found:
        raise ConfigError(
            "AH00534: Configuration error: No MPM loaded. (If it is built in, as in 2.2, name it with --mpm)",
            Where(evaluation.root),
        )
    if len(found) > 1:
        lines = " and ".join(f"{name} ({where})" for name, where in found.items())
        last = list(found.values())[-1]
        raise ConfigError(f"AH00534: Configuration error: More than one MPM loaded: {lines}", last)
    name, where = next(iter(found.items()))
    if name not in ARCHITECTURES:
        raise InputError(f"{where}: unknown MPM {name!r}: known are {', '.join(ARCHITECTURES)}")
    return name, where, tuple(notes)


def version_or_hint(evaluation: Evaluation, given: str) -> tuple[str, tuple[Note, ...]]:
    """The httpd version to read for, and what the configuration lets guess when none was given."""
    if given:
        return given, ()
    keys = {directive.key: directive for directive in reversed(evaluation.directives)}
    old = [keys[name.lower()] for name in _ONLY_IN_22 if name.lower() in keys]
    new = [name for name in _ONLY_IN_24 if name.lower() in keys]
    loaded = [m for m in evaluation.modules if _MPM.fullmatch(m.name) and m.where.line]
    if old and not new and not loaded:
        text = (
            f"{old[0].name} looks like httpd 2.2, but this is read as {NEWEST}; say --httpd-version 2.2 if so"
        )
        return NEWEST, (Note("warning", old[0].where, text),)
    return NEWEST, ()
