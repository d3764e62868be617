"""New code under load: how many requests fail, how long nobody is answered, whether a long request survives.

The application takes 1.5 s to load. Three clients ask a fast page, three one of 1 s, each time on a new
connection, and one request of 8 s begins a second before the reload; then they go on for 12 s. Actions
take turns, so that a noisy minute hits all; figures are medians over the rounds, failures the sum.

    .venv/bin/python benchmarks/reload.py [--rounds N] [--broken] [NAME ...]
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from socket import socket
from threading import Thread
from typing import Any

from poolwise.deploy import find_apache, find_interpreter, find_mod_wsgi, service_user

ROOT = Path(__file__).resolve().parent.parent
HOSTING = ROOT / ".hosting" / "bin"
BEFORE_S, AFTER_S, FAST, SLOW = 1.0, 12.0, 3, 3
APPLICATION = """
import time
time.sleep(1.5)
{broken}
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/slow"):
        time.sleep(float(path[5:]))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"{version}"]
"""
CONF = """
ServerRoot {folder}
PidFile httpd.pid
DefaultRuntimeDir {folder}
ErrorLog error.log
ServerName localhost
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {mod_wsgi}
{user}
WSGISocketPrefix {folder}/wsgi
WSGIRestrictEmbedded On
WSGIDaemonProcess shop processes=2 threads=5 display-name=%{{GROUP}} python-home={prefix}
WSGIScriptAlias / {folder}/shop.py process-group=shop application-group=%{{GLOBAL}}
WSGIScriptReloading {reloading}
<Directory {folder}>
    Require all granted
</Directory>
"""
UWSGI = """
[uwsgi]
master = true
need-app = true
die-on-term = true
lazy-apps = true
single-interpreter = true
enable-threads = true
disable-logging = true
home = {prefix}
wsgi-file = {folder}/shop.py
http-socket = 127.0.0.1:{port}
master-fifo = {folder}/run/fifo
processes = 2
threads = 5
worker-reload-mercy = 30
"""


@dataclass(frozen=True)
class Place:
    """A folder of a run's own, and a free port."""

    folder: Path
    port: int

    def write(self, version: str, broken: bool = False) -> None:
        """Put this version of the application in its place, whole."""
        text = APPLICATION.format(version=version, broken="raise RuntimeError('broken')" if broken else "")
        beside = self.folder / "shop.new"
        beside.write_text(text)
        beside.replace(self.folder / "shop.py")

    def run(self, *words: str, **rest: Any) -> subprocess.Popen[bytes]:
        """Start a program in the folder, silently."""
        return subprocess.Popen(
            words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True, **rest,
        )  # fmt: skip

    def poolwise(self, *words: str) -> subprocess.Popen[bytes]:
        """Start poolwise."""
        return self.run(sys.executable, "-m", "poolwise.cli", *words)


Act = Callable[[], object]
Start = Callable[[Place], tuple[subprocess.Popen[bytes], Act]]


def _conf(place: Place, reloading: str) -> str:
    httpd, interpreter = find_apache(), find_interpreter(str(HOSTING / "python"))
    user = f"User {service_user()}\nGroup {service_user()}" if os.geteuid() == 0 else ""
    path = place.folder / "httpd.conf"
    path.write_text(
        CONF.format(
            folder=place.folder, port=place.port, modules=httpd.modules, user=user, reloading=reloading,
            mod_wsgi=find_mod_wsgi(interpreter, httpd).path, prefix=interpreter.prefix,
        )
    )  # fmt: skip
    return str(path)


def apache(
    place: Place, act: Callable[[str], Act], reloading: str = "Off"
) -> tuple[subprocess.Popen[bytes], Act]:
    """Apache with a daemon group, as written by hand; ``act`` makes the action out of the configuration."""
    conf = _conf(place, reloading)
    return place.run(find_apache().path, "-DFOREGROUND", "-f", conf), act(conf)


def graceful(place: Place) -> tuple[subprocess.Popen[bytes], Act]:
    """``apachectl graceful``."""
    return apache(
        place, lambda conf: lambda: place.run(find_apache().path, "-f", conf, "-k", "graceful").wait()
    )


