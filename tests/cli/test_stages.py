"""A site's real stages: groups behind the front, who gets which share, and what a plain site stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from poolwise.cli import main
from poolwise.cli.stages import Stages, group_pool, places
from poolwise.cli.work import Work
from poolwise.config import load
from poolwise.model import App, InputError, Pool, Site, Topology
from poolwise.servers import pool

CONF = """
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule wsgi_module modules/mod_wsgi.so
Listen 80
WSGIDaemonProcess shop processes=2 threads=5 queue-timeout=20 display-name=%{GROUP} user=shop
WSGIDaemonProcess api threads=4 maximum-requests=500
WSGIScriptAlias /api /srv/api.py process-group=api
WSGIScriptAlias / /srv/shop.py process-group=shop application-group=%{GLOBAL}
"""
EMBEDDED = "WSGIScriptAlias /old /srv/old.py\n"
TRAFFIC = ["--traffic", "poisson:20", "--duration", "40s", "--service", "exponential:0.2"]


def site_of(text: str) -> Site:
    return load("httpd.conf", text=text).site


def chain_of(text: str, work: Work | None = None, **changes: dict[str, str]) -> tuple[Any, Stages]:
    site = site_of(text)
    stages = Stages(site, places(site), App(startup_cpu_s=0.5), work or Work())
    front = pool(site.mpm, site.values, site.httpd_version)
    return stages.case("x", front, changes), stages


def runs_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert main(["simulate", *arguments, *TRAFFIC, "--format", "json"]) == 0
    runs: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["runs"]
    return runs


@pytest.fixture
def conf(tmp_path: Path) -> str:
    file = tmp_path / "httpd.conf"
    file.write_text(CONF)
    return str(file)


def test_the_places_are_those_where_applications_run_the_front_first() -> None:
    found = places(site_of(CONF + EMBEDDED.replace("/old ", "/zzz ").replace("Alias /zzz", "Alias /zzz")))
    assert [place.name for place in found] == ["api", "shop"]  # / comes first and takes /zzz
    found = places(site_of(CONF.replace("WSGIScriptAlias /api", EMBEDDED + "WSGIScriptAlias /api")))
    assert [place.name for place in found] == ["embedded", "api", "shop"]
    assert found[0].words == "/old (embedded)"
    assert found[2].loads == "start"
    assert found[1].loads == "first request"  # its application group is not literal


def test_an_application_in_a_group_that_does_not_exist_is_left_out() -> None:
    found = places(site_of(CONF.replace("process-group=api", "process-group=ghost")))
    assert [place.name for place in found] == ["shop"]


def test_a_group_has_its_options_as_written() -> None:
    group = group_pool(site_of(CONF).daemon_groups[0], {}, "")
    assert (group.architecture, group.name) == ("mod_wsgi_daemon", "shop")
    assert (group.process_limit, group.threads, group.backlog) == (2, 5, 100)
    assert group.options["queue-timeout"] == 20
    changed = group_pool(site_of(CONF).daemon_groups[0], {"threads": "7", "listen_backlog": "9"}, "4.9.4")
    assert (changed.threads, changed.backlog, changed.httpd_version) == (7, 9, "4.9.4")


def test_a_value_out_of_range_is_told_with_its_line() -> None:
    site = site_of(CONF.replace("queue-timeout=20", "queue-timeout=soon"))
    with pytest.raises(InputError, match=r"WSGIDaemonProcess shop \(.*:5\).*queue-timeout must be"):
        group_pool(site.daemon_groups[0], {}, "")


def test_groups_stand_behind_a_front_that_loads_nothing() -> None:
    case, _ = chain_of(CONF, Work(import_cpu_s=2.0))
    assert isinstance(case.where, Topology)
    assert [group.name for group in case.where.groups] == ["api", "shop"]
    assert case.where.routes == (0, 1)
    assert case.app.import_cpu_s == 0
    assert case.app.startup_cpu_s == App().startup_cpu_s  # --startup-cpu is that of the application
    assert case.apps["shop"].startup_cpu_s == 0.5
    assert (case.apps["shop"].loads, case.apps["api"].loads) == ("start", "first request")
    assert any("/ (group shop) is loaded at the start of a process" in words for words in case.assumptions)


def test_an_embedded_application_beside_a_group_runs_in_the_front() -> None:
    mixed = CONF.replace("WSGIScriptAlias /api", EMBEDDED + "WSGIScriptAlias /api")
    case, _ = chain_of(mixed, Work(import_cpu_s=2.0))
    assert isinstance(case.where, Topology)
    assert case.where.routes == (-1, 0, 1)
    assert (case.app.import_cpu_s, case.app.loads) == (2.0, "first request")


def test_a_site_without_groups_is_one_pool_unless_more_is_asked() -> None:
    plain = "LoadModule mpm_prefork_module x\nLoadModule wsgi_module x\nWSGIScriptAlias / /srv/a.py\n"
    case, stages = chain_of(plain)
    assert isinstance(case.where, Pool)
    assert case.app.loads == "start" and case.app.import_cpu_s == 0
    case = Stages(stages.site, stages.where, App(), Work(leak_bytes=5), chained=True).case("x", case.where)
    assert isinstance(case.where, Topology) and case.where.groups == ()


def test_the_loading_that_is_asked_for_wins_over_the_configuration() -> None:
    case, _ = chain_of(CONF, Work(import_cpu_s=1.0, loads="preload"))
    assert {app.loads for app in case.apps.values()} == {"preload"}


def test_interpreters_with_gils_of_their_own_are_told_apart() -> None:
    two = CONF.replace("process-group=api", "process-group=shop")
    case, stages = chain_of(two, Work(gil="per-interpreter"))
    assert isinstance(case.where, Topology)
    assert case.where.routes == (0, 0)
    assert case.apps["shop"].interpreters == 2
    assert [place.kinds("shared") for place in stages.where] == [1]


def test_the_command_simulates_the_groups(conf: str, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = runs_of([conf, "--share", "/=80%", "--compare", "shop:threads=1"], capsys)
    assert [stage["pool"]["name"] for stage in first["stages"]] == ["api", "shop"]
    requests = [stage["totals"]["requests"] for stage in first["stages"]]
    assert requests[1] / sum(requests) == pytest.approx(0.8, abs=0.05)
    assert second["label"] == "shop: threads 1"
    assert second["stages"][1]["pool"]["workers"] == 2
    assert second["measures"]["wait_p95_s"] > first["measures"]["wait_p95_s"]


def test_what_gets_no_traffic_stands_still(conf: str, capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = runs_of([conf], capsys)
    assert [stage["pool"]["name"] for stage in run["stages"]] == ["api"]
    assert any("none to / (group shop) (--share divides them)" in words for words in run["assumptions"])
    assert main(["simulate", conf, *TRAFFIC, "--compare", "shop:threads=1"]) == 2
    assert "no traffic goes to a daemon group of this name" in capsys.readouterr().err


def test_a_back_end_that_is_described_is_a_stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "httpd.conf"
    file.write_text("LoadModule mpm_event_module x\nListen 80\nProxyPass / http://127.0.0.1:8000/\n")
    (run,) = runs_of([str(file)], capsys)
    assert "stages" not in run
    assert any("has room for every request" in words for words in run["assumptions"])
    (run,) = runs_of([str(file), "--server", "gunicorn_sync:workers=4"], capsys)
    assert [stage["pool"]["architecture"] for stage in run["stages"]] == ["gunicorn_sync"]
    assert run["measures"]["waited_share"] > 0.1
