"""Finding programs: what is installed here, and programs that are none or do not answer."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

import pytest

from poolwise.deploy import find_apache, find_httpd, find_interpreter, find_nginx
from poolwise.deploy.finding import ask
from poolwise.deploy.finding.find import _library, _mime_types, _modules
from poolwise.model import InputError


def program(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def httpd() -> str:
    return find_httpd() or pytest.skip("no httpd is installed")


def test_an_interpreter_tells_of_itself() -> None:
    found = find_interpreter(sys.executable)
    assert found.executable == sys.executable
    assert (found.prefix, found.base_prefix) == (sys.prefix, sys.base_prefix)
    assert found.version == ".".join(map(str, sys.version_info[:3]))
    if found.library:
        assert os.path.realpath(found.library) == found.library
        assert f"libpython{found.version.rpartition('.')[0]}" in found.library


def test_a_virtual_environment_by_its_folder_its_python_and_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "env"
    venv.create(folder, symlinks=True, with_pip=False)
    monkeypatch.setenv("VIRTUAL_ENV", str(folder))
    found = find_interpreter()
    assert found.executable == f"{folder}/bin/python"
    assert found.prefix == str(folder)
    assert found.base_prefix == sys.base_prefix
    monkeypatch.delenv("VIRTUAL_ENV")
    monkeypatch.chdir(tmp_path)
    for python in (str(folder), "env", "env/bin/python", str(folder / "bin" / "python")):
        assert find_interpreter(python) == found
    assert find_interpreter().executable == sys.executable
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "removed"))
    with pytest.raises(InputError, match=r"VIRTUAL_ENV is .*removed, but there is no such Python"):
        find_interpreter()


def test_behind_a_script_stands_the_real_interpreter(tmp_path: Path) -> None:
    shim = program(tmp_path / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    assert find_interpreter(shim) == find_interpreter(sys.executable)


def test_modules_in_the_working_directory_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sysconfig.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert find_interpreter(sys.executable).version


def test_what_is_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "PATIENCE_S", 0.5)
    for python, words in {
        str(tmp_path / "absent"): "there is no such Python",
        "no-such-python-at-all": "there is no such Python",
        str(tmp_path): "that folder has no bin/python",
        program(tmp_path / "silent", "#!/bin/sh\n"): "is no Python that works",
        program(tmp_path / "junk", "#!/bin/sh\nhead -c 3000 /dev/urandom\n"): "is no Python that works",
        program(tmp_path / "stuck", "#!/bin/sh\nexec sleep 60\n"): "did not answer within 0.5 s",
        program(tmp_path / "broken", "#!/no/such/shell\n"): "cannot run",
        program(tmp_path / "text", "\x7fELF"): "cannot run",
    }.items():
        with pytest.raises(InputError, match=words) as caught:
            find_interpreter(python)
        assert python in str(caught.value)
    (tmp_path / "plain").write_text("")
    with pytest.raises(InputError, match=r"cannot run .*plain: Permission denied"):
        find_interpreter(str(tmp_path / "plain"))


def test_a_python_that_we_may_not_reach(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0)
    words = "no such Python" if os.geteuid() == 0 else "Permission denied"
    with pytest.raises(InputError, match=words):
        find_interpreter(str(closed / "env"))


def test_a_python_that_is_too_old(tmp_path: Path) -> None:
    about = "{'executable': '/opt/python', 'version': '3.7.16'}"
    old = program(tmp_path / "python3.7", f'#!/bin/sh\necho; echo "about: {about}"\n')
    with pytest.raises(InputError, match=r"python3.7 is Python 3.7.16; at least 3.8"):
        find_interpreter(old)


def test_the_library_is_looked_for_where_the_python_was_built_for_and_where_it_lies(tmp_path: Path) -> None:
    """As a Python that was built for /install and moved, and as Debian's in a folder by architecture."""
    config = dict.fromkeys(("INSTSONAME", "LDLIBRARY", "LIBDIR", "LIBPL", "MULTIARCH"), "")
    moved = config | {
        "INSTSONAME": "libpython3.12.so.1.0",
        "LDLIBRARY": "libpython3.12.so",
        "LIBDIR": "/install",
    }
    assert _library(moved, str(tmp_path)) == ""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libpython3.12.so.1.0").touch()
    real = str(tmp_path / "lib" / "libpython3.12.so.1.0")
    assert _library(moved, str(tmp_path)) == real
    link = tmp_path / "x86_64-linux-gnu"
    link.symlink_to(tmp_path / "lib")
    by_architecture = moved | {"LIBDIR": str(tmp_path), "MULTIARCH": "x86_64-linux-gnu"}
    assert _library(by_architecture, "/nowhere") == real
    static = config | {"INSTSONAME": "libpython3.12.a", "LDLIBRARY": "libpython3.12.a", "LIBDIR": "/usr/lib"}
    assert _library(static, "/usr") == ""


@pytest.mark.server
def test_apache_tells_of_itself(httpd: str) -> None:
    found = find_apache()
    assert found == find_apache(httpd)
    assert found.path == httpd
    assert found.version.startswith("2.4.")
    assert {"core.c", "mod_so.c"} <= found.built_in
    assert (Path(found.modules) / "mod_authz_core.so").is_file() or "mod_authz_core.c" in found.built_in
    assert not found.mime_types or Path(found.mime_types).is_file()


def test_what_is_no_apache(tmp_path: Path) -> None:
    old = 'echo "Server version: Apache/2.2.34 (Unix)"'
    for path, words in {
        "/bin/true": "is no Apache httpd",
        program(tmp_path / "httpd22", f"#!/bin/sh\n{old}\n"): "is Apache 2.2.34",
        str(tmp_path / "absent"): "cannot run",
    }.items():
        with pytest.raises(InputError, match=words):
            find_apache(path)


def test_nothing_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from poolwise.deploy import validate

    monkeypatch.setenv("PATH", str(tmp_path))
    for module in (validate, ask):
        monkeypatch.setattr(module, "PLACES", str(tmp_path))
    with pytest.raises(InputError, match="apt-get install apache2 or dnf install httpd"):
        find_apache()
    with pytest.raises(InputError, match="apt-get install nginx or dnf install nginx"):
        find_nginx()
    program(tmp_path / "dnf", "#!/bin/sh\n")
    with pytest.raises(InputError, match=r"install it \(dnf install httpd\)"):
        find_apache()


@pytest.mark.parametrize(
    "folder",
    [
        "usr/lib/apache2/modules",
        "usr/lib64/httpd/modules",
        "usr/lib/httpd/modules",
        "usr/lib64/apache2",
        "etc/modules",
    ],
)
def test_modules_where_distributions_have_them(tmp_path: Path, folder: str) -> None:
    httpd, top = str(tmp_path / "usr" / "sbin" / "httpd"), tmp_path / "etc"
    with pytest.raises(InputError, match="no folder of modules"):
        _modules(httpd, top)
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "mod_dir.so").touch()
    assert _modules(httpd, top) == str(tmp_path / folder)


def test_mime_types(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "mime.types").touch()
    assert _mime_types(tmp_path, "conf/mime.types") == str(tmp_path / "conf/mime.types")
    assert _mime_types(tmp_path, "") == str(tmp_path / "conf/mime.types")


def test_nginx_tells_of_itself() -> None:
    if not (ask.which("nginx")):
        pytest.skip("no nginx is installed")
    assert find_nginx(find_nginx()) == find_nginx()
    with pytest.raises(InputError, match="is no nginx"):
        find_nginx("/bin/true")
