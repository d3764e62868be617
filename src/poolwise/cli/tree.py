"""A tree of files as it is and as it would be: what differs, shown or written, never without being asked."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from poolwise.cli.files import replaced
from poolwise.deploy import Rendered, write_tree
from poolwise.model import InputError


def before(folder: Path, each: Rendered) -> str | None:
    """The text of a file as it is now, None when there is none. InputError when it cannot be read."""
    path = folder / each.path
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def difference(folder: Path, files: Sequence[Rendered]) -> str:
    """What would change, as a unified diff; "" when nothing would."""
    return "".join(_diff(folder / each.path, before(folder, each), each.text) for each in files)


def put(folder: Path, files: Sequence[Rendered], *, over: bool) -> tuple[Path, ...]:
    """Write the files below ``folder``; the backups of those that were replaced.

    ``over``: replace files that are there with another text. Without it InputError names them, and nothing
    is written; nor is it when anything else goes wrong.
    """
    old = {each: text for each in files if (text := before(folder, each)) is not None}
    changed = {each: text for each, text in old.items() if text != each.text}
    if changed and not over:
        names = ", ".join(str(folder / each.path) for each in changed)
        raise InputError(
            f"not what would be written: {names}. --diff shows how they differ, --write replaces them "
            "(backups are kept); nothing was written"
        )
    contents = {str(folder / each.path): (text, each.text) for each, text in changed.items()}
    with replaced(contents, f"{datetime.now():%Y%m%d-%H%M%S}") as backups:
        write_tree(folder, files)
    return tuple(backups)


def _diff(path: Path, old: str | None, new: str) -> str:
    if old == new:
        return ""
    name = "/dev/null" if old is None else str(path)
    lines = difflib.unified_diff((old or "").splitlines(True), new.splitlines(True), name, str(path))
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
