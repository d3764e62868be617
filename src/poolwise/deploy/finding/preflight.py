"""Load an application once, before any server does: what it costs, or what is wrong with it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import unquote_to_bytes

from poolwise.deploy.finding import failures
from poolwise.deploy.finding.access import check_access, identity
from poolwise.deploy.finding.failures import Subject
from poolwise.deploy.finding.watched import Ended, Late, Watched, watched
from poolwise.deploy.plan import PATH, Interpreter
from poolwise.model import InputError
from poolwise.observe import Memory, memory

START_S = 20.0  # for an interpreter to start


@dataclass(frozen=True, slots=True)
class Loaded:
    """An application that was loaded in a process of its own, and asked for one page.

    Sizes are of that one process: ``bare_*`` before the application was imported, ``loaded_*`` after the
    requests (after the import when none was made). ``request_*`` are medians of a few, the first one, which
    often imports more, left out; 0 and ``status`` 0 when none was made.
    """

    import_wall_s: float
    import_cpu_s: float
    bare_bytes: int  # PSS
    bare_private_bytes: int
    loaded_bytes: int  # PSS
    loaded_private_bytes: int
    first_request_wall_s: float = 0.0
    request_wall_s: float = 0.0
    request_cpu_s: float = 0.0
    status: int = 0  # the HTTP status that it answered; 500 when it raised
    output: str = ""  # the end of what it printed, and its traceback when it raised


def preflight(
    interpreter: Interpreter,
    target: str,
    folder: str,
    *,
    python_path: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    user: str = "",
    patience_s: float = 60.0,
    health: str = "/",
    ask: bool = True,
) -> Loaded:
    """Load ``target`` as mod_wsgi's daemon mode does and, when ``ask``, request ``health`` from it.

    ``target``, ``folder``, ``python_path``: as in ``Hosted``. ``environment`` is added to a minimal one, as
    for a server. ``user``: who runs it, when we are root; "" is ourselves. ``patience_s``: for the import,
    and again for the requests. Whatever the application has started is ended.

    Raises InputError with what is wrong: a file that is missing or may not be read, no such module or
    callable, an error while importing (with its traceback), an exit, a crash, a time-out (with the stack), an
    application that is not WSGI.
    """
    module, _, name = (target, "", "") if target.startswith("/") else target.partition(":")
    subject = Subject(target, module, name or "application", interpreter, (folder, *python_path))
    _check_files(subject, user)
    request = [f"{key}={value}" for key, value in _request(health).items()] if ask else []

    def command(control: int, faults: int) -> list[str]:
        text = files("poolwise.deploy.finding").joinpath("trial.py").read_text("utf-8")
        folders = [str(len(subject.folders)), *subject.folders]
        python = [interpreter.executable, "-E", "-u", "-c", text]
        return [*python, str(control), str(faults), module, subject.name, *folders, *request]

    started = {**_minimal(user), **(environment or {})}
    with watched(command, folder=folder, environment=started, identity=identity(user)) as child:
        return _listen(child, subject, patience_s, ask)


def _check_files(subject: Subject, user: str) -> None:
    """InputError when a folder or the script is missing, or may not be read by who runs it."""
    script = [subject.module] if subject.module.startswith("/") else []
    try:
        for folder in subject.folders:
            if not Path(folder).is_dir():
                kind = "is no folder" if Path(folder).exists() else "does not exist"
                raise InputError(f"the application's folder {folder} {kind}")
        if script and not Path(subject.module).is_file():
            kind = "is no file" if Path(subject.module).exists() else "does not exist"
            raise InputError(f"the WSGI script {subject.module} {kind}")
    except PermissionError as error:
        raise InputError(f"you may not read {error.filename}") from error
    check_access(user, subject.interpreter, [*subject.folders, *script])


def _minimal(user: str) -> dict[str, str]:
    """What every process gets: nothing of the shell that poolwise was started from."""
    entry = pwd.getpwnam(user) if user else None
    home = entry.pw_dir if entry else os.environ.get("HOME", "/")
    return {"PATH": PATH, "HOME": home, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def _request(health: str) -> dict[str, str]:
    """The CGI variables of a GET request for a path."""
    path, _, query = health.partition("?")
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": health,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "poolwise",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "HTTP_USER_AGENT": "poolwise",
        "HTTP_ACCEPT": "*/*",
    }


def _listen(child: Watched, subject: Subject, patience_s: float, ask: bool) -> Loaded:
    """Follow the trial to its end."""
    _hear(child, subject, "starting Python", START_S)
    bare = memory([child.pid])
    child.go()
    wall_s, cpu_s = _hear(child, subject, "importing it", patience_s)
    if not ask:
        return _loaded(child, (wall_s, cpu_s), bare, "", (), "")
    child.go()
    status, times, trace = _hear(child, subject, "answering a request", patience_s)
    return _loaded(child, (wall_s, cpu_s), bare, status, times, trace)


def _loaded(
    child: Watched,
    imported: tuple[float, float],
    bare: Memory,
    status: str,
    times: Sequence[tuple[float, float]],
    trace: str,
) -> Loaded:
    now = memory([child.pid])
    warm = times[1:] or times
    return Loaded(
        import_wall_s=imported[0],
        import_cpu_s=imported[1],
        bare_bytes=bare.pss_bytes,
        bare_private_bytes=bare.private_bytes,
        loaded_bytes=now.pss_bytes,
        loaded_private_bytes=now.private_bytes,
        first_request_wall_s=times[0][0] if times else 0.0,
        request_wall_s=median([wall for wall, _ in warm]) if warm else 0.0,
        request_cpu_s=median([cpu for _, cpu in warm]) if warm else 0.0,
        status=int(status[:3]) if status else 0,
        output=child.output + trace,
    )


def _hear(child: Watched, subject: Subject, deed: str, patience_s: float) -> list[Any]:
    """The next message that is good news; InputError for any other."""
    try:
        kind, *told = child.hear(patience_s)
    except Late:
        child.stop()
        text = failures.late(subject, deed, patience_s, child.faults)
    except Ended:
        text = failures.died(subject, deed, child.exit_code(), child.faults)
    else:
        if kind not in failures.REPORTED:
            return told
        text = failures.REPORTED[kind](subject, *told)
    raise InputError(text + failures.printed(child.output))