def touched(place: Place) -> tuple[subprocess.Popen[bytes], Act]:
    """A changed script, where mod_wsgi looks for that itself."""
    return apache(place, lambda conf: lambda: None, "On")


def by_hand(place: Place) -> tuple[subprocess.Popen[bytes], Act]:
    """``poolwise reload CONF``: any Apache, its daemon processes one at a time."""
    return apache(place, lambda conf: lambda: place.poolwise("reload", conf).wait())


def served(place: Place, *more: str) -> tuple[subprocess.Popen[bytes], Act]:
    """``poolwise serve``, then ``poolwise reload``."""
    state = str(place.folder / "state")
    popen = place.poolwise(
        "serve", "shop:application", "--folder", str(place.folder), "--python", str(HOSTING / "python"),
        "--state", state, "--port", str(place.port), "--processes", "2", "--threads", "5",
    )  # fmt: skip
    return popen, lambda: place.poolwise("reload", state, *more).wait()


def takeover(place: Place) -> tuple[subprocess.Popen[bytes], Act]:
    """The same, by a second Apache."""
    return served(place, "--takeover")


def nothing(place: Place) -> tuple[subprocess.Popen[bytes], Act]:
    """No reload at all: the gaps that this machine makes by itself."""
    return apache(place, lambda conf: lambda: None)


def express(place: Place) -> tuple[subprocess.Popen[bytes], Act]:
    """mod_wsgi-express, SIGUSR1 to its parent."""
    words = [str(HOSTING / "mod_wsgi-express"), "start-server", "shop.py", "--host", "127.0.0.1"]
    words += ["--port", str(place.port), "--server-root", str(place.folder / "express")]
    words += ["--processes", "2", "--threads", "5", "--log-to-terminal"]
    words += ["--user", service_user(), "--group", service_user()] if os.geteuid() == 0 else []
    return _told(place, signal.SIGUSR1, *words)


def gunicorn(place: Place) -> tuple[subprocess.Popen[bytes], Act]:
    """gunicorn with threads, SIGHUP."""
    words = [str(HOSTING / "gunicorn"), "-b", f"127.0.0.1:{place.port}", "-w", "2", "-k", "gthread"]
    return _told(place, signal.SIGHUP, *words, "--threads", "5", "shop:application", **_user())


def granian(place: Place) -> tuple[subprocess.Popen[bytes], Act]:
    """granian, SIGHUP."""
    words = [str(HOSTING / "granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--workers", "2"]
    words += ["--port", str(place.port), "--blocking-threads", "5", "--respawn-failed-workers"]
    return _told(place, signal.SIGHUP, *words, "shop:application", **_user())


def uwsgi(place: Place) -> tuple[subprocess.Popen[bytes], Act]:
    """uWSGI with lazy-apps, chain reload."""
    prefix = find_interpreter(str(HOSTING / "python")).prefix
    conf = place.folder / "uwsgi.ini"
    conf.write_text(UWSGI.format(folder=place.folder, port=place.port, prefix=prefix))
    popen = place.run(str(HOSTING / "uwsgi"), "--ini", str(conf), **_user())
    return popen, lambda: (place.folder / "run" / "fifo").write_text("c")


def _told(
    place: Place, number: signal.Signals, *words: str, **rest: Any
) -> tuple[subprocess.Popen[bytes], Act]:
    popen = place.run(*words, **rest)
    return popen, lambda: popen.send_signal(number)


def _user() -> dict[str, Any]:
    return {"user": service_user(), "group": service_user(), "extra_groups": []} if os.geteuid() == 0 else {}


ACTIONS: dict[str, Start] = {
    "no reload": nothing,
    "apachectl graceful": graceful,
    "touch the script": touched,
    "mod_wsgi-express, SIGUSR1": express,
    "gunicorn, HUP": gunicorn,
    "uWSGI, chain reload": uwsgi,
    "granian, HUP": granian,
    "poolwise reload CONF": by_hand,
    "poolwise reload": served,
    "poolwise reload --takeover": takeover,
}


@dataclass(frozen=True)
class Outcome:
    """What the clients met."""

    answers: int
    failed: int
    gap_s: float  # the longest time between two good answers of the fast page
    long: str  # how the request of 8 s ended
    new_s: float | None  # from the reload to the first answer of the new version


class Clients:
    """Threads that ask until told to stop."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.until = float("inf")
        self.good: list[tuple[float, str]] = []  # of the fast page: when, and which version
        self.failed: list[str] = []
        self.answers = 0
        self.long = "none"

    def ask(self, path: str, patience_s: float = 30.0) -> tuple[int, str]:
        """The status and the body of one answer, 0 and the reason when there was none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience_s)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return 0, repr(error)
        finally:
            connection.close()

    def again(self, path: str) -> None:
        """Ask for a page until it is time to stop."""
        while time.monotonic() < self.until:
            status, body = self.ask(path)
            self.answers += 1
            if status != 200:
                self.failed.append(f"{path}: {status or body}")
            elif path == "/":
                self.good.append((time.monotonic(), body))

    def once(self, path: str) -> None:
        """Ask for the long page."""
        begun = time.monotonic()
        status, body = self.ask(path)
        self.long = "ok" if status == 200 else f"{status or body} at {time.monotonic() - begun:.1f} s"


