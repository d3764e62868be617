"""Where each application runs, asked of the application itself in a real httpd with mod_wsgi."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from poolwise.config import load
from poolwise.model import Application, Site

HTTPD = shutil.which("apache2") or "/usr/sbin/apache2"
MODULES = Path("/usr/lib/apache2/modules")

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        not Path(HTTPD).exists() or not (MODULES / "mod_wsgi.so").exists(),
        reason="needs Apache httpd and mod_wsgi (apt-get install apache2 libapache2-mod-wsgi-py3)",
    ),
]

SCRIPT = """
import json, time
LOADED = time.time()

def application(environ, start_response):
    seen = {
        "process_group": environ["mod_wsgi.process_group"],
        "application_group": environ["mod_wsgi.application_group"],
        "multiprocess": environ["wsgi.multiprocess"],
        "multithread": environ["wsgi.multithread"],
        "loaded": LOADED,
    }
    body = json.dumps(seen).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
"""

# name of the virtual host -> its lines; FILE is that host's own script, below FOLDER
HOSTS = {
    "nothing": ["WSGIScriptAlias / FILE"],
    "declared-not-selected": ["WSGIDaemonProcess idle", "WSGIScriptAlias / FILE"],
    "selected": ["WSGIDaemonProcess one", "WSGIProcessGroup one", "WSGIScriptAlias / FILE"],
    "two": ["WSGIDaemonProcess two processes=2 threads=1", "WSGIProcessGroup two", "WSGIScriptAlias / FILE"],
    "written-as-one": [
        "WSGIDaemonProcess single processes=1", "WSGIProcessGroup single", "WSGIScriptAlias / FILE",
    ],
    "eager": [
        "WSGIDaemonProcess eager threads=3",
        "WSGIScriptAlias / FILE process-group=eager application-group=%{GLOBAL}",
    ],
    "half-eager": ["WSGIScriptAlias / FILE process-group=shared"],
    "option-wins": [
        "WSGIProcessGroup shared",
        "WSGIScriptAlias / FILE process-group=%{GLOBAL} application-group=inner",
    ],
    "imported": [
        "WSGIScriptAlias / FILE",
        "WSGIProcessGroup shared",
        "WSGIApplicationGroup %{GLOBAL}",
        "WSGIImportScript FILE process-group=shared application-group=%{GLOBAL}",
    ],
    "imported-elsewhere": [
        "WSGIScriptAlias / FILE",
        "WSGIApplicationGroup %{GLOBAL}",
        "WSGIImportScript FILE process-group=shared application-group=%{GLOBAL}",
    ],
    "by-directory": [
        "WSGIProcessGroup shared",
        "WSGIScriptAlias / FILE",
        "<Directory FOLDER/by-directory>",
        "WSGIProcessGroup %{GLOBAL}",
        "WSGIApplicationGroup %{GLOBAL}",
        "</Directory>",
    ],
    "longest-directory": [
        "WSGIScriptAlias / FILE",
        "<Directory FOLDER/longest-directory>",
        "WSGIProcessGroup shared",
        "</Directory>",
        "<Directory FOLDER>",
        "WSGIProcessGroup %{GLOBAL}",
        "</Directory>",
    ],
    "location-over-directory": [
        "WSGIScriptAlias /app FILE",
        "<Location /app>",
        "WSGIProcessGroup shared",
        "</Location>",
        "<Directory FOLDER/location-over-directory>",
        "WSGIProcessGroup %{GLOBAL}",
        "</Directory>",
    ],
    "files": [
        "WSGIScriptAlias / FILE",
        "<Files *.wsgi>",
        "WSGIProcessGroup shared",
        "</Files>",
    ],
    "deeper": [
        "WSGIScriptAlias / FILE",
        "<Location /admin>",
        "WSGIProcessGroup shared",
        "</Location>",
    ],
    "wild": [
        "WSGIScriptAlias / FILE",
        "<Directory FOLDER/w*>",
        "WSGIProcessGroup shared",
        "</Directory>",
    ],
    "pattern": [
        "WSGIScriptAlias / FILE",
        "<DirectoryMatch ^FOLDER/pat>",
        "WSGIProcessGroup shared",
        "</DirectoryMatch>",
    ],
    "by-variable": ["SetEnv WHERE shared", "WSGIProcessGroup %{ENV:WHERE}", "WSGIScriptAlias / FILE"],
    "handler": [
        "DocumentRoot FOLDER/handler",
        "<Directory FOLDER/handler>",
        "Options +ExecCGI",
        "AddHandler wsgi-script .wsgi",
        "WSGIProcessGroup shared",
        "</Directory>",
    ],
    "first-alias-wins": [
        "WSGIDaemonProcess first",
        "WSGIScriptAlias / FILE process-group=first application-group=%{GLOBAL}",
        "WSGIScriptAlias /shop FILE process-group=shared application-group=%{GLOBAL}",
    ],
}  # fmt: skip


def configuration(folder: Path, mpm: str, port: int, extra: str = "") -> str:
    lines = [
        f"ServerRoot {folder}", f"PidFile {folder}/pid", "ErrorLog error.log", f"DefaultRuntimeDir {folder}",
        "ServerName localhost", f"Listen 127.0.0.1:{port}", "TypesConfig /dev/null", "StartServers 1",
    ]  # fmt: skip
    for name in (f"mpm_{mpm}", "authz_core", "env", "alias", "mime", "wsgi"):
        lines.append(f"LoadModule {name}_module {MODULES}/mod_{name}.so")
    if os.geteuid() == 0:
        user = next(name for name in ("www-data", "apache", "nobody") if _exists(name))
        lines += [f"User {user}", f"Group #{pwd.getpwnam(user).pw_gid}"]
    lines += ["WSGIDaemonProcess shared processes=1 threads=2", extra]
    for name, body in HOSTS.items():
        script = folder / name / "app.wsgi"
        script.parent.mkdir(exist_ok=True)
        script.write_text(SCRIPT)
        lines += ["<VirtualHost *:*>", f"ServerName {name}"]
        lines += [line.replace("FILE", str(script)).replace("FOLDER", str(folder)) for line in body]
        lines += ["</VirtualHost>"]
    return "\n".join(lines) + "\n"


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    def __init__(self, folder: Path, mpm: str, extra: str = "") -> None:
        self.port = free_port()
        self.conf = folder / "httpd.conf"
        self.conf.write_text(configuration(folder, mpm, self.port, extra))
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)
        said = folder / "stderr"
        with said.open("w") as errors:
            self.process = subprocess.Popen(
                [HTTPD, "-DFOREGROUND", "-f", str(self.conf)], stderr=errors, start_new_session=True
            )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self.process.poll() is None, said.read_text() + (folder / "error.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        time.sleep(1.5)  # what loads eagerly has loaded by now

    def ask(self, host: str, url: str) -> dict[str, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{url}", headers={"Host": host})
        started = time.time()
        with urllib.request.urlopen(request, timeout=20) as answer:
            seen: dict[str, Any] = json.loads(answer.read())
        seen["eager"] = seen.pop("loaded") < started
        return seen

    def stop(self) -> None:
        """The whole process group at once: a polite stop waits seconds for embedded interpreters."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)


