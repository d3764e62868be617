"""The marks that applications leave when they have loaded, or could not; whatever else lies there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from poolwise.deploy.running.ready import FAILED, READY, failure, forget_markers, loaded

US = os.getsid(0)
GONE = 2**22 + 5  # above every process id (proc(5): pid_max)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    for name in (READY, FAILED):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def test_only_processes_of_these_servers_count(served: Path) -> None:
    for name in (
        f"shop.{os.getpid()}",
        f"shop.{GONE}",
        f"wiki.{os.getpid()}",
        "shop.x",
        "shop",
        f"shop.{10**30}",
    ):
        (served / READY / name).touch()
    assert loaded(served, "shop", {US}) == (os.getpid(),)
    assert loaded(served, "shop", {1}) == ()
    assert loaded(served / "none", "shop", {US}) == ()


def test_the_newest_traceback_counts(served: Path) -> None:
    assert failure(served, "shop") == ""
    for number, pid in enumerate((5, 3, 4)):
        path = served / FAILED / f"shop.{pid}"
        path.write_text(f"error {number}")
        os.utime(path, ns=(number, number))
    assert failure(served, "shop") == "error 2"


def test_what_the_application_could_put_there_instead(served: Path) -> None:
    (served / "secret").write_text("secret")
    (served / FAILED / "shop.1").symlink_to(served / "secret")
    os.mkfifo(served / FAILED / "shop.2")
    (served / FAILED / "shop.3").mkdir()
    assert failure(served, "shop") == ""


def test_marks_of_processes_that_have_gone_are_removed(served: Path) -> None:
    for kind in (READY, FAILED):
        (served / kind / f"shop.{os.getpid()}").touch()
        (served / kind / f"shop.{GONE}").touch()
    forget_markers(served)
    assert [path.name for path in (served / READY).iterdir()] == [f"shop.{os.getpid()}"]
    assert [path.name for path in (served / FAILED).iterdir()] == [f"shop.{os.getpid()}"]
