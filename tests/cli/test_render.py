"""``poolwise render``: what it writes where, what it leaves alone, and for which machines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hosting import Hosting
from poolwise.cli import main
from poolwise.config import load
from poolwise.deploy import find_httpd
from poolwise.model import Site


@pytest.fixture
def here(site_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a path that is short enough for sockets."""
    (site_folder / "work").mkdir()
    monkeypatch.chdir(site_folder / "work")
    return site_folder / "work"


def elsewhere(*arguments: str, layout: str = "debian") -> int:
    """Render for a machine that is not this one, into ``site``."""
    return main(["render", *arguments, "--layout", layout, "--output", "site"])


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def site(folder: Path) -> Site:
    return load(folder / "site/apache/httpd.conf").site


def test_a_new_folder_needs_no_flag_and_the_same_again_changes_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert elsewhere("shop.wsgi") == 0
    assert "files are in" in capsys.readouterr().out
    before = contents(here)
    assert set(before) == {
        "site/apache/httpd.conf",
        "site/apache/apps/shop.wsgi",
        "site/systemd/shop.service",
        "site/systemd/shop.conf",
        "site/logrotate/shop",
        "site/Dockerfile",
        "site/README",
    }
    assert elsewhere("shop.wsgi") == 0
    assert contents(here) == before


def test_a_file_that_differs_is_named_shown_and_kept_until_it_is_asked_for(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert elsewhere("shop.wsgi") == 0
    mine = here / "site/apache/httpd.conf"
    mine.write_text(mine.read_text() + "# mine\n")
    before = contents(here)
    capsys.readouterr()
    assert elsewhere("shop.wsgi") == 2
    said = capsys.readouterr().err
    assert str(mine) in said and "shop.service" not in said and "--write" in said
    assert elsewhere("shop.wsgi", "--diff") == 1
    assert "\n-# mine\n" in capsys.readouterr().out
    assert contents(here) == before
    assert elsewhere("shop.wsgi", "--write") == 0
    assert elsewhere("shop.wsgi", "--diff") == 0
    (backup,) = (here / "site/apache").glob("httpd.conf.poolwise-*.bak")
    assert str(backup) in capsys.readouterr().out
    assert backup.read_bytes() == before["site/apache/httpd.conf"]
    assert b"# mine" not in mine.read_bytes()


def test_a_diff_of_a_new_folder_writes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert elsewhere("shop.wsgi", "--diff") == 1
    assert "+++ " in capsys.readouterr().out
    assert contents(here) == {}


def test_nothing_is_written_through_a_link(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "site").mkdir()
    (here / "other").mkdir()
    (here / "site/apache").symlink_to(here / "other")
    assert elsewhere("shop.wsgi") == 2
    assert "symbolic link" in capsys.readouterr().err
    assert list((here / "other").iterdir()) == []


def test_options_are_in_force(here: Path) -> None:
    """One of each kind; every variant is tried with the real programs in tests/deploy."""
    assert (
        elsewhere(
            "/=shop.wsgi", "/api=api.wsgi:app", "/old=/srv/old/app.wsgi", "--name", "all", "--port", "80",
            "--processes", "3", "--threads", "api=2", "--backend", "old=gunicorn", "--connections", "250",
            "--host", "0.0.0.0", "--server-name", "shop.example", "--server-name", "*.shop.example",
            "--keep-alive", "9", "--timeout", "20", "--body-limit", "5M", "--static", "/static=/srv/static",
            "--option", "api:maximum-requests=500", "--env", "STAGE=live", "--env", "api:STAGE=test",
            "--trust-proxy", "10.0.0.1", "--status-port", "9000", "--user", "shop", "--group", "web",
            "--python", "/srv/shop/.venv", "--mod-wsgi", "/srv/mod_wsgi.so", "--mod-wsgi-version", "6.1.1",
            "--compress", "--no-access-log", "--folder", "/srv/shop",
        )
        == 0
    )  # fmt: skip
    found = site(here)
    assert found.values["Listen"].value == "0.0.0.0:80, 127.0.0.1:9000"
    assert found.number("MaxRequestWorkers") == 250
    assert (found.number("KeepAliveTimeout"), found.number("Timeout")) == (9, 20)
    groups = {group.name: group for group in found.daemon_groups}
    assert {name: (group.processes, group.threads) for name, group in groups.items()} == {
        "shop": (3, 5),
        "api": (3, 2),
    }
    assert groups["api"].options["maximum-requests"] == "500"
    assert "maximum-requests" not in groups["shop"].options
    assert groups["shop"].options["python-home"] == "/srv/shop/.venv"
    assert [(app.mount, app.runs) for app in found.applications] == [
        ("/api", "daemon"),
        ("/", "daemon"),
        ("/old", "proxied"),
    ]
    assert found.logs == ()
    text = (here / "site/apache/httpd.conf").read_text()
    for line in (
        "LimitRequestBody 5000000",
        "ServerAlias *.shop.example",
        "Alias /static /srv/static",
        "RemoteIPInternalProxy 10.0.0.1",
        "User shop",
        "Group web",
        "LoadModule wsgi_module /srv/mod_wsgi.so",
    ):
        assert line in text
    assert "'STAGE': 'test'" in (here / "site/apache/apps/api.wsgi").read_text()
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE" in (here / "site/systemd/all.service").read_text()


def test_tls_and_nginx(here: Path) -> None:
    arguments = [
        "shop.wsgi",
        "--tls-certificate",
        "cert.pem",
        "--tls-key",
        "/etc/key.pem",
        "--https-port",
        "443",
    ]
    assert elsewhere(*arguments, "--http2", "--nginx", "--apache-port", "8099") == 0
    nginx = (here / "site/nginx/nginx.conf").read_text()
    assert f"ssl_certificate {here}/cert.pem;" in nginx
    assert "listen 127.0.0.1:443 ssl http2;" in nginx
    assert site(here).values["Listen"].value == "127.0.0.1:8099"


@pytest.mark.parametrize(("layout", "path"), [("debian", "/usr/sbin/apache2"), ("fedora", "/usr/sbin/httpd")])
def test_another_machine_has_its_own_paths(here: Path, layout: str, path: str) -> None:
    assert (
        elsewhere("shop.wsgi", "--httpd-version", "2.4.51", "--mod-wsgi-version", "4.9.0", layout=layout) == 0
    )
    text = (here / "site/apache/httpd.conf").read_text()
    assert ("LoadModule unixd_module" in text) == (layout == "fedora")  # built into Debian's
    assert "mod_wsgi 4.9.0" in text
    assert f"ExecStart={path} " in (here / "site/systemd/shop.service").read_text()
    assert (here / "site/Dockerfile").exists() == (layout == "debian")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "TARGET"),
        (["shop.wsgi", "--processes", "web=4"], "no application is called web"),
        (["shop.wsgi", "--tls-key", "key.pem"], "belong together"),
        (["shop.wsgi", "--option", "no-such=1"], "'no-such'"),
        (["shop.wsgi", "--option", "interrupt-timeout=10"], "needs mod_wsgi 6"),
        (["shop.wsgi", "--httpd-version", "2.4.7"], "2.4.7 is too old"),
        (["shop.wsgi", "--httpd-version", "new"], "'new' is no version"),
        (["shop.wsgi", "--python", "venv"], "absolute path"),
        (["shop.wsgi", "--static", "/st=/srv/${HOME}"], "${HOME}"),
        (["shop.wsgi", "--advice", "advice.json"], "--from"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(
    here: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert elsewhere(*arguments) == 2
    assert said in capsys.readouterr().err
    assert contents(here) == {}


def test_versions_of_nowhere_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "shop.wsgi", "--httpd-version", "2.4.57", "--output", "site"]) == 2
    assert "add --layout" in capsys.readouterr().err


