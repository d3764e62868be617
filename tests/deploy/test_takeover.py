"""A second real Apache takes over the port of the first while clients ask; or does not, unnoticed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace

import pytest

from apache_by_hand import ByHand, end, loaded, until
from poolwise.deploy.reloading.takeover import take_over
from poolwise.deploy.running.health import Health, pause
from poolwise.model import ServerError
from poolwise.observe import listening_sockets
from under_load import Load

pytestmark = pytest.mark.server

ONE = "processes=1 threads=6"


def taken_over(
    by_hand: ByHand, old: int, name: str = "second", health: Health | None = None, **more: object
) -> subprocess.Popen[bytes]:
    """Let a server of another configuration take over."""
    conf = by_hand.configuration(name, options=ONE, **more)  # type: ignore[arg-type]

    def ready(new: subprocess.Popen[bytes]) -> None:
        end_of_patience = 200
        while not loaded(new.pid, 1):
            if new.poll() is not None:
                raise ServerError("it has ended by itself")
            end_of_patience -= 1
            assert end_of_patience
            pause(0.1)

    return take_over(
        old,
        lambda: by_hand.start(conf),
        ready,
        end,
        [health or Health("127.0.0.1", by_hand.port)],
        say=by_hand.said.append,
        wait=pause,
    )


def test_nothing_is_lost_there_and_back(by_hand: ByHand) -> None:
    with by_hand.running(by_hand.configuration(options=ONE), 1) as first:
        with Load(by_hand.port, "/", "/", "/slow0.3") as clients:
            clients.once("/slow4")
            until(lambda: clients.answers["1"] > 20)
            by_hand.application("2")
            second = taken_over(by_hand, first)
            clients.answers.clear()
            os.kill(first, signal.SIGWINCH)
            until(lambda: clients.answers["2"] > 20)
            assert set(clients.answers) <= {"1", "2"}
            until(lambda: listening_sockets("127.0.0.1", by_hand.port) == 1)
            by_hand.application("3")
            third = taken_over(by_hand, second.pid, "third")
            second.send_signal(signal.SIGWINCH)
            until(lambda: clients.answers["3"] > 20)
            second.wait(20)
        assert clients.failed == []
        assert clients.longest_gap_s < 1.0
        end(second)
        end(third)
    assert [line.split(" after ")[0] for line in by_hand.said] == 2 * [
        "the new server has loaded",
        "it is healthy, and gets every new connection",
    ]


def stays(by_hand: ByHand, attempt: Callable[[int], object], error: str) -> None:
    """Whatever ``attempt`` does, the old server answers everything, and alone."""
    with by_hand.running(by_hand.configuration(options=ONE), 1) as first:
        with Load(by_hand.port, "/", "/", "/slow0.3") as clients:
            until(lambda: clients.answers["1"] > 20)
            with pytest.raises(ServerError, match=error):
                attempt(first)
            before = clients.answers["1"]
            until(lambda: clients.answers["1"] > before + 20)
        assert clients.failed == []
        assert set(clients.answers) == {"1"}
        assert listening_sockets("127.0.0.1", by_hand.port) == 1


def test_a_new_version_that_answers_badly_is_met_by_us_alone(by_hand: ByHand) -> None:
    def attempt(first: int) -> None:
        by_hand.application("2", status="500 Oh")
        taken_over(by_hand, first)

    stays(by_hand, attempt, "the new server is not healthy: http.* answered 500; the old one goes on serving")


def test_it_is_the_new_one_that_is_asked(by_hand: ByHand) -> None:
    health = replace(Health("127.0.0.1", by_hand.port), statuses=frozenset({202}))
    with by_hand.running(by_hand.configuration(options=ONE), 1) as first:
        by_hand.application("2", status="202 Accepted")
        second = taken_over(by_hand, first, health=health)
        end(second)


def test_a_server_that_does_not_start(by_hand: ByHand) -> None:
    def attempt(first: int) -> None:
        taken_over(by_hand, first, extra="Listen 127.0.0.1:1\nListen 192.0.2.1:80")

    stays(by_hand, attempt, "it has ended by itself")


def test_a_port_that_cannot_be_shared(by_hand: ByHand) -> None:
    with by_hand.running(by_hand.configuration(options=ONE, shared=False), 1) as first:
        with pytest.raises(ServerError, match="it was opened without SO_REUSEPORT"):
            taken_over(by_hand, first)
        with Load(by_hand.port, "/") as clients:
            until(lambda: clients.answers["1"] > 5)
    assert clients.failed == []


def test_a_third_server_on_the_port(by_hand: ByHand) -> None:
    conf = by_hand.configuration("third", options=ONE)
    said = pytest.raises(ServerError, match=f"another server listens on 127.0.0.1:{by_hand.port} as well")
    with by_hand.running(by_hand.configuration(options=ONE), 1) as first, by_hand.running(conf, 1), said:
        taken_over(by_hand, first)
