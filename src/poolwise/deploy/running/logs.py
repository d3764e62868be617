"""What the logs said last, when something failed."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

LAST_BYTES = 1 << 18
ERROR = re.compile(r"\[[\w-]*:(error|crit|alert|emerg)\]")


def last_lines(path: str | Path, most: int = 10, since: int = 0) -> tuple[str, ...]:
    """The last lines of a file, those before the offset ``since`` left out; none when it cannot be read."""
    with suppress(OSError), Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(since if since <= size else 0, size - LAST_BYTES))
        lines = file.read(LAST_BYTES).decode("utf-8", "replace").splitlines()
        return tuple(line for line in lines if line.strip())[-most:]
    return ()


def last_error(path: str | Path) -> str:
    """The last line of httpd's error log that tells of an error or worse, "" when there is none lately."""
    lines = last_lines(path, LAST_BYTES)
    return next((line for line in reversed(lines) if ERROR.search(line)), "")
