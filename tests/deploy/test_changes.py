"""Which changes of files make a reload."""

from __future__ import annotations

import os
from pathlib import Path

from poolwise.deploy.running.changes import Watch


def test_code_templates_and_settings_that_were_written_added_or_removed(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    for name in ("a.py", "b.py", "page.html"):
        (shop / name).write_text("1")
    watch = Watch([str(tmp_path)])
    assert watch.changed() == ()
    (shop / "a.py").write_text("12")
    (shop / "b.py").unlink()
    (shop / "new.toml").write_text("x = 1")
    assert watch.changed() == tuple(str(shop / name) for name in ("a.py", "b.py", "new.toml"))
    assert watch.changed() == ()
    os.utime(shop / "page.html", ns=(1, 1))
    assert watch.changed() == (str(shop / "page.html"),)


def test_what_applications_write_themselves_is_no_change(tmp_path: Path) -> None:
    watch = Watch([str(tmp_path)])
    for name in ("db.sqlite3", "upload.png", "access.log", ".hidden.py"):
        (tmp_path / name).write_text("1")
    for name in ("__pycache__", ".git", "venv", "node_modules"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.py").write_text("1")
    assert watch.changed() == ()


def test_a_folder_that_is_not_there_and_a_link_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to(tmp_path)
    watch = Watch([str(tmp_path), str(tmp_path / "none")])
    (tmp_path / "a.py").write_text("1")
    assert watch.changed() == (str(tmp_path / "a.py"),)
