"""The Python of a rehearsal: any that has a mod_wsgi will do for the stand-in."""

from __future__ import annotations

from poolwise.deploy.finding.access import check_access
from poolwise.deploy.finding.ask import which
from poolwise.deploy.finding.find import find_interpreter
from poolwise.deploy.finding.mod_wsgi import find_mod_wsgi
from poolwise.deploy.plan import Httpd, Interpreter, ModWsgi
from poolwise.model import InputError


def find_python(
    httpd: Httpd, asked: str, user: str, any_will_do: bool, mod_wsgi: str = ""
) -> tuple[Interpreter, ModWsgi]:
    """An interpreter with its mod_wsgi that ``user`` ("" is ourselves) may run.

    ``asked`` and ``mod_wsgi``: as for ``find_interpreter`` and ``find_mod_wsgi``. When nothing is asked for
    and ``any_will_do``, the system's own Python is tried as well. Raises InputError that says what is
    missing for the first one.
    """
    problem: InputError | None = None
    others = ("/usr/bin/python3", which("python3")) if any_will_do and not asked else ()
    for python in (asked, *filter(None, others)):
        try:
            interpreter = find_interpreter(python)
            check_access(user, interpreter, [])
            return interpreter, find_mod_wsgi(interpreter, httpd, mod_wsgi)
        except InputError as error:
            problem = problem or error
    assert problem
    raise problem
