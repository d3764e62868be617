"""What is in force, read from Debian's stock files, a Red Hat layout and a site as people write it."""

import shutil
from pathlib import Path

import pytest

from poolwise.config import load
from poolwise.model import ConfigError, InputError, Site

DATA = Path(__file__).resolve().parent.parent / "data" / "conf"
EVENT = "LoadModule mpm_event_module modules/mod_mpm_event.so\n"
PREFORK = "LoadModule mpm_prefork_module modules/mod_mpm_prefork.so\n"


def read(text: str, mpm: str = "", httpd_version: str = "") -> Site:
    return load("httpd.conf", text=text, mpm=mpm, httpd_version=httpd_version).site


def said(site: Site) -> list[str]:
    return [str(note) for note in site.notes]


@pytest.fixture
def python_site() -> Site:
    return load(DATA / "site" / "python" / "httpd.conf").site


@pytest.fixture
def rhel(tmp_path: Path) -> Site:
    shutil.copytree(DATA / "site" / "rhel", tmp_path, dirs_exist_ok=True)
    conf = tmp_path / "conf" / "httpd.conf"
    conf.write_text(conf.read_text().replace("@ROOT@", str(tmp_path)))
    return load(conf).site


@pytest.mark.parametrize(
    ("mpm", "expected"),
    [
        ("prefork", {"StartServers": 5, "MinSpareServers": 5, "MaxSpareServers": 10, "ServerLimit": 256}),
        ("worker", {"StartServers": 2, "MinSpareThreads": 25, "MaxSpareThreads": 75, "ServerLimit": 16}),
        ("event", {"StartServers": 2, "MinSpareThreads": 25, "MaxSpareThreads": 75, "ThreadLimit": 64}),
    ],
)
def test_debians_stock_configuration(mpm: str, expected: dict[str, int], tmp_path: Path) -> None:
    shutil.copytree(DATA / "debian-12", tmp_path, dirs_exist_ok=True)
    for path in (tmp_path / "mods-enabled").glob("mpm_*"):
        path.unlink()
    for suffix in ("load", "conf"):
        shutil.copy(tmp_path / "mods-available" / f"mpm_{mpm}.{suffix}", tmp_path / "mods-enabled")
    site = load(tmp_path / "apache2.conf").site
    assert (site.mpm, site.number("MaxRequestWorkers"), site.number("Timeout")) == (mpm, 150, 300)
    assert {name: site.number(name) for name in expected} == expected
    assert str(site.mpm_where) == f"{tmp_path}/mods-enabled/mpm_{mpm}.load:2"
    assert site.values["MaxRequestWorkers"].where.file == f"{tmp_path}/mods-enabled/mpm_{mpm}.conf"
    assert site.values["ServerLimit"].where.note == "compiled-in default of httpd 2.4"
    assert site.values["KeepAliveTimeout"].where.line == 111
    assert site.values["ExtendedStatus"].value is True
    assert [host.name for host in site.hosts] == ["main server", "*:80"]
    assert [(log.path, log.nickname) for log in site.logs] == [
        ("/var/log/apache2/other_vhosts_access.log", "vhost_combined"),
        ("/var/log/apache2/access.log", "combined"),
    ]
    assert site.values["Listen"].value == "80"
    assert (site.applications, site.front) == ((), "")
    assert not [note for note in site.notes if note.severity == "error"]


def test_red_hat_runs_on_compiled_in_values(rhel: Site) -> None:
    assert (rhel.mpm, rhel.number("MaxRequestWorkers"), rhel.number("StartServers")) == ("event", 400, 3)
    assert rhel.values["ExtendedStatus"].where.note == "on because mod_status is loaded"
    (app,) = rhel.applications
    assert (app.mount, app.runs, app.multiprocess, app.multithread) == ("/city", "embedded", True, True)
    assert "WSGIDaemonProcess geoip" in app.reason and "geoip.conf:6)" in app.reason
    (group,) = rhel.daemon_groups
    assert (group.processes, group.threads, group.selected) == (45, 1, False)
    assert "mod_remoteip takes the client from X-Forwarded-For" in rhel.front
    assert "trusted proxies: 10.0.0.0/8" in rhel.front and "LogFormat looks at" in rhel.front


