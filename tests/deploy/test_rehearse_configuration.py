"""The configuration that a rehearsal writes, and that a real httpd accepts it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from poolwise.cli.rehearsing import Rehearsing
from poolwise.cli.work import Work
from poolwise.deploy import OwnApplication, configtest
from poolwise.deploy.folder import scratch, write_tree
from poolwise.deploy.rehearsal.configuration import argument, configuration, files, script, start_script
from poolwise.model import App
from rehearsals import pool_text, rehearsing, traffic

pytestmark = pytest.mark.server  # it asks the installed httpd what it is

GROUP = (
    "WSGIDaemonProcess shop processes=3 threads=4 user=shop home=/srv/shop python-home=/srv/venv "
    "maximum-requests=500 listen-backlog=50 display-name=mine"
)


def site(*lines: str, app: App | None = None, work: Work | None = None, mpm: str = "event") -> Rehearsing:
    return rehearsing(pool_text(mpm, {}, *lines), traffic(2, [0.5], 0.1), app, work)


def text(case: Rehearsing) -> str:
    return "\n".join(configuration(case.plan(), Path("/tmp/x"), 8099))


def test_the_pool_and_the_connections_are_written_as_asked() -> None:
    lines = "StartServers 5\nMinSpareServers 50\nMaxSpareServers 3\nMaxClients 10\n"
    lines += "KeepAliveTimeout 500ms\nTimeout 30"
    said = text(site(lines, mpm="prefork"))
    for line in lines.replace("MaxClients", "MaxRequestWorkers").split("\n"):
        name, value = line.split()
        assert f'{name} "{value}"' in said or line in said
    assert "mod_mpm_prefork.so" in said
    assert "ThreadsPerChild" not in said  # what the site leaves to httpd's default is left


def test_settings_of_the_applications_host_are_taken() -> None:
    host = "KeepAlive Off\n<VirtualHost *:80>\nServerName a.example\nKeepAlive On\nKeepAliveTimeout 9\n"
    said = text(site(host + "WSGIScriptAlias / /srv/app.wsgi\n</VirtualHost>"))
    assert "KeepAlive On" in said
    assert "KeepAliveTimeout 9" in said


def test_a_group_keeps_what_decides_about_capacity_and_nothing_else() -> None:
    said = text(site(GROUP, "WSGIScriptAlias / /srv/app.wsgi process-group=shop application-group=%{GLOBAL}"))
    sizes = "processes=3 threads=4 maximum-requests=500 listen-backlog=50"
    assert f"WSGIDaemonProcess shop {sizes} display-name=%{{GROUP}}" in said.splitlines()
    assert "WSGIProcessGroup shop" in said
    assert "WSGIImportScript /tmp/x/kind0.wsgi process-group=shop application-group=%{GLOBAL}" in said
    assert "/srv" not in said
    assert "mine" not in said


def test_an_application_is_loaded_when_the_site_loads_it() -> None:
    assert "WSGIImportScript" not in text(site("WSGIScriptAlias / /srv/app.wsgi"))
    eager = text(site("WSGIScriptAlias / /srv/app.wsgi", work=Work(loads="start")))
    assert "WSGIImportScript /tmp/x/kind0.wsgi process-group=%{GLOBAL} application-group=%{GLOBAL}" in eager


def test_a_slow_start_is_rehearsed_in_every_place() -> None:
    case = site(GROUP, "WSGIProcessGroup shop\nWSGIScriptAlias / /srv/app.wsgi", app=App(startup_wait_s=0.5))
    assert "WSGIImportScript /tmp/x/start.wsgi process-group=shop application-group=%{GLOBAL}" in text(case)
    assert start_script(case.plan()).endswith("load(now(), 0.5, 0.0)\n")


def test_several_places_have_a_path_each() -> None:
    both = (GROUP, "WSGIScriptAlias /api /srv/api.wsgi process-group=shop application-group=%{GLOBAL}\n"
            "WSGIScriptAlias / /srv/app.wsgi")  # fmt: skip
    case = site(*both)
    plan = replace(case.plan(), mounts=(*case.plan().mounts, *case.plan().mounts))
    said = "\n".join(configuration(plan, Path("/tmp/x"), 8099))
    assert "WSGIScriptAlias /kind0 /tmp/x/kind0.wsgi" in said
    assert "WSGIScriptAlias /kind1 /tmp/x/kind1.wsgi" in said


def test_a_site_without_applications_gets_one() -> None:
    assert "WSGIScriptAlias / /tmp/x/kind0.wsgi" in text(site())


def test_the_users_application_is_imported_from_its_folder() -> None:
    plan = replace(site().plan(), own=OwnApplication("shop.wsgi:app", "/srv/it's", "/"))
    assert 'sys.path.insert(0, "/srv/it\'s")' in script(plan)
    assert "Watched(imported('shop.wsgi:app'))" in script(plan)
    compile(script(plan), "script", "exec")


def test_values_in_httpds_own_notation() -> None:
    assert [argument(value) for value in (True, False, 5, 2.0, 0.25, "abc", "a b")] == [
        "On", "Off", "5", "2", "250ms", "abc", '"a b"',
    ]  # fmt: skip


@pytest.mark.parametrize("mpm", ["prefork", "worker", "event"])
def test_httpd_accepts_it_and_makes_its_own_changes(mpm: str) -> None:
    lines = ("ServerLimit 4", "MaxRequestWorkers 300", GROUP, "WSGIProcessGroup shop",
             "WSGIScriptAlias / /srv/app.wsgi")  # fmt: skip
    plan = site(*lines, mpm=mpm).plan()
    with scratch("test") as folder:
        write_tree(folder, files(plan, folder, 8099))
        accepted, said = configtest(plan.httpd.path, folder / "httpd.conf")
    assert accepted, said
    assert {"prefork": "AH00180", "worker": "AH00318", "event": "AH00515"}[mpm] in said
