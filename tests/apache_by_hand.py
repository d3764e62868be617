"""An Apache as somebody could have configured it by hand, with an application that loads slowly."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hosting import Hosting, free_port, service_account
from poolwise.deploy import find_apache, find_httpd, find_interpreter, find_mod_wsgi
from poolwise.observe import child_pids, process, session

LOAD_S = 0.3
FRONT_THREADS = 50  # and two more: those of the daemon processes are fewer
APPLICATION = """
import os, time
time.sleep({load_s})
{extra}
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/slow"):
        time.sleep(float(path[5:]))
    body = b"{version} %d" % os.getpid()
    start_response({status!r}, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""
CONF = """
ServerRoot {folder}
PidFile {name}.pid
DefaultRuntimeDir {folder}
ErrorLog {name}.log
LogLevel info
ServerName localhost
{shared}
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {mod_wsgi}
User {user}
Group {group}
StartServers 1
ServerLimit 2
ThreadsPerChild 50
ThreadLimit 50
MaxRequestWorkers 50
MinSpareThreads 1
MaxSpareThreads 51
WSGISocketPrefix {folder}/{name}
WSGIRestrictEmbedded On
WSGIScriptReloading Off
WSGIDaemonProcess shop {options}
{alias}
<Directory {folder}>
    Require all granted
</Directory>
{extra}
"""
EAGER = "WSGIScriptAlias / {folder}/shop.wsgi process-group=shop application-group=%{{GLOBAL}}"
LAZY = "WSGIScriptAlias / {folder}/shop.wsgi\nWSGIProcessGroup shop\nWSGIApplicationGroup %{{GLOBAL}}"
DEBIANS = "/usr/lib/apache2/modules/mod_wsgi.so"  # 4.9, for Debian's own Python


@dataclass
class ByHand:
    """A folder with an application and configurations, and the servers started from them."""

    folder: Path
    hosting: Hosting
    port: int
    said: list[str] = field(default_factory=list)

    def application(
        self, version: str, *, load_s: float = LOAD_S, extra: str = "", status: str = "200 OK"
    ) -> None:
        """Write the application; ``extra`` runs when it is loaded."""
        text = APPLICATION.format(version=version, load_s=load_s, extra=extra, status=status)
        (self.folder / "shop.wsgi").write_text(text)

    def configuration(
        self,
        name: str = "httpd",
        *,
        options: str = "processes=2 threads=5",
        eager: bool = True,
        shared: bool = True,
        debians: bool = False,
        extra: str = "",
    ) -> Path:
        """Write ``NAME.conf``; its path."""
        httpd, interpreter = find_apache(), find_interpreter(self.hosting.python)
        account = service_account()
        home = "" if debians else f" python-home={interpreter.prefix}"
        text = CONF.format(
            folder=self.folder,
            name=name,
            port=self.port,
            modules=httpd.modules,
            mod_wsgi=DEBIANS if debians else find_mod_wsgi(interpreter, httpd).path,
            user=account.pw_name,
            group=f"#{account.pw_gid}",
            shared="ListenCoresBucketsRatio 65536" if shared else "",
            options=options + home,
            alias=(EAGER if eager else LAZY).format(folder=self.folder),
            extra=extra,
        )
        path = self.folder / f"{name}.conf"
        path.write_text(text)
        return path

    def start(self, conf: Path) -> subprocess.Popen[bytes]:
        """Start a server in the foreground."""
        return subprocess.Popen(
            [find_httpd(), "-DFOREGROUND", "-f", str(conf)], start_new_session=True, stderr=subprocess.DEVNULL
        )

    @contextmanager
    def running(self, conf: Path, number: int = 2) -> Iterator[int]:
        """A server that has loaded its application; the id of its first process."""
        with self.start(conf) as popen:
            try:
                until(lambda: loaded(popen.pid, number), self.log(conf))
                until(conf.with_suffix(".pid").exists)
                yield popen.pid
            finally:
                end(popen)

    def log(self, conf: Path) -> Callable[[], str]:
        """What its error log says, for a failure's words."""
        return lambda: conf.with_suffix(".log").read_text() if conf.with_suffix(".log").exists() else ""


def daemons(server: int) -> tuple[int, ...]:
    """The daemon processes of a server, told by their title or their number of threads."""
    found = [each for pid in child_pids(server) if (each := process(pid))]
    return tuple(each.pid for each in found if each.threads < FRONT_THREADS)


def loaded(server: int, number: int) -> bool:
    """Whether so many daemon processes have their threads, which they get when they have loaded."""
    found = [each for pid in child_pids(server) if (each := process(pid))]
    return sum(5 < each.threads < FRONT_THREADS for each in found) == number


def until(seen: Callable[[], object], said: Callable[[], str] = str, patience_s: float = 30.0) -> None:
    """Wait until that is true."""
    end_s = time.monotonic() + patience_s
    while not seen():
        assert time.monotonic() < end_s, said()
        time.sleep(0.02)


def end(popen: subprocess.Popen[bytes]) -> None:
    """End a server at once, and see that nothing of its session is left."""
    popen.terminate()
    popen.wait(20)
    with suppress(ProcessLookupError):  # nothing is left of it already
        os.killpg(popen.pid, signal.SIGKILL)
    until(lambda: not session(popen.pid))


@pytest.fixture
def by_hand(hosting: Hosting, site_folder: Path) -> ByHand:
    """A folder for servers that are started by hand, with version 1 of the application."""
    if not find_httpd():
        pytest.skip("no httpd is installed")
    if os.geteuid() != 0:
        site_folder.chmod(0o700)
    made = ByHand(site_folder, hosting, free_port())
    made.application("1")
    return made