def test_values_of_a_lived_in_site(python_site: Site) -> None:
    value = python_site.values["MaxRequestWorkers"]
    assert (value.value, value.asked, value.where.line) == (200, 200, 10)
    assert python_site.values["Listen"].value == "80, 443 https"
    assert any(
        "settings for prefork, but worker is loaded (StartServers 8" in line for line in said(python_site)
    )
    assert python_site.front == ""


def test_keep_alive_of_each_host(python_site: Site) -> None:
    main, shop, wiki, api, legacy = python_site.hosts
    assert [host.name for host in (shop, wiki, api, legacy)] == [
        "*:80 shop.example", "*:80 wiki.example", "*:80 api.example", "*:443 legacy.example",
    ]  # fmt: skip
    timeouts = [host.values["KeepAliveTimeout"].value for host in python_site.hosts]
    # the first host on *:80 lends its time-out to the others there; *:443 has the main server's
    assert timeouts == [15, 2, 2, 2, 15]
    assert "first virtual host of *:80" in wiki.values["KeepAliveTimeout"].where.note
    assert (api.values["Timeout"].value, api.values["Timeout"].asked) == (120, 0)
    assert api.values["Timeout"].changes[0].silent
    assert (api.values["KeepAlive"].value, main.values["KeepAlive"].value) == (False, True)
    assert legacy.values["MaxKeepAliveRequests"].value == 0


def test_logs(python_site: Site) -> None:
    shop, wiki = python_site.logs
    assert (shop.path.endswith("/logs/shop.log"), shop.nickname) == (True, "timed")
    assert shop.format == '%h %t "%r" %>s %b %D'
    assert wiki.path == "|/usr/bin/rotatelogs logs/wiki 86400"
    assert wiki.format == '%h %l %u %t "%r" %>s %b'


def test_log_formats_are_looked_up_as_httpd_does() -> None:
    site = read(
        EVENT
        + "ServerRoot /srv\nCustomLog a late\nLogFormat %D late\nCustomLog b '%h %T'\nCustomLog c combined\n"
        "TransferLog d\nLogFormat %s\n<VirtualHost *>\nLogFormat %V late\nCustomLog e late env=!x\n"
        "</VirtualHost>\n"
        "CustomLog f\n"
    )
    assert [(log.path, log.format, log.nickname) for log in site.logs] == [
        ("/srv/a", "%D", "late"), ("/srv/b", "%h %T", ""), ("/srv/c", "combined", ""), ("/srv/d", "%s", ""),
        ("/srv/e", "%V", "late"), ("/srv/f", "%s", ""),
    ]  # fmt: skip
    assert any("no LogFormat is named combined" in line for line in said(site))


def test_the_last_of_several_settings_counts_whatever_its_name() -> None:
    site = read(EVENT + "MaxClients 300\nMaxRequestWorkers 100\nMaxClients 200\n")
    assert (site.number("MaxRequestWorkers"), site.values["MaxRequestWorkers"].where.line) == (200, 4)
    notes = [note for note in site.notes if "the last one counts" in note.message]
    assert [note.where.line for note in notes] == [2, 3]
    assert "set again by MaxClients at" in notes[1].message


def test_changes_and_misread_numbers_keep_what_was_asked() -> None:
    site = read(PREFORK + "MaxClients 400\nStartServers 10k\n")
    limit, start = site.values["MaxRequestWorkers"], site.values["StartServers"]
    assert (limit.asked, limit.value, limit.changes[0].message_id) == (400, 256, "AH00180")
    assert (start.asked, start.value) == ("10k", 10)


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("Listen 80\n", "AH00534.*No MPM loaded", 0),
        (PREFORK + "Listen 80\n" + EVENT, "AH00534.*More than one MPM loaded.*:1.*:3", 3),
        (EVENT + "MinSpareServers 5\n", "Invalid command 'MinSpareServers'.*prefork.*event is loaded", 2),
        (PREFORK + "\nThreadLimit 5\n", "Invalid command 'ThreadLimit'.*worker and event", 3),
        (EVENT + "LockFile /x\n", "Invalid command 'LockFile'.*httpd 2.2 has LockFile", 2),
        (EVENT + "StartServers 5 # five\n", "StartServers takes one argument", 2),
        (EVENT + "KeepAliveTimeout 5m\n", "KeepAliveTimeout has wrong format", 2),
        (EVENT + "<VirtualHost *>\nKeepAlive maybe\n</VirtualHost>\n", "KeepAlive must be On or Off", 3),
        (EVENT + "<VirtualHost *>\nStartServers 5\n</VirtualHost>\n", "StartServers cannot occur within", 3),
    ],
)
def test_what_httpd_refuses_is_refused_with_its_line(text: str, message: str, line: int) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        read(text)
    assert refused.value.where.line == line
    assert "httpd.conf" in str(refused.value)


