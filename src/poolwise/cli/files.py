"""Writing the user's files: whole or not at all, with a backup, and put back when something is wrong."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from poolwise.model import InputError


def checked_target(path: str | Path) -> Path:
    """The path, when a file can be written there; InputError otherwise, before any work is done."""
    target = Path(path)
    try:
        mode = target.stat().st_mode if target.exists() else stat.S_IFREG
    except OSError as error:  # a folder on the way that may not be entered
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{target} is a directory; name a file in it")
    if not stat.S_ISREG(mode):
        raise InputError(f"{target} is not a plain file; it is left alone")
    if not target.absolute().parent.is_dir():
        raise InputError(f"{target}: there is no directory {target.absolute().parent}")
    if not os.access(target.absolute().parent, os.W_OK):  # a file is replaced by a new one beside it
        raise InputError(f"{target}: you may not write in the directory {target.absolute().parent}")
    return target


def check_targets(paths: Iterable[str | None], inputs: Iterable[str]) -> None:
    """InputError unless every path that is asked for can be written, once, and is none of the inputs."""
    read = {os.path.realpath(name) for name in inputs}
    seen: set[str] = set()
    for path in filter(None, paths):
        place = os.path.realpath(checked_target(path))
        if place in read:
            raise InputError(f"{path} is read by this command; write to another file")
        if place in seen:
            raise InputError(f"{path} is named for two outputs; give each its own file")
        seen.add(place)


def write(path: str | Path, content: bytes | str) -> None:
    """Write the whole file or nothing: into a temporary file beside it, then renamed over it.

    A link is followed; the mode of an existing file is kept, and its owner where that is allowed. Raises
    InputError naming the file when the system refuses.
    """
    target = Path(os.path.realpath(checked_target(path)))
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    try:
        _replace(target, data)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error


def _replace(target: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            _take_after(target, file.fileno())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _take_after(target: Path, descriptor: int) -> None:
    """Give the new file the mode and the owner of the one that it replaces, or what a new file gets."""
    if not target.exists():
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
        return
    old = target.stat()
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)


@contextmanager
def replaced(contents: Mapping[str, tuple[str, str]], stamp: str) -> Iterator[list[Path]]:
    """Within the block the files hold their new text; an exception in it puts every one of them back.

    ``contents``: path -> (text before, text after). ``stamp``: part of the backups' names. Yields the
    backups, which stay when the block succeeds. Raises InputError, with nothing changed, when a file is
    no longer what it was when it was read.
    """
    backups: list[tuple[Path, Path]] = []
    try:
        for name, (before, _) in contents.items():
            backups.append(_back_up(Path(os.path.realpath(name)), before, stamp))
        for name, (_, after) in contents.items():
            write(name, after)
        yield [backup for _, backup in backups]
    except BaseException:
        for path, backup in backups:
            backup.replace(path)  # needs no space on the disk, which may be what went wrong
        raise


def _back_up(path: Path, before: str, stamp: str) -> tuple[Path, Path]:
    """Copy one file, with mode, owner and times, to its backup. Returns both paths."""
    backup = path.with_name(f"{path.name}.poolwise-{stamp}.bak")
    if backup.exists():
        raise InputError(f"{backup} exists already; nothing was written, run it again")
    try:
        if path.read_bytes() != before.encode("utf-8", "surrogateescape"):
            raise InputError(f"{path} has changed since it was read; nothing was written, run it again")
        shutil.copy2(path, backup)
        with suppress(PermissionError):
            shutil.chown(backup, path.stat().st_uid, path.stat().st_gid)
    except BaseException as error:
        backup.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise InputError(f"cannot back up {path}: {error.strerror or error}; nothing was written") from error
    return path, backup


def write_all(contents: Sequence[tuple[str | None, Callable[[], bytes | str]]]) -> list[str]:
    """Write each file that was asked for (a path that is not None); return the paths written."""
    wanted = [(path, make) for path, make in contents if path]
    for path, make in wanted:
        write(path, make())
    return [path for path, _ in wanted]
