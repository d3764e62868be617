"""What mod_wsgi would print, and when: each message from a case in which it must come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poolwise.model import App, Run, Topology, Workload
from poolwise.servers import MESSAGES, peer_pool
from poolwise.simulation import Timing, simulate
from sample_pools import threaded

MODULE = Path("/usr/lib/apache2/modules/mod_wsgi.so")


def daemon_run(
    options: dict[str, float], arrivals: list[float], service: list[float], seconds: float = 30
) -> Run:
    group = peer_pool("mod_wsgi_daemon", {"processes": 1, "threads": 1, **options}, "4.9.4", name="shop")
    load = Workload("case", np.array(arrivals), np.array(service), 30.0)
    front = Topology(threaded("event"), (group,))
    return simulate(front, load, app=App(startup_cpu_s=0.0), timing=Timing.ideal(), engine="plain")


@pytest.mark.parametrize(
    ("options", "arrivals", "service", "at_s", "text"),
    [
        ({"queue-timeout": 1}, [1.0, 1.1], [4.0, 0.1], 5.0, "Queue timeout expired"),
        ({"socket-timeout": 2}, [1.0], [9.0], 3.0, "Timeout when reading response headers"),
        (
            {"listen-backlog": 1, "connect-timeout": 3},
            [1.0, 1.1, 1.2], [9.0, 0.1, 0.1], 4.2, "Unable to connect to WSGI daemon process 'shop'",
        ),
        ({"maximum-requests": 2}, [1.0, 2.0], [0.1, 0.5], 2.5, "reached, attempt a graceful shutdown"),
        ({"maximum-requests": 2}, [1.0, 2.0], [0.1, 0.5], 2.5, "reached, triggering immediate shutdown"),
        ({"request-timeout": 3}, [1.2], [9.0], 4.5, "request time limit exceeded"),
        ({"inactivity-timeout": 5}, [1.0], [0.2], 6.5, "inactivity timer expired"),
    ],
)  # fmt: skip
def test_each_line_and_its_time(
    options: dict[str, float], arrivals: list[float], service: list[float], at_s: float, text: str
) -> None:
    lines = [line for line in daemon_run(options, arrivals, service).messages if text in line.text]
    assert [(line.id, round(line.time_s, 6)) for line in lines] == [("mod_wsgi", at_s)]
    assert "'shop'" in lines[0].text


def test_a_quiet_group_prints_nothing() -> None:
    options = {"queue-timeout": 9.0, "socket-timeout": 9.0, "maximum-requests": 9.0, "request-timeout": 9.0}
    assert daemon_run(options, [1.0, 3.0], [0.5, 0.5]).messages == ()


@pytest.mark.skipif(not MODULE.exists(), reason="needs mod_wsgi (apt-get install libapache2-mod-wsgi-py3)")
def test_the_words_are_those_of_the_real_module() -> None:
    known = MODULE.read_bytes()
    for _, _, text in MESSAGES["mod_wsgi_daemon"].values():
        for part in text.split("'{name}'"):
            assert part.encode() in known, text