@pytest.fixture(scope="module", params=["prefork", "worker", "event"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path(f"/tmp/poolwise-wsgi-{os.getpid()}-{request.param}")  # the server's user must reach it
    folder.mkdir()
    running = None
    try:
        running = Server(folder, request.param)
        yield running
    finally:
        if running:
            running.stop()
        shutil.rmtree(folder)


def predicted(site: Site, host: str, mount: str) -> Application:
    return next(a for a in site.applications if a.host.endswith(f" {host}") and a.mount == mount)


CASES = [(host, "/", "/") for host in HOSTS if host not in ("location-over-directory", "handler")] + [
    ("location-over-directory", "/app", "/app"),
    ("handler", "/app.wsgi", "/"),
    ("deeper", "/admin/x", "/admin"),
    ("first-alias-wins", "/shop", "/"),
]


@pytest.mark.parametrize(("host", "url", "mount"), CASES)
def test_the_application_sees_what_is_said(server: Server, host: str, url: str, mount: str) -> None:
    expected = predicted(load(server.conf).site, host, mount)
    seen = server.ask(host, url)
    assert seen["process_group"] == expected.process_group, expected.reason
    assert (expected.runs == "daemon") == bool(seen["process_group"])
    assert seen["multiprocess"] == expected.multiprocess
    assert seen["multithread"] == expected.multithread
    if expected.application_group == "%{RESOURCE}":
        assert "|" in seen["application_group"]
    else:
        assert seen["application_group"] == expected.application_group.replace("%{GLOBAL}", "")
    if url == mount and host not in (
        "deeper",
        "first-alias-wins",
    ):  # asked once: loaded by this request or before
        assert seen["eager"] == expected.eager
