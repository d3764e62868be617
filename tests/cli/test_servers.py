"""Other servers on the command line, and nginx in front."""

from __future__ import annotations

import json

import pytest

from poolwise.cli import main
from poolwise.cli.servers import STANDALONE, server
from poolwise.model import InputError

TRAFFIC = ["--traffic", "poisson:20", "--duration", "20s", "--service", "exponential:0.2"]
SITE = "examples/site"


@pytest.fixture(autouse=True)
def in_the_checkout(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


@pytest.mark.parametrize("name", STANDALONE)
def test_every_server_can_be_simulated_alone(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--server", name, *TRAFFIC, "--format", "json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["pool"]["architecture"] == name
    assert run["totals"]["served"] > 0


def test_a_server_beside_apache(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [SITE, "--compare", "gunicorn_gthread:workers=2,threads=5", "--compare", "waitress", *TRAFFIC]
    assert main(["simulate", *asked, "--format", "json"]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [run["pool"]["architecture"] for run in runs] == ["prefork", "gunicorn_gthread", "waitress"]
    assert runs[1]["pool"]["workers"] == 10


def test_versions_and_loading_are_the_servers_own() -> None:
    assert server("uwsgi:workers=4,version=2.0.20").pool.httpd_version == "2.0.20"
    assert server("uwsgi:workers=4").loads == "preload"
    assert server("uwsgi:workers=4,lazy-apps=on").loads == "start"
    assert server("gunicorn_sync").loads == "start"
    assert server("gunicorn_sync:preload_app=true").loads == "preload"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("apache:workers=3", "unknown server 'apache': there are gunicorn_sync,"),
        ("mod_wsgi_daemon:processes=2", "unknown server 'mod_wsgi_daemon'"),
        ("uwsgi:workers", "'workers' is not setting=value"),
        ("uwsgi:workers=0", "workers must be a whole number, 1 or more, not '0'"),
        ("uwsgi:workers=nan", "workers must be"),
        ("uwsgi:workers=2,workers=3", "workers is given twice"),
        ("uwsgi:workers=2,cheaper=5", "cheaper must be below workers"),
        ("uwsgi:colour=red", "colour is not a setting of uwsgi"),
        ("uwsgi:version=new", "version 'new'"),
        ("", "unknown server ''"),
    ],
)
def test_a_wrong_server_is_told(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        server(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([SITE, "--server", "uwsgi"], "nothing in CONF proxies to one"),
        (["--server", "uwsgi", "--set", "StartServers=3"], "--set changes a configuration"),
        (["--server", "uwsgi", "--compare", "StartServers=3"], "only another server can be compared"),
        (["--server", "uwsgi", "--share", "/=1"], "--share: no application was seen"),
        ([SITE, "--compare", "frobnicator:workers=3"], "frobnicator"),
        ([SITE, "--share", "/=1"], "in several places; name the group"),
        ([SITE, "--share", "intranet=nan"], "--share intranet: 'nan' is not a share"),
        ([SITE, "--share", "intranet=150%"], "at most 1 or 100%"),
        ([SITE, "--share", "intranet"], "is not NAME=SHARE"),
        ([SITE, "--share", "intranet=1,intranet=0"], "given twice"),
        ([SITE, "--nginx", "keepalive=-1"], "nginx: keepalive must be"),
        ([SITE, "--nginx", "proxy_buffering=off"], "proxy_buffering must be on"),
        ([SITE, "--nginx=seven"], "'seven' is not setting=value"),
        ([SITE, "--share", "intranet=1", "--mod-wsgi-version", "four"], "version 'four'"),
        ([], "Missing argument 'CONF'"),
    ],
)
def test_contradictions_are_one_line_and_exit_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments, *TRAFFIC]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""


@pytest.mark.parametrize(
    "arguments",
    [["--nginx", SITE], [SITE, "--nginx"], ["--nginx", "keepalive=8", SITE], ["--nginx=keepalive=8", SITE]],
)
def test_nginx_stands_alone_or_with_its_setting(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    slow = ["--download", "fixed:2"]
    assert main(["simulate", *arguments, *TRAFFIC, *slow, "--format", "json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    kept = 8 if "=8" in "".join(arguments) else 0  # a connection that nginx keeps holds a process
    assert sum(run["series"]["busy"]) / 20 < 6 + kept  # 4, and not the 40 that slow clients hold
