"""Other servers in the chain, by hand: who starts, who ends, and when a request gets its worker.

Masters look on whole seconds, mod_wsgi's daemons at the middle of each; httpd's parent passes on whole
seconds; forking and ending take no time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from poolwise.model import App, Run, Topology, Workload
from poolwise.servers import peer_pool
from poolwise.simulation import Incident, Timing, simulate
from poolwise.simulation.chain import memory as mem
from sample_pools import INSTANT, threaded

HALF = replace(INSTANT, startup_wait_s=0.5)


def run(
    server: str, settings: dict[str, float | str], requests: list[tuple[float, float]], app: App = INSTANT,
    seconds: float = 40.0, version: str = "", front: int = 0, incidents: tuple[Incident, ...] = (),
    seed: int = 1, **load: Any,
) -> Run:  # fmt: skip
    """Requests as (arrival, service); ``front``: threads of a worker pool in front of the server."""
    arrivals, service = np.array(requests, dtype=float).reshape(-1, 2).T
    arrays: dict[str, Any] = {name: np.array(value) for name, value in load.items()}
    pool = peer_pool(server, settings, version)
    topology = Topology(pool)
    if front:
        proxy = threaded("worker", 1, front, 1, 2 * front, front, 1)
        topology = Topology(replace(proxy, options={"KeepAliveTimeout": 0.0}), (replace(pool, name="group"),))
    traffic = Workload("by hand", arrivals, service, seconds, **arrays)
    return simulate(
        topology, traffic, app=app, apps={"front": INSTANT} if front else {}, timing=Timing.ideal(),
        incidents=incidents, engine="plain", keep_starts=True, seed=seed,
    )  # fmt: skip


def starts(found: Run) -> list[float]:
    return [round(float(at), 6) for at in found.details["start_s"]]


def ends(found: Run) -> list[float]:
    return [round(float(at), 6) for at in found.details["end_s"]]


def total(found: Run) -> list[int]:
    return [int(count) for count in found.series["total"]]


def states(found: Run) -> list[int]:
    return [int(state) for state in found.details["state"]]


# -- NGINX Unit ---------------------------------------------------------------------------------------


def test_unit_keeps_a_spare_process_and_ends_the_one_that_became_idle_beyond() -> None:
    """The idle one takes a request at 2: another is started, ready at 2.5, and is the spare one then.

    The first is idle again from 3 on, beyond the spare one, and ends 5 s later.
    """
    settings: dict[str, float | str] = {"max": 3, "spare": 1, "idle_timeout": 5}
    found = run("unit", settings, [(2.0, 1.0)], HALF, 12.0)
    assert starts(found) == [2.0]
    assert total(found) == [1, 1, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1]
    assert found.totals["killed_idle"] == 1


def test_unit_starts_one_at_a_time_without_spare_and_asks_when_a_process_takes_a_request() -> None:
    found = run("unit", {"max": 3}, [(1.0, 2.0)] * 3, HALF, 8.0)
    assert starts(found) == [1.5, 2.0, 2.5]


def test_unit_counts_requests_against_threads() -> None:
    settings: dict[str, float | str] = {"max": 3, "threads": 2, "idle_timeout": 30}
    found = run("unit", settings, [(1.0, 3.0), (2.0, 3.0), (2.1, 3.0)], HALF, 8.0)
    assert starts(found) == [1.5, 2.0, 2.6]  # the third is more than two threads


def test_unit_does_not_ask_when_a_process_becomes_ready() -> None:
    """Two spare: the third arrival finds no idle one but two starting, which is all that may start.

    When they are ready at 1.5 one takes it (and Unit asks then); an arrival that waits is not needed.
    """
    settings: dict[str, float | str] = {"max": 9, "spare": 2}
    found = run("unit", settings, [(1.0, 9.0), (1.0, 9.0)], HALF, 6.0)
    assert total(found)[:5] == [2, 4, 4, 4, 4]
    found = run("unit", settings, [(1.0, 9.0), (1.0, 9.0), (1.0, 9.0)], HALF, 6.0)
    assert starts(found) == [1.0, 1.0, 1.5] and total(found)[:5] == [2, 4, 5, 5, 5]


def test_unit_spends_its_limit_of_requests() -> None:
    found = run("unit", {"max": 1, "spare": 1, "limits.requests": 2}, [(1, 0.1), (2, 0.1), (2.3, 0.1)], HALF)
    assert starts(found) == [1.0, 2.0, 2.6] and found.totals["recycled"] == 1


# -- Passenger ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("requests", "created", "began"), [(3, 3, [1.5, 2.6, 3.6]), (2, 2, [1.5, 2.6])])
def test_passenger_starts_one_after_the_other(requests: int, created: int, began: list[float]) -> None:
    """The request at 1.5 takes the last free process and starts none; that at 1.6 finds none free.

    The start ends at 2.6. It asks again: only if somebody still waits another one begins.
    """
    app = replace(INSTANT, startup_wait_s=1.0)
    load = [(1.5, 5.0), (1.6, 5.0), (1.7, 5.0)][:requests]
    found = run("passenger", {"max_pool_size": 4}, load, app, 5.0)
    assert starts(found) == began
    assert found.series["created"].sum() == created


def test_passenger_collects_what_was_given_nothing_for_long() -> None:
    """Given requests at 0.5 and, when it was ready, at 0.6: the collector looks at 10 and again at 10.5."""
    settings: dict[str, float | str] = {"max_pool_size": 4, "pool_idle_time": 10}
    found = run("passenger", settings, [(0.5, 2.0), (0.6, 2.0)], INSTANT, 14.0)
    assert total(found) == [1] + 10 * [2] + 3 * [1]
    assert (
        run("passenger", settings | {"pool_idle_time": 0}, [(0.5, 2.0), (0.6, 2.0)]).series["total"][-1] == 2
    )


def test_passenger_refuses_what_its_queue_cannot_hold() -> None:
    settings: dict[str, float | str] = {"max_pool_size": 1, "max_request_queue_size": 2}
    load = [(1.0, 2.0), (1.1, 1.0), (1.2, 1.0), (1.3, 1.0)]
    assert starts(run("passenger", settings, load)) == [1.0, 3.0, 4.0, -1.0]
    behind = run("passenger", settings, load, front=8)
    assert states(behind) == [mem.ANSWERED] * 3 + [mem.FAILED] and ends(behind)[:3] == [3.0, 4.0, 5.0]
    settings["max_request_queue_size"] = 0
    assert starts(run("passenger", settings, load)) == [1.0, 3.0, 4.0, 5.0]


# -- gunicorn, waitress, granian ---------------------------------------------------------------------------


def test_gunicorn_replaces_a_worker_as_soon_as_it_has_ended() -> None:
    load = [(1.0, 0.1), (2.0, 0.1), (3.0, 0.1), (3.2, 0.1), (5.0, 0.1)]
    found = run("gunicorn_sync", {"max_requests": 3}, load, replace(INSTANT, startup_wait_s=0.25))
    assert starts(found) == [1.0, 2.0, 3.0, 3.35, 5.0]
    assert (found.totals["created"], found.totals["recycled"]) == (2, 1)


def test_gunicorn_draws_how_long_each_worker_lives() -> None:
    load = [(0.1 * k, 0.01) for k in range(1, 1000)]
    settings: dict[str, float | str] = {"max_requests": 5, "max_requests_jitter": 10}
    lives = [
        run("gunicorn_sync", settings, load, seconds=101.0, seed=seed).totals["recycled"] for seed in (1, 2)
    ]
    assert lives[0] != lives[1] and all(999 / 15 - 1 <= count <= 999 / 5 for count in lives)
    assert all(count == pytest.approx(999 / 10, rel=0.2) for count in lives)


def test_gunicorn_kills_a_sync_worker_that_was_silent_for_too_long() -> None:
    """The arbiter looks at 31: the request is 30.5 s old. What waits is begun by the next worker."""
    found = run("gunicorn_sync", {}, [(0.5, 100.0), (1.0, 0.1)])
    assert states(found) == [mem.LOST_WITH_PROCESS, mem.ANSWERED] and starts(found)[1] == 31.0
    assert found.totals["lost"] == 1
    assert run("gunicorn_gthread", {}, [(0.5, 35.0)]).totals["served"] == 1


@pytest.mark.parametrize("server", ["gunicorn_gthread", "granian"])
def test_the_next_request_on_a_connection_waits_for_its_own_process(server: str) -> None:
    """Two processes with one thread: A keeps its connection at the first, which B then occupies until 6.

    The next request on A's connection at 2 waits until 6, though the second process is idle.
    """
    settings: dict[str, float | str] = {"workers": 2}
    settings |= {"keepalive": 10} if server == "gunicorn_gthread" else {"blocking-threads": 1}
    load = [(0.5, 0.1), (0.8, 0.1), (1.0, 5.0), (2.0, 1.0), (2.5, 1.0)]
    found = run(server, settings, load, connection=[7, -1, -1, 7, -1])
    assert starts(found) == [0.5, 0.8, 1.0, 6.0, 2.5]
    assert [int(count) for count in found.series["queued"][:8]] == [0, 0, 1, 1, 1, 1, 0, 0]
    settings |= {"workers": 1}
    found = run(server, settings, load, connection=[7, -1, -1, 7, -1])
    assert starts(found) == [0.5, 0.8, 1.0, 6.0, 7.0]


def test_a_request_that_waits_in_a_process_that_goes_comes_anew() -> None:
    settings: dict[str, float | str] = {"workers": 2, "keepalive": 10, "max_requests": 2}
    load = [(0.5, 0.1), (0.8, 0.1), (1.0, 5.0), (2.0, 1.0)]
    found = run("gunicorn_gthread", settings, load, HALF, connection=[7, -1, -1, 7])
    assert starts(found) == [0.5, 0.8, 1.0, 6.0]  # its process has served two: the other one takes it


def test_waitress_has_four_threads_and_a_queue() -> None:
    found = run("waitress", {}, [(1.0, 1.0)] * 6)
    assert starts(found) == [1.0] * 4 + [2.0] * 2


@pytest.mark.parametrize("server", ["waitress", "unit", "passenger"])
def test_a_router_takes_slow_links_and_idle_connections(server: str) -> None:
    """Uploads of 2 s and downloads of 3 s hold nobody; the connection's next request goes to any worker."""
    settings: dict[str, float | str] = {"max_pool_size": 1} if server == "passenger" else {}
    settings |= {"threads": 1} if server == "waitress" else {}
    settings |= {"spare": 1} if server == "unit" else {}
    found = run(
        server, settings, [(0.0, 1.0), (1.5, 1.0), (9.0, 1.0)], upload_s=[2.0] * 3, download_s=[3.0] * 3,
        connection=[1, -1, 1],
    )  # fmt: skip
    assert starts(found) == [2.0, 3.5, 11.0] and ends(found) == [6.0, 7.5, 15.0]
    assert found.series["idle_connections"][8] == 1


