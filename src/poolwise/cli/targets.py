"""What TARGET and its companions mean: ``/api=api.wsgi:app``, ``api=4``, ``api:NAME=VALUE``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

from poolwise.deploy import Backend, Static
from poolwise.model import InputError

BACKENDS = get_args(Backend)
COMMON = ("wsgi", "app", "application", "main")  # what modules are called in every site
TAKEN = ("httpd", "nginx", "poolwise")


def absolute(path: str) -> str:
    """The path from the root; symbolic links stay, as they may be changed on purpose."""
    return os.path.abspath(path)  # noqa: PTH100 (``resolve`` would follow links)


def mounted(text: str) -> tuple[str, str]:
    """``/api=api.wsgi:app`` -> mount and target; a file as an absolute path. InputError.

    ``shop.wsgi`` is a file when there is one, otherwise the module ``wsgi`` of the package ``shop``.
    """
    match = re.fullmatch(r"(/[^=]*)=(.+)", text, re.DOTALL)
    mount, target = (match[1].rstrip("/") or "/", match[2]) if match else ("/", text)
    script = target.endswith(".wsgi") and Path(target).is_file()
    is_file = script or target.endswith(".py") or "/" in target
    if is_file and not Path(target).suffix:
        raise InputError(f"{target!r} is neither module:callable nor a .py or .wsgi file")
    return mount, absolute(target) if is_file else target


def application_name(target: str, taken: Sequence[str]) -> str:
    """A name for the application: of its module, or of its file or folder, what not every one has."""
    path = Path(target)
    words = [path.stem, path.parent.name] if target.startswith("/") else target.partition(":")[0].split(".")
    telling = [word for word in words if word and word not in COMMON]
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", (telling or words)[0]).strip("_-") or "site"
    name, number = plain, 1
    while name in (*taken, *TAKEN):
        number += 1
        name = f"{plain}{number}"
    return name


def for_each(names: Sequence[str], option: str, given: Sequence[str]) -> dict[str, str]:
    """``4`` for every application, ``api=4`` for one of them. InputError for an unknown one."""
    chosen: dict[str, str] = {}
    for text in sorted(given, key=lambda text: "=" in text):  # what is for one comes last and wins
        owner, equals, value = text.rpartition("=")
        if equals and owner not in names:
            raise InputError(f"{option} {text}: no application is called {owner}, only {', '.join(names)}")
        chosen.update(dict.fromkeys([owner] if equals else names, value))
    return chosen


def pairs(names: Sequence[str], option: str, given: Sequence[str]) -> dict[str, dict[str, str]]:
    """``NAME=VALUE`` for every application, ``APP:NAME=VALUE`` for one of them, by application."""
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    for text in given:
        left, equals, value = text.partition("=")
        owner, colon, name = left.rpartition(":")
        if not equals or not name or (colon and owner not in names):
            raise InputError(
                f"{option} {text}: write NAME=VALUE, or APP:NAME=VALUE with APP one of {', '.join(names)}"
            )
        for each in [owner] if colon else names:
            found[each][name] = value
    return found


def backend_called(text: str) -> Backend:
    """A back end by its name. InputError."""
    if text not in BACKENDS:
        raise InputError(f"--backend {text}: give one of {', '.join(BACKENDS)}")
    return cast("Backend", text)


def number(option: str, text: str) -> int:
    """A number of an option that takes ``[APP=]N``. InputError."""
    if not re.fullmatch(r"\d{1,4}", text):
        raise InputError(f"{option} {text}: give a number")
    return int(text)


def static_folder(text: str) -> Static:
    """``/static=/srv/shop/static``. InputError."""
    url, equals, folder = text.partition("=")
    if not equals or not folder or not url.startswith("/"):
        raise InputError(f"--static {text}: write URL=FOLDER, as /static=/srv/shop/static")
    return Static(url.rstrip("/"), absolute(folder))
