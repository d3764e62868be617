"""Files are written whole or not at all, and put back when something goes wrong."""

from __future__ import annotations

import os
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
