"""The folders of servers that we write and run: whole files or none, private where they must be.

Everything in ``deploy`` that writes, writes through here. A path that is a symbolic link where we expect a
file or folder of our own is refused: whoever put it there would choose what we overwrite.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from poolwise.deploy.plan import Rendered
from poolwise.model import InputError

PRIVATE, OPEN = 0o700, 0o755


def write_tree(folder: str | Path, files: Iterable[Rendered]) -> tuple[Path, ...]:
    """Write the files below ``folder`` (made when absent), each replaced whole; their paths.

    Raises InputError when a path leads out of the folder, is a link or a folder, or cannot be written.
    """
    top = make_folder(folder, OPEN)
    return tuple(replace_file(_inside(top, each.path), each.text, each.mode) for each in files)


def make_folder(path: str | Path, mode: int, owner: tuple[int, int] | None = None) -> Path:
    """A folder of that mode (and ``(uid, gid)``), made with its parents when absent.

    One that exists is taken as it is when it is private enough: InputError when it is a link, belongs to
    somebody else, or when a ``PRIVATE`` one can be entered by others.
    """
    folder = Path(path)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode)
            folder.chmod(mode)  # whatever the umask
            if owner:
                os.chown(folder, *owner)
        found = folder.lstat()
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a folder"
        raise InputError(f"{folder} is {kind}; remove it, or choose another folder")
    if found.st_uid not in {os.geteuid(), owner[0] if owner else 0}:
        raise InputError(f"{folder} belongs to another user (uid {found.st_uid}); choose another folder")
    if mode == PRIVATE and found.st_mode & 0o077:
        raise InputError(f"{folder} can be entered by other users; make it private: chmod 700 {folder}")
    return folder


def replace_file(path: str | Path, content: str | bytes, mode: int = 0o644) -> Path:
    """Write a file whole, beside its place first; on any failure the old one stays. Raises InputError."""
    target = Path(path)
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    if target.is_symlink() or target.is_dir():
        raise InputError(f"{target} is {'a symbolic link' if target.is_symlink() else 'a folder'}; remove it")
    beside = ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        number, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(number, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
        Path(beside).replace(target)
    except OSError as error:
        if beside:
            Path(beside).unlink(missing_ok=True)
        raise InputError(f"cannot write {target}: {error.strerror}") from error
    return target


def remove_file(path: str | Path) -> None:
    """Remove a file that we wrote; nothing happens when it is gone already."""
    with suppress(OSError):
        Path(path).unlink()


@contextmanager
def scratch(name: str, mode: int = OPEN) -> Iterator[Path]:
    """A new folder below the system's temporary one (TMPDIR), removed with all it holds at the end.

    Raises InputError when it cannot be made (a full or read-only disk).
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"poolwise-{name}-"))
        folder.chmod(mode)
    except OSError as error:
        raise InputError(f"cannot make a folder in {tempfile.gettempdir()}: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(path: str | Path, holder: str) -> Iterator[IO[str]]:
    """Hold the lock file ``path`` until the end; the system lets go of it even when we are killed.

    ``holder``: what is written into it, for whoever finds it held. InputError, with that text, when
    another process holds it.
    """
    with _opened_private(Path(path)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"{path} is held by another process: {file.read().strip()}") from error
        file.truncate(0)
        file.write(holder)
        file.flush()
        yield file


def _opened_private(path: Path) -> IO[str]:
    """A file of our own, readable by nobody else, no link followed."""
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(f"cannot open {path}: {error.strerror}") from error
    return os.fdopen(number, "r+", encoding="utf-8")


def _inside(top: Path, relative: str) -> Path:
    """The place of a file below ``top``, with its folders; InputError when it would lie elsewhere."""
    parts = Path(relative).parts
    if not parts or ".." in parts or Path(relative).is_absolute():
        raise InputError(f"{relative!r} does not lie inside of {top}")
    place = top
    for part in parts[:-1]:
        place = make_folder(place / part, OPEN)
    return place / parts[-1]
