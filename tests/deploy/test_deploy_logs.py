"""The end of a log, when something failed."""

from __future__ import annotations

from pathlib import Path

from poolwise.deploy.running.logs import last_error, last_lines


def add(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    log = tmp_path / "error.log"
    log.write_bytes(b"\xff\xfe\n")
    assert last_lines(log) == ("��",)


def test_only_the_last_lines_and_none_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    add(tmp_path / "error.log", "one\n\ntwo\nthree\n")
    assert last_lines(tmp_path / "error.log", 2) == ("two", "three")
    assert last_lines(tmp_path / "error.log", since=4) == ("two", "three")
    assert last_lines(tmp_path / "none") == ()


def test_the_last_error(tmp_path: Path) -> None:
    log = tmp_path / "error.log"
    assert last_error(log) == ""
    add(log, "[x] [wsgi:error] [pid 1] one\n[x] [core:crit] [pid 1] two\n[x] [core:notice] [pid 1] three\n")
    assert last_error(log) == "[x] [core:crit] [pid 1] two"
