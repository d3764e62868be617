"""Applications that work, and every way in which one does not: each is run for real."""

from __future__ import annotations

import ast
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import pytest

from poolwise.deploy import Loaded, check_access, find_interpreter, preflight
from poolwise.deploy.plan import Interpreter
from poolwise.model import InputError
from poolwise.observe import process

Run = Callable[..., Loaded]

HELLO = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""
REPORT = """
import os, sys
print(sys.path[:2], os.getcwd(), sys.argv, sorted(os.environ))
def application(environ, start_response):
    print(environ["PATH_INFO"], environ["QUERY_STRING"], environ["wsgi.input"].read())
    start_response("204 No Content", [])
    return []
"""
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    with open("pid", "w") as file:
        file.write(str(os.getpid()))
    time.sleep(100)
    os._exit(0)
while not os.path.exists("pid") or not open("pid").read():
    time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def python() -> Interpreter:
    return find_interpreter()


@pytest.fixture
def run(python: Interpreter, tmp_path: Path) -> Run:
    """Write the module ``shop`` and load it."""

    def load(text: str, target: str = "shop:application", **options: object) -> Loaded:
        (tmp_path / "shop.py").write_text(text)
        return preflight(python, target, str(tmp_path), **options)  # type: ignore[arg-type]

    return load


def failure(run: Run, text: str, target: str = "shop:application", **options: object) -> str:
    with pytest.raises(InputError) as caught:
        run(text, target, **options)
    return str(caught.value)


def test_what_an_application_costs(run: Run) -> None:
    burn = "import time\nheap = bytearray(b'x') * 20_000_000\nwhile time.process_time() < 0.1: pass\n"
    wait = HELLO.replace('return [b"hello"]', "time.sleep(0.01); return [b'hello']")
    loaded = run(burn + wait)
    assert loaded.status == 200
    assert loaded.import_wall_s >= 0.05
    assert loaded.import_cpu_s >= 0.05
    assert 1_000_000 < loaded.bare_bytes < 15_000_000
    assert 20_000_000 <= loaded.loaded_private_bytes - loaded.bare_private_bytes < 25_000_000
    assert loaded.loaded_bytes - loaded.bare_bytes >= 19_000_000
    assert loaded.request_wall_s >= 0.01 > loaded.request_cpu_s
    assert loaded.first_request_wall_s >= 0.01
    assert loaded.output == ""


