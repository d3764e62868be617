"""Opening the user's data files: regular files only, plain or gzip, never blocking on anything else."""

from __future__ import annotations

import gzip
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from poolwise.model import InputError

_OTHER_PACKERS = {
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}


def check_regular(path: str | Path) -> int:
    """Size in bytes of a regular file; InputError for anything that is not one (it is not opened)."""
    try:
        status = Path(path).stat()  # before opening: opening a FIFO would wait for its writer
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {_reason(error)}") from None
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{path}: is a directory; name the files in it ({path}/*)")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(
            f"{path}: is not a regular file (a pipe, socket or device); copy it into a file first"
        )
    return status.st_size


@contextmanager
def open_data(path: str | Path) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """Open a plain or gzip file; yields the unpacked stream and a function: bytes read on disk so far.

    gzip is recognised by its first bytes, whatever the file is called. Raises InputError.
    """
    check_regular(path)
    try:
        raw = Path(path).open("rb")  # noqa: SIM115 -- the with below closes it
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {_reason(error)}") from None
    with raw:
        try:
            magic = raw.peek(8)[:8]
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {_reason(error)}") from None
        for start, packer in _OTHER_PACKERS.items():
            if magic.startswith(start):
                raise InputError(
                    f"{path}: is packed with {packer}; unpack it first (plain and gzip are read)"
                )
        if magic.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast(IO[bytes], unpacked), raw.tell
        else:
            yield raw, raw.tell


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