def test_an_mpm_that_is_built_in() -> None:
    site = read("MaxRequestWorkers 30\n", mpm="prefork")
    assert (site.mpm, site.number("MaxRequestWorkers"), str(site.mpm_where)) == (
        "prefork", 30, "built into httpd, as given",
    )  # fmt: skip
    assert read(EVENT, mpm="event").mpm == "event"
    with pytest.raises(ConfigError, match="More than one MPM"):
        read(EVENT, mpm="prefork")


def test_arguments_that_are_not_known() -> None:
    with pytest.raises(InputError, match=r"unknown MPM 'evnt'.*prefork, worker, event, winnt"):
        read("Listen 80\n", mpm="evnt")
    with pytest.raises(InputError, match="httpd version 'latest'"):
        read(EVENT, httpd_version="latest")
    with pytest.raises(InputError, match=r"httpd.conf:1: unknown MPM 'netware'"):
        read("LoadModule mpm_netware_module modules/x.so\n")


def test_httpd_22() -> None:
    site = read("ServerLimit 300\nMaxRequestsPerChild 0\nKeepAlive 0\n", mpm="prefork", httpd_version="2.2")
    assert (site.number("MaxRequestWorkers"), site.number("Timeout")) == (300, 300)
    assert site.values["MaxConnectionsPerChild"].value == 0
    assert site.values["KeepAlive"].value is False
    with pytest.raises(ConfigError, match=r"Invalid command 'MaxRequestWorkers'.*httpd 2\.4 has"):
        read("MaxRequestWorkers 5\n", mpm="prefork", httpd_version="2.2.15")


def test_a_configuration_that_looks_like_22_is_said_to() -> None:
    text = "NameVirtualHost *:80\nMaxClients 100\n"
    hints = [line for line in said(read(text, mpm="prefork")) if "--httpd-version 2.2" in line]
    assert hints and "NameVirtualHost" in hints[0] and "httpd.conf:1" in hints[0]
    assert not [
        line for line in said(read(text + "Require all granted\n", mpm="prefork")) if "--httpd" in line
    ]
    assert not [line for line in said(read(text, mpm="prefork", httpd_version="2.4")) if "--httpd" in line]


def test_itk_is_not_an_mpm_of_its_own() -> None:
    site = read(PREFORK + "LoadModule mpm_itk_module modules/mpm_itk.so\n")
    assert site.mpm == "prefork"
    assert any("mpm-itk forks a process for each request" in line for line in said(site))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Listen 127.0.0.1:8080\nListen [::1]:8080\n",
            "listens on loopback only (127.0.0.1:8080, [::1]:8080",
        ),
        ("Listen 8080\n", "listens on no standard port (8080"),
        ("Listen 80\nRemoteIPProxyProtocol On\n", "expects the PROXY protocol"),
        ("Listen 80\nSetEnvIf X-Forwarded-Proto https HTTPS=on\n", "SetEnvIf looks at a forwarding header"),
        ("Listen 80\nRequestHeader set X-Forwarded-Proto https\n", ""),
        ("Listen 80\nListen 8080\n", ""),
        ("", ""),
    ],
)
def test_signs_of_a_front_end(text: str, words: str) -> None:
    front = read(EVENT + text).front
    assert words in front and bool(words) == bool(front)


def test_groups_of_listening_sockets_are_not_guessed() -> None:
    (note,) = [
        line for line in said(read(EVENT + "ListenCoresBucketsRatio 4\n")) if "split into groups" in line
    ]
    assert "httpd.conf:2" in note
    one_group_everywhere = said(read(EVENT + "ListenCoresBucketsRatio 65536\n"))
    assert not any("split into groups" in line for line in one_group_everywhere)
