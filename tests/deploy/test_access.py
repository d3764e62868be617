"""Who may read what: asked as that user, the first barrier named."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from poolwise.deploy import check_access, find_interpreter, service_user
from poolwise.deploy.finding.access import first_barrier, identity
from poolwise.deploy.plan import Interpreter
from poolwise.model import InputError

WHO = "nobody" if os.geteuid() == 0 else ""  # root itself may read everything


@pytest.fixture
def place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    subprocess.run(["chmod", "-R", "u+rwx", str(folder)], check=True, timeout=30)
    shutil.rmtree(folder)


def test_there_is_a_user_for_services() -> None:
    assert pwd.getpwnam(service_user()).pw_uid > 0


def test_identities() -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert identity("") == identity(me) == {}
    with pytest.raises(InputError, match="no such user"):
        identity("nobody-of-this-name")
    if os.geteuid() == 0:
        entry = pwd.getpwnam("nobody")
        assert identity("nobody")["user"] == entry.pw_uid
        assert entry.pw_gid in identity("nobody")["extra_groups"]
    else:
        with pytest.raises(InputError, match="only root"):
            identity("root")


def test_the_first_folder_that_is_closed(place: Path) -> None:
    inner = place / "a" / "b" / "c"
    inner.mkdir(parents=True)
    assert first_barrier(WHO, [(str(inner), "-r")]) == ""
    (place / "a").chmod(0)
    assert first_barrier(WHO, [(str(inner), "-r")]) == str(place / "a")
    (place / "a").chmod(0o111)  # may be entered, not listed
    assert first_barrier(WHO, [(str(inner), "-r")]) == ""
    assert first_barrier(WHO, [(str(place / "a"), "-r")]) == str(place / "a")
    (place / "a").chmod(0o755)
    assert first_barrier(WHO, [(str(inner / "absent"), "-r")]) == str(inner / "absent")


def test_what_lies_behind_symbolic_links_counts(place: Path) -> None:
    closed = place / "closed"
    (closed / "home").mkdir(parents=True)
    (closed / "home" / "file").touch()
    closed.chmod(0)
    (place / "link").symlink_to("closed/home")
    (place / "round").symlink_to("round")
    assert first_barrier(WHO, [(str(place / "link"), "-r")]) == str(closed)
    (place / "short").symlink_to("closed")
    assert first_barrier(WHO, [(str(place / "short" / "home" / "file"), "-r")]) == str(closed)
    closed.chmod(0o755)
    assert first_barrier(WHO, [(str(place / "short" / "home" / "file"), "-r")]) == ""
    assert first_barrier(WHO, [(str(place / "round"), "-r")]) == str(place / "round")


def python_in(folder: Path) -> Interpreter:
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to("/bin/sh")
    return Interpreter(str(folder / "bin" / "python"), str(folder), "/usr", "3.11.2", "")


def test_the_message_names_folder_mode_and_remedy(place: Path) -> None:
    app, environment = place / "app", place / "venv"
    app.mkdir()
    environment.mkdir()
    python = python_in(environment)
    check_access(WHO, python, [str(app)])
    app.chmod(0o20)
    with pytest.raises(InputError) as caught:
        check_access(WHO, python, [str(app)])
    assert str(caught.value) == (
        f"{'nobody, as whom the application runs,' if WHO else 'you'} may not enter {app} (mode 20); "
        f"open it (chmod o+rx {app}){', or choose another user (--user)' if WHO else ''}"
    )
    environment.chmod(0)
    with pytest.raises(InputError) as caught:
        check_access(WHO, python, [str(app)])
    assert f"may not enter {environment} (mode 0); choose a Python that lies elsewhere" in str(caught.value)


def test_we_may_read_our_own(place: Path) -> None:
    check_access("", find_interpreter(), [str(place)])
    with pytest.raises(InputError, match=r"you may not reach .*absent"):
        check_access("", find_interpreter(), [str(place / "absent")])
