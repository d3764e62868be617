"""Applications and daemon groups as read: what a real httpd cannot be asked, or answers with an error."""

import time
from pathlib import Path

import pytest

from poolwise.config import load
from poolwise.model import ConfigError, Site

DATA = Path(__file__).resolve().parent.parent / "data" / "conf" / "site"
HEAD = (
    "LoadModule mpm_{mpm}_module modules/mod_mpm_{mpm}.so\nLoadModule wsgi_module modules/mod_wsgi.so\n"
    "ServerRoot /\n"
)


def read(text: str, mpm: str = "event") -> Site:
    return load("httpd.conf", text=HEAD.format(mpm=mpm) + text).site


def said(site: Site, severity: str) -> list[str]:
    return [note.message for note in site.notes if note.severity == severity]


@pytest.fixture
def python_site() -> Site:
    return load(DATA / "python" / "httpd.conf").site


def test_where_each_application_of_a_site_runs(python_site: Site) -> None:
    seen = [(app.host, app.mount, app.runs, app.process_group) for app in python_site.applications]
    assert seen == [
        ("*:80 shop.example", "/", "daemon", "shop"),
        ("*:80 wiki.example", "/wiki", "daemon", "common"),
        ("*:80 wiki.example", "/wiki/admin", "embedded", ""),
        ("*:443 legacy.example", "/", "embedded", ""),
        ("*:80 api.example", "/", "proxied", ""),
        ("*:80 api.example", "^/ws/(.*)", "proxied", ""),
        ("*:80 api.example", "/u", "proxied", ""),
    ]


def test_reasons_name_the_deciding_line(python_site: Site) -> None:
    shop, wiki, admin, legacy, api, *_ = python_site.applications
    assert "WSGIProcessGroup shop (" in shop.reason and "httpd.conf:25)" in shop.reason
    assert "WSGIProcessGroup common (" in wiki.reason
    assert "WSGIProcessGroup %{GLOBAL} (" in admin.reason
    assert "WSGIDaemonProcess common (" in legacy.reason and "no WSGIProcessGroup applies" in legacy.reason
    assert api.script == "unix:/run/api.sock|http://localhost/" and "ProxyPass hands it to" in api.reason


def test_groups_and_their_options(python_site: Site) -> None:
    common, shop = python_site.daemon_groups
    assert (common.processes, common.threads, common.multiprocess, common.selected) == (2, 10, True, True)
    assert (shop.processes, shop.threads, shop.multiprocess, shop.selected) == (1, 5, False, True)
    assert shop.options["python-path"] == "/srv/shop:/srv/shop/my lib"
    assert shop.options["python-home"] == "/srv/shop/venv"


@pytest.mark.parametrize(
    ("mpm", "limit", "multiprocess", "multithread"),
    [("prefork", 1, False, False), ("prefork", 2, True, False), ("worker", 25, False, True),
     ("event", 50, True, True)],
)  # fmt: skip
def test_what_embedded_applications_are_told(
    mpm: str, limit: int, multiprocess: bool, multithread: bool
) -> None:
    (app,) = read(f"MaxRequestWorkers {limit}\nWSGIScriptAlias / /srv/a.py\n", mpm).applications
    assert (app.multiprocess, app.multithread) == (multiprocess, multithread)


def test_a_single_thread_group_is_not_multithreaded() -> None:
    (app,) = read(
        "WSGIDaemonProcess a threads=1\nWSGIProcessGroup a\nWSGIScriptAlias / /srv/a.py\n"
    ).applications
    assert (app.multiprocess, app.multithread) == (False, False)


def test_a_group_that_does_not_exist() -> None:
    site = read("WSGIProcessGroup typo\nWSGIScriptAlias / /srv/a.py\n")
    assert site.applications[0].process_group == "typo"
    assert "no WSGIDaemonProcess is called typo" in said(site, "error")[0]