def test_granian_is_held_by_an_upload_but_not_by_a_download() -> None:
    found = run(
        "granian",
        {"blocking-threads": 1},
        [(0.0, 1.0), (1.5, 1.0)],
        upload_s=[2.0, 0.0],
        download_s=[3.0] * 2,
    )
    assert starts(found) == [2.0, 3.0] and ends(found) == [6.0, 7.0]


def test_granian_starts_the_replacement_before_the_old_worker_goes() -> None:
    """Both are too old at 61: one after the other, 4 s (the first second after 3.5) side by side.

    The second waits until the first has ended, seen a second later.
    """
    found = run("granian", {"workers": 2, "blocking-threads": 1, "workers-lifetime": 60}, [], seconds=80.0)
    assert total(found)[:61] == [2] * 61
    assert total(found)[61:72] == [3] * 4 + [2] + [3] * 4 + [2] * 2
    assert (found.totals["recycled"], found.totals["created"]) == (2, 4)


# -- mod_wsgi --------------------------------------------------------------------------------------------

SERVED, FAILED = mem.ANSWERED, mem.FAILED


def daemons(settings: dict[str, float | str], requests: list[tuple[float, float]], **more: Any) -> Run:
    """A daemon group behind a worker pool with eight threads."""
    return run("mod_wsgi_daemon", settings, requests, front=8, **more)


