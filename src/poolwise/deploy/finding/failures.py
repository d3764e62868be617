"""Why an application could not be loaded, in words for the person who wrote it."""

from __future__ import annotations

import difflib
import os
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from poolwise.deploy.plan import Interpreter

MOST_NAMES = 12
MOST_LINES = 15
OURS = 'File "<string>"'  # the trial's own frames: it is run by "python -c"


@dataclass(frozen=True, slots=True)
class Subject:
    """What was to be loaded, by what, from where."""

    target: str
    module: str  # or the script's path
    name: str
    interpreter: Interpreter
    folders: tuple[str, ...]


def missing(subject: Subject, module: str, line: str, trace: str) -> str:
    """A module is not there: the application's own, or one that it needs."""
    if subject.module == module or subject.module.startswith(f"{module}."):
        parent, _, last = module.rpartition(".")
        places = [Path(folder) / parent.replace(".", "/") for folder in subject.folders]
        if any(place.with_suffix(".py").is_file() for place in places if parent):
            return f"{parent} is a module, not a package: what it holds is named as {parent}:{last}"
        names = sorted(set().union(*map(importable, places)))
        return f"there is no module {module} in {', '.join(map(str, places))}{_instead(last, names)}"
    python = subject.interpreter.executable
    return (
        f"{subject.target} cannot be imported: {line}; install what it needs for this Python "
        f"({python} -m pip install ...), or choose the one that has it with --python\n{trace}"
    )


def importable(folder: Path) -> set[str]:
    """The names of the modules and packages that lie in a folder."""
    try:
        entries = list(folder.iterdir())
    except OSError:
        return set()
    names = {each.name.partition(".")[0] for each in entries if each.suffix in (".py", ".so")}
    names |= {each.name for each in entries if each.is_dir() and next(each.glob("*.py"), None)}
    return {name for name in names if name.isidentifier() and name != "__init__"}


def _instead(wanted: str, names: list[str]) -> str:
    """What could have been meant, else what there is."""
    if close := difflib.get_close_matches(wanted, names, n=3):
        return f"; did you mean {' or '.join(close)}?"
    if not names:
        return ", and no other Python module (--folder says where the application lies)"
    return f"; there are: {', '.join(names[:MOST_NAMES])}{', ...' if len(names) > MOST_NAMES else ''}"


def no_attribute(subject: Subject, names: list[str]) -> str:
    """The module does not have the callable that was asked for."""
    return f"{subject.module} has no {subject.name!r}{_callables(subject, names)}"


def not_callable(subject: Subject, kind: str, names: list[str]) -> str:
    """The name is there, and no application."""
    what = f"{subject.target}: {subject.name!r} is an object of type {kind}, which cannot be called"
    return what + _callables(subject, [name for name in names if name != subject.name])


def _callables(subject: Subject, names: list[str]) -> str:
    if not names:
        return "; nothing in it could be a WSGI application"
    if subject.module.startswith("/"):
        return f"; a WSGI script has to call it 'application' (it has {', '.join(names[:MOST_NAMES])})"
    return f"; it has {', '.join(f'{subject.module}:{name}' for name in names[:MOST_NAMES])}"


def raised(subject: Subject, line: str, trace: str) -> str:
    """Importing it raised an error."""
    set_here = [word for word in re.findall(r"\b[A-Z][A-Z0-9_]{3,}\b", line) if word in os.environ]
    hint = "".join(
        f"; {name} is set in your shell, of whose variables a server gets none: give it with --env {name}"
        for name in set_here[:1]
    )
    return f"{subject.target} cannot be imported: {line}{hint}\n{trace}"


def left(subject: Subject, code: str) -> str:
    """It calls ``sys.exit`` while it is imported."""
    return f"{subject.target} ends Python while it is imported: sys.exit({code})"


def no_wsgi(subject: Subject, how: str, coroutine: bool) -> str:
    """It can be called, and does not behave as a WSGI application."""
    hint = ""
    if coroutine:
        hint = "; it looks like an ASGI application, which mod_wsgi does not run"
    elif how.startswith("called with"):
        hint = f"; if it makes the application, name a module that says application = {subject.name}()"
    return f"{subject.target} is no WSGI application: {how}{hint}"


#: what the trial reports when it goes no further -> the words for it
REPORTED: Mapping[str, Callable[..., str]] = {
    "missing": missing,
    "no attribute": no_attribute,
    "not callable": not_callable,
    "raised": raised,
    "exit": left,
    "no wsgi": no_wsgi,
}


def died(subject: Subject, deed: str, code: int, faults: str) -> str:
    """The process is gone: by a signal, or by an exit that no Python code sees."""
    if code >= 0:
        return f"{subject.target}: the process ended with exit code {code} while {deed}"
    name = signal.Signals(-code).name
    why = ", perhaps because memory did not suffice" if -code == signal.SIGKILL else ""
    return f"{subject.target}: the process died of {name} while {deed}{why}{_at(faults)}"


def late(subject: Subject, deed: str, patience_s: float, faults: str) -> str:
    """It takes too long."""
    return f"{subject.target}: {deed} has not ended within {patience_s:g} s{_at(faults)}"


def _at(faults: str) -> str:
    """Where it stood, from what faulthandler wrote: of the thread that the trial runs in, if it tells."""
    threads = faults.split("\n\n")
    ours = next((each for each in threads if OURS in each), faults)
    frames = [line for line in ours.splitlines() if line.startswith("  File") and OURS not in line]
    frames = [line for line in frames if "<frozen importlib" not in line]
    return "\n".join(["; it stands at (most recent call first)", *frames[:MOST_LINES]]) if frames else ""


def printed(output: str) -> str:
    """The end of what it printed, to be shown after an error; "" when that is nothing."""
    lines = output.rstrip().splitlines()[-MOST_LINES:]
    return "\n".join(["\nit printed:", *(f"  {line}" for line in lines)]) if lines else ""
