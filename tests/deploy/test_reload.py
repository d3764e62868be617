"""Reloading what a supervisor serves: rolled or taken over under load, or not taken as it is no good."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from apache_by_hand import until
from hosting import Hosting, Program, free_port
from poolwise.deploy import find_apache, find_httpd, find_interpreter, find_mod_wsgi, read_state, service_user
from poolwise.deploy.plan import Deployment, Front, Hosted, NginxFront, Tls
from poolwise.deploy.reloading.reload import ask_to_reload, why_takeover
from poolwise.deploy.running.state import Reload, State
from poolwise.model import InputError, ServerError
from poolwise.observe import session
from under_load import Load

DRIVER = """
import sys
from pathlib import Path
from poolwise.deploy import Supervisor, Wishes
from poolwise.deploy.plan import *

class Printed:
    def ready(self, state): print("ready", flush=True)
    def line(self, log, text): print("line", log, text, flush=True)
    def note(self, text): print("note", text, flush=True)

def wanted(): return eval(Path(sys.argv[1]).read_text())
print("exit", Supervisor(wanted(), Printed(), Wishes(again=wanted)).serve(), flush=True)
"""
APPLICATION = """
import os, sys, time
time.sleep(0.3)
{extra}
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/slow"):
        time.sleep(float(path[5:]))
    start_response({status!r}, [("Content-Type", "text/plain")])
    return [b"{version} %d" % os.getpid()]
