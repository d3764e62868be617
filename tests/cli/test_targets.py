"""TARGET, ``[APP=]VALUE`` and ``[APP:]NAME=VALUE`` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolwise.cli.targets import (
    application_name,
    backend_called,
    for_each,
    mounted,
    number,
    pairs,
    static_folder,
)
from poolwise.deploy import Static
from poolwise.model import InputError


@pytest.mark.parametrize(
    ("text", "mount", "target"),
    [
        ("shop.wsgi:application", "/", "shop.wsgi:application"),
        ("shop.wsgi", "/", "shop.wsgi"),
        ("/=shop", "/", "shop"),
        ("/api/=api.wsgi:app", "/api", "api.wsgi:app"),
        ("/srv/shop/app.wsgi", "/", "/srv/shop/app.wsgi"),
        ("/shop=/srv/a=b/app.wsgi", "/shop", "/srv/a=b/app.wsgi"),
        ("/x=../app.py", "/x", str(Path.cwd().parent / "app.py")),
    ],
)
def test_targets(text: str, mount: str, target: str) -> None:
    assert mounted(text) == (mount, target)


def test_a_script_file_that_exists_is_no_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.wsgi").touch()
    monkeypatch.chdir(tmp_path)
    assert mounted("shop.wsgi") == ("/", str(tmp_path / "shop.wsgi"))


def test_a_folder_is_no_target() -> None:
    with pytest.raises(InputError, match="'/srv/shop' is neither module:callable nor"):
        mounted("/srv/shop")


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("shop.wsgi:application", "shop"),
        ("wsgi", "wsgi"),
        ("mysite.config.wsgi", "mysite"),
        ("/srv/shop/my shop.wsgi", "my_shop"),
        ("/srv/shop/app.py", "shop"),
        ("/app.py", "app"),
        ("ünïcode.wsgi", "n_code"),
        ("httpd", "httpd2"),
    ],
)
def test_an_application_is_called_by_what_is_its_own(target: str, name: str) -> None:
    assert application_name(target, []) == name


def test_names_do_not_repeat() -> None:
    assert application_name("shop.wsgi", ["shop", "shop2"]) == "shop3"


def test_values_are_for_all_or_for_one_whatever_the_order() -> None:
    assert for_each(["shop", "api"], "--processes", ["api=4", "2"]) == {"shop": "2", "api": "4"}
    with pytest.raises(InputError, match="--processes web=4: no application is called web, only shop, api"):
        for_each(["shop", "api"], "--processes", ["web=4"])


def test_pairs_are_for_all_or_for_one() -> None:
    given = ["URL=http://x/?a=b:c", "api:URL=other", "EMPTY="]
    assert pairs(["shop", "api"], "--env", given) == {
        "shop": {"URL": "http://x/?a=b:c", "EMPTY": ""},
        "api": {"URL": "other", "EMPTY": ""},
    }
    for wrong in ("URL", "=x", "web:URL=x"):
        with pytest.raises(InputError, match="write NAME=VALUE"):
            pairs(["shop"], "--env", [wrong])


def test_what_is_wrong_is_named() -> None:
    assert static_folder("/static/=/srv/static") == Static("/static", "/srv/static")
    for call, said in (
        (lambda: static_folder("static=/srv"), "--static static=/srv"),
        (lambda: backend_called("unicorn"), "--backend unicorn"),
        (lambda: number("--threads", "many"), "--threads many"),
    ):
        with pytest.raises(InputError, match=said):
            call()
