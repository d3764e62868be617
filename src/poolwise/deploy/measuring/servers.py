"""The servers in which an application can be measured, each found on this machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from poolwise.deploy.finding.ask import answer, answer_of_python
from poolwise.deploy.finding.find import find_apache
from poolwise.deploy.finding.mod_wsgi import find_mod_wsgi
from poolwise.deploy.measuring.gunicorn import GunicornServer
from poolwise.deploy.measuring.mod_wsgi import ModWsgiServer
from poolwise.deploy.measuring.subject import Server
from poolwise.deploy.measuring.uwsgi import UwsgiServer
from poolwise.deploy.plan import Interpreter
from poolwise.model import InputError

ABOUT_GUNICORN = """
from importlib import metadata
try:
    about = metadata.version("gunicorn")
except metadata.PackageNotFoundError:
    about = ""
"""


def server_for(name: str, interpreter: Interpreter, *, httpd: str = "", mod_wsgi: str = "") -> Server:
    """The server of that name for the interpreter. Raises InputError when it is not installed for it.

    ``httpd``, ``mod_wsgi``: the paths of these two, where those that are found by themselves are not meant.
    """
    if name == "mod_wsgi":
        apache = find_apache(httpd)
        return ModWsgiServer(apache, find_mod_wsgi(interpreter, apache, mod_wsgi))
    return _OTHERS[name](interpreter)


def _gunicorn(interpreter: Interpreter) -> Server:
    version = answer_of_python(interpreter.executable, ABOUT_GUNICORN)
    if not version:
        raise InputError(
            f"gunicorn is not installed for {interpreter.executable}; "
            f"{interpreter.executable} -m pip install gunicorn"
        )
    return GunicornServer(str(version))


def _uwsgi(interpreter: Interpreter) -> Server:
    """The uWSGI beside the interpreter: it holds a Python of its own, which must be of that version."""
    path = Path(interpreter.executable).parent / "uwsgi"
    if not path.is_file():
        raise InputError(
            f"there is no uwsgi beside {interpreter.executable}; "
            f"{interpreter.executable} -m pip install --no-cache-dir uwsgi"
        )
    inside = answer([str(path), "--python-version"]).strip()
    if inside.split(".")[:2] != interpreter.version.split(".")[:2]:
        raise InputError(
            f"{path} holds Python {inside or '(none)'}, but {interpreter.executable} is {interpreter.version}"
        )
    found = re.match(r"\d[\w.]*", answer([str(path), "--version"]).strip())
    return UwsgiServer(str(path), found[0] if found else "of an unknown version")


_OTHERS: Mapping[str, Callable[[Interpreter], Server]] = {"gunicorn": _gunicorn, "uwsgi": _uwsgi}
SERVERS = ("mod_wsgi", *_OTHERS)
