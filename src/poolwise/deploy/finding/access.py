"""Who runs the application when root starts the server, and what that user may read.

Apache started by root gives its daemon processes to an ordinary user. Whether that user may enter a folder
is asked as that user, so that access lists and read-only mounts count as well.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from poolwise.deploy.plan import Interpreter
from poolwise.model import InputError

SERVICE_USERS = ("www-data", "apache", "httpd", "http", "wwwrun", "nobody")
PATIENCE_S = 20.0
MOST_LINKS = 40  # as the kernel: ELOOP
# prints the first path of the arguments (after a test each: -x, -r) that does not pass
PROBE = 'while [ $# -gt 1 ]; do [ "$1" "$2" ] || { printf %s "$2"; exit 1; }; shift 2; done'


def service_user() -> str:
    """The user to whom a server started by root gives the application; InputError when there is none."""
    for name in SERVICE_USERS:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise InputError(f"none of the users {', '.join(SERVICE_USERS)} exists; say with --user who runs it")


class Identity(TypedDict, total=False):
    """Who a process is started as: arguments of ``subprocess``."""

    user: int
    group: int
    extra_groups: list[int]


def identity(user: str) -> Identity:
    """That user with all its groups; {} for ourselves.

    Raises InputError for a user who does not exist, and when we may not become that user.
    """
    if not user:
        return {}
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise InputError(f"--user {user}: there is no such user") from None
    if entry.pw_uid == os.geteuid():
        return {}
    if os.geteuid() != 0:
        raise InputError(f"--user {user}: only root may run the application as somebody else")
    groups = os.getgrouplist(user, entry.pw_gid)
    return Identity(user=entry.pw_uid, group=entry.pw_gid, extra_groups=groups)


def check_access(user: str, interpreter: Interpreter, folders: Iterable[str]) -> None:
    """Whether the user may run the interpreter and read its prefixes and the folders.

    ``user``: "" is ourselves. Raises InputError that names the first component of a path that forbids it.
    """
    wanted = [(interpreter.executable, "-x"), (interpreter.prefix, "-r"), (interpreter.base_prefix, "-r")]
    wanted += [(folder, "-r") for folder in folders]
    barrier = first_barrier(user, wanted)
    if not barrier:
        return
    who = f"{user}, as whom the application runs," if user else "you"
    remedy = _remedy(barrier, interpreter) + (", or choose another user (--user)" if user else "")
    raise InputError(f"{who} may not {_deed(barrier)}; {remedy}")


def first_barrier(user: str, wanted: Sequence[tuple[str, str]]) -> str:
    """The first path on the way to each of ``(path, test)`` that the user may not pass, "" when all is open.

    ``test``: ``-r`` or ``-x``, as in test(1).
    """
    steps = dict.fromkeys(step for path, test in wanted for step in (*_way(path, MOST_LINKS), (test, path)))
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", PROBE, "sh", *(word for step in steps for word in step)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
            **identity(user),
        )
    except subprocess.TimeoutExpired:
        places = ", ".join(path for path, _ in wanted)
        raise InputError(f"a file system does not answer: looking at {places}") from None
    return os.fsdecode(done.stdout)


def _way(path: str, links: int) -> Iterator[tuple[str, str]]:
    """The folders that have to be entered on the way to a path, those behind symbolic links included."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 (links stay)
    for folder in (*reversed(absolute.parents), absolute):
        target = ""
        with suppress(OSError):  # no link, or not for us to see
            target = str(folder.readlink())
        if target and links:
            yield from _way(str(folder.parent / target), links - 1)
        if folder != absolute:
            yield "-x", str(folder.parent / target) if target else str(folder)


def _deed(barrier: str) -> str:
    try:
        mode = Path(barrier).stat().st_mode
    except OSError as error:
        return f"reach {barrier} ({error.strerror})"
    return f"{'enter' if stat.S_ISDIR(mode) else 'read'} {barrier} (mode {stat.S_IMODE(mode):o})"


def _remedy(barrier: str, interpreter: Interpreter) -> str:
    """What to change: the interpreter when that lies behind the barrier, else the folder's mode."""
    places = (interpreter.executable, interpreter.prefix, interpreter.base_prefix)
    if any(Path(os.path.realpath(place)).is_relative_to(barrier) for place in places):
        return "choose a Python that lies elsewhere (--python /usr/bin/python3)"
    return f"open it (chmod o+rx {barrier})"