def test_a_group_of_another_host() -> None:
    hosts = (
        "<VirtualHost *:80>\nServerName a\nWSGIDaemonProcess g\n</VirtualHost>\n"
        "<VirtualHost *:{port}>\nServerName {name}\nWSGIProcessGroup g\nWSGIScriptAlias / /srv/a.py\n"
        "</VirtualHost>\n"
    )
    assert "belongs to another virtual host" in said(read(hosts.format(port=80, name="b")), "error")[0]
    assert said(read(hosts.format(port=443, name="a")), "error") == []


def test_embedded_mode_switched_off() -> None:
    site = read("WSGIRestrictEmbedded On\nWSGIScriptAlias / /srv/a.py\n")
    assert "WSGIRestrictEmbedded On" in said(site, "error")[0]
    assert "WSGIRestrictEmbedded On" in site.applications[0].reason
    daemon = read(
        "WSGIRestrictEmbedded On\nWSGIDaemonProcess g\nWSGIScriptAlias / /srv/a.py process-group=g\n"
    )
    assert said(daemon, "error") == []


def test_an_alias_that_is_never_reached() -> None:
    site = read("WSGIScriptAlias / /srv/a.py\nWSGIScriptAlias /b /srv/b.py\n")
    assert [app.script for app in site.applications] == ["/srv/a.py"]
    assert "never reached: WSGIScriptAlias / " in said(site, "warning")[0]
    other_order = read(
        "WSGIScriptAlias /b /srv/b.py\nWSGIScriptAlias / /srv/a.py\nWSGIScriptAlias /bc /srv/c.py\n"
    )
    assert len(other_order.applications) == 2


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        (
            "WSGIDaemonProcess a\n\nWSGIDaemonProcess a threads=2\n",
            r"Name duplicates previous.*httpd.conf:4",
            6,
        ),
        ("WSGIDaemonProcess a threads 5\n", "Invalid option to WSGIDaemonProcess: 'threads' is not", 4),
        ("WSGIDaemonProcess a processes=0\n", "processes=0 of WSGIDaemonProcess must be 1 or more", 4),
        ("WSGIDaemonProcess a threads=-1\n", "threads=-1 of WSGIDaemonProcess must be 0 or more", 4),
        ("WSGIScriptAlias / /srv/a.py shop\n", "Invalid option to WSGIScriptAlias: 'shop'", 4),
    ],
)
def test_refused_lines(text: str, message: str, line: int) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        read(text)
    assert refused.value.where.line == line


def test_a_group_whose_name_was_forgotten_is_called_by_its_first_option() -> None:
    (group,) = read("WSGIDaemonProcess home=/app\n").daemon_groups
    assert (group.name, group.threads, group.selected) == ("home=/app", 15, False)


def test_a_group_chosen_at_each_request_is_said_to_be_unknown() -> None:
    site = read("WSGIDaemonProcess a\nWSGIProcessGroup %{ENV:GROUP}\nWSGIScriptAlias / /srv/a.py\n")
    assert (site.applications[0].runs, site.applications[0].process_group) == ("daemon", "%{ENV:GROUP}")
    assert "variable GROUP" in said(site, "warning")[0]


def test_the_main_servers_application_in_a_host_that_moves_it() -> None:
    site = read(
        "WSGIDaemonProcess g\nWSGIScriptAlias / /srv/a.py\n"
        "<VirtualHost *:80>\nServerName same\n</VirtualHost>\n"
        "<VirtualHost *:80>\nServerName moved\nWSGIProcessGroup g\n</VirtualHost>\n"
    )
    assert [(app.host, app.runs) for app in site.applications] == [
        ("main server", "embedded"), ("*:80 moved", "daemon"),
    ]  # fmt: skip


