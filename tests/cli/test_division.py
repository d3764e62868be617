"""Who gets which request: shares by name, and the paths of a log."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from poolwise.cli import main
from poolwise.cli.division import division, mounts_of, shares_of
from poolwise.cli.stages import Place, places
from poolwise.cli.work import Work
from poolwise.config import load
from poolwise.model import InputError, Workload

CONF = """
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule wsgi_module modules/mod_wsgi.so
WSGIDaemonProcess shop processes=2 threads=5
WSGIDaemonProcess api threads=4
WSGIScriptAlias /old /srv/old.py
WSGIScriptAlias /api /srv/api.py process-group=api
WSGIScriptAlias / /srv/shop.py process-group=shop application-group=%{GLOBAL}
"""
LINE = '1.2.3.4 - - [10/Oct/2026:13:55:{:02} +0000] "GET {} HTTP/1.1" 200 12\n'


def three() -> tuple[Place, ...]:
    return places(load("httpd.conf", text=CONF).site)


@pytest.mark.parametrize(
    ("asked", "shares"),
    [
        ({}, (1.0, 0.0, 0.0)),
        ({"shop": 0.25}, (0.75, 0.0, 0.25)),
        ({"/api": 0.25, "embedded": 0.25}, (0.25, 0.25, 0.5)),
        ({"/old": 0.0, "/api": 0.5, "/": 0.5}, (0.0, 0.5, 0.5)),
    ],
)
def test_shares_name_groups_or_mounts(asked: dict[str, float], shares: tuple[float, ...]) -> None:
    found, assumed = shares_of(three(), asked)
    assert found == pytest.approx(shares)
    assert bool(assumed) == (not asked)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"nobody": 0.5}, "nobody is no application or group"),
        ({"shop": 0.7, "api": 0.7}, "1.4 together"),
        ({"shop": 0.2, "api": 0.2, "embedded": 0.2}, "0.6 together"),
        ({"shop": 0.2, "/": 0.2}, "named already"),
    ],
)
def test_impossible_shares(asked: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match="--share") as caught:
        shares_of(three(), asked)
    assert said in str(caught.value)


def test_the_longest_mount_is_asked_first() -> None:
    assert mounts_of(three()) == ("/old", "/api", "/")
    twice = CONF + "<VirtualHost *:80>\nServerName a\nWSGIScriptAlias / /srv/other.py\n</VirtualHost>\n"
    assert mounts_of(places(load("httpd.conf", text=twice).site)) == ()  # a path does not tell the host


def test_kinds_of_a_log_become_places_and_who_gets_nothing_is_left_out() -> None:
    site = load("httpd.conf", text=CONF).site
    kind = np.array([2, 1, 1, 2, 3])  # two of /, two of /api, one under no mount: for the front
    work = Workload("log", np.arange(5.0), np.ones(5), 5.0, kind=kind)
    found = division(site, {}, work)
    assert [place.name for place in found.used] == ["embedded", "api", "shop"]
    made = found.of(work, Work()).kind
    assert made is not None and made.tolist() == [2, 1, 1, 2, 0]
    assert "1 requests are under no mount" in found.assumed[1]
    found = division(site, {}, Workload("log", np.arange(2.0), np.ones(2), 5.0, kind=np.array([2, 1])))
    assert [place.name for place in found.used] == ["api", "shop"]


def test_a_log_sends_its_requests_where_its_paths_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf, log = tmp_path / "httpd.conf", tmp_path / "access.log"
    conf.write_text(CONF)
    paths = ["/api/v1", "/", "/apis", "/api?x=1", "/basket", "/api"] * 10
    log.write_text("".join(LINE.format(number, path) for number, path in enumerate(paths)))
    asked = [str(conf), "--log", str(log), "--service", "fixed:0.1", "--format", "json"]
    assert main(["simulate", *asked]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    answered = {stage["label"]: stage["totals"]["served"] for stage in run["stages"]}
    assert answered == {"api": 30, "shop": 30}
    assert any("50 % to /api (group api), 50 % to / (group shop)" in words for words in run["assumptions"])
    assert main(["simulate", *asked, "--share", "shop=1"]) == 0  # the user's word wins
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert [stage["label"] for stage in run["stages"]] == ["shop"]
