"""``poolwise serve`` as people start it: as root and as somebody else, well and badly, until the end."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from hosting import Hosting, Program, fetched, free_port, run_as, service_account
from poolwise.cli import main
from poolwise.deploy import find_httpd, read_state
from poolwise.observe import process, session

pytestmark = pytest.mark.server
ROOT = os.geteuid() == 0
Start = Callable[..., Program]


class Site:
    """The example application, and the command that serves it from a folder of the test's own."""

    def __init__(self, hosting: Hosting, start: Start, folder: Path, shop: Path) -> None:
        self.start = start
        self.state = folder / "state"
        self.shop = shop
        self.port = free_port()
        self.options = ["--folder", str(shop), "--python", hosting.python, "--state", str(self.state)]
        self.program = (sys.executable, "-m", "poolwise.cli")
        self.environment: dict[str, Any] = {}

    def command(self, *more: str, target: str = "shop.wsgi:application") -> list[str]:
        return [*self.program, "serve", target, *self.options, "--port", str(self.port), *more]

    def serve(self, *more: str, **rest: str) -> Program:
        """Serve it; returns when the screen is there."""
        program = self.start(self.command(*more, **rest), **self.environment)
        program.until(lambda: any("stop    Ctrl-C" in line for line in program.out) or ended(program))
        assert not ended(program), program.said
        return program

    def refused(self, *more: str, **rest: str) -> str:
        """Try to serve it; the words with which that is refused."""
        program = self.start(self.command(*more, **rest), **self.environment)
        assert program.over() == 2, program.said
        assert program.out == []
        return "\n".join(program.err)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*self.program, *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, **self.environment
        )

    def write(self, text: str) -> None:
        (self.shop / "shop" / "wsgi.py").write_text(text, "utf-8")


def ended(program: Program) -> bool:
    return program.popen.poll() is not None


@pytest.fixture
def site(hosting: Hosting, start: Start, site_folder: Path, shop: Path) -> Site:
    if not find_httpd():
        pytest.skip("no httpd is installed")
    return Site(hosting, start, site_folder, shop)


@pytest.fixture
def ordinary(site: Site, hosting: Hosting, site_folder: Path, root: Path) -> Site:
    """The same for a user who is not root, with a home of its own and a poolwise that it can read."""
    if not ROOT:
        return site
    import psutil

    account = service_account()
    everyone, home = site_folder / "everyone", site_folder / "home"
    shutil.copytree(root / "src" / "poolwise", everyone / "poolwise")
    shutil.copytree(Path(psutil.__file__).parent, everyone / "psutil")
    home.mkdir(0o700)
    os.chown(home, account.pw_uid, account.pw_gid)
    site.program = (hosting.python, "-m", "poolwise.cli")
    site.environment = {
        **run_as(account),
        "cwd": home,
        "env": {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(everyone)},
    }
    site.options = [word for word in site.options if word not in ("--state", str(site.state))]
    site.state = home / ".local" / "state" / "poolwise" / "shop"
    return site


def test_one_screen_says_all_and_it_ends_when_it_is_told_to(site: Site) -> None:
    program = site.serve("--requests", "--static", f"/static={site.shop}/static")
    screen = "\n".join(program.out)
    assert f"shop is served at http://127.0.0.1:{site.port}/" in screen
    assert re.search(r"by Apache httpd 2\.4\.\d+, mod_wsgi [\d.]+, Python 3", screen)
    assert re.search(r"shop +/ +mod_wsgi daemon processes +\d+ × \d+ threads +[\d.]+ MB", screen)
    assert re.search(r"together +[\d.]+ MB", screen)
    assert f"logs    {site.state}/log: error.log" in screen
    assert "processes" in screen and "100 connections" in screen
    assert '"items"' in fetched(site.port, "/items.json")
    assert "font-family" in fetched(site.port, "/static/shop.css")
    program.until(lambda: any("GET /items.json" in line for line in program.out))
    program.popen.send_signal(signal.SIGTERM)
    assert program.over() == 0
    assert any("AH00492" in line for line in program.err)  # graceful