def test_maximum_requests_waits_until_nothing_runs_at_most_graceful_timeout() -> None:
    """One thread of two is through at 1.3: over. The other one runs on, and new requests come in.

    At 16.5 the process looks: 15 s are over. It is told to go, 5 s later what runs is lost, and httpd's
    parent, which passes at 22, has a new one at once.
    """
    settings: dict[str, float | str] = {"threads": 2, "maximum-requests": 1}
    found = daemons(settings, [(1.0, 30.0), (1.2, 0.1), (2.0, 0.1), (16.0, 0.1), (17.0, 0.1)])
    assert starts(found) == [1.0, 1.2, 2.0, 16.0, 22.0]
    assert states(found) == [FAILED] + 4 * [SERVED]
    idle = daemons(settings, [(1.0, 2.0), (1.2, 0.1), (2.0, 0.1), (3.5, 0.1)])
    assert starts(idle) == [1.0, 1.2, 2.0, 4.0] and idle.stages[0].totals["recycled"] == 2


def test_queue_timeout_is_looked_at_when_a_thread_takes_the_request() -> None:
    settings: dict[str, float | str] = {"threads": 1, "queue-timeout": 1}
    found = daemons(settings, [(1.0, 3.0), (1.5, 1.0), (3.5, 1.0)])
    assert starts(found)[2] == 4.0 and states(found) == [SERVED, FAILED, SERVED]


