"""The state file: comes back as it was, is ours alone, and is not believed when others could have made it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from poolwise.deploy.plan import (
    Deployment,
    Front,
    Hosted,
    Httpd,
    Interpreter,
    ModWsgi,
    NginxFront,
    Static,
    Tls,
)
from poolwise.deploy.running.state import Reload, Started, State, forget_state, read_state, write_state
from poolwise.model import InputError
from poolwise.observe import process


def ourselves() -> Started:
    seen = process(os.getpid())
    assert seen
    return Started("poolwise", os.getpid(), seen.started)


def state(folder: Path) -> State:
    """A state in which every field says something."""
    deployment = Deployment(
        name="shop",
        folder=str(folder),
        httpd=Httpd(
            "/usr/sbin/apache2", "2.4.71", "/usr/lib/apache2/modules", frozenset({"core.c", "mod_so.c"})
        ),
        interpreter=Interpreter("/venv/bin/python", "/venv", "/usr", "3.11.2", ""),
        applications=(
            Hosted(
                "shop",
                "a \"quoted\" %{name}\n'ü'",
                "/sr v/shop",
                environment={"SECRET": "x"},
                options={"threads": "5"},
                python_path=("/a", "/b"),
            ),
        ),
        front=Front(
            port=8000, names=("a.example",), tls=Tls("/c", "/k"), static=(Static("/static", "/srv/static"),)
        ),
        mod_wsgi=ModWsgi("/mod_wsgi.so", "6.1.1", ""),
        nginx=NginxFront("/usr/sbin/nginx"),
        reasons=("2 processes, one for each core",),
    )
    children = (Started("httpd", 12, 34, "a"),)
    return State(deployment, "running", ourselves(), children, 1.5, 10.0, Reload(3, 2.5, False, "no"))


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    written = state(tmp_path)
    write_state(written)
    read = read_state(tmp_path)
    assert read == written
    assert read.alive
    plain = replace(written, deployment=replace(written.deployment, mod_wsgi=None, nginx=None))
    write_state(plain)
    assert read_state(tmp_path) == plain


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    write_state(state(tmp_path))
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "state.json").stat().st_mode & 0o777 == 0o600


def test_where_nothing_is_served_there_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    assert read_state(tmp_path / "none") is None
    write_state(state(tmp_path))
    forget_state(tmp_path)
    assert read_state(tmp_path) is None


def test_another_process_with_the_same_number_is_not_taken_for_it(tmp_path: Path) -> None:
    written = state(tmp_path)
    assert not replace(
        written, poolwise=replace(written.poolwise, started=written.poolwise.started - 1)
    ).alive


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"schema": "poolwise.state/99"}',
        '{"schema": "poolwise.state/1", "phase": "running"}',
        "\xff",
        "[" * 100_000,
    ],
)
def test_what_is_no_state_is_refused(tmp_path: Path, text: str) -> None:
    write_state(state(tmp_path))
    (tmp_path / "state" / "state.json").write_text(text, "latin-1")
    with pytest.raises(InputError, match=f"remove {tmp_path}"):
        read_state(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [("phase", "sleeping"), ("since_s", "1"), ("poolwise", {"pid": "12"}), ("children", 5), ("more", 1)],
)
def test_a_field_of_another_kind_is_refused(tmp_path: Path, field: str, value: object) -> None:
    write_state(state(tmp_path))
    path = tmp_path / "state" / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(InputError, match="is not a state of this poolwise"):
        read_state(tmp_path)


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    write_state(state(tmp_path / "real"))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "state").symlink_to(tmp_path / "real" / "state")
    with pytest.raises(InputError, match="is a symbolic link"):
        write_state(state(tmp_path / "a"))
    (tmp_path / "b" / "state").mkdir(parents=True, mode=0o700)
    (tmp_path / "b" / "state" / "state.json").symlink_to(tmp_path / "real" / "state" / "state.json")
    with pytest.raises(InputError, match="cannot read"):
        read_state(tmp_path / "b")
    with pytest.raises(InputError, match="symbolic link"):
        write_state(state(tmp_path / "b"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's file")
def test_a_file_that_another_user_put_there_is_not_believed(tmp_path: Path) -> None:
    write_state(state(tmp_path))
    os.chown(tmp_path / "state" / "state.json", 12345, 12345)
    with pytest.raises(InputError, match="it is not believed"):
        read_state(tmp_path)
