"""The settings of the main server that size and feed the pool: asked for, then settled as httpd does."""

from __future__ import annotations

from functools import cache

from poolwise.config.index import host_of, sections_of
from poolwise.config.tree import Directive, Evaluation
from poolwise.model import ConfigError, Inactive, Note, Value, Where
from poolwise.servers import ARCHITECTURES, Parameter, parameters, read_value, release, settle

_MPM_FILES = {
    "prefork": ("mpm_prefork_module", "prefork.c"),
    "worker": ("mpm_worker_module", "worker.c"),
    "event": ("mpm_event_module", "event.c"),
    "winnt": ("mpm_winnt_module", "mpm_winnt.c"),
}
MOST_CORES = 4096  # of any machine: a ratio above half of it makes one group everywhere
_ONLY_IN_22 = ("lockfile", "acceptmutex", "win32disableacceptex")


def settings(
    evaluation: Evaluation, architecture: str, version: str
) -> tuple[dict[str, Value], tuple[Note, ...]]:
    """The values in force by current name, and notes on what is repeated or ignored.

    ConfigError for a sizing directive that this MPM or version does not know, or an argument it refuses.
    """
    asked: dict[str, Value] = {}
    notes: list[Note] = []
    rows = spellings(architecture, version)
    for directive in evaluation.directives:
        row = rows.get(directive.key)
        if row is None:
            _refuse_foreign(directive, architecture, version)
        elif not host_of(directive) and not sections_of(directive):
            value = read_value(row, directive.args, directive.where, version)
            earlier = asked.get(row.name)
            if row.name == "Listen" and earlier:
                value = Value("Listen", f"{earlier.value}, {value.value}", "", earlier.where)
            elif earlier:
                notes.append(_overridden(row, earlier, directive))
            asked[row.name] = value
    if "ExtendedStatus" not in asked and _status_switches_on(evaluation, version):
        asked["ExtendedStatus"] = Value(
            "ExtendedStatus", True, "", Where(note="on because mod_status is loaded")
        )
    ratio = asked.get("ListenCoresBucketsRatio")
    if ratio and isinstance(ratio.value, int) and 2 * ratio.value <= MOST_CORES:
        text = "with enough cores the sockets are split into groups; the values here are those of one group"
        notes.append(Note("warning", ratio.where, text))
    notes += _for_other_mpms(evaluation.inactive, architecture)
    return settle(architecture, asked, version), tuple(notes)


@cache
def spellings(architecture: str, version: str) -> dict[str, Parameter]:
    """Every accepted name in lower case, with what is known about the directive."""
    return {name.lower(): row for row in parameters(architecture, version) for name in row.spellings}


def _refuse_foreign(directive: Directive, architecture: str, version: str) -> None:
    """Raise as httpd does for a directive of another MPM or version; others are not ours to judge."""
    knowing = [name for name in ARCHITECTURES if directive.key in spellings(name, version)]
    series = "2.2" if release(version) >= (2, 4, 0) else "2.4"
    if knowing:
        hint = (
            f"{directive.name} belongs to {' and '.join(knowing)}, but {architecture} is loaded: "
            f"put it in <IfModule mpm_{knowing[0]}_module>"
        )
    elif directive.key in _known_to(series):
        hint = (
            f"httpd {series} has {directive.name}, and this is read as {version}: "
            f"say --httpd-version {series} if that one serves it"
        )
    else:
        return
    raise ConfigError(
        f"Invalid command '{directive.name}', perhaps misspelled or defined by a module not included in "
        f"the server configuration ({hint})",
        directive.where,
    )


@cache
def _known_to(series: str) -> frozenset[str]:
    names = {name for architecture in ARCHITECTURES for name in spellings(architecture, series)}
    return frozenset(names | set(_ONLY_IN_22 if series == "2.2" else ()))


def _overridden(row: Parameter, earlier: Value, directive: Directive) -> Note:
    text = f"{row.name} is set again by {directive.name} at {directive.where}; the last one counts"
    return Note("note", earlier.where, text)


def _status_switches_on(evaluation: Evaluation, version: str) -> bool:
    """mod_status turns ExtendedStatus on when it is loaded (2.3.6 and later)."""
    loaded = any(module.name == "status_module" for module in evaluation.modules)
    return loaded and release(version) >= (2, 4, 0)


def _for_other_mpms(inactive: tuple[Inactive, ...], architecture: str) -> list[Note]:
    """A note on each skipped ``<IfModule>`` that holds settings for an MPM which is not loaded."""
    notes = []
    for skipped in inactive:
        words = skipped.section.replace(">", " ").replace('"', " ").lower().split()
        others = [name for name, tests in _MPM_FILES.items() if any(test in words for test in tests)]
        if others and others[0] != architecture and skipped.directives:
            lines = ", ".join(line.strip() for line in skipped.directives)
            text = f"ignored: settings for {others[0]}, but {architecture} is loaded ({lines})"
            notes.append(Note("note", skipped.where, text))
    return notes