@pytest.mark.parametrize(
    ("version", "threads", "lost_s"),
    [("6.1.1", 1, 8.5), ("6.1.1", 2, 9.5), ("4.9.4", 1, 8.5), ("4.9.4", 2, 10.5)],
)
def test_request_timeout(version: str, threads: int, lost_s: float) -> None:
    """2 s, with two threads 2 (1 + ln 2) = 3.39 s since 6.0 and 4 s before; then 5 s until it is lost."""
    settings: dict[str, float | str] = {"threads": threads, "request-timeout": 2}
    found = daemons(settings, [(1.0, 100.0), (6.0, 0.1)], version=version)
    assert states(found) == [FAILED, SERVED]
    assert starts(found)[1] == np.ceil(lost_s) and int(found.series["failed"][int(lost_s)]) == 1


def test_before_6_the_ages_of_all_requests_are_added_up() -> None:
    """Four threads, 2 s: one alone may take 8 s, four together 2 s each."""
    settings: dict[str, float | str] = {"threads": 4, "request-timeout": 2}
    alone = daemons(settings, [(1.0, 7.0)], version="4.9.4")
    together = daemons(settings, [(1.0, 7.9)] * 4, version="4.9.4")
    assert states(alone) == [SERVED] and states(together) == [FAILED] * 4


def test_inactivity_timeout() -> None:
    """Idle since 1.1: replaced at the look at 4.5 and the pass at 5; the fresh one is left alone."""
    found = daemons({"inactivity-timeout": 3}, [(1.0, 0.1)])
    assert total(found.stages[0])[:7] == [1, 1, 1, 1, 1, 1, 1]
    assert [second for second in range(40) if found.stages[0].series["created"][second]] == [0, 5]


def test_socket_timeout_gives_up_while_the_daemon_works_on() -> None:
    settings: dict[str, float | str] = {"threads": 1, "socket-timeout": 2}
    found = daemons(settings, [(1.0, 5.0), (4.5, 0.1)])
    assert states(found) == [FAILED, SERVED] and starts(found)[1] == 6.0
    assert int(found.series["failed"][3]) == 1
    assert (found.series["busy"][4], found.stages[0].series["busy"][4]) == (0, 1)