def test_this_machine_is_asked_what_it_has(here: Path, hosting: Hosting) -> None:
    if not find_httpd():
        pytest.skip("no httpd is installed")
    assert main(["render", "hello", "--python", hosting.python, "--output", "site"]) == 0
    modules = [Path(module.path) for module in site(here).modules if module.path]
    assert any(str(hosting.packages) in str(path) for path in modules)
    assert all(path.exists() for path in modules)


def test_a_missing_httpd_is_said_with_the_way_out(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "shop.wsgi", "--httpd", "/no/such/httpd", "--output", "site"]) == 2
    said = capsys.readouterr().err
    assert "/no/such/httpd" in said and "--layout debian" in said


ADVICE = {
    "schema": "poolwise.advice/1",
    "directives": {
        "MaxSpareServers": {"value": 13, "today": 10, "reason": "fewer forks"},
        "MaxConnectionsPerChild": {"value": 18000, "today": 200, "reason": "longer lives"},
    },
}


@pytest.fixture
def advised(here: Path, root: Path) -> Path:
    """A copy of the example site, and advice for it."""
    shutil.copytree(root / "examples/site", here / "apache2", symlinks=True)
    (here / "advice.json").write_text(json.dumps(ADVICE))
    return here / "apache2"


def test_the_advice_is_in_force_in_a_whole_copy(
    here: Path, advised: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(advised)
    arguments = ["render", "--from", "apache2", "--advice", "advice.json", "--output", "tuned"]
    assert main([*arguments, "--diff"]) == 1
    assert not (here / "tuned").exists()
    assert main(arguments) == 0
    assert "every advised value in force" in capsys.readouterr().out
    assert contents(advised) == before
    copy, original = load("tuned").site, load("apache2").site
    assert copy.number("MaxSpareServers") == 13 and copy.number("MaxConnectionsPerChild") == 18000
    assert copy.number("MinSpareServers") == original.number("MinSpareServers")
    assert [app.mount for app in copy.applications] == [app.mount for app in original.applications]
    assert (here / "tuned/mods-enabled/mpm_prefork.conf").is_symlink()
    changed = [name for name, text in contents(here / "tuned").items() if text != before[name]]
    assert sorted(changed) == ["mods-available/mpm_prefork.conf", "mods-enabled/mpm_prefork.conf"]
    assert main(arguments) == 0  # again, and nothing is in the way


def test_a_copy_with_a_server_root_reads_its_own_files(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = here / "httpd/conf"
    conf.mkdir(parents=True)
    (conf / "httpd.conf").write_text(f'ServerRoot "{here}/httpd"\nListen 80\nInclude conf/mpm.conf\n')
    (conf / "mpm.conf").write_text("MaxConnectionsPerChild 20\nMaxSpareServers 10\n")
    (here / "advice.json").write_text(json.dumps(ADVICE))
    arguments = ["render", "--from", "httpd", "--mpm", "prefork", "--advice", "advice.json"]
    assert main([*arguments, "--output", "tuned"]) == 0
    assert "ServerRoot" in capsys.readouterr().out
    assert (here / "tuned/conf/mpm.conf").read_text() == "MaxConnectionsPerChild 18000\nMaxSpareServers 13\n"
    assert load("tuned", mpm="prefork").site.files == tuple(
        str(here / "tuned/conf" / name) for name in ("httpd.conf", "mpm.conf")
    )


def test_a_file_that_must_change_but_lies_elsewhere_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "etc/conf").mkdir(parents=True)
    (here / "shared.conf").write_text("MaxConnectionsPerChild 20\nMaxSpareServers 10\n")
    (here / "etc/conf/apache2.conf").write_text(f"Listen 80\nInclude {here}/shared.conf\n")
    (here / "advice.json").write_text(json.dumps(ADVICE))
    arguments = ["render", "--from", "etc/conf/apache2.conf", "--mpm", "prefork", "--advice", "advice.json"]
    assert main([*arguments, "--output", "tuned"]) == 2
    said = capsys.readouterr().err
    assert "shared.conf" in said
    assert not (here / "tuned").exists()


@pytest.mark.parametrize("output", ["apache2", "apache2/tuned", "."])
def test_a_copy_among_its_originals_is_refused(
    here: Path, advised: Path, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(here)
    assert (
        main(["render", "--from", "apache2", "--advice", "advice.json", "--output", output, "--write"]) == 2
    )
    assert "name another folder" in capsys.readouterr().err
    assert contents(here) == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"schema": "poolwise.advice/2", "directives": {}}',
        '{"schema": "poolwise.advice/1"}',
        '{"schema": "poolwise.advice/1", "directives": {"A": 3}}',
        '{"schema": "poolwise.advice/1", "directives": {"MaxSpareServers": {"value": "5\\nUser root"}}}',
        '{"schema": "poolwise.advice/1", "directives": {"Max Spare": {"value": 5}}}',
        '{"schema": "poolwise.advice/1", "directives": {"MaxSpareServers": {"value": true}}}',
        '{"schema": "poolwise.advice/1", "directives": {"NoSuchThing": {"value": 5}}}',
    ],
)
def test_what_is_no_advice_is_refused(
    here: Path, advised: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "advice.json").write_text(text)
    assert main(["render", "--from", "apache2", "--advice", "advice.json", "--output", "tuned"]) == 2
    assert capsys.readouterr().err
    assert not (here / "tuned").exists()


def test_an_advised_value_that_is_overridden_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The copy still reads a file of the original, by its absolute path: nothing is hushed up."""
    conf = here / "httpd"
    conf.mkdir()
    (conf / "mpm.conf").write_text("MaxConnectionsPerChild 20\nMaxSpareServers 10\n")
    (conf / "httpd.conf").write_text(f"Listen 80\nInclude {conf}/mpm.conf\n")
    (here / "advice.json").write_text(json.dumps(ADVICE))
    arguments = ["render", "--from", "httpd", "--mpm", "prefork", "--advice", "advice.json"]
    assert main([*arguments, "--output", "tuned"]) == 2
    assert f"is 10 and not 13, because of {conf}/mpm.conf:2" in capsys.readouterr().err
