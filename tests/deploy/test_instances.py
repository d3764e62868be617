"""Where served folders lie, who may change what is in them, and how they are found again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from test_state import state

from poolwise.deploy.plan import Deployment, Front, Hosted
from poolwise.deploy.running import instances
from poolwise.deploy.running.instances import (
    base_folder,
    find_only,
    find_served,
    forget_elsewhere,
    instance_folder,
    note_elsewhere,
    prepared,
    served_folders,
)
from poolwise.deploy.running.state import write_state
from poolwise.model import InputError

ROOT = os.geteuid() == 0


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A base folder of the test's own."""
    place = tmp_path / "base"
    monkeypatch.setattr(instances, "base_folder", lambda: place)
    return place


def deployed(folder: Path, user: str = "") -> Deployment:
    """A deployment that can be served, by root with the applications' ``user``."""
    full = state(folder).deployment
    application = Hosted("shop", "shop.wsgi:application", "/srv/shop")
    return replace(full, applications=(application,), front=Front(user=user))


def served(folder: Path, name: str) -> Path:
    written = state(instance_folder(folder))
    write_state(replace(written, deployment=replace(written.deployment, name=name)))
    note_elsewhere(folder)
    return folder


def test_root_has_run_and_users_have_their_own(tmp_path: Path) -> None:
    assert base_folder({}, uid=0) == Path("/run/poolwise")
    assert base_folder({"XDG_RUNTIME_DIR": str(tmp_path)}, uid=1000) == tmp_path / "poolwise"
    assert base_folder({"XDG_RUNTIME_DIR": "relative"}, uid=1000).parts[-3:] == (
        ".local",
        "state",
        "poolwise",
    )


def test_who_has_no_home_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(InputError, match="there is no home folder /nonexistent to keep the state in"):
        base_folder({}, uid=1000)


def test_the_folders_that_servers_need_and_their_rights(site_folder: Path) -> None:
    folder = prepared(deployed(site_folder / "shop", "daemon" if ROOT else ""))
    modes = {
        p.relative_to(folder).as_posix(): p.stat().st_mode & 0o777 for p in folder.rglob("*") if p.is_dir()
    }
    assert modes["log"] == 0o700
    assert modes["run"] == 0o755
    assert modes["run/ready"] == modes["run/failed"] == 0o700
    assert folder.stat().st_mode & 0o777 == (0o755 if ROOT else 0o700)
    if ROOT:
        assert {(folder / name).owner() for name in ("run/ready", "run/failed")} == {"daemon"}
        assert {(folder / name).owner() for name in (".", "run", "log")} == {"root"}
    forget_elsewhere(folder)


@pytest.mark.skipif(not ROOT, reason="only root gives the application to another user")
def test_a_user_that_does_not_exist(site_folder: Path) -> None:
    with pytest.raises(InputError, match="there is no such user or group"):
        prepared(deployed(site_folder / "shop", "no-such-user"))


@pytest.mark.parametrize("link", ["shop", "shop/run", "shop/run/ready", "shop/log", "shop/state"])
def test_links_where_folders_of_ours_should_be(site_folder: Path, link: str) -> None:
    target = site_folder / "target"
    target.mkdir(0o700)
    place = site_folder / link
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    place.symlink_to(target)
    with pytest.raises(InputError, match="is a symbolic link"):
        write_state(state(prepared(deployed(site_folder / "shop"))))
    assert list(target.iterdir()) == []


def test_a_folder_that_others_could_exchange(site_folder: Path) -> None:
    loose = site_folder / "loose"
    loose.mkdir()
    loose.chmod(0o777)
    with pytest.raises(InputError, match=f"every user may write in {loose}"):
        instance_folder(loose / "shop")
    loose.chmod(0o1777)  # as /tmp
    instance_folder(loose / "shop")


@pytest.mark.skipif(not ROOT, reason="only root gives the application to another user")
def test_a_folder_that_the_applications_user_cannot_enter(site_folder: Path) -> None:
    (site_folder / "closed").mkdir(0o700)
    with pytest.raises(
        InputError, match=f"daemon, .*, may not enter {site_folder}/closed; serve from elsewhere"
    ):
        instance_folder(site_folder / "closed" / "shop", "daemon")
    assert list((site_folder / "closed").iterdir()) == []


def test_parents_are_made_with_the_same_rights_whatever_the_umask(site_folder: Path) -> None:
    before = os.umask(0o077)
    try:
        made = instance_folder(site_folder / "a" / "b" / "c", "daemon" if ROOT else "")
    finally:
        os.umask(before)
    expected = 0o755 if ROOT else 0o700
    assert {place.stat().st_mode & 0o777 for place in (made, made.parent, made.parent.parent)} == {expected}


@pytest.mark.skipif(not ROOT, reason="only root can give a folder away")
def test_a_folder_below_another_users(site_folder: Path) -> None:
    theirs = site_folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)
    with pytest.raises(InputError, match=f"{theirs} belongs to uid 12345, who could exchange"):
        instance_folder(theirs / "shop")


def test_nothing_is_made_for_what_cannot_be_served(site_folder: Path) -> None:
    with pytest.raises(InputError, match="is too long for the sockets in it"):
        prepared(deployed(site_folder / ("x" * 80)))
    assert list(site_folder.iterdir()) == []


def test_found_by_name_by_folder_and_when_it_is_the_only_one(base: Path, site_folder: Path) -> None:
    with pytest.raises(InputError, match="nothing called shop is served; nothing is"):
        find_served("shop")
    with pytest.raises(InputError, match="nothing is served by this user"):
        find_only()
    base.mkdir(mode=0o700)
    inside, outside = served(base / "shop", "shop"), served(site_folder / "wiki", "wiki")
    assert set(served_folders()) == {inside, outside}
    assert find_served("wiki").deployment.folder == str(outside)
    assert find_served(str(inside)).deployment.name == "shop"
    with pytest.raises(InputError, match="several are served: shop, wiki; name one"):
        find_only()
    with pytest.raises(InputError, match="nothing called blog is served; served: shop, wiki"):
        find_served("blog")
    forget_elsewhere(outside)
    assert find_only().deployment.name == "shop"


def test_two_of_one_name_are_told_apart_by_their_folders(base: Path, site_folder: Path) -> None:
    base.mkdir(mode=0o700)
    served(base / "shop", "shop")
    other = served(site_folder / "other", "shop")
    with pytest.raises(InputError, match=f"several are called shop: .*{other}.*; name one by its folder"):
        find_served("shop")


def test_a_folder_in_which_nothing_is_served(base: Path, site_folder: Path) -> None:
    with pytest.raises(InputError, match=f"nothing is served in {site_folder}"):
        find_served(str(site_folder))
