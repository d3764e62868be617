"""What is installed: a Python, an Apache httpd, nginx.

Each finder asks the program itself, never a package database, so that it is right for what was built by hand
as well. What is missing or does not fit is an InputError that says what to do.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from poolwise.deploy.finding.ask import answer, answer_of_python, how_to_install, located, which
from poolwise.deploy.plan import Httpd, Interpreter
from poolwise.deploy.validate import find_httpd
from poolwise.model import InputError

OLDEST_PYTHON = (3, 8)
# below HTTPD_ROOT, and below the folder that httpd's own sbin or bin lies in: Debian, Fedora, Arch, SUSE
MODULE_FOLDERS = (
    "modules",
    "lib/apache2/modules",
    "lib64/httpd/modules",
    "lib/httpd/modules",
    "lib64/apache2",
)

ABOUT_PYTHON = """
import sys, sysconfig
names = ("INSTSONAME", "LDLIBRARY", "LIBDIR", "LIBPL", "MULTIARCH")
about = {
    "executable": sys.executable,
    "version": "%d.%d.%d" % sys.version_info[:3],
    "prefix": sys.prefix,
    "base_prefix": getattr(sys, "base_prefix", sys.prefix),
    "config": {name: str(sysconfig.get_config_var(name) or "") for name in names},
}
"""


def find_interpreter(python: str = "") -> Interpreter:
    """The Python that the applications run on, asked itself.

    ``python``: its path or name, or the folder of a virtual environment; by default the one of the active
    virtual environment (VIRTUAL_ENV), else the one that runs poolwise. Raises InputError when it cannot be
    run, is no Python, does not answer, or is older than 3.8.
    """
    asked = _executable(python)
    about = answer_of_python(asked, ABOUT_PYTHON)
    if not isinstance(about, dict):
        raise InputError(f"{asked} is no Python that works: asked for its version, it does not say it")
    if tuple(map(int, about["version"].split("."))) < OLDEST_PYTHON:
        raise InputError(f"{asked} is Python {about['version']}; at least 3.8 is needed")
    executable = about["executable"] or asked  # behind a script, as pyenv has them, stands another file
    library = _library(about["config"], about["base_prefix"])
    return Interpreter(executable, about["prefix"], about["base_prefix"], about["version"], library)


def _executable(python: str) -> str:
    """The absolute path of what was asked for, symbolic links not followed: they name the environment."""
    environment = os.environ.get("VIRTUAL_ENV", "")
    asked = python or environment or sys.executable
    said = f"VIRTUAL_ENV is {asked}, but" if environment and not python else f"--python {asked}:"
    place = os.path.abspath(asked)  # noqa: PTH100
    try:
        inside = Path(place) / "bin" / "python"
        if inside.exists():
            return str(inside)
        found = place if os.sep in asked or Path(place).is_dir() else which(asked)
        if not found or not Path(found).exists():
            raise InputError(f"{said} there is no such Python")
        if Path(found).is_dir():
            raise InputError(f"{said} that folder has no bin/python; it is no virtual environment")
    except OSError as error:
        raise InputError(f"{said} {error.strerror}") from error
    return found


def _library(config: dict[str, str], base_prefix: str) -> str:
    """The real path of the shared libpython of an interpreter, "" when it has none.

    Its build's own folder, then where it lies now: a Python that was moved still tells of the place it was
    built for. Debian's interpreters have the library linked in and the same library beside them.
    """
    names = [name for name in (config["INSTSONAME"], config["LDLIBRARY"]) if ".so" in name]
    built_for = config["LIBDIR"]
    folders = [built_for, f"{built_for}/{config['MULTIARCH']}", f"{base_prefix}/lib", config["LIBPL"]]
    places = (Path(folder) / name for name in names for folder in folders if folder)
    return next((os.path.realpath(place) for place in places if os.access(place, os.R_OK)), "")


def find_apache(path: str = "") -> Httpd:
    """The Apache httpd: ``path``, or the one installed. InputError when there is none, or it is not 2.4."""
    httpd = located(path) if path else find_httpd()
    if not httpd:
        raise InputError(f"no Apache httpd was found; install it ({how_to_install('apache2', 'httpd')})")
    said = answer([httpd, "-V"])
    version = re.search(r"^Server version: Apache/(\d+\.\d+\.\d+)", said, re.MULTILINE)
    if not version:
        raise InputError(f"{httpd} is no Apache httpd: asked with -V, it does not say so")
    if not version[1].startswith("2.4."):
        raise InputError(f"{httpd} is Apache {version[1]}; poolwise runs applications on Apache 2.4")
    compiled = dict(re.findall(r'^ -D (\w+)="(.*)"', said, re.MULTILINE))
    top = Path(compiled.get("HTTPD_ROOT", "/"))
    return Httpd(
        path=httpd,
        version=version[1],
        modules=_modules(httpd, top),
        built_in=frozenset(re.findall(r"^\s+(\w+\.c)\s*$", answer([httpd, "-l"]), re.MULTILINE)),
        mime_types=_mime_types(top, compiled.get("AP_TYPES_CONFIG_FILE", "")),
    )


def _modules(httpd: str, top: Path) -> str:
    """The folder of mod_*.so: of this httpd's root, else of the distribution that it belongs to."""
    around = Path(os.path.realpath(httpd)).parent.parent
    for folder in (top / "modules", *(around / name for name in MODULE_FOLDERS)):
        if next(folder.glob("mod_*.so"), None):
            return str(folder)
    raise InputError(
        f"no folder of modules (mod_*.so) was found for {httpd}: not {top}/modules, not in {around}"
    )


def _mime_types(top: Path, compiled: str) -> str:
    places = (top / (compiled or "mime.types"), top / "conf/mime.types", Path("/etc/mime.types"))
    return next((str(place) for place in places if place.is_file()), "")


def find_nginx(path: str = "") -> str:
    """The path of nginx: ``path``, or the one installed. InputError when there is none."""
    found = located(path or "nginx")
    if not path and os.sep not in found:
        raise InputError(f"no nginx was found; install it ({how_to_install('nginx', 'nginx')})")
    if "nginx" not in answer([found, "-h"]):
        raise InputError(f"{found} is no nginx: asked with -h, it does not say so")
    return found
