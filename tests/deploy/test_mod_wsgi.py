"""mod_wsgi and the libpython it holds: the right build is taken, every other is refused by name."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from poolwise.deploy import find_apache, find_httpd, find_interpreter, find_mod_wsgi
from poolwise.deploy.finding.mod_wsgi import linked_to
from poolwise.deploy.plan import Httpd, Interpreter
from poolwise.model import InputError


@pytest.fixture
def httpd() -> Httpd:
    return find_apache() if find_httpd() else pytest.skip("no httpd is installed")


@pytest.fixture
def hosting(root: Path) -> Interpreter:
    """The environment that scripts/hosting makes, with a mod_wsgi built for its Python."""
    if not (root / ".hosting" / "stamp").exists():
        pytest.skip("scripts/hosting has not made an environment with mod_wsgi")
    return find_interpreter(str(root / ".hosting"))


def test_the_environments_own_comes_first(hosting: Interpreter, httpd: Httpd) -> None:
    found = find_mod_wsgi(hosting, httpd)
    assert found.path.startswith(f"{hosting.prefix}/")
    assert found.version.startswith("6.")
    assert found.library == hosting.library
    assert find_mod_wsgi(hosting, httpd, found.path) == found


def test_another_build_of_the_same_version_is_refused_by_name(hosting: Interpreter, httpd: Httpd) -> None:
    other = replace(hosting, library="/opt/python/lib/libpython3.11.so.1.0")
    with pytest.raises(InputError) as caught:
        find_mod_wsgi(other, httpd)
    own = find_mod_wsgi(hosting, httpd)
    assert (
        f"  {own.path} is linked to {own.library}, but the interpreter {hosting.executable} uses "
        "/opt/python/lib/libpython3.11.so.1.0\n"
    ) in str(caught.value)
    assert f"build one for it: {hosting.executable} -m pip install --no-cache-dir mod_wsgi" in str(
        caught.value
    )


def test_a_python_without_one_and_an_apache_without_one(httpd: Httpd, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_mod_wsgi(find_interpreter(sys.executable), replace(httpd, modules=str(tmp_path)))
    assert "none is installed, in its environment or for Apache" in str(caught.value)


def test_what_is_needed_to_build_one_and_missing(
    httpd: Httpd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from poolwise.deploy.finding import ask

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(ask, "PLACES", str(tmp_path))
    python = Interpreter("/bin/false", "/usr", "/usr", "3.11.2", "")
    with pytest.raises(InputError) as caught:
        find_mod_wsgi(python, httpd, str(tmp_path / "mod_wsgi.so"))
    assert str(caught.value).splitlines() == [
        "no mod_wsgi fits the interpreter /bin/false (Python 3.11.2):",
        f"  {tmp_path}/mod_wsgi.so cannot be read: No such file or directory",
        "build one for it: /bin/false -m pip install --no-cache-dir mod_wsgi",
        "  it needs apxs, which is missing here: apt-get install apache2-dev or dnf install httpd-devel",
        "  it needs a C compiler, which is missing here: apt-get install gcc or dnf install gcc",
        "  it needs Python.h, which is missing here: "
        "apt-get install python3-dev or dnf install python3-devel",
    ]


def compiled(folder: Path, name: str, text: str, *options: str) -> str:
    """A shared object of our own."""
    if not (compiler := shutil.which("cc")):
        pytest.skip("no C compiler is installed")
    source = folder / f"{name}.c"
    source.write_text(text)
    command = [compiler, "-shared", "-fPIC", "-o", str(folder / name), str(source), *options]
    subprocess.run(command, check=True, cwd=folder, timeout=60)
    return str(folder / name)


def python(version: str, library: str = "") -> Interpreter:
    """An interpreter that says so of itself."""
    return replace(find_interpreter(sys.executable), version=version, library=library)


def mod_wsgi(version: str) -> str:
    """C text that holds the strings of a mod_wsgi 6.1.1 that has this Python within."""
    return f'const char one[] = "6.1.1\\0mod_wsgi/%s"; const char two[] = "{version}";\n'


def test_a_python_that_is_linked_in(tmp_path: Path, httpd: Httpd) -> None:
    interpreter = python("3.12.4")
    path = compiled(tmp_path, "mod_wsgi.so", mod_wsgi("3.12.4"))
    assert linked_to(path) == ("", "")
    found = find_mod_wsgi(interpreter, httpd, path)
    assert (found.version, found.library) == ("6.1.1", "")
    with pytest.raises(InputError, match=r"holds another Python than 3\.12\.40"):
        find_mod_wsgi(replace(interpreter, version="3.12.40"), httpd, path)


def test_a_library_that_is_gone_and_one_by_its_own_path(tmp_path: Path, httpd: Httpd) -> None:
    library = compiled(
        tmp_path, "libpython9.9.so.1", "int nine(void) { return 9; }\n", "-Wl,-soname,libpython9.9.so.1"
    )
    link = ("-Wl,--no-as-needed", library)
    with_path = compiled(tmp_path, "with.so", mod_wsgi("9.9.1"), *link, f"-Wl,-rpath,{tmp_path}")
    assert linked_to(with_path) == ("libpython9.9.so.1", library)
    without = compiled(tmp_path, "without.so", mod_wsgi("9.9.1"), *link)
    interpreter = python("9.9.1", library)
    assert find_mod_wsgi(interpreter, httpd, with_path).library == library
    with pytest.raises(
        InputError, match=r"linked to libpython9\.9\.so\.1, which the system's loader does not"
    ):
        find_mod_wsgi(interpreter, httpd, without)
    with pytest.raises(InputError, match="uses a Python that is linked in"):
        find_mod_wsgi(replace(interpreter, library=""), httpd, with_path)


def test_a_file_that_is_no_mod_wsgi(httpd: Httpd) -> None:
    interpreter = python("3.12.4")
    with pytest.raises(InputError, match="/bin/true is no mod_wsgi"):
        find_mod_wsgi(interpreter, httpd, "/bin/true")
