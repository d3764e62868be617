"""Finding the mod_wsgi that is built for an interpreter: for its very build, not only for its version.

mod_wsgi holds a Python of its own, libpython. It can run what an interpreter's environment holds only when
that is the interpreter's library: the same version from another build has other paths and other switches,
and mostly works until it does not. What the dynamic loader resolves is asked from ``ldd``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from poolwise.deploy.finding.ask import answer, answer_of_python, how_to_install, which
from poolwise.deploy.plan import Httpd, Interpreter, ModWsgi
from poolwise.model import InputError

ABOUT_MOD_WSGI = """
import glob, os
from importlib import util
spec = util.find_spec("mod_wsgi")
about = []
for folder in spec.submodule_search_locations or () if spec else ():
    about += sorted(glob.glob(os.path.join(glob.escape(folder), "server", "mod_wsgi-py*.so")))
"""
ABOUT_HEADERS = """
import os, sysconfig
about = os.path.isfile(os.path.join(sysconfig.get_paths()["include"], "Python.h"))
"""


def find_mod_wsgi(interpreter: Interpreter, httpd: Httpd, path: str = "") -> ModWsgi:
    """The mod_wsgi for this interpreter: in its own environment, else among httpd's modules.

    ``path``: look at this one only. InputError, with what was looked at and how to get one that fits, when
    none is linked to the interpreter's own library.
    """
    refused = []
    for place in (path,) if path else _places(interpreter, httpd):
        found, reason = _examine(place, interpreter)
        if found:
            return found
        refused.append(reason)
    what = f"no mod_wsgi fits the interpreter {interpreter.executable} (Python {interpreter.version})"
    none = "none is installed, in its environment or for Apache"
    looked = [f"  {reason}" for reason in refused or [none]]
    raise InputError("\n".join([f"{what}:", *looked, *_how_to_get(interpreter)]))


def _places(interpreter: Interpreter, httpd: Httpd) -> Iterator[str]:
    """The files to look at, the best first."""
    own = answer_of_python(interpreter.executable, ABOUT_MOD_WSGI)
    if isinstance(own, list):
        yield from map(str, own)
    yield from (str(each) for each in sorted(Path(httpd.modules).glob("mod_wsgi*.so")))


def _examine(path: str, interpreter: Interpreter) -> tuple[ModWsgi | None, str]:
    """The module when it fits, else None and why it does not."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        return None, f"{path} cannot be read: {error.strerror}"
    version = re.search(rb"(\d+\.\d+(?:\.\d+)*)\x00+mod_wsgi/%s", data)
    if not version:
        return None, f"{path} is no mod_wsgi"
    name, library = linked_to(path)
    if name and not library:
        return None, f"{path} is linked to {name}, which the system's loader does not find"
    if name and library != interpreter.library:
        theirs = interpreter.library or "a Python that is linked in"
        reason = f"is linked to {library}, but the interpreter {interpreter.executable} uses {theirs}"
        return None, f"{path} {reason}"
    if not name and interpreter.version.encode() + b"\x00" not in data:
        return None, f"{path} holds another Python than {interpreter.version} of {interpreter.executable}"
    return ModWsgi(path, version[1].decode(), library), ""


def linked_to(path: str) -> tuple[str, str]:
    """The libpython that a shared object asks for, and the real path that the loader finds for it.

    ("", "") when it asks for none, (name, "") when the loader does not find it. Raises InputError when
    ``ldd`` cannot be run.
    """
    said = answer(["ldd", path], clean=True)
    found = re.search(r"^\s*(\S*libpython\S+)(?: => (\S.*?))?(?: \(0x[0-9a-f]+\))?$", said, re.MULTILINE)
    if not found:
        return "", ""
    place = found[2] or found[1]
    return found[1], os.path.realpath(place) if place.startswith("/") else ""


def _how_to_get(interpreter: Interpreter) -> Iterator[str]:
    """The command that builds one, and what it will lack on this machine."""
    yield f"build one for it: {interpreter.executable} -m pip install --no-cache-dir mod_wsgi"
    headers = answer_of_python(interpreter.executable, ABOUT_HEADERS)
    python_dev = "install this Python with its headers"
    if interpreter.base_prefix == "/usr":
        python_dev = how_to_install("python3-dev", "python3-devel")
    for what, there, command in (
        ("apxs", which("apxs", "apxs2"), how_to_install("apache2-dev", "httpd-devel")),
        ("a C compiler", which("cc", "gcc", "clang"), how_to_install("gcc", "gcc")),
        ("Python.h", headers, python_dev),
    ):
        if not there:
            yield f"  it needs {what}, which is missing here: {command}"
