"""Logs that are no plain files: what cannot be opened, and what is packed."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from logwriter import Request, many, record

from poolwise.model import InputError
from poolwise.traffic import FORMATS, read_logs


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.fixture
def unreadable(log: Path) -> Iterator[Path]:
    """A file that this user may not read; root has to step down for it."""
    log.write_bytes(record(FORMATS["combined_d"], Request(10**15, 1500)))
    log.chmod(0)
    for folder in list(log.parents)[:3]:
        if folder.stat().st_uid == os.geteuid() and folder.name.startswith("pytest"):
            folder.chmod(0o755)
    log.parent.chmod(0o755)
    if os.geteuid() == 0:
        os.seteuid(65534)
    yield log
    os.seteuid(os.getuid())


def test_no_permission(unreadable: Path) -> None:
    with pytest.raises(InputError, match=r"access.log: cannot be read: Permission denied"):
        read_logs(unreadable)


def test_fifos_devices_folders_and_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, text in (
        (tmp_path / "pipe", "is not a regular file"),
        (Path("/dev/zero"), "is not a regular file"),
        (tmp_path, "is a directory; name the files in it"),
        (tmp_path / "absent.log", "cannot be read: No such file or directory"),
    ):
        with pytest.raises(InputError) as error:
            read_logs([path])
        assert str(error.value).startswith(f"{path}: {text}")
    with pytest.raises(InputError, match="no log file is named"):
        read_logs([])
    with pytest.raises(InputError, match="cannot be read"):
        read_logs("a\0b")


@pytest.mark.parametrize(
    ("magic", "packer"), [(b"BZh91AY", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"PK\3\4", "zip")]
)
def test_other_packers_are_named(log: Path, magic: bytes, packer: str) -> None:
    log.write_bytes(magic + bytes(100))
    with pytest.raises(InputError, match=f"is packed with {packer}; unpack it first"):
        read_logs(log)


def test_a_cut_gzip_gives_what_it_holds(log: Path) -> None:
    packed = gzip.compress(b"\n".join(many(40_000)) + b"\n")
    log.write_bytes(packed[: len(packed) // 2])
    workload = read_logs(log)
    assert 10_000 < len(workload) < 30_000
    assert np.round(workload.service_s[:9000] * 1e6).astype(int).tolist() == list(range(1, 9001))
    (damage, *rest) = workload.notes
    assert "the gzip file is damaged or cut here" in damage.message
    assert damage.where.line in (len(workload), len(workload) + 1)
    assert len(rest) <= 1  # the line that was cut
    log.write_bytes(packed + b"trailing rubbish")
    workload = read_logs(log)
    assert len(workload) == 40_000
    assert len(workload.notes) == 1


def test_a_file_that_fails_at_its_first_byte() -> None:
    path = Path("/proc/self/mem")  # address 0 is never mapped: reading it is an input/output error
    if not path.exists():
        pytest.skip("needs Linux's /proc")
    with pytest.raises(InputError, match="/proc/self/mem: cannot be read: Input/output error"):
        read_logs(path)


def test_a_gzip_damaged_from_its_beginning_is_called_damaged(log: Path) -> None:
    packed = gzip.compress(b"\n".join(many(100)) + b"\n")
    log.write_bytes(packed[:10] + b"\xff" * 100)
    with pytest.raises(InputError, match=r"no lines; .*the gzip file is damaged or cut here"):
        read_logs(log)