def test_as_an_ordinary_user(ordinary: Site) -> None:
    program = ordinary.serve()
    assert '"items"' in fetched(ordinary.port, "/items.json")
    assert ordinary.state.stat().st_mode & 0o777 == 0o700
    if ROOT:
        assert {path.owner() for path in ordinary.state.rglob("*")} == {service_account().pw_name}
    assert ordinary.run("status").returncode == 0
    low = ordinary.run("serve", "shop.wsgi:application", *ordinary.options, "--port", "81")
    if low.returncode:  # some systems let everybody listen there
        assert "only root may listen on a port as low as this; take --port 8081" in low.stderr
    elsewhere = ("--port", str(free_port()), "--state", "/var/poolwise/shop")
    forbidden = ordinary.run("serve", "shop.wsgi:application", *ordinary.options, *elsewhere)
    assert forbidden.returncode == 2
    assert "cannot make the folder /var/poolwise: Permission denied" in forbidden.stderr
    pids = [each.pid for each in session(children(ordinary.state)[0])]
    program.popen.kill()
    program.over()
    program.until(lambda: not any(map(process, pids)))


def children(state: Path) -> list[int]:
    found = read_state(state)
    assert found
    return [each.pid for each in found.children]


def test_ctrl_c_reaches_poolwise_alone_and_requests_finish(site: Site) -> None:
    site.environment = {"start_new_session": True}
    program = site.serve()
    answers: list[str] = []
    request = Thread(target=lambda: answers.append(fetched(site.port, "/slow?s=1")))
    request.start()
    time.sleep(0.3)
    os.killpg(program.popen.pid, signal.SIGINT)
    request.join()
    assert answers == ["waited 1 s"]
    assert program.over() == 0


def test_new_code_is_taken_and_broken_code_is_not(site: Site) -> None:
    program = site.serve("--reload")
    text = (site.shop / "shop" / "wsgi.py").read_text("utf-8")
    site.write(text.replace("<h1>Shop", "<h1>New"))
    program.until(lambda: "every process was exchanged" in program.said)
    assert "<h1>New" in fetched(site.port, "/")
    site.write("import no_such_module\n")
    program.until(lambda: "not reloaded: " in program.said)
    assert "No module named 'no_such_module'" in program.said
    assert "<h1>New" in fetched(site.port, "/")
    status = site.run("status", str(site.state))
    assert "reloads     2, the last: not done: " in status.stdout
    assert status.returncode == 0


def test_asleep_it_is_small_and_wakes_when_a_server_dies(site: Site) -> None:
    program = site.serve()
    pid = program.popen.pid
    program.until(lambda: "vigil.py" in title(pid))
    seen = process(pid)
    assert seen
    assert seen.private_bytes < 12_000_000  # 24 MB when it is awake
    assert site.run("reload", str(site.state)).returncode == 0
    program.until(lambda: "vigil.py" in title(pid))
    assert '"items"' in fetched(site.port, "/items.json")
    (leader,) = children(site.state)
    os.kill(leader, signal.SIGKILL)
    assert program.over() == 3
    assert "httpd has ended by itself (killed by SIGKILL)" in program.said
    assert "The logs say:" in program.said
    assert not session(leader)


def title(pid: int) -> str:
    seen = process(pid)
    return seen.title if seen else ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("import no_such_module\n", "No module named 'no_such_module'"),
        ("x = 1\n", "has no 'application'"),
    ],
)
def test_an_application_that_cannot_be_served(site: Site, text: str, words: str) -> None:
    site.write(text)
    assert words in site.refused()
    assert not site.state.exists()


def test_an_import_that_never_ends(site: Site) -> None:
    site.write("import time\ntime.sleep(1000)\n")
    assert "importing it has not ended within 1 s" in site.refused("--start-timeout", "1s")


@pytest.mark.skipif(not ROOT, reason="only root gives the application to another user")
def test_an_application_that_its_user_cannot_read(site: Site) -> None:
    site.shop.chmod(0o700)
    said = site.refused()
    assert f"may not enter {site.shop} (mode 700)" in said
    assert f"chmod o+rx {site.shop}" in said


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/sh"])
def test_no_python(site: Site, python: str) -> None:
    site.options[site.options.index("--python") + 1] = python
    assert python in site.refused()


