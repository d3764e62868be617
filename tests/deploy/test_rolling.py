"""Rolling the processes of a real Apache that was configured by hand, while clients ask it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest

from apache_by_hand import DEBIANS, ByHand, daemons, until
from poolwise.config import load
from poolwise.deploy.reloading import rolling as module
from poolwise.deploy.reloading.groups import Group, running_groups
from poolwise.deploy.reloading.rolling import Roll
from poolwise.deploy.running.health import Health, pause
from poolwise.deploy.running.state import Started
from poolwise.model import InputError, ServerError
from poolwise.observe import process
from under_load import Load

pytestmark = pytest.mark.server


def group_of(conf: Path, server: int, loading: str = "eager") -> Group:
    seen = process(server)
    assert seen
    declared = load(conf).site.daemon_groups
    found = running_groups(Started("httpd", server, seen.started), declared, lambda group: loading)  # type: ignore[arg-type, return-value]
    return found[0]


def roll(group: Group, port: int, said: list[str], **more: object) -> None:
    Roll(group, Health("127.0.0.1", port, requests=10), said.append, pause, **more).run()  # type: ignore[arg-type]


@pytest.mark.parametrize("debians", [False, True], ids=["mod_wsgi 6", "mod_wsgi 4.9"])
def test_nothing_is_lost_and_the_new_code_serves(by_hand: ByHand, debians: bool) -> None:
    if debians and not Path(DEBIANS).exists():
        pytest.skip("Debian's mod_wsgi is not installed")
    conf = by_hand.configuration(debians=debians)
    said: list[str] = []
    with by_hand.running(conf) as server:
        before = daemons(server)
        with Load(by_hand.port, "/", "/", "/slow0.3") as clients:
            clients.once("/slow2")
            until(lambda: clients.answers["1"] > 20)
            by_hand.application("2")
            roll(group_of(conf, server), by_hand.port, said)
            clients.answers.clear()
            until(lambda: clients.answers["2"] > 20)
        assert clients.failed == []
        assert set(clients.answers) <= {"2", "1"}  # the last one of before may have been counted late
        assert clients.longest_gap_s < 1.0
        after = daemons(server)
    assert len(after) == 2
    assert not set(before) & set(after)
    lines = [line for line in said if "still has requests" not in line]
    assert [line.split(" drained in ")[0] for line in lines[:-1]] == [
        f"shop {number}/2: {pid}" for number, pid in enumerate(before, 1)
    ]
    assert all(line.endswith("s, healthy") and " loaded in " in line for line in lines[:-1])
    assert lines[-1].startswith("shop: 2 processes exchanged in ")


def test_code_that_answers_badly_stops_at_the_first_process(by_hand: ByHand) -> None:
    conf = by_hand.configuration()
    said: list[str] = []
    with by_hand.running(conf) as server:
        before = daemons(server)
        by_hand.application("2", status="500 Oh")
        with pytest.raises(
            ServerError, match=r"but http.* answered 500; 1 process of shop with the old code"
        ):
            roll(group_of(conf, server), by_hand.port, said)
        assert len(set(before) & set(daemons(server))) == 1
        by_hand.application("3")
        roll(group_of(conf, server), by_hand.port, said)  # mended
        assert "already before the reload" in said[0]
        assert not set(before) & set(daemons(server))


def test_code_that_kills_its_process_stops_at_the_first(
    by_hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEATHS", 2)
    conf = by_hand.configuration()
    with by_hand.running(conf) as server, Load(by_hand.port, "/") as clients:
        before = daemons(server)
        by_hand.application("2", load_s=0, extra="os._exit(3)")
        with pytest.raises(ServerError, match=r"2 new processes died while they loaded; 1 process of shop"):
            roll(group_of(conf, server), by_hand.port, [])
        assert len(set(before) & set(daemons(server))) == 1
        by_hand.application("3", load_s=0)
        said: list[str] = []
        group = group_of(conf, server)
        roll(group, by_hand.port, said)
        assert not set(before) & set(group.pids())
        assert len(group.pids()) == 2
    assert clients.failed == []


def test_code_that_never_loads_is_given_up(by_hand: ByHand) -> None:
    conf = by_hand.configuration()
    with by_hand.running(conf) as server:
        by_hand.application("2", load_s=1000)
        with pytest.raises(ServerError, match=r"no new process has loaded in \d+ s; 1 process of shop"):
            roll(group_of(conf, server), by_hand.port, [], load_s=1.0)


def test_a_group_that_loads_at_the_first_request(by_hand: ByHand) -> None:
    conf = by_hand.configuration(eager=False)
    said: list[str] = []
    with by_hand.running(conf) as server, Load(by_hand.port, "/") as clients:
        before = daemons(server)
        by_hand.application("2")
        roll(group_of(conf, server, "lazy"), by_hand.port, said)
        assert not set(before) & set(daemons(server))
    assert clients.failed == []
    assert " started in " in said[0]


def test_a_long_request_is_waited_for_and_told_of(by_hand: ByHand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TELL_S", 1.0)
    conf = by_hand.configuration()
    said: list[str] = []
    with by_hand.running(conf) as server, Load(by_hand.port) as clients:
        for _ in range(2):
            clients.once("/slow3")
        pause(0.3)
        roll(group_of(conf, server), by_hand.port, said)
    assert clients.failed == []
    assert any("still has requests after 1 s of 35 s at most; the others serve" in line for line in said)


def test_a_process_that_ends_by_itself_meanwhile(by_hand: ByHand) -> None:
    conf = by_hand.configuration()
    said: list[str] = []
    with by_hand.running(conf) as server:
        group = group_of(conf, server)
        last = group.pids()[-1]
        timer = Timer(0.3, os.kill, (last, signal.SIGKILL))
        timer.start()
        roll(group, by_hand.port, said)
        timer.join()
        assert len(group.pids()) == 2
    assert any(f"{last} ended by itself" in line for line in said)


def test_the_server_ends_meanwhile(by_hand: ByHand) -> None:
    conf = by_hand.configuration()
    with by_hand.running(conf) as server:
        group = group_of(conf, server)
        by_hand.application("2", load_s=1000)
        timer = Timer(1.5, os.kill, (server, signal.SIGKILL))
        timer.start()
        with pytest.raises(ServerError, match=rf"the server \(pid {server}\) ended meanwhile"):
            roll(group, by_hand.port, [])
        timer.join()


def interrupted_after(seconds: float) -> Callable[..., None]:
    left = [seconds]

    def wait(step_s: float, *files: object) -> None:
        left[0] -= step_s
        if left[0] < 0:
            raise KeyboardInterrupt
        pause(step_s, *files)

    return wait


def test_interrupted_it_says_how_things_stand(by_hand: ByHand) -> None:
    conf = by_hand.configuration()
    with by_hand.running(conf) as server:
        group = group_of(conf, server)
        said: list[str] = []
        asked = Roll(group, None, said.append, interrupted_after(0.8))
        with pytest.raises(KeyboardInterrupt, match=r"1 process of shop with the old code, \d with the new"):
            asked.run()
        until(lambda: len(group.pids()) == 2)


def test_a_health_check_that_cannot_be_asked_stops_before_anything_is_touched(by_hand: ByHand) -> None:
    conf = by_hand.configuration()
    with by_hand.running(conf) as server:
        before = daemons(server)
        with pytest.raises(InputError, match="without a health check that works no process is exchanged"):
            roll(group_of(conf, server), 1, [])
        assert daemons(server) == before
