"""Which files of an application have changed, seen by their times: for ``--reload`` while developing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

SUFFIXES = (".py", ".html", ".jinja", ".jinja2", ".j2", ".toml", ".yaml", ".yml", ".ini", ".cfg", ".env")
SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "venv"})
MOST_FILES = 20_000


class Watch:
    """Code, templates and settings below some folders; hidden ones and environments are left out."""

    def __init__(self, folders: Iterable[str]) -> None:
        self._folders = tuple(dict.fromkeys(folders))
        self.took_s = 0.0  # by the last look
        self._seen = self._look()

    def changed(self) -> tuple[str, ...]:
        """The files that were written, added or removed since the last time, by name."""
        now = self._look()
        names = sorted(
            name for name in now.keys() | self._seen.keys() if now.get(name) != self._seen.get(name)
        )
        self._seen = now
        return tuple(names)

    def _look(self) -> dict[str, tuple[int, int]]:
        begun = time.monotonic()
        seen: dict[str, tuple[int, int]] = {}
        for entry in (entry for folder in self._folders for entry in _files(folder)):
            with suppress(OSError):
                found = entry.stat()
                seen[entry.path] = (found.st_mtime_ns, found.st_size)
            if len(seen) >= MOST_FILES:
                break
        self.took_s = time.monotonic() - begun
        return seen


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    """The files that count, in the folder and below it; links to folders are not followed."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name != ".env":
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED:
                    yield from _files(entry.path)
            elif entry.name.endswith(SUFFIXES):
                yield entry
