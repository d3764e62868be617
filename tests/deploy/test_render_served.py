"""Rendered sites, served by the real programs: pages, static files, and what reloading relies on."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import ssl
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rendered_sites import certificate, deployed, fetch, served, started, until, variants, written

from hosting import Hosting, free_port
from poolwise.config import load
from poolwise.deploy import Deployment, Front, NginxFront, Static, find_nginx, render, write_tree
from poolwise.observe import child_pids, memory
from poolwise.traffic import read_logs

pytestmark = pytest.mark.server

SYSTEM_PYTHON = "/usr/bin/python3"
PRIVATE_BYTES, PSS_BYTES = 3_500_000, 6_500_000  # the latter depends on who else maps the same files


def told(deployment: Deployment, path: str, **headers: str) -> dict[str, Any]:
    """What the application says of a request."""
    status, body, _ = fetch(deployment, path, **headers)
    assert status == 200, body
    answer = json.loads(body)
    assert isinstance(answer, dict)
    return answer


def marks(folder: Path, kind: str, name: str = "shop") -> set[int]:
    """The processes that have left a mark of that kind."""
    ends = (path.name.rpartition(".")[2] for path in (folder / "run" / kind).glob(f"{name}.*"))
    return {int(end) for end in ends if end.isdecimal()}


@pytest.fixture
def static(site_folder: Path) -> Static:
    """A folder with one file."""
    (site_folder / "files").mkdir()
    (site_folder / "files/style.css").write_text("body {}\n" * 500)
    return Static("/static", str(site_folder / "files"))


def test_a_page_a_file_a_404_and_the_log(site_folder: Path, hosting: Hosting, static: Static) -> None:
    deployment = deployed(
        site_folder,
        hosting.python,
        {"environment": {"GREETING": "hé 'llo'\n"}},
        front={"static": (static,), "compress": True},
    )
    with served(deployment) as folder:
        page = told(deployment, "/a%20page?x=1")
        assert page["PATH_INFO"] == "/a page"
        assert page["folder"] == str(site_folder / "application")
        assert page["GREETING"] == "hé 'llo'\n"
        status, body, headers = fetch(deployment, "/static/style.css", Accept_Encoding="gzip")
        assert (status, headers["Content-Type"], headers["Content-Encoding"]) == (200, "text/css", "gzip")
        assert headers["Cache-Control"] == "max-age=3600" and len(body) < 200
        assert fetch(deployment, "/static/none")[0] == 404
        assert fetch(deployment, "/static/")[0] == 404
        until(lambda: len(marks(folder, "ready")) == 2, folder)
        assert page["pid"] in marks(folder, "ready") and marks(folder, "failed") == set()
    assert marks(folder, "ready") == set()  # taken away by the processes themselves
    log = load(folder / "apache/httpd.conf").site.logs[0]
    read = read_logs(folder / "log/access.log", format=log.format)
    assert len(read) >= 4
    errors = (folder / "log/error.log").read_text()
    assert re.findall(r"^\[20\d\d-.{21}\] \[\w+:(?:warn|error|crit)\].*", errors, re.M) == []


def test_debians_own_mod_wsgi_serves_folders_with_hostile_names(site_folder: Path) -> None:
    deployment = variants(site_folder, SYSTEM_PYTHON)["hostile"]
    application = Path(deployment.applications[0].folder)
    shutil.copy(site_folder / "application/hello.py", application / "hello.py")
    (application / "files*/style.css").write_text("here")
    with served(deployment):
        page = told(deployment, "/")
        assert page["folder"] == str(application)
        assert page["GREETING"] == "${x}\n'\"%"
        assert fetch(deployment, "/static/style.css")[:2] == (200, b"here")


def test_other_servers_are_told_what_apache_knows(site_folder: Path, hosting: Hosting) -> None:
    kinds = ("uwsgi", "gunicorn", "granian")
    proxied = [
        {"name": kind, "mount": f"/{kind}", "backend": kind, "target": "hello:Nested.inner"} for kind in kinds
    ]
    deployment = deployed(site_folder, hosting.python, {"backend": "embedded"}, *proxied)
    with served(deployment) as folder:
        until(lambda: all(len(marks(folder, "ready", kind)) == 2 for kind in kinds), folder)
        lies = {"X_Forwarded_For": "6.6.6.6", "X_Forwarded_Proto": "https"}
        for mount in ("", *(f"/{kind}" for kind in kinds)):
            page = told(deployment, f"{mount}/a%20page", **lies)
            assert (page["SCRIPT_NAME"], page["PATH_INFO"]) == (mount, "/a page")
            assert page["REMOTE_ADDR"] == "127.0.0.1"
            assert page["wsgi.url_scheme"] == "http"
        assert told(deployment, "/uwsgi")["folder"] == str(site_folder / "application")
        assert not any(path.stat().st_mode & 0o077 for path in (folder / "run/apps").glob("*.sock"))


def test_nginx_in_front_hands_on_the_client_and_sends_files(
    site_folder: Path, hosting: Hosting, static: Static
) -> None:
    nginx = NginxFront(
        find_nginx(shutil.which("nginx") or pytest.skip("nginx is not installed")), free_port()
    )
    deployment = deployed(site_folder, hosting.python, front={"static": (static,)}, nginx=nginx)
    with served(deployment):
        page = told(deployment, "/a%20page", X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="https")
        assert (page["PATH_INFO"], page["REMOTE_ADDR"]) == ("/a page", "127.0.0.1")
        assert page["wsgi.url_scheme"] == "http"
        status, body, headers = fetch(deployment, "/static/style.css")
        assert (status, headers["Server"], headers["Content-Type"]) == (200, "nginx", "text/css")
        assert body.startswith(b"body {}")
        assert fetch(deployment, "/static/none")[0] == 404


def test_a_trusted_proxy_is_believed(site_folder: Path, hosting: Hosting) -> None:
    deployment = deployed(site_folder, hosting.python, front={"trusted_proxies": ("127.0.0.0/8",)})
    with served(deployment):
        page = told(deployment, "/", X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="https")
        assert (page["REMOTE_ADDR"], page["wsgi.url_scheme"]) == ("6.6.6.6", "https")
        assert told(deployment, "/")["wsgi.url_scheme"] == "http"


def test_http_is_sent_to_https_and_other_names_are_refused(site_folder: Path, hosting: Hosting) -> None:
    tls = certificate(site_folder)
    deployment = deployed(
        site_folder, hosting.python, front={"tls": tls, "names": ("localhost",), "http2": True}
    )
    context = ssl.create_default_context(cafile=tls.certificate)
    with served(deployment):
        with urllib.request.urlopen(f"https://localhost:{tls.port}/x", timeout=10, context=context) as answer:
            assert json.loads(answer.read())["wsgi.url_scheme"] == "https"
        moved = urllib.request.Request(f"http://localhost:{deployment.front.port}/a%20b?x", method="HEAD")
        with urllib.request.build_opener(NoRedirect).open(moved, timeout=10) as answer:
            assert answer.status == 308
            assert answer.headers["Location"] == f"https://localhost:{tls.port}/a%20b?x"
        assert fetch(deployment, "/")[0] == 421  # by its address


class NoRedirect(urllib.request.HTTPErrorProcessor):
    """Answers as they are."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response

    https_response = http_response