def test_it_runs_as_it_would_in_mod_wsgi(run: Run, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    loaded = run(REPORT, python_path=[str(more)], environment={"SHOP": "yes"}, health="/caf%C3%A9?a=1")
    first, then, *_ = loaded.output.splitlines()
    environment = ["HOME", "LANG", "LC_ALL", "PATH", "POOLWISE_PREFLIGHT", "SHOP"]
    assert first == f"{[str(tmp_path), str(more)]} {tmp_path} ['mod_wsgi'] {environment}"
    assert then == "/cafÃ© a=1 b''"  # the bytes of the path as Latin-1 text: PEP 3333
    assert loaded.status == 204


def test_a_module_in_a_package_an_attribute_of_an_object_and_application_by_default(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "wsgi.py").write_text(HELLO)
    (tmp_path / "held.py").write_text("import shop\nclass shop_site: run = staticmethod(shop.application)\n")
    assert run(HELLO, "shop").status == 200
    assert run(HELLO, "held:shop_site.run").status == 200


def test_a_script_file(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "my shop.wsgi"
    script.write_text(
        "import shop\nassert __file__.endswith('my shop.wsgi')\napplication = shop.application\n"
    )
    assert run(HELLO, str(script)).status == 200
    script.write_text("from shop import application as app\n")
    assert "has no 'application'; a WSGI script has to call it 'application' (it has app)" in failure(
        run, HELLO, str(script)
    )
    script.unlink()
    assert f"the WSGI script {script} does not exist" in failure(run, HELLO, str(script))


def test_without_a_request(run: Run) -> None:
    loaded = run("application = print", ask=False)
    assert (loaded.status, loaded.request_wall_s) == (0, 0.0)
    assert loaded.loaded_bytes >= loaded.bare_bytes > 0


def test_a_module_that_is_not_there_and_what_could_have_been_meant(run: Run, tmp_path: Path) -> None:
    assert failure(run, HELLO, "shpo:application") == (
        f"there is no module shpo in {tmp_path}; did you mean shop?"
    )
    assert failure(run, HELLO, "zebra") == f"there is no module zebra in {tmp_path}; there are: shop"
    package = tmp_path / "project"
    package.mkdir()
    (package / "wsgi.py").write_text(HELLO)
    assert failure(run, HELLO, "project.wsgy") == (
        f"there is no module project.wsgy in {package}; did you mean wsgi?"
    )
    assert failure(run, HELLO, "shop.app") == (
        "shop is a module, not a package: what it holds is named as shop:app"
    )
    (tmp_path / "shop.py").unlink()
    shutil.rmtree(package)
    with pytest.raises(InputError, match="no other Python module"):
        preflight(find_interpreter(), "shop", str(tmp_path))


def test_a_package_that_it_needs_and_that_is_not_installed(run: Run, python: Interpreter) -> None:
    said = failure(run, "import no_such_package\n" + HELLO)
    assert said.startswith("shop:application cannot be imported: ModuleNotFoundError: No module named 'no_s")
    assert f"{python.executable} -m pip install" in said
    assert 'shop.py", line 1' in said


def test_no_such_callable_and_those_that_there_are(run: Run) -> None:
    text = (
        HELLO.replace("application", "app")
        + "from os import getcwd\nimport os\nclass Model: pass\n_x = print\n"
    )
    assert failure(run, text) == "shop has no 'application'; it has shop:app"
    assert failure(run, "x = 3") == "shop has no 'application'; nothing in it could be a WSGI application"
    said = failure(run, text + "application = {}")
    assert "'application' is an object of type dict, which cannot be called; it has shop:app" in said


def test_its_own_error_the_last_line_first_and_only_its_own_frames(run: Run) -> None:
    said = failure(
        run,
        "def connect():\n    try:\n        {}['key']\n    except KeyError as e:\n"
        "        raise OSError('database is down') from e\nconnect()\n",
    )
    assert said.splitlines()[0] == "shop:application cannot be imported: OSError: database is down"
    assert "KeyError: 'key'" in said
    assert 'shop.py", line 6, in <module>' in said
    assert "<string>" not in said
    assert "importlib" not in said


def test_a_variable_that_only_our_shell_has(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_SECRET", "x")
    said = failure(run, "import os\nos.environ['SHOP_SECRET']")
    assert "KeyError: 'SHOP_SECRET'; SHOP_SECRET is set in your shell" in said.splitlines()[0]
    assert run("import os\nos.environ['SHOP_SECRET']" + HELLO, environment={"SHOP_SECRET": "x"}).status == 200


def test_text_that_this_python_does_not_read(run: Run, tmp_path: Path) -> None:
    said = failure(run, "def f(:\n    pass\n")
    first = said.splitlines()[0]
    assert "SyntaxError: invalid syntax" in first
    assert f"({tmp_path}/shop.py, line 1)" in first


def test_an_exit_while_it_is_imported(run: Run) -> None:
    said = failure(run, "import sys\nprint('usage: shop')\nsys.exit('no settings')")
    assert said == (
        "shop:application ends Python while it is imported: sys.exit(no settings)\nit printed:\n  usage: shop"
    )
    assert "ended with exit code 3 while importing it" in failure(run, "import os\nos._exit(3)")


def test_a_crash_is_named_and_its_place_shown(run: Run) -> None:
    said = failure(run, "import os\ndef sink():\n    os.kill(os.getpid(), 11)\nsink()")
    assert said.startswith("shop:application: the process died of SIGSEGV while importing it; it stands at")
    assert 'shop.py", line 3 in sink' in said
    assert "SIGKILL" in failure(run, "import os\nos.kill(os.getpid(), 9)")


def test_an_import_that_never_ends_says_where_it_stands(run: Run) -> None:
    said = failure(
        run,
        "import time, threading\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "def connect():\n    time.sleep(60)\nconnect()",
        patience_s=2,
    )
    assert said.startswith("shop:application: importing it has not ended within 2 s; it stands at")
    assert 'shop.py", line 4 in connect' in said
    assert "threading.py" not in said


def test_one_that_hears_no_signals_is_ended_all_the_same(run: Run) -> None:
    text = (
        "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\n"
        "print('deaf')\ntime.sleep(60)"
    )
    said = failure(run, text, patience_s=2)
    assert said == "shop:application: importing it has not ended within 2 s\nit printed:\n  deaf"


def test_nothing_that_it_started_stays_behind(run: Run, tmp_path: Path) -> None:
    assert run(DAEMON + HELLO).status == 200
    assert process(int((tmp_path / "pid").read_text())) is None
    (tmp_path / "pid").unlink()
    assert "not ended within" in failure(run, DAEMON + "time.sleep(60)", patience_s=1)
    assert process(int((tmp_path / "pid").read_text())) is None


def test_when_poolwise_is_killed_the_application_goes_with_it(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    (tmp_path / "shop.py").write_text(
        "import os, time\nwith open('new', 'w') as file: file.write(str(os.getpid()))\n"
        "os.rename('new', 'pid')\ntime.sleep(60)"
    )
    script = (
        "from poolwise.deploy import find_interpreter, preflight\n"
        f"preflight(find_interpreter(), 'shop', {str(tmp_path)!r})"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as poolwise:
        wait_for(pid.exists)
        poolwise.kill()
    wait_for(lambda: process(int(pid.read_text())) is None)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_fork_that_goes_on_importing_disturbs_nothing(run: Run) -> None:
    assert run("import os\nos.fork()\n" + HELLO).status == 200


def test_what_it_prints_is_kept_and_disturbs_nothing(run: Run) -> None:
    junk = "import os, sys\nos.write(1, bytes(range(256)) * 4000)\nos.write(2, b'(\\'loaded\\', 1, 1)\\n')\n"
    loaded = run(junk + HELLO)
    assert loaded.status == 200
    assert loaded.output.endswith("('loaded', 1, 1)\n")
    assert len(loaded.output) < 100_000
    assert "has not ended" in failure(run, "while True: print('x' * 1000)", patience_s=2)


def test_one_that_closes_everything(run: Run) -> None:
    said = failure(run, "import os\nos.closerange(0, 256)\n" + HELLO, patience_s=5)
    assert "ended with exit code 1 while importing it" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("async def application(scope, receive, send): pass", "ASGI"),
        ("class A:\n    async def __call__(self, scope, receive, send): pass\napplication = A()", "ASGI"),
        ("async def application(a, b): pass", "ASGI"),
        ("def application(): return object()", "called with (environ, start_response)"),
        ("def application(e, s): s('200 OK', []); return 7", "it returns an object of type int"),
        ("def application(e, s): s('200 OK', []); return 'text'", "contains an object of type str"),
        ("def application(e, s): return [b'']", "without calling start_response"),
        ("def application(e, s): s(200, []); return [b'']", "with the status 200"),
    ],
)
def test_what_can_be_called_and_is_no_wsgi(run: Run, text: str, words: str) -> None:
    said = failure(run, text)
    assert said.startswith("shop:application is no WSGI application: ")
    assert words in said


def test_a_request_that_fails_is_an_answer(run: Run) -> None:
    loaded = run("def application(e, s):\n    def inner(): return 1 / 0\n    inner()")
    assert loaded.status == 500
    assert 'shop.py", line 2, in inner' in loaded.output
    assert loaded.output.endswith("ZeroDivisionError: division by zero")
    own = run("def application(e, s):\n    s('503 Service Unavailable', []); yield b'later'")
    assert own.status == 503


def test_a_request_that_never_ends_says_where_it_stands(run: Run) -> None:
    said = failure(run, "import time\ndef application(e, s):\n    time.sleep(60)", patience_s=2)
    assert "answering a request has not ended within 2 s" in said
    assert 'shop.py", line 3 in application' in said


def test_a_stream_without_end_is_left_after_its_beginning(run: Run) -> None:
    stream = "def application(e, s):\n    s('200 OK', [])\n    while True:\n        yield b'x' * 10_000"
    assert run(stream).status == 200


def test_a_slow_page_is_asked_for_once(run: Run) -> None:
    loaded = run(
        "import time\ndef application(e, s):\n    print(1); s('200 OK', []); time.sleep(1.1); return []"
    )
    assert loaded.output == "1\n"
    assert loaded.request_wall_s == loaded.first_request_wall_s >= 1.1


def test_what_is_written_on_our_socket_is_left_unheard(run: Run) -> None:
    noise = "import os\nfrom contextlib import suppress\nfor number in range(3, 20):\n"
    noise += "    with suppress(OSError): os.write(number, b'noise\\n[1]\\n')\n"
    assert run(noise + HELLO).status == 200


def test_folders_that_are_none(python: Interpreter, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"folder {tmp_path}/absent does not exist"):
        preflight(python, "shop", str(tmp_path / "absent"))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=f"folder {tmp_path}/file is no folder"):
        preflight(python, "shop", str(tmp_path), python_path=[str(tmp_path / "file")])


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may read, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def python_for(user: str) -> Interpreter:
    """A Python that this user may run: root's own lies in root's home sometimes."""
    for path in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with suppress(InputError):
            found = find_interpreter(path)
            check_access(user, found, [])
            return found
    pytest.skip(f"no Python is installed that {user} may run")


def test_another_user_runs_it_with_its_own_home(open_folder: Path) -> None:
    if os.geteuid() != 0:
        with pytest.raises(InputError, match="only root may"):
            preflight(find_interpreter(), "shop", str(open_folder), user="root")
        return
    entry, python = pwd.getpwnam("nobody"), python_for("nobody")
    shop = open_folder / "shop.py"
    shop.write_text(f"import os\nprint(os.getuid(), os.getgroups(), os.environ['HOME'])\n{HELLO}")
    loaded = preflight(python, "shop", str(open_folder), user="nobody")
    assert loaded.status == 200
    assert loaded.output == f"{entry.pw_uid} [{entry.pw_gid}] {entry.pw_dir}\n"
    assert loaded.loaded_bytes > 3_000_000
    shop.chmod(0o600)
    with pytest.raises(InputError, match="PermissionError"):
        preflight(python, "shop", str(open_folder), user="nobody")
    open_folder.chmod(0o700)
    with pytest.raises(
        InputError, match=f"nobody, as whom the application runs, may not enter {open_folder}"
    ):
        preflight(python, "shop", str(open_folder), user="nobody")


def test_the_trial_is_python_3_8_and_needs_nothing_but_python() -> None:
    text = files("poolwise.deploy.finding").joinpath("trial.py").read_text("utf-8")
    tree = ast.parse(text, feature_version=(3, 8))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"faulthandler", "io", "os", "sys", "time", "traceback"}