def test_a_full_backlog_is_knocked_at_until_connect_timeout() -> None:
    settings: dict[str, float | str] = {"threads": 1, "listen-backlog": 1, "connect-timeout": 3}
    found = daemons(settings, [(1.0, 6.0), (1.1, 1.0), (1.2, 1.0), (5.5, 1.0)])
    assert states(found) == [SERVED, SERVED, FAILED, SERVED]
    assert starts(found)[3] == 8.0 and int(found.series["failed"][4]) == 1


def test_a_graceful_restart_of_httpd_ends_the_daemons() -> None:
    """At 5 each is told to end; what still runs 3 s later is lost. The parent starts them as it reaps.

    The idle one is replaced at once, the other by the pass at 9, the first that sees it gone.
    """
    settings: dict[str, float | str] = {"processes": 2, "threads": 1}
    load = [(1.0, 30.0), (7.5, 0.5), (9.5, 0.5)]
    found = daemons(settings, load, incidents=(Incident(5.0, "graceful"),))
    group = found.stages[0]
    assert states(found) == [FAILED, SERVED, SERVED] and starts(found)[1:] == [7.5, 9.5]
    assert [second for second in range(40) if group.series["created"][second]] == [0, 5, 9]
    assert group.totals["created"] == 4 and found.series["failed"][8] == 1


# -- uWSGI ----------------------------------------------------------------------------------------------


def test_uwsgi_gives_each_slot_its_own_number_of_requests() -> None:
    settings: dict[str, float | str] = {
        "workers": 2, "max-requests": 3, "max-requests-delta": 2, "min-worker-lifetime": 0,
    }  # fmt: skip
    found = run("uwsgi", settings, [(0.5 + k, 0.1) for k in range(30)])
    assert found.totals["recycled"] == 15 // 3 + 15 // 5


def test_uwsgi_spares_a_young_worker() -> None:
    load = [(0.5 + k, 0.1) for k in range(12)]
    found = run("uwsgi", {"max-requests": 2}, load)
    assert found.totals["recycled"] == 1  # after the request that ends at 10.6
    assert found.series["killed"][10] == 1


def test_uwsgi_replaces_an_old_worker_and_kills_one_in_harakiri() -> None:
    settings: dict[str, float | str] = {
        "workers": 2,
        "max-worker-lifetime": 11,
        "max-worker-lifetime-delta": 4,
    }
    found = run("uwsgi", settings, [], seconds=20.0)
    assert [second for second in range(20) if found.series["killed"][second]] == [12, 16]
    found = run("uwsgi", {"harakiri": 5}, [(0.5, 30.0), (1.0, 1.0)])
    assert states(found) == [mem.LOST_WITH_PROCESS, mem.ANSWERED] and starts(found)[1] == 6.0


def test_a_restart_of_another_server() -> None:
    load = [(0.5, 3.0), (2.5, 1.0)]
    graceful = run("gunicorn_sync", {"workers": 1}, load, HALF, incidents=(Incident(2.0, "graceful"),))
    assert starts(graceful) == [0.5, 4.0] and graceful.totals["restarted"] == 1
    hard = run("gunicorn_sync", {"workers": 1}, load, HALF, incidents=(Incident(2.0, "restart"),))
    assert states(hard) == [mem.LOST_WITH_PROCESS, mem.ANSWERED] and starts(hard)[1] == 2.5


def test_uwsgi_replaces_a_worker_that_has_grown_too_large() -> None:
    leaking = replace(INSTANT, process_bytes=60_000_000, leak_bytes=10_000_000)
    often = [(1.05 + k, 0.1) for k in range(10)]
    kept = run("uwsgi", {"workers": 1}, often, leaking)
    assert (kept.totals["recycled"], kept.totals["created"]) == (0, 1)
    small = run("uwsgi", {"workers": 1, "reload-on-rss": 100}, often, leaking)
    assert (small.totals["recycled"], small.totals["created"]) == (
        2,
        3,
    )  # after 5 of 10 MB each: 110 MB > 105
    assert small.series["memory_bytes"].max() < kept.series["memory_bytes"].max()