def test_a_second_apache_takes_over_the_port(site_folder: Path, hosting: Hosting) -> None:
    """Both of one folder and one port, each with its own daemons; the first ends, and no request fails."""
    first = deployed(site_folder, hosting.python)
    with served(first) as folder:
        before = {told(first, "/")["pid"] for _ in range(10)}
        second = replace(first, generation="b")
        write_tree(folder, render(second))
        with started(second):
            until(lambda: len(marks(folder, "ready")) == 4, folder)
            os.kill(int((folder / "run/httpd-a.pid").read_text()), signal.SIGWINCH)
            until(lambda: not (folder / "run/httpd-a.pid").exists(), folder)
            after = {told(second, "/")["pid"] for _ in range(20)}
            assert after.isdisjoint(before)
            assert (folder / "run/httpd-b.pid").exists()


def test_a_process_that_cannot_load_leaves_requests_to_the_others(
    site_folder: Path, hosting: Hosting
) -> None:
    """One of two is replaced while the new code is broken: its traceback is there, and nobody notices."""
    deployment = deployed(site_folder, hosting.python)
    code = site_folder / "application/hello.py"
    good = code.read_text()
    with served(deployment) as folder:
        until(lambda: len(marks(folder, "ready")) == 2, folder)
        old, kept = sorted(marks(folder, "ready"))
        code.write_text("raise RuntimeError('the new code is broken')\n" + good)
        os.kill(old, signal.SIGUSR1)
        until(lambda: marks(folder, "failed"), folder)
        assert {told(deployment, "/")["pid"] for _ in range(20)} == {kept}
        (first,) = marks(folder, "failed")
        assert "RuntimeError: the new code is broken" in (folder / f"run/failed/shop.{first}").read_text()
        until(lambda: marks(folder, "failed") not in (set(), {first}), folder)
        assert len(marks(folder, "failed")) == 1  # that of the process before is gone
        code.write_text(good)
        until(lambda: len(marks(folder, "ready")) == 2, folder)
        until(lambda: len({told(deployment, "/")["pid"] for _ in range(5)}) == 2, folder)


def test_where_nothing_can_be_loaded_clients_are_told_at_once(site_folder: Path, hosting: Hosting) -> None:
    deployment = deployed(site_folder, hosting.python, {"target": "hello:missing"})
    folder = written(deployment)
    with started(deployment, lambda: len(marks(folder, "failed")) == 2):
        assert fetch(deployment, "/")[0] == 500
        text = next((folder / "run/failed").glob("shop.*")).read_text()
        assert "AttributeError: module 'hello' has no attribute 'missing'" in text


def test_an_idle_front_is_small(site_folder: Path, hosting: Hosting) -> None:
    """Without Python in it: what connections cost, whatever runs behind them."""
    proxied = deployed(site_folder, hosting.python, {"backend": "uwsgi", "processes": 1})
    deployment = replace(proxied, mod_wsgi=None)
    assert deployment.front.connections == Front().connections == 100
    with served(deployment) as folder:
        parent = int((folder / "run/httpd-a.pid").read_text())
        pids = [parent, *child_pids(parent)]
        assert len(pids) == 2
        seen = memory(pids)
        assert seen.private_bytes < PRIVATE_BYTES and seen.pss_bytes < PSS_BYTES
