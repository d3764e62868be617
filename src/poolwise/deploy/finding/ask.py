"""Asking a program about itself: run it shortly, take what it says, name what went wrong."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from poolwise.deploy.validate import PLACES
from poolwise.model import InputError

PATIENCE_S = 20.0
MARK = "\nabout: "


def answer(command: Sequence[str], *, clean: bool = False) -> str:
    """What the command prints, on standard error as well, whatever its exit code.

    It runs in ``/``, so that nothing in our working directory gets in its way. ``clean``: without our
    environment. Raises InputError when it cannot be run or has not ended within 20 s.
    """
    program = command[0]
    try:
        done = subprocess.run(
            command,
            cwd="/",
            env={**({} if clean else os.environ), "PATH": search_path(), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{program} did not answer within {PATIENCE_S:g} s") from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot run {program}: {getattr(error, 'strerror', None) or error}") from error
    return done.stdout.decode("utf-8", "replace")


def answer_of_python(executable: str, script: str) -> Any:
    """The value of ``about`` at the end of a script that the interpreter runs; None when there is none.

    The script runs with the interpreter's own packages, but without PYTHONPATH and the like.
    """
    said = answer([executable, "-E", "-c", f"{script}\nprint({MARK!r} + repr(about))"])
    try:
        return ast.literal_eval(said.rpartition(MARK)[2].partition("\n")[0])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def search_path() -> str:
    """PATH with the folders of servers, which users other than root often lack."""
    return f"{os.environ.get('PATH') or os.defpath}:{PLACES}"


def which(*names: str) -> str:
    """The path of the first of these programs that is installed, "" when none is."""
    return next((found for name in names if (found := shutil.which(name, path=search_path()))), "")


def located(asked: str) -> str:
    """The absolute path of a program that is given by its path or its name; as it was when there is none."""
    return os.path.abspath(asked) if os.sep in asked else which(asked) or asked  # noqa: PTH100 (links stay)


def how_to_install(debian: str, fedora: str) -> str:
    """The command that installs a package here; both where we cannot tell which system this is."""
    commands = {"apt-get": f"apt-get install {debian}", "dnf": f"dnf install {fedora}"}
    here = [command for tool, command in commands.items() if which(tool)]
    return " or ".join(here or commands.values())