def test_the_script_that_mod_wsgi_express_writes() -> None:
    site = read(
        "WSGIDaemonProcess localhost:8000 threads=5\nWSGIRestrictEmbedded On\n"
        "WSGIHandlerScript wsgi-handler '/tmp/handler.wsgi' process-group='localhost:8000' "
        "application-group=%{GLOBAL}\n<Location />\nSetHandler wsgi-handler\n</Location>\n"
    )
    (app,) = site.applications
    assert (app.mount, app.script, app.process_group, app.eager) == (
        "/",
        "/tmp/handler.wsgi",
        "localhost:8000",
        True,
    )
    assert said(site, "error") == []


def test_scripts_by_file_name() -> None:
    site = read(
        "Alias /cgi /srv/scripts\nDocumentRoot /srv/www\n<Directory /srv/scripts/py>\n"
        "AddHandler wsgi-script .wsgi .py\n"
        "</Directory>\n<Directory /srv/www/app>\nSetHandler wsgi-script\n</Directory>\n"
    )
    assert [(app.mount, app.script) for app in site.applications] == [
        ("/cgi/py", "/srv/scripts/py/*.wsgi, *.py"), ("/app", "/srv/www/app/*"),
    ]  # fmt: skip


def test_an_import_that_is_for_another_interpreter_does_not_preload() -> None:
    text = "WSGIScriptAlias / /srv/a.py\nWSGIImportScript /srv/a.py application-group={group}\n"
    assert not read(text.format(group="%{GLOBAL}")).applications[0].eager
    both = "WSGIApplicationGroup %{GLOBAL}\n" + text.format(group="%{GLOBAL}")
    assert read(both).applications[0].eager


def test_wsgi_without_mod_wsgi() -> None:
    site = load("httpd.conf", text="WSGIScriptAlias / /srv/a.py\n", mpm="event").site
    assert "nothing that was read loads wsgi_module" in said(site, "warning")[0]


def test_a_hosts_own_alias_hides_the_main_servers() -> None:
    site = read(
        "WSGIDaemonProcess g\nWSGIScriptAlias /a /srv/a.py\n<VirtualHost *:80>\nServerName own\n"
        "WSGIProcessGroup g\nWSGIScriptAlias / /srv/b.py\n</VirtualHost>\n"
    )
    assert [(app.host, app.script) for app in site.applications] == [
        ("main server", "/srv/a.py"), ("*:80 own", "/srv/b.py"),
    ]  # fmt: skip


def test_a_thousand_hosts_do_not_take_a_thousand_times_a_thousand() -> None:
    def seconds(count: int) -> float:
        host = (
            "<VirtualHost *:80>\nServerName h{0}\nWSGIDaemonProcess g{0}\nWSGIProcessGroup g{0}\n"
            "WSGIScriptAlias / /srv/{0}/w.py\nCustomLog logs/{0} combined\n</VirtualHost>\n"
        )
        text = "".join(host.format(number) for number in range(count))
        started = time.process_time()
        assert len(read(text).applications) == count
        return time.process_time() - started

    seconds(10)  # warm
    assert seconds(1000) < 40 * max(seconds(100), 0.02)


def test_only_a_few_of_many_unused_groups_are_named() -> None:
    groups = "".join(f"WSGIDaemonProcess g{number}\n" for number in range(8))
    (app,) = read(groups + "WSGIScriptAlias / /srv/a.py\n").applications
    assert app.reason.count("WSGIDaemonProcess g") == 5
    assert ", 3 more is declared" not in app.reason
    assert ", 3 more are declared, but no WSGIProcessGroup applies to it" in app.reason


def test_unused_groups_in_every_host_do_not_multiply() -> None:
    groups = "".join(f"WSGIDaemonProcess g{number}\n" for number in range(3000))
    hosts = "<VirtualHost *:80>\nWSGIScriptAlias / /srv/a.py\n</VirtualHost>\n" * 3000
    started = time.process_time()
    applications = read(groups + hosts).applications
    assert sum(len(app.reason) for app in applications) < 3000 * 500
    assert time.process_time() - started < 15
