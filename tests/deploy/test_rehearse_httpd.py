"""A real httpd rehearses, and does what the simulation of the same requests does.

The cases are no close calls: on a machine that is busy with other things a pass may come late, but it decides
the same. The bounds are what was achieved on one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from poolwise.cli.rehearsing import Rehearsing, find_servers
from poolwise.cli.work import Work
from poolwise.deploy import rehearse
from poolwise.deploy.folder import scratch
from poolwise.model import Clients, Run, ServerError
from poolwise.simulation import Incident
from rehearsals import NOTHING, both, no_traffic, pool_text, rehearsing, servers, traffic

pytestmark = pytest.mark.server

GLOBAL = "WSGIApplicationGroup %{GLOBAL}"
EMBEDDED = ("WSGIScriptAlias / /srv/app.wsgi", GLOBAL)


@pytest.fixture(autouse=True, scope="module")
def before_others() -> Iterator[None]:
    """httpd gets our nice: where permitted it goes before whatever else runs here."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    yield
    os.setpriority(os.PRIO_PROCESS, 0, before)


def off(one: Run, other: Run, line: str = "total") -> float:
    """Mean difference at the middle of each second."""
    return float(np.abs(one.series[line] - other.series[line]).mean())


def test_an_idle_prefork_pool_doubles_past_its_minimum() -> None:
    asked = {"StartServers": 1, "MinSpareServers": 5, "MaxSpareServers": 10, "MaxRequestWorkers": 50}
    done, simulated = both(rehearsing(pool_text("prefork", asked), no_traffic(5)))
    run = done.run
    assert run.origin == "rehearsed"
    assert run.series["total"][-1] == simulated.series["total"][-1] == 8
    assert off(run, simulated) <= 0.8  # one pass half a second late is 4/5
    assert list(run.series["idle"]) == list(run.series["total"])
    assert run.totals["created"] == 8
    assert run.totals["killed_idle"] == 0
    assert run.ticks == {}


def test_a_burst_on_event_is_served_as_the_simulation_says() -> None:
    asked = {"StartServers": 1, "ThreadsPerChild": 5, "MinSpareThreads": 5, "MaxSpareThreads": 100,
             "MaxRequestWorkers": 50, "KeepAlive": "Off"}  # fmt: skip
    case = rehearsing(pool_text("event", asked, *EMBEDDED), traffic(6, [1.3] * 30, 3.0))
    done, simulated = both(case)
    run = done.run
    assert run.series["total"][-1] == simulated.series["total"][-1] == 8
    assert off(run, simulated) <= 1.0
    assert off(run, simulated, "busy") <= 3.0
    assert run.totals["served"] == 30
    for quantile in (0.5, 0.95, 1.0):
        expected = simulated.wait.quantile_s(quantile)
        assert run.wait.quantile_s(quantile) == pytest.approx(expected, abs=0.4)
    assert done.sent.arrivals_s[0] == pytest.approx(1.3, abs=0.3)


def test_a_daemon_group_that_is_too_small_serves_in_waves() -> None:
    lines = ("WSGIDaemonProcess shop processes=2 threads=2 user=nobody python-home=/srv/venv",
             "WSGIScriptAlias / /srv/app.wsgi process-group=shop application-group=%{GLOBAL}")  # fmt: skip
    case = rehearsing(pool_text("event", {"KeepAlive": "Off"}, *lines), traffic(3, [1.0] * 12, 0.6))
    done, simulated = both(case)
    group, expected = done.run.stages[0], simulated.stages[0]
    assert list(group.series["total"]) == list(expected.series["total"]) == [2] * 3
    assert group.series["busy"][1] == 4
    assert group.series["queued"][1] == 8
    assert group.totals["served"] == 12
    assert group.wait.max_s == pytest.approx(expected.wait.max_s, abs=0.4)
    assert done.run.series["busy"][1] == 12  # they hold httpd's threads meanwhile
    assert done.run.details["front_wait"].max_s < 0.4


def test_connections_are_kept_and_hold_a_worker_of_prefork() -> None:
    asked = {"StartServers": 4, "MinSpareServers": 1, "KeepAlive": "On", "KeepAliveTimeout": 2}
    load = traffic(4, [0.7, 1.1, 1.2], 0.1)
    load = replace(load, connection=np.array([7, 7, 8]), think_s=np.full(3, np.nan))
    done, simulated = both(rehearsing(pool_text("prefork", asked, *EMBEDDED), load))
    run = done.run
    assert run.totals["served"] == 3
    for name in ("idle_connections", "busy"):
        assert list(run.series[name][1:3]) == list(simulated.series[name][1:3]) == [2, 2]


