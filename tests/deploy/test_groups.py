"""Whose the daemon processes of a real Apache are, and how they let themselves be replaced."""

from __future__ import annotations

import math
import signal

import pytest

from apache_by_hand import ByHand, daemons
from hosting import service_account
from poolwise.config import load
from poolwise.deploy.reloading import groups as module
from poolwise.deploy.reloading.groups import Group, draining, running_groups
from poolwise.deploy.running.state import Started
from poolwise.model import InputError
from poolwise.observe import process

THREE = "WSGIDaemonProcess customer-shop threads=2 display-name=%{GROUP}\nWSGIDaemonProcess none threads=0\n"
THREE += "WSGIDaemonProcess customer-show threads=3 display-name=%{GROUP}\nWSGISocketRotation Off"


@pytest.mark.parametrize(
    ("options", "number", "longest_s"),
    [
        ({}, signal.SIGUSR1, 15 + 15 + 5),
        ({"eviction-timeout": "30"}, signal.SIGUSR1, 30 + 15 + 5),
        ({"graceful-timeout": "40", "shutdown-timeout": "10"}, signal.SIGUSR1, 40 + 40 + 10),
        ({"shutdown-timeout": "30", "eviction-timeout": "30"}, signal.SIGINT, 30),
        ({"shutdown-timeout": "0"}, signal.SIGINT, math.inf),
        ({"deadlock-timeout": "0"}, signal.SIGUSR1, math.inf),
        ({"deadlock-timeout": "0", "inactivity-timeout": "9"}, signal.SIGUSR1, 35),
        ({"graceful-timeout": "0", "shutdown-timeout": "5"}, signal.SIGINT, 5),
        ({"shutdown-timeout": " 20s"}, signal.SIGINT, 20),  # atoi
    ],
)
def test_the_signal_on_which_the_fewest_requests_are_lost(
    options: dict[str, str], number: signal.Signals, longest_s: float
) -> None:
    found = draining(options)
    assert (found.signal, found.longest_s) == (number, longest_s)


def found_groups(by_hand: ByHand, server: int) -> tuple[Group, ...]:
    seen = process(server)
    assert seen
    declared = load(by_hand.folder / "httpd.conf").site.daemon_groups
    return running_groups(Started("httpd", server, seen.started), declared, lambda group: "eager")


@pytest.mark.server
def test_groups_are_told_apart_by_their_sockets(by_hand: ByHand) -> None:
    conf = by_hand.configuration(extra=THREE)
    with by_hand.running(conf, number=4) as server:
        shop, first, second = found_groups(by_hand, server)
        assert (shop.name, first.name, second.name) == ("shop", "customer-shop", "customer-show")
        assert (shop.place, first.place, second.place) == (1, 2, 4)
        everyone = [*shop.pids(), *first.pids(), *second.pids()]
        assert [len(each.pids()) for each in (shop, first, second)] == [2, 1, 1]
        assert sorted(everyone) == sorted(daemons(server))
        assert all(shop.loaded(pid) for pid in shop.pids())
        assert all(service_account().pw_uid == getattr(process(pid), "uid", -1) for pid in everyone)


@pytest.mark.server
def test_where_sockets_may_not_be_seen_the_title_has_to_do(
    by_hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = by_hand.configuration(options="processes=2 threads=5 display-name=%{GROUP}", extra=THREE)
    with by_hand.running(conf) as server:
        expected = found_groups(by_hand, server)[0].pids()
        monkeypatch.setattr(module, "unix_sockets", lambda pid: None)  # what another user sees
        with pytest.raises(InputError, match="customer-shop and customer-show look the same to this user"):
            found_groups(by_hand, server)
        conf.write_text(conf.read_text().replace("customer-show", "other"))
        shop, *_ = found_groups(by_hand, server)
        assert shop.pids() == expected
        conf.write_text(conf.read_text().replace(" display-name=%{GROUP}", ""))
        with pytest.raises(InputError, match="do this as root, or add display-name="):
            found_groups(by_hand, server)[0].pids()


@pytest.mark.server
def test_the_configuration_of_another_server(by_hand: ByHand) -> None:
    conf = by_hand.configuration()
    with by_hand.running(conf) as server:
        by_hand.configuration(extra=THREE)
        with pytest.raises(InputError, match="runs 1 groups of daemon processes, the configuration has 4"):
            found_groups(by_hand, server)
