"""The supervisor with a real Apache: ready when it answers, gentle when it ends, and nothing is ever left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from hosting import Hosting, Program, fetched, free_port
from poolwise.deploy import find_apache, find_httpd, find_interpreter, find_mod_wsgi, read_state, service_user
from poolwise.deploy.plan import Deployment, Front, Hosted
from poolwise.observe import process, session

pytestmark = pytest.mark.server

DRIVER = """
import sys
from poolwise.deploy import Supervisor, Wishes
from poolwise.deploy.plan import *
from poolwise.model import PoolwiseError

class Printed:
    def ready(self, state): print("ready", flush=True)
    def line(self, log, text): print("line", log, text, flush=True)
    def note(self, text): print("note", text, flush=True)
    def flush(self): pass

try:
    print("exit", Supervisor(eval(sys.argv[1]), Printed(), Wishes(**eval(sys.argv[2]))).serve(), flush=True)
except PoolwiseError as error:
    print(type(error).__name__, error, flush=True)
"""
PATIENCE_S = 60.0


class Served:
    """A supervisor in a process of its own."""

    def __init__(self, deployment: Deployment, program: Program) -> None:
        self.deployment = deployment
        self.program = program

    @property
    def said(self) -> str:
        return self.program.said

    def ready(self) -> Served:
        self.program.until(lambda: "ready" in self.program.out or self.program.popen.poll() is not None)
        assert "ready" in self.program.out, self.said
        return self

    def tell(self, number: signal.Signals) -> None:
        self.program.popen.send_signal(number)

    def over(self) -> str:
        """Wait for the end; all that was said."""
        assert self.program.over(PATIENCE_S) in (0, -signal.SIGKILL), self.said
        return "\n".join(self.program.out)

    def sessions(self) -> tuple[int, ...]:
        state = read_state(self.deployment.folder)
        return tuple(each.pid for each in state.children) if state else ()

    def get(self, path: str) -> str:
        return fetched(self.deployment.front.port, path)


@pytest.fixture
def plan(hosting: Hosting, site_folder: Path, shop: Path) -> Deployment:
    """The example application, to be served from a folder of the test's own."""
    if not find_httpd():
        pytest.skip("no httpd is installed")
    interpreter, httpd = find_interpreter(hosting.python), find_apache()
    return Deployment(
        name="shop",
        folder=str(site_folder / "served"),
        httpd=httpd,
        interpreter=interpreter,
        applications=(Hosted("shop", "shop.wsgi:application", str(shop)),),
        front=Front(port=free_port(), user=service_user() if os.geteuid() == 0 else ""),
        mod_wsgi=find_mod_wsgi(interpreter, httpd),
    )


Serve = Callable[..., Served]


@pytest.fixture
def serve(start: Callable[..., Program]) -> Serve:
    """Start supervisors."""

    def begin(deployment: Deployment, **wishes: object) -> Served:
        return Served(deployment, start([sys.executable, "-c", DRIVER, repr(deployment), repr(wishes)]))

    return begin


