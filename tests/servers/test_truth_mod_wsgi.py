"""A daemon process group of a real mod_wsgi: what holds its thread, and when request-timeout strikes."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from poolwise.servers import PEERS, daemon_is_modern, daemon_request_limit_s

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
import time

def application(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    environ["wsgi.input"].read(length)
    time.sleep(float(environ["QUERY_STRING"] or 0))
    size = int(environ["PATH_INFO"].strip("/") or 0)
    body = b"x" * size or ".".join(map(str, environ["mod_wsgi.version"])).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


@contextmanager
def group(options: str) -> Iterator[int]:
    """The port of an httpd whose application runs in a daemon process group with these options."""
    with tempfile.TemporaryDirectory(prefix="poolwise-") as name:
        folder, port = Path(name), free_port()
        lines = [
            f"ServerRoot {folder}", f"PidFile {folder}/pid", "ErrorLog error.log", "ServerName localhost",
            f"DefaultRuntimeDir {folder}", f"Listen 127.0.0.1:{port}", "StartServers 1",
            *(f"LoadModule {m}_module {MODULES}/mod_{m}.so" for m in ("mpm_worker", "authz_core", "wsgi")),
            *server_user(), f"WSGIDaemonProcess app {options}", "WSGIProcessGroup app",
            "WSGIApplicationGroup %{GLOBAL}", f"WSGIScriptAlias / {folder}/app.wsgi",
        ]  # fmt: skip
        (folder / "app.wsgi").write_text(SCRIPT)
        (folder / "httpd.conf").write_text("\n".join(lines) + "\n")
        for path in [folder, *folder.iterdir()]:  # the server's user must reach them
            path.chmod(0o755)
        server = subprocess.Popen(
            [HTTPD, "-DFOREGROUND", "-f", str(folder / "httpd.conf")],
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            assert any(served(port) for _ in range(100)), (folder / "error.log").read_text()
            yield port
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(20)


def server_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    known = {entry.pw_name: entry.pw_gid for entry in pwd.getpwall()}
    user = next(name for name in ("www-data", "apache", "nobody") if name in known)
    return [f"User {user}", f"Group #{known[user]}"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def served(port: int, url: str = "/", patience_s: float = 2.0) -> bytes:
    """The response, or nothing when it did not come in time."""
    data = b""
    try:
        with socket.create_connection(("127.0.0.1", port), patience_s) as client:
            client.settimeout(patience_s)
            client.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            while part := client.recv(65536):
                data += part
    except OSError:
        time.sleep(0.1)
        return b""
    return data


def is_held(port: int, sent: bytes) -> bool:
    """Whether the only thread is busy after a client sent this and reads nothing."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.connect(("127.0.0.1", port))
        client.sendall(sent)
        time.sleep(0.5)
        held = not served(port).startswith(b"HTTP/1.1 200")
    time.sleep(0.5)
    return held


def test_what_holds_the_thread_of_a_daemon() -> None:
    with group("processes=1 threads=1") as port:
        upload = is_held(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        download = is_held(port, b"GET /200000 HTTP/1.1\r\nHost: x\r\n\r\n")
        idle = is_held(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        huge = is_held(port, b"GET /50000000 HTTP/1.1\r\nHost: x\r\n\r\n")
    facts = PEERS["mod_wsgi_daemon"]
    assert (upload, download, idle) == (facts.holds_upload, facts.holds_download, facts.holds_idle)
    assert huge  # more than every buffer on the way


@pytest.mark.parametrize("stuck", [1, 4])
def test_request_timeout_strikes_when_the_rule_says(stuck: int) -> None:
    threads, shutdown_s = 4, 1
    with group(f"processes=1 threads={threads} request-timeout=1 shutdown-timeout={shutdown_s}") as port:
        version = served(port).rsplit(b"\r\n", 1)[-1].decode()
        modern = daemon_is_modern(version)
        limit_s = daemon_request_limit_s(1.0, threads, modern)
        expected_s = limit_s if modern else limit_s / stuck
        took: list[float] = []

        def wait() -> None:
            started = time.monotonic()
            assert b" 500 " in served(port, "/?60", 50.0)[:20]
            took.append(time.monotonic() - started)

        clients = [threading.Thread(target=wait) for _ in range(stuck)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    assert len(took) == stuck
    for seconds in took:  # the process looks once a second, then lets requests run for shutdown-timeout
        assert expected_s + shutdown_s - 0.2 <= seconds <= expected_s + shutdown_s + 2.0
