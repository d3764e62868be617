"""What the tests of ``render`` share: deployments in many variants, their trees, servers on them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hosting import free_port, service_account
from poolwise.deploy import (
    Deployment,
    Front,
    Hosted,
    Httpd,
    Interpreter,
    ModWsgi,
    NginxFront,
    Static,
    Tls,
    commands,
    find_apache,
    find_httpd,
    find_interpreter,
    find_mod_wsgi,
    find_nginx,
    render,
    write_tree,
)
from poolwise.deploy.rendering.backends import OWNED_FOLDERS
from poolwise.model import InputError

APPLICATION = """
import json
import os

def application(environ, start_response):
    known = ("SCRIPT_NAME", "PATH_INFO", "REMOTE_ADDR", "wsgi.url_scheme", "HTTP_X_FORWARDED_FOR")
    told = {name: environ.get(name) for name in known}
    told |= {"pid": os.getpid(), "folder": os.getcwd(), "GREETING": os.environ.get("GREETING")}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]

class Nested:
    inner = staticmethod(application)
"""
PATIENCE_S = 30.0
USER = service_account().pw_name if os.geteuid() == 0 else ""


@cache
def programs(python: str) -> tuple[Httpd, Interpreter, ModWsgi]:
    """What is installed for that Python; the test is skipped when something is missing."""
    httpd = find_apache(find_httpd() or pytest.skip("no httpd is installed"))
    if not Path(python).is_file():
        pytest.skip(f"there is no {python}")
    interpreter = find_interpreter(python)
    try:
        return httpd, interpreter, find_mod_wsgi(interpreter, httpd)
    except InputError:
        pytest.skip(f"there is no mod_wsgi for {python}")


def deployed(folder: Path, python: str, *hosted: Mapping[str, Any], **fields: Any) -> Deployment:
    """A deployment below ``folder`` with an application in it; ``front``: fields of the Front."""
    httpd, interpreter, mod_wsgi = programs(python)
    application = folder / "application"
    application.mkdir(parents=True, exist_ok=True)
    (application / "hello.py").write_text(APPLICATION)
    (application / "site.wsgi").write_text(APPLICATION)
    usual: dict[str, Any] = {"name": "shop", "target": "hello:application", "folder": str(application)}
    front: dict[str, Any] = {"port": free_port(), "user": USER, "group": USER, **fields.pop("front", {})}
    return Deployment(
        name="site",
        folder=str(folder / "tree"),
        httpd=httpd,
        interpreter=interpreter,
        applications=tuple(Hosted(**{**usual, **each}) for each in hosted or ({},)),
        front=Front(**front),
        mod_wsgi=mod_wsgi,
        **fields,
    )


def certificate(folder: Path) -> Tls:
    """One for localhost, made now."""
    openssl = shutil.which("openssl") or pytest.skip("openssl is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-days", "2",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return Tls(str(folder / "cert.pem"), str(folder / "key.pem"), free_port())


def variants(folder: Path, python: str) -> dict[str, Deployment]:
    """One deployment for each thing that can be asked for, and some of them together."""
    static = folder / "files"
    static.mkdir(parents=True, exist_ok=True)
    (static / "style.css").write_text("body {}\n" * 500)
    tls = certificate(folder)
    several: tuple[dict[str, Any], ...] = (
        {"name": "api", "mount": "/api"},
        {},
        {"name": "v2", "mount": "/api/v2", "processes": 1, "threads": 3},
    )
    names = ("localhost", "shop.example", "*.shop.example")
    proxied = tuple(
        {"name": kind, "mount": f"/{kind}", "backend": kind} for kind in ("uwsgi", "gunicorn", "granian")
    )
    nginx = NginxFront(find_nginx(), free_port()) if shutil.which("nginx") else None
    fronts: dict[str, dict[str, Any]] = {
        "plain": {},
        "small": {"connections": 25, "access_log": False, "keep_alive_s": 0, "timeout_s": 10},
        "static": {"static": (Static("/static", str(static)), Static("/static/deep", str(static)))},
        "names": {"names": names},
        "tls": {"tls": tls, "http2": True, "names": names},
        "tls and http": {"tls": replace(tls, only=False), "http2": True},
        "compressed": {"compress": True, "trusted_proxies": ("10.0.0.0/8", "::1")},
        "status": {"status_port": free_port(), "host": "::1"},
        "every address": {"host": "*", "user": "", "group": ""},
    }
    found = {name: deployed(folder, python, front=front) for name, front in fronts.items()}
    found["several"] = deployed(folder, python, *several)
    found["script"] = deployed(folder, python, {"target": str(folder / "application/site.wsgi")})
    found["options"] = deployed(
        folder, python, {"options": {"request-timeout": "5", "maximum-requests": "1000"}}
    )
    found["embedded"] = deployed(folder, python, {"backend": "embedded", "processes": 3, "threads": 10})
    found["mixed"] = deployed(folder, python, {}, *proxied, front=fronts["static"] | fronts["tls and http"])
    found["proxied"] = replace(deployed(folder, python, *proxied, front=fronts["static"]), mod_wsgi=None)
    if nginx:
        found["nginx"] = deployed(folder, python, *several, front=fronts["static"], nginx=nginx)
        everything = fronts["tls"] | fronts["compressed"] | fronts["static"]
        found["nginx with all"] = deployed(folder, python, front=everything, nginx=nginx)
    hostile = folder / "a \"b\" 'c' $d %e #f {{g}} <h> [i] ünï"
    (hostile / "files*").mkdir(parents=True, exist_ok=True)
    found["hostile"] = deployed(
        folder,
        python,
        {
            "folder": str(hostile),
            "python_path": (str(hostile / "files*"),),
            "environment": {"GREETING": "${x}\n'\"%"},
        },
        front={"static": (Static("/static", str(hostile / "files*")),)},
        reasons=("a reason that ends in \\", "and one with\na line end: User root"),
    )
    found["hostile"] = replace(
        found["hostile"], httpd=replace(found["hostile"].httpd, modules=str(hostile / "modules"))
    )
    (hostile / "modules").symlink_to(found["plain"].httpd.modules)
    return found


def written(deployment: Deployment) -> Path:
    """The tree on disk, with the folders that a server needs to start. It is made anew."""
    folder = Path(deployment.folder)
    shutil.rmtree(folder, ignore_errors=True)
    write_tree(folder, render(deployment))
    for name in ("run", "log", *OWNED_FOLDERS):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        for name in OWNED_FOLDERS:
            shutil.chown(folder / name, USER, USER)
    return folder


@contextmanager
def served(deployment: Deployment) -> Iterator[Path]:
    """Every server of a deployment, started in order; ended and reaped at the end."""
    folder = written(deployment)
    with started(deployment):
        yield folder


@contextmanager
def started(deployment: Deployment, ready: Callable[[], bool] | None = None) -> Iterator[None]:
    """The servers on the tree as it is, once they are ``ready``: by default when all applications answer."""
    servers: list[subprocess.Popen[bytes]] = []
    folder = Path(deployment.folder)
    environment = {"PATH": os.environ["PATH"]}
    try:
        with (folder / "log" / "servers.log").open("ab") as log:
            for each in commands(deployment):
                as_user: dict[str, Any] = (
                    {"user": each.user, "group": each.group, "extra_groups": []} if each.user else {}
                )
                servers.append(
                    subprocess.Popen(
                        each.argv,
                        cwd=each.folder,
                        env={**environment, **each.environment},
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        **as_user,
                    )
                )
        seen = ready or (lambda: answers(deployment))
        until(lambda: all(server.poll() is None for server in servers) and seen(), folder)
        yield
    finally:
        for server in servers:
            server.send_signal(signal.SIGTERM)
        for server in servers:
            server.wait(PATIENCE_S)


def answers(deployment: Deployment) -> bool:
    """Whether every application answers."""
    try:
        return all(fetch(deployment, each.mount)[0] < 500 for each in deployment.applications)
    except urllib.error.URLError:
        return False


def until(seen: Any, folder: Path) -> None:
    """Wait until something is so; the logs are in the failure."""
    end = time.monotonic() + PATIENCE_S
    while not seen():
        logs = (path.read_text("utf-8", "replace") for path in (folder / "log").iterdir())
        assert time.monotonic() < end, "\n".join(logs)
        time.sleep(0.03)


def fetch(deployment: Deployment, path: str, **headers: str) -> tuple[int, bytes, Mapping[str, str]]:
    """Status, body and headers of one answer, over HTTP."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{deployment.front.port}{path}",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)
