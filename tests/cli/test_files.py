"""Files are written whole or not at all, and put back when something goes wrong."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from poolwise.cli.files import check_targets, checked_target, replaced, write
from poolwise.model import InputError

STAMP = "20250102-030405"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "a.conf"
    file.write_text("old")
    file.chmod(0o640)
    write(file, "new\n")
    assert file.read_text() == "new\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert names(tmp_path) == ["a.conf"]


def test_a_new_file_gets_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "report.html", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "available").mkdir()
    (tmp_path / "available" / "a.conf").write_text("old")
    link = tmp_path / "a.conf"
    link.symlink_to("available/a.conf")
    write(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "available" / "a.conf").read_text() == "new"


def test_directories_devices_and_missing_folders_are_refused_with_their_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, said in [
        (tmp_path, "directory"),
        (tmp_path / "pipe", "plain file"),
        (tmp_path / "no/x", "no directory"),
    ]:
        with pytest.raises(InputError, match=said) as caught:
            checked_target(path)
        assert str(path) in str(caught.value)


@pytest.fixture
def theirs(tmp_path: Path, mode: int) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs").chmod(mode)


@pytest.fixture
def somebody_else(tmp_path: Path) -> Iterator[None]:
    """The test runs as a user who owns nothing of it; skipped where only root could arrange that."""
    if os.getuid() != 0:
        pytest.skip("needs root")
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent, tmp_path.parent.parent.parent):
        if "pytest" in path.name or "popen" in path.name or path == tmp_path:
            path.chmod(0o755)
    os.setresuid(65534, 65534, 0)
    yield
    os.setresuid(0, 0, 0)


@pytest.mark.parametrize(
    ("mode", "said"), [(0o755, "you may not write in the directory"), (0o700, "Permission denied")]
)
@pytest.mark.usefixtures("theirs", "somebody_else")
def test_a_folder_of_somebody_else_is_told_before_any_work(tmp_path: Path, mode: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        checked_target(tmp_path / "theirs" / "report.html")


def test_outputs_are_neither_inputs_nor_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "in.conf").write_text("x")
    (tmp_path / "link").symlink_to("in.conf")
    check_targets([None, str(tmp_path / "a"), str(tmp_path / "b")], [str(tmp_path / "in.conf")])
    with pytest.raises(InputError, match="is read by this command"):
        check_targets([str(tmp_path / "link")], [str(tmp_path / "in.conf")])
    with pytest.raises(InputError, match="two outputs"):
        check_targets([str(tmp_path / "a"), str(tmp_path / "." / "a")], [])


def test_a_refused_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    file = tmp_path / "a.conf"
    file.write_text("old")
    with pytest.raises(TypeError):
        write(file, 5)  # type: ignore[arg-type]
    assert file.read_text() == "old"
    assert names(tmp_path) == ["a.conf"]


def two_files(folder: Path) -> dict[str, tuple[str, str]]:
    (folder / "a.conf").write_text("a old")
    (folder / "b.conf").write_text("b old")
    return {str(folder / "a.conf"): ("a old", "a new"), str(folder / "b.conf"): ("b old", "b new")}


def test_files_are_replaced_together_and_backed_up(tmp_path: Path) -> None:
    with replaced(two_files(tmp_path), STAMP) as backups:
        assert (tmp_path / "a.conf").read_text() == "a new"
    assert (tmp_path / "b.conf").read_text() == "b new"
    assert [backup.name for backup in backups] == [f"{n}.conf.poolwise-{STAMP}.bak" for n in "ab"]
    assert [backup.read_text() for backup in backups] == ["a old", "b old"]


@pytest.mark.parametrize("error", [InputError("httpd says no"), KeyboardInterrupt()])
def test_an_exception_puts_every_file_back(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), replaced(two_files(tmp_path), STAMP):
        raise error
    assert (tmp_path / "a.conf").read_text() == "a old"
    assert (tmp_path / "b.conf").read_text() == "b old"
    assert names(tmp_path) == ["a.conf", "b.conf"]


def test_a_file_that_changed_meanwhile_stops_everything(tmp_path: Path) -> None:
    contents = two_files(tmp_path)
    (tmp_path / "b.conf").write_text("edited by hand")
    with pytest.raises(InputError, match=r"b\.conf has changed"), replaced(contents, STAMP):
        pytest.fail("the block must not run")
    assert (tmp_path / "a.conf").read_text() == "a old"
    assert (tmp_path / "b.conf").read_text() == "edited by hand"
    assert names(tmp_path) == ["a.conf", "b.conf"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB; skipped where it cannot be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs root and mount")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_leaves_no_broken_backup(small_disk: Path) -> None:
    file = small_disk / "a.conf"
    file.write_text("x" * 40_000)
    contents = {str(file): ("x" * 40_000, "new")}
    refused = pytest.raises(
        InputError, match=r"cannot back up .*No space left on device; nothing was written"
    )
    with refused, replaced(contents, STAMP):
        pytest.fail("the block must not run")
    assert names(small_disk) == ["a.conf"]


def test_files_are_put_back_on_a_disk_that_has_become_full(small_disk: Path) -> None:
    contents = two_files(small_disk)
    contents[str(small_disk / "b.conf")] = ("b old", "x" * 100_000)
    refused = pytest.raises(InputError, match=r"cannot write .*b\.conf: No space left on device")
    with refused, replaced(contents, STAMP):
        pytest.fail("the block must not run")
    assert (small_disk / "a.conf").read_text() == "a old"
    assert (small_disk / "b.conf").read_text() == "b old"
    assert names(small_disk) == ["a.conf", "b.conf"]