"""
IN_APACHE = "'mod_wsgi' in sys.modules"  # what a look at the code elsewhere does not see


class Site:
    """A supervisor in a process of its own, and the application that it serves."""

    def __init__(self, plan: Deployment, begin: Callable[..., Program]) -> None:
        self.plan = plan
        self.wanted = Path(plan.applications[0].folder) / "wanted"
        self._begin = begin

    def application(self, version: str, *, extra: str = "", status: str = "200 OK") -> None:
        text = APPLICATION.format(version=version, extra=extra, status=status)
        Path(self.plan.applications[0].folder, "pages.py").write_text(text)

    def start(self) -> Site:
        self.ask_for(self.plan)
        self.program = self._begin([sys.executable, "-c", DRIVER, str(self.wanted)])
        self.program.until(lambda: "ready" in self.program.out)
        return self

    def ask_for(self, plan: Deployment) -> None:
        self.wanted.write_text(repr(plan))

    def state(self) -> State:
        found = read_state(self.plan.folder)
        assert found, self.program.said
        return found

    def reload(self, *, takeover: bool = False) -> tuple[Reload, list[str]]:
        said: list[str] = []
        return ask_to_reload(self.state(), said.append, takeover=takeover), [line[10:] for line in said]

    def generations(self) -> set[str]:
        return {each.generation for each in self.state().children if each.role == "httpd" and each.alive}

    def end(self) -> None:
        """End it; nothing of what it has started may be left."""
        leaders = [each.pid for each in self.state().children]
        self.program.popen.send_signal(signal.SIGQUIT)
        self.program.over()
        assert not any(session(each) for each in leaders)


@pytest.fixture
def plan(hosting: Hosting, site_folder: Path) -> Deployment:
    if not find_httpd():
        pytest.skip("no httpd is installed")
    interpreter, httpd = find_interpreter(hosting.python), find_apache()
    (site_folder / "app").mkdir()
    return Deployment(
        name="shop",
        folder=str(site_folder / "served"),
        httpd=httpd,
        interpreter=interpreter,
        applications=(Hosted("shop", "pages", str(site_folder / "app"), threads=5),),
        front=Front(port=free_port(), timeout_s=20, user=service_user() if os.geteuid() == 0 else ""),
        mod_wsgi=find_mod_wsgi(interpreter, httpd),
    )


Make = Callable[..., Site]


@pytest.fixture
def site(plan: Deployment, start: Callable[..., Program]) -> Make:
    """Starts the supervisor of a site that serves version 1, as planned but for what is given."""

    def serve(**changes: object) -> Site:
        hosted = replace(plan.applications[0], **changes)  # type: ignore[arg-type]
        made = Site(replace(plan, applications=(hosted,)), start)
        made.application("1")
        return made.start()

    return serve


def reloaded_under_load(site: Site, **how: bool) -> list[str]:
    """Reload to version 2 while clients ask; nothing may be lost. What was said."""
    with Load(site.plan.front.port, "/", "/", "/slow0.3") as clients:
        clients.once("/slow3")
        until(lambda: clients.answers["1"] > 20)
        site.application("2")
        reload, said = site.reload(**how)
        assert reload.done, reload.said
        clients.answers.clear()
        until(lambda: clients.answers["2"] > 20)
    assert clients.failed == []
    assert clients.longest_gap_s < 2.0
    return said


@pytest.mark.server
def test_new_code_alone_is_rolled(site: Make) -> None:
    served = site()
    said = reloaded_under_load(served)
    assert said[0].startswith("shop: the new version loads (")
    assert [line.split(":")[0] for line in said if line.endswith("healthy")] == ["shop 1/2", "shop 2/2"]
    assert served.generations() == {"a"}
    assert "note " + said[1] in served.program.out


@pytest.mark.server
def test_changed_settings_are_taken_over_and_back(site: Make) -> None:
    served = site()
    served.ask_for(replace(served.plan, front=replace(served.plan.front, keep_alive_s=2)))
    said = reloaded_under_load(served)
    assert said[1] == "a second server takes over: apache/httpd.conf changed"
    assert said[3].startswith("it is healthy, and gets every new connection after ")
    until(lambda: served.generations() == {"b"})
    reload, said = served.reload(takeover=True)
    assert reload.done, reload.said
    assert said[1] == "a second server takes over: asked for"
    until(lambda: served.generations() == {"a"})
    served.end()


@pytest.mark.server
def test_servers_of_their_own_are_taken_over_with_apache(site: Make) -> None:
    served = site(backend="gunicorn", processes=1)
    assert reloaded_under_load(served)[1] == "a second server takes over: shop runs on gunicorn"
    served.end()


@pytest.mark.server
def test_a_version_that_is_no_good_is_not_taken(site: Make) -> None:
    served = site()
    before = {each.pid for each in session(served.state().children[0].pid)}
    cases: list[tuple[dict[str, str], str, bool]] = [
        ({"extra": "raise RuntimeError('broken')"}, "RuntimeError: broken", False),
        ({"status": "500 Oh"}, "the new version answers 500 to /, the one that serves does not", False),
        ({"extra": f"if {IN_APACHE}: raise RuntimeError('here')"}, "RuntimeError: here", True),
    ]
    with Load(served.plan.front.port, "/") as clients:
        for number, (version, error, takeover) in enumerate(cases, 1):
            served.application("2", **version)
            reload, _ = served.reload(takeover=takeover)
            assert (reload.number, reload.done) == (number, False)
            assert error in reload.said
        until(lambda: served.generations() == {"a"})
        assert {each.pid for each in session(served.state().children[0].pid)} == before
    assert clients.failed == []
    assert set(clients.answers) == {"1"}


@pytest.mark.server
def test_one_that_fails_only_in_apache_stops_at_the_first_process_and_heals(site: Make) -> None:
    served = site()
    with Load(served.plan.front.port, "/") as clients:
        served.application("2", extra=f"if {IN_APACHE}: raise RuntimeError('here')")
        reload, _ = served.reload()
        assert not reload.done
        assert (
            "could not load the new code; 1 process of shop with the old code, 0 with the new" in reload.said
        )
        assert "RuntimeError: here" in reload.said
        served.application("3")
        reload, said = served.reload()
        assert reload.done, reload.said
        assert not any("failed" in line for line in said)
        clients.answers.clear()
        until(lambda: clients.answers["3"] > 20)
    assert clients.failed == []


@pytest.mark.server
def test_one_that_is_asked_while_it_reloads_or_when_it_has_been_killed(site: Make) -> None:
    served = site()
    state = served.state()
    os.kill(served.program.popen.pid, signal.SIGUSR1)
    until(lambda: served.state().phase == "reloading")
    with pytest.raises(InputError, match="shop is reloading just now; reload it when that is over"):
        served.reload()
    until(lambda: served.state().phase == "running")
    served.program.popen.kill()
    served.program.over()
    with pytest.raises(InputError, match="was killed; 'poolwise stop', then serve"):
        ask_to_reload(state, print)
    until(lambda: not any(session(each.pid) for each in state.children))


@pytest.mark.server
def test_it_ends_while_it_reloads(site: Make) -> None:
    served = site()
    served.application("2", extra="time.sleep(1)")

    def end_it() -> None:
        until(lambda: served.state().phase == "reloading")
        served.program.popen.send_signal(signal.SIGQUIT)

    end = Thread(target=end_it)
    end.start()
    with pytest.raises(ServerError, match="ended while it reloaded"):
        served.reload()
    end.join()


def test_why_a_second_server_is_needed(plan: Deployment, tmp_path: Path) -> None:
    def why(wanted: Deployment, since_s: float = 0.0) -> str:
        return why_takeover(plan, wanted, since_s)

    def hosted(deployment: Deployment, **changes: object) -> Deployment:
        return replace(deployment, applications=(replace(plan.applications[0], **changes),))  # type: ignore[arg-type]

    assert why(replace(plan, generation="b", reasons=("because",))) == ""
    assert why(hosted(plan, environment={"A": "1"})) == "apache/apps/shop.wsgi changed"
    for changes, reason in (
        ({"processes": 1}, "shop has a single process"),
        ({"backend": "gunicorn"}, "shop runs on gunicorn"),
        ({"backend": "embedded"}, "shop runs on httpd itself"),
    ):
        other = hosted(plan, **changes)
        assert why_takeover(other, other, 0.0) == reason
    key = tmp_path / "key"
    key.touch()
    tls = replace(plan, front=replace(plan.front, tls=Tls("/nowhere", str(key), free_port())))
    assert why(tls) == "apache/httpd.conf changed"
    assert why_takeover(tls, tls, key.stat().st_mtime - 1) == f"{key} changed"
    assert why_takeover(tls, tls, key.stat().st_mtime + 1) == ""
    behind = replace(tls, nginx=NginxFront("/usr/sbin/nginx", free_port()))
    assert why_takeover(behind, behind, 0.0) == ""  # nginx has the certificate
    assert why_takeover(behind, replace(behind, front=replace(tls.front, compress=True)), 0.0) == ""