def nothing_is_left(leaders: tuple[int, ...]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while any(session(each) for each in leaders) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(session(each) for each in leaders)


def test_it_answers_when_it_is_ready_and_lets_requests_finish(plan: Deployment, serve: Serve) -> None:
    served = serve(plan, access_log=True).ready()
    leaders = served.sessions()
    assert leaders
    assert '"items"' in served.get("/items.json")
    served.program.until(lambda: "GET /items.json" in served.said)
    slow: list[str] = []
    request = Thread(target=lambda: slow.append(served.get("/slow?s=1")))
    request.start()
    time.sleep(0.3)
    served.tell(signal.SIGTERM)
    request.join()
    assert slow == ["waited 1 s"]
    assert served.over().endswith("exit 0")
    assert nothing_is_left(leaders)
    assert read_state(plan.folder) is None
    assert not [path for path in Path(plan.folder, "run").rglob("*") if not path.is_dir()]


def test_a_second_signal_does_not_wait(plan: Deployment, serve: Serve) -> None:
    served = serve(plan).ready()
    request = Thread(target=_ignore, args=(served, "/slow?s=25"))
    request.start()
    time.sleep(0.3)
    begun = time.monotonic()
    served.tell(signal.SIGINT)
    served.program.until(lambda: "AH00492" in served.said)
    served.tell(signal.SIGINT)
    assert served.over().endswith("exit 130")
    assert time.monotonic() - begun < 20
    request.join()


def _ignore(served: Served, path: str) -> None:
    try:
        served.get(path)
    except OSError:
        return


def test_two_in_one_folder(plan: Deployment, serve: Serve) -> None:
    first = serve(plan).ready()
    second = serve(replace(plan, front=replace(plan.front, port=free_port())))
    said = second.over()
    assert "InputError" in said
    assert f"shop, pid {first.program.popen.pid}; end it first: poolwise stop {plan.folder}" in said
    assert '"items"' in first.get("/items.json")
    first.tell(signal.SIGTERM)
    assert first.over().endswith("exit 0")


def test_killed_without_a_word(plan: Deployment, serve: Serve) -> None:
    served = serve(plan).ready()
    leaders = served.sessions()
    served.program.popen.kill()
    served.over()
    assert nothing_is_left(leaders)
    state = read_state(plan.folder)
    assert state and not state.alive
    again = serve(plan).ready()
    again.tell(signal.SIGTERM)
    assert again.over().endswith("exit 0")


def test_an_httpd_that_dies_is_an_error_with_its_words(plan: Deployment, serve: Serve) -> None:
    served = serve(plan).ready()
    (leader,) = served.sessions()
    os.kill(leader, signal.SIGKILL)
    said = served.over()
    assert "ServerError httpd has ended by itself (killed by SIGKILL)" in said
    assert "AH00489" in said.split("The logs say:")[1]  # configured, resuming normal operations
    assert nothing_is_left((leader,))


def test_a_killed_application_process_is_replaced_by_apache(plan: Deployment, serve: Serve) -> None:
    served = serve(plan).ready()
    ready = Path(plan.folder, "run", "ready")

    def pids() -> set[int]:
        return {pid for path in ready.iterdir() if process(pid := int(path.suffix[1:]))}

    before = pids()
    assert len(before) == 2
    os.kill(min(before), signal.SIGKILL)
    served.program.until(lambda: len(pids()) == 2 and pids() != before)
    served.tell(signal.SIGTERM)
    assert served.over().endswith("exit 0")


def test_a_configuration_that_httpd_refuses(plan: Deployment, serve: Serve) -> None:
    broken = replace(plan.httpd, modules="/nowhere")
    said = serve(replace(plan, httpd=broken)).over()
    assert "ServerError httpd refuses the configuration" in said
    assert "Cannot load /nowhere/mod_mpm_event.so" in said
    assert read_state(plan.folder) is None


def test_an_application_that_cannot_be_loaded(plan: Deployment, serve: Serve, shop: Path) -> None:
    (shop / "shop" / "wsgi.py").write_text("import no_such_module\n")
    served = serve(plan)
    said = served.over()
    assert "ServerError shop could not be loaded:" in said
    assert "ModuleNotFoundError: No module named 'no_such_module'" in said


def test_an_import_that_never_ends(plan: Deployment, serve: Serve, shop: Path) -> None:
    (shop / "shop" / "wsgi.py").write_text("import time\ntime.sleep(1000)\n")
    said = serve(plan, ready_s=1.5).over()
    assert "ServerError after 1.5 s processes have not loaded their application: 2 of shop" in said


def test_its_end_while_it_gets_ready_needs_no_grace(plan: Deployment, serve: Serve, shop: Path) -> None:
    (shop / "shop" / "wsgi.py").write_text("import time\ntime.sleep(1000)\n")
    served = serve(plan)
    served.program.until(served.sessions)
    begun = time.monotonic()
    served.tell(signal.SIGINT)
    assert served.over().endswith("exit 0")
    assert time.monotonic() - begun < 25  # the grace is 30 s


@pytest.fixture
def little(plan: Deployment) -> Iterator[Callable[[], None]]:
    """The folder to serve from, on a file system of its own; call it to fill what is left of that."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can make a file system for this")
    folder = Path(plan.folder)
    folder.mkdir(mode=0o755)
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k,mode=755", "none", plan.folder]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this system lets nobody mount a file system")

    def fill() -> None:
        with pytest.raises(OSError, match="No space"), (folder / "filler").open("ab", buffering=0) as file:
            while True:
                file.write(b"x" * 1024)

    yield fill
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk(plan: Deployment, serve: Serve, little: Callable[[], None]) -> None:
    served = serve(plan).ready()
    little()
    assert '"items"' in served.get("/items.json")
    served.tell(signal.SIGTERM)
    assert served.over().endswith("exit 0")
    little()
    said = serve(plan).over()
    assert "InputError cannot" in said
    assert "No space left on device" in said