def measured(start: Start, broken: bool) -> Outcome:
    """One run."""
    with _place() as place:
        place.write("v01")
        popen, act = start(place)
        try:
            clients = Clients(place.port)
            _until_it_answers(clients, popen)
            return _under_load(clients, place, act, broken)
        finally:
            _end(popen)


def _under_load(clients: Clients, place: Place, act: Act, broken: bool) -> Outcome:
    threads = [Thread(target=clients.again, args=(path,)) for path in ["/"] * FAST + ["/slow1"] * SLOW]
    threads.append(Thread(target=clients.once, args=("/slow8",)))
    for thread in threads:
        thread.start()
    time.sleep(BEFORE_S)
    reloaded = time.monotonic()
    clients.until = reloaded + AFTER_S
    place.write("v02", broken)
    act()
    for thread in threads:
        thread.join()
    times = sorted(when for when, _ in clients.good)
    gaps = [later - earlier for earlier, later in pairwise([*times, clients.until])]
    new = [when for when, version in clients.good if version == "v02"]
    return Outcome(
        clients.answers,
        len(clients.failed),
        max(gaps),
        clients.long,
        min(new) - reloaded if new else None,
    )


@contextmanager
def _place() -> Iterator[Place]:
    folder = Path(tempfile.mkdtemp(prefix="poolwise-reload-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        (folder / "run").mkdir()
        if os.geteuid() == 0:
            shutil.chown(folder / "run", service_user(), service_user())
        with socket() as tried:
            tried.bind(("127.0.0.1", 0))
            port = int(tried.getsockname()[1])
        yield Place(folder, port)
    finally:
        shutil.rmtree(folder)


def _until_it_answers(clients: Clients, popen: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if clients.ask("/")[0] == 200:
            return
        assert popen.poll() is None, "the server has ended"
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def _end(popen: subprocess.Popen[bytes]) -> None:
    """Tell the server to end; what is left of its session after 15 s is killed."""
    with suppress(ProcessLookupError):
        popen.terminate()
        with suppress(subprocess.TimeoutExpired):
            popen.wait(15)
        os.killpg(popen.pid, signal.SIGKILL)
    popen.wait()


def main() -> None:
    """Run the rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ACTIONS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--broken", action="store_true", help="the new version raises when it is loaded")
    given = parser.parse_args()
    names = given.names or list(ACTIONS)
    outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
    for number in range(given.rounds):
        for name in names:
            outcomes[name].append(measured(ACTIONS[name], given.broken))
            print(f"round {number + 1}, {name}: {outcomes[name][-1]}", file=sys.stderr)
    print("| action | answers | failed | longest gap, s | 8 s request | first new answer, s |")
    print("|---|---|---|---|---|---|")
    for name, runs in outcomes.items():
        gaps = sorted(run.gap_s for run in runs)
        new = [run.new_s for run in runs if run.new_s is not None]
        cells = [
            name,
            f"{statistics.median(run.answers for run in runs):.0f}",
            f"{sum(run.failed for run in runs)}",
            f"{statistics.median(gaps):.2f} ({gaps[0]:.2f}-{gaps[-1]:.2f})",
            ", ".join(sorted({run.long for run in runs})),
            f"{statistics.median(new):.1f}" if new else "never",
        ]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