def test_a_port_that_is_taken(site: Site) -> None:
    site.serve()
    site.options[-1] = str(site.state.with_name("other"))
    said = site.refused()
    assert re.search(rf"port {site.port} is in use by \S+ \(pid \d+\); \d+ is free: --port \d+", said)
    assert not site.state.with_name("other").exists()


def test_a_folder_in_which_another_serves(site: Site) -> None:
    first = site.serve()
    port, site.port = site.port, free_port()
    assert f"shop, pid {first.popen.pid}; end it first: poolwise stop {site.state}" in site.refused()
    assert '"items"' in fetched(port, "/items.json")


@pytest.mark.parametrize("name", ["a b it's 100% ünï #x", 'say "hi"', "${HOME}", "$(touch x)"])
def test_folders_with_unusual_names(site: Site, name: str) -> None:
    place = site.shop.with_name(name)
    site.shop.rename(place)
    site.options[1] = str(place)
    program = site.start(site.command("--processes", "1"))
    program.until(lambda: ended(program) or "Ctrl-C" in program.said)
    if ended(program):  # what a server's language cannot hold is refused by name, before anything is started
        assert program.over() == 2
        assert "cannot" in program.said
        assert name in program.said
    else:
        assert '"items"' in fetched(site.port, "/items.json")


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb"])
def test_names_that_no_file_can_hold(site: Site, name: str) -> None:
    site.shop.rename(site.shop.with_name(name))
    site.options[1] = str(site.shop.with_name(name))
    said = site.refused()
    assert "\x1b" not in said


def test_a_state_folder_that_is_a_link(site: Site) -> None:
    (site.state.parent / "target").mkdir(0o700)
    site.state.symlink_to(site.state.parent / "target")
    assert "is a symbolic link" in site.refused()
    assert list((site.state.parent / "target").iterdir()) == []


def test_gunicorn_behind_apache_behind_nginx(site: Site) -> None:
    if not shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.skip("nginx is not installed")
    program = site.serve("--nginx", "--apache-port", str(free_port()), "--backend", "gunicorn")
    assert '"items"' in fetched(site.port, "/items.json")
    assert "nginx and Apache" in program.said
    leaders = children(site.state)
    assert len(leaders) == 3
    answers: list[str] = []
    request = Thread(target=lambda: answers.append(fetched(site.port, "/slow?s=1")))
    request.start()
    time.sleep(0.3)
    program.popen.send_signal(signal.SIGTERM)
    request.join()
    assert answers == ["waited 1 s"]
    assert program.over() == 0
    assert not any(session(leader) for leader in leaders)


@pytest.mark.parametrize("before", [(), ("nohup",)])
def test_a_terminal_that_goes_away_ends_it_but_for_nohup(site: Site, before: tuple[str, ...]) -> None:
    ours, theirs = pty.openpty()
    command = ["setsid", "--ctty", "--wait", *before, *site.command()]
    with subprocess.Popen(
        command, cwd=site.shop, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    ) as popen:
        os.close(theirs)
        try:
            pid = served_by(site)
            os.close(ours)
            if not before:
                assert popen.wait(60) is not None
                assert process(pid) is None
            else:
                time.sleep(1.0)
                assert '"items"' in fetched(site.port, "/items.json")
        finally:
            main(["stop", str(site.state)])
            popen.wait(60)


def served_by(site: Site) -> int:
    """The process that serves it, as soon as it does."""
    end = time.monotonic() + 60
    while True:
        assert time.monotonic() < end
        found = read_state(site.state)
        if found and found.phase == "running":
            return found.poolwise.pid
        time.sleep(0.05)


def test_a_missing_target_and_a_wrong_option(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"]) == 2
    assert "Missing argument 'TARGET'" in capsys.readouterr().err
    assert "no_such_option" in site.refused("--option", "no_such_option=1")
