"""Where served folders lie, and whether nobody but their owner can change what is in them.

The default is below the user's own run-time folder: ``/run/poolwise`` for root, else
``$XDG_RUNTIME_DIR/poolwise`` or ``~/.local/state/poolwise`` (XDG base directories). A folder elsewhere is
noted there, so that ``status`` and ``stop`` find it by its name.
"""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from poolwise.deploy.finding.access import first_barrier
from poolwise.deploy.folder import OPEN, PRIVATE, make_folder, remove_file, replace_file
from poolwise.deploy.plan import Deployment, Front
from poolwise.deploy.rendering.backends import OWNED_FOLDERS
from poolwise.deploy.rendering.checks import check
from poolwise.deploy.running.state import State, has_state, read_state
from poolwise.model import InputError

ELSEWHERE = "elsewhere"


def base_folder(environ: Mapping[str, str] = os.environ, uid: int | None = None) -> Path:
    """The folder of this user's served folders. Raises InputError when the user has no home."""
    if (os.geteuid() if uid is None else uid) == 0:
        return Path("/run/poolwise")
    running = environ.get("XDG_RUNTIME_DIR", "")
    if running.startswith("/") and os.access(running, os.W_OK):
        return Path(running) / "poolwise"
    home = Path("~").expanduser()
    if not home.is_absolute() or not home.is_dir():
        raise InputError(f"there is no home folder {home} to keep the state in; name a folder with --folder")
    return home / ".local" / "state" / "poolwise"


def instance_folder(path: str | Path, user: str = "") -> Path:
    """A folder to serve from, made when absent: root's can be entered by the applications' ``user``.

    Raises InputError when somebody else could change what is in it, or when the user cannot get there.
    """
    folder = Path(os.path.abspath(path))  # noqa: PTH100 (links stay, to be refused)
    mode = OPEN if os.geteuid() == 0 else PRIVATE
    _check_way(user, next(each for each in folder.parents if each.is_dir()))
    for each in reversed([each for each in folder.parents if not each.exists()]):
        make_folder(each, mode)  # whatever the umask
    made = make_folder(folder, mode)
    _check_way(user, made)
    for place in (made, *made.parents):
        check_owner(place)
    return made


def _check_way(user: str, folder: Path) -> None:
    """InputError when the applications' user ("": we ourselves) may not enter the folder."""
    if user and (barrier := first_barrier(user, [(str(folder), "-x")])):
        raise InputError(
            f"{user}, as whom the application runs, may not enter {barrier}; serve from elsewhere"
        )


def prepared(deployment: Deployment) -> Path:
    """The deployment's folder with those below it that servers write in, made with the rights they need.

    Raises InputError as ``check`` and ``instance_folder`` do.
    """
    check(deployment)
    owner = _service(deployment.front)
    folder = instance_folder(deployment.folder, deployment.front.user if owner else "")
    make_folder(folder / "log", PRIVATE)
    make_folder(folder / "run", OPEN)
    for name in OWNED_FOLDERS:
        make_folder(folder / name, PRIVATE, owner)
    note_elsewhere(folder)
    return folder


def _service(front: Front) -> tuple[int, int] | None:
    """The user and group ids that the applications get when root starts the server, else None."""
    if os.geteuid() != 0 or not front.user:
        return None
    try:
        entry = pwd.getpwnam(front.user)
        return entry.pw_uid, grp.getgrnam(front.group).gr_gid if front.group else entry.pw_gid
    except KeyError as error:
        raise InputError(f"there is no such user or group: {error.args[0]}") from None


def check_owner(folder: Path) -> None:
    """InputError when others may rename or replace what is in a folder that ours lies in, or is."""
    found = folder.stat()
    if found.st_uid not in (0, os.geteuid()):
        raise InputError(f"{folder} belongs to uid {found.st_uid}, who could exchange what is in it")
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise InputError(f"every user may write in {folder}; choose another folder, or: chmod o-w {folder}")


def note_elsewhere(folder: Path) -> None:
    """Remember a served folder that does not lie in the base folder; silently not when there is no base."""
    with suppress(InputError):
        base = base_folder()
        if folder.parent != base:
            make_folder(base, OPEN if os.geteuid() == 0 else PRIVATE)
            notes = make_folder(base / ELSEWHERE, PRIVATE)
            for note, noted in _noted(base):
                if not noted.is_dir():
                    remove_file(note)
            replace_file(_note(notes, folder), os.fsencode(folder), 0o600)


def forget_elsewhere(folder: str | Path) -> None:
    """Remember it no more."""
    with suppress(InputError):
        remove_file(_note(base_folder() / ELSEWHERE, folder))


def _noted(base: Path) -> tuple[tuple[Path, Path], ...]:
    """Each note, and the folder that it is of; OSError when there are no notes."""
    return tuple((note, Path(os.fsdecode(note.read_bytes()))) for note in (base / ELSEWHERE).iterdir())


def _note(notes: Path, folder: str | Path) -> Path:
    return notes / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def served_folders() -> tuple[Path, ...]:
    """The folders of this user in which something was served and not ended in order, by name."""
    found: set[Path] = set()
    with suppress(InputError, OSError):
        base = base_folder()
        found.update(path for path in base.iterdir() if path.name != ELSEWHERE)
        found.update(folder for _, folder in _noted(base))
    return tuple(path for path in sorted(found, key=lambda path: (path.name, path)) if has_state(path))


def find_served(asked: str) -> State:
    """The state of the folder that FOLDER or NAME means.

    Raises InputError when nothing is served there, or when several have the name.
    """
    as_path = Path(os.path.abspath(asked))  # noqa: PTH100 (links stay, to be refused)
    if "/" in asked or (as_path / "state").is_dir():
        return _state_in(as_path)
    states = {folder: state for folder in served_folders() if (state := read_state(folder))}
    named = [folder for folder, state in states.items() if asked in (state.deployment.name, folder.name)]
    if len(named) > 1:
        raise InputError(f"several are called {asked}: {', '.join(map(str, named))}; name one by its folder")
    if named:
        return states[named[0]]
    known = ", ".join(state.deployment.name for state in states.values())
    raise InputError(f"nothing called {asked} is served; " + (f"served: {known}" if known else "nothing is"))


def find_only() -> State:
    """The state of the only served folder. InputError when there is none, or several."""
    states = [state for folder in served_folders() if (state := read_state(folder))]
    if len(states) == 1:
        return states[0]
    if not states:
        raise InputError("nothing is served by this user")
    raise InputError(f"several are served: {', '.join(each.deployment.name for each in states)}; name one")


def _state_in(folder: Path) -> State:
    if state := read_state(folder):
        return state
    raise InputError(f"nothing is served in {folder}")