def test_who_loses_patience_leaves_and_comes_again() -> None:
    asked = {"StartServers": 1, "MinSpareServers": 1, "MaxRequestWorkers": 1, "KeepAlive": "Off"}
    load = traffic(3, [0.5, 0.6], 1.0)
    load = replace(load, clients=Clients(patience_s=1.5, retries=1, retry_s=0.2))
    done, simulated = both(rehearsing(pool_text("prefork", asked, *EMBEDDED), load))
    for totals in (done.run.totals, simulated.totals):
        assert totals["served"] == 2  # the second one when it came again
        assert totals["retried"] == 1
    assert done.run.series["gave_up"].sum() == 1


def test_who_does_not_get_into_the_backlog_is_refused() -> None:
    asked = {"StartServers": 1, "MinSpareServers": 1, "MaxRequestWorkers": 1, "ListenBacklog": 1,
             "KeepAlive": "Off"}  # fmt: skip
    done, _ = both(rehearsing(pool_text("prefork", asked, *EMBEDDED), traffic(2, [0.5] * 10, 0.3)))
    totals = done.run.totals
    assert totals["refused"] > 0
    assert totals["refused"] + totals["served"] == 10
    assert done.run.series["refused"].sum() == totals["refused"]


def test_work_is_cpu_and_an_import_holds_up_the_first_request() -> None:
    load = traffic(3, [0.5, 1.5], 0.4)
    asked = {"StartServers": 1, "MinSpareServers": 1, "MaxRequestWorkers": 1, "KeepAlive": "Off"}
    case = rehearsing(
        pool_text("prefork", asked, *EMBEDDED),
        replace(load, cpu_s=np.full(2, 0.3)),
        work=Work(import_wait_s=0.3),
    )
    done, simulated = both(case)
    assert done.run.totals["imports"] == simulated.totals["imports"] == 1
    assert 0.3 <= done.run.wait.max_s < 1.0
    assert 0.6 <= done.run.series["cpu_cores"].sum() < 1.2


def test_a_graceful_restart_begins_anew() -> None:
    asked = {"StartServers": 3, "MinSpareServers": 1, "KeepAlive": "Off"}
    case = rehearsing(pool_text("prefork", asked), no_traffic(4))
    happens = (Incident(1.2, "graceful"), Incident(3.2, "crash", 2))
    done = rehearse(case.plan(), happens)
    assert done.run.totals["restarted"] == 3
    assert done.run.totals["crashed"] == 2
    assert done.run.series["total"][2] == case.beside(done, happens).series["total"][2] == 3
    assert {line.id for line in done.run.messages} >= {"AH00171"}


def test_what_httpd_says_is_told_when_it_does_not_start() -> None:
    case = rehearsing(pool_text("prefork", {"ListenBacklog": 7}), no_traffic(2))
    plan = replace(case.plan(), settings={"ListenBacklog": "none"})
    with pytest.raises(ServerError, match=r"(?s)httpd did not start.*ListenBacklog"):
        rehearse(plan)


def test_the_users_own_application_is_measured(own_application: Rehearsing) -> None:
    done, simulated = both(own_application)
    assert done.run.totals["served"] == 8
    assert done.import_s[0] >= done.import_s[1] > 0
    assert simulated.totals["imports"] == done.run.totals["imports"] > 0
    assert done.sent.cpu_s is not None
    assert np.all(done.sent.service_s >= done.sent.cpu_s)
    assert float(done.sent.service_s.min()) >= 0.05  # it sleeps so long


@pytest.fixture
def own_application() -> Iterator[Rehearsing]:
    """An application of the user's, in a folder that httpd's user can read."""
    text = "import time\n\n\ndef app(environ, start_response):\n    time.sleep(0.05)\n"
    text += "    start_response('200 OK', [])\n    return [b'fine']\n"
    with scratch("own") as folder:
        (folder / "mine.py").write_text(text)
        python = servers().interpreter.executable
        asked = {**NOTHING, "application": "mine:app", "folder": str(folder), "python": python}
        case = rehearsing(
            pool_text("prefork", {"KeepAlive": "Off"}, *EMBEDDED), traffic(2, np.arange(8) * 0.1 + 0.5, 1.0)
        )
        yield replace(case, servers=find_servers(asked))


def test_an_httpd_whose_scoreboard_cannot_be_read_is_watched_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("poolwise.observe.scoreboard._WORKER", 272)  # as if it were another version's
    asked = {"StartServers": 3, "MinSpareServers": 1, "KeepAlive": "Off"}
    lines = ("WSGIDaemonProcess shop processes=2 threads=2",
             "WSGIScriptAlias / /srv/app.wsgi process-group=shop application-group=%{GLOBAL}")  # fmt: skip
    case = rehearsing(pool_text("prefork", asked, *lines), traffic(2, [1.2], 0.6))
    run = rehearse(case.plan()).run
    assert list(run.series["total"]) == [3, 3]
    assert list(run.series["busy"]) == [0, 1]
    assert list(run.series["idle"]) == [3, 2]
    assert list(run.stages[0].series["total"]) == [2, 2]
    assert any("laid out otherwise" in words for words in run.assumptions)
