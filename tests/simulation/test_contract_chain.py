"""What every architecture keeps in the chain, alone as a front or as a group behind Apache event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poolwise.model import App, Clients, InputError, Machine, Pool, Run, Topology, Workload
from poolwise.servers import PEERS, peer_pool
from poolwise.simulation import Incident, Timing, simulate
from poolwise.simulation.chain import memory as mem
from poolwise.simulation.pool import facade
from random_cases import incidents
from random_servers import ALONE, BEHIND, topologies
from random_systems import FEATURES, apps, loads
from sample_pools import INSTANT, nobody, prefork, threaded

MOST = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SYSTEMS = [*ALONE, *(f"event, {name}" for name in BEHIND)]
LOAD_FEATURES = ("cpu", "slow_links", "keep_alive", "patience", "imports", "boots", "bursts", "free_threads")


def small(name: str, **asked: float) -> Topology:
    """A system by the name it has here, of two to eight workers."""
    if name.startswith("event, "):
        front = replace(threaded("event", 2, 20, 20, 40, 40, 2), options={"KeepAliveTimeout": 0.0})
        return Topology(front, (replace(small(name[7:], **asked).front, name="group"),))
    if name == "prefork":
        return Topology(prefork(2, 1, 3, 4))
    if name in ("worker", "event"):
        return Topology(threaded(name, 1, 2, 2, 4, 8, 4))
    sizes: dict[str, dict[str, float]] = {
        "gunicorn_sync": {"workers": 2}, "gunicorn_gthread": {"workers": 2, "threads": 2},
        "uwsgi": {"workers": 4, "cheaper": 1, "listen": 999}, "unit": {"max": 3, "spare": 1},
        "granian": {"blocking-threads": 2},
        "mod_wsgi_daemon": {"processes": 2, "threads": 2},
    }  # fmt: skip
    return Topology(peer_pool(name, sizes.get(name, {}) | asked))


def application(run: Run) -> Run:
    """The stage that runs the application."""
    return run.stages[0] if run.stages else run


def steady(rate: float, mean_s: float, seconds: float, seed: int = 1) -> Workload:
    rng = np.random.default_rng(seed)
    arrivals = np.sort(rng.uniform(0, seconds * 0.8, int(rate * seconds * 0.8)))
    return Workload("steady", arrivals, rng.exponential(mean_s, len(arrivals)), seconds)


# -- whatever happens -----------------------------------------------------------------------------------


@st.composite
def cases(draw: st.DrawFn) -> tuple[Topology, Workload, App, Machine, list[Incident]]:
    features = frozenset(name for name in LOAD_FEATURES if name in FEATURES and draw(st.booleans()))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    topology = draw(topologies())
    load = draw(loads(features, 2, rng))
    app = draw(apps(features, rng))
    return topology, load, app, Machine(draw(st.integers(1, 3))), draw(incidents())


def simulated(case: tuple[Any, ...], engine: str, **more: Any) -> Run:
    topology, load, app, machine, plan = case
    return simulate(
        topology, load, app=app, machine=machine, incidents=plan, engine=engine, keep_starts=True, **more
    )


@pytest.fixture
def short_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on a queue after a minute, not an hour: many random pools never empty theirs."""
    monkeypatch.setattr(facade, "DRAIN_S", 60.0)


@pytest.mark.usefixtures("short_drain")
@settings(MOST, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(cases())
def test_every_request_is_accounted_for_and_no_limit_is_passed(case: tuple[Any, ...]) -> None:
    topology, load, *_ = case
    run = simulated(case, "plain")
    check_accounts(run, load)
    for pool, stage in zip((topology.front, *topology.groups), (run, *run.stages), strict=True):
        overlap = 1 if pool.options.get("workers-lifetime") else 0
        most = pool.server_limit + overlap
        earlier = 40 if pool.architecture == "worker" else 0  # processes whose slot has been taken over
        assert stage.series["total"].min() >= 0 and stage.series["total"].max() <= most + earlier
        assert (
            stage.series["busy"].min() >= 0 and stage.series["busy"].max() <= (most + earlier) * pool.threads
        )
        assert stage.series["queued"].min() >= 0 and stage.series["memory_bytes"].min() > 0
        started = stage.totals["created"] + stage.series["total"][0]
        assert stage.series["killed"].sum() <= started and stage.totals["recycled"] <= stage.totals["created"]
    assert run.series["idle_connections"].min() >= 0
    assert run.series["idle_connections"].max() <= len(load)
    assert run.messages == () or topology.front.architecture not in PEERS
    assert all(stage.messages == () for stage in run.stages)
    assert run.totals["cpu_s"] >= 0 and run.series["cpu_cores"][1:].max(initial=0) <= case[3].cores + 1e-6


def check_accounts(run: Run, load: Workload) -> None:
    t, state = run.totals, run.details["state"]
    counts = [int((state == kind).sum()) for kind in range(7)]
    assert t["requests"] == len(load) == sum(counts)
    assert counts[mem.ANSWERED] == t["served"] == run.response.counts.sum()
    assert counts[mem.COMING] + counts[mem.INSIDE] == t["unfinished"]
    assert counts[mem.LOST_WITH_PROCESS] == t["lost"]
    attempts = (counts[mem.REFUSED_AT_FRONT], counts[mem.FAILED], counts[mem.GAVE_UP])
    totals = (t["refused"], t["failed"], t["gave_up"])
    if load.clients.retries == 0 and np.isinf(load.clients.patience_s):
        assert attempts == totals
    assert all(count <= total for count, total in zip(attempts, totals, strict=True))
    served = state == mem.ANSWERED
    start, end = run.details["start_s"][served], run.details["end_s"][served]
    assert (end - start >= load.service_s[served] - 1e-9).all()
    if load.think_s is None:  # else the time of a request is after the response before
        assert (start >= load.arrivals_s[served] - 1e-9).all()
    assert run.series["failed"].sum() == t["failed"] and run.series["refused"].sum() == t["refused"]


@pytest.mark.usefixtures("short_drain")
@settings(MOST, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(cases(), st.integers(1, 5))
def test_the_compiled_twin_equals_the_plain_loop(case: tuple[Any, ...], seed: int) -> None:
    plain, compiled = (simulated(case, engine, seed=seed) for engine in ("plain", "compiled"))
    for name in ("start_s", "end_s", "state"):
        assert np.array_equal(plain.details[name], compiled.details[name], equal_nan=True), name
    for one, other in zip((plain, *plain.stages), (compiled, *compiled.stages), strict=True):
        for name in one.series:
            assert np.array_equal(one.series[name], other.series[name]), name
        assert one.totals == other.totals and one.messages == other.messages
        assert np.array_equal(one.wait.counts, other.wait.counts)


# -- one by one -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SYSTEMS)
def test_first_come_first_served(name: str) -> None:
    """Requests that ask for nothing but a worker begin in the order in which they came."""
    load = steady(12.0, 0.5, 30.0)
    run = simulate(small(name), load, app=App(startup_wait_s=0.3, cpu_share=0.0), keep_starts=True)
    starts = run.details["start_s"]
    assert (run.details["state"] == mem.ANSWERED).all() and (np.diff(starts) >= 0).all()
    assert run.totals["waited"] > 0
    assert application(run).totals["recycled"] == run.totals["lost"] == run.totals["failed"] == 0


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_pool_at_rest_stays_at_rest(name: str) -> None:
    run = simulate(small(name), nobody(700.0), app=App(import_wait_s=0.2, loads="first request"))
    for stage in (run, *run.stages):
        later = stage.series["total"][60:]
        assert (later == later[0]).all() and stage.series["created"][60:].sum() == 0
        assert stage.series["busy"].max() == stage.series["queued"].max() == stage.totals["recycled"] == 0
    assert run.series["cpu_cores"][60:].max() == run.series["loading"].max() == 0


@pytest.mark.parametrize("name", SYSTEMS)
def test_traffic_is_served_and_a_busy_pool_comes_to_rest_again(name: str) -> None:
    load = replace(steady(10.0, 0.2, 50.0), duration_s=700.0)
    run = simulate(small(name), load, app=INSTANT)
    assert run.totals["served"] == len(load)
    quiet = application(run).series["total"][400:]
    assert (quiet == quiet[0]).all() and quiet[0] <= application(run).series["total"].max()
    assert run.series["busy"][60:].max() == 0


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("loads_when", ["start", "first request", "preload"])
def test_memory_is_that_of_the_processes(name: str, loads_when: Any) -> None:
    app = App(startup_cpu_s=0.0, loads=loads_when, import_wait_s=0.5)
    run = simulate(small(name), steady(6.0, 0.3, 40.0), app=app)
    stage = application(run)
    threads = stage.pool.threads
    if len(run.stages) == 0:
        assert len(stage.series["memory_bytes"]) == 40
    each = app.process_bytes + threads * app.thread_bytes
    least = app.bare_bytes + threads * app.thread_bytes
    total, size = stage.series["total"], stage.series["memory_bytes"]
    if loads_when == "start":
        assert size == pytest.approx(app.shared_bytes + total * each)
    elif loads_when == "preload":
        assert (size >= app.shared_bytes + app.process_bytes + total * least).all()
        assert (size <= app.shared_bytes + app.process_bytes + total * each).all()
    else:
        assert (size >= app.shared_bytes + total * least).all() and (
            size <= app.shared_bytes + total * each
        ).all()
        assert run.totals["imports"] >= 1


RECYCLES = {
    "gunicorn_sync": {"max_requests": 7.0}, "gunicorn_gthread": {"max_requests": 7.0},
    "uwsgi": {"max-requests": 7.0, "min-worker-lifetime": 0.0}, "unit": {"limits.requests": 7.0},
    "passenger": {"max_requests": 7.0}, "mod_wsgi_daemon": {"maximum-requests": 7.0},
}  # fmt: skip
AGES = {
    "uwsgi": {"max-worker-lifetime": 20.0},
    "granian": {"workers-lifetime": 60.0},
    "mod_wsgi_daemon": {"restart-interval": 20.0},
}
STUCK = {
    "gunicorn_sync": {"timeout": 5.0},
    "uwsgi": {"harakiri": 5.0},
    "mod_wsgi_daemon": {"request-timeout": 5.0},
}


def systems_of(asked: dict[str, dict[str, float]]) -> list[tuple[str, dict[str, float]]]:
    return [
        (name, asked[name.removeprefix("event, ")])
        for name in SYSTEMS
        if name.removeprefix("event, ") in asked
    ]


@pytest.mark.parametrize(("name", "asked"), systems_of(RECYCLES))
def test_processes_are_replaced_for_their_requests_when_asked(name: str, asked: dict[str, float]) -> None:
    load = steady(5.0, 0.05, 60.0)
    stage = application(simulate(small(name, **asked), load, app=INSTANT))
    assert len(load) / 7 - 8 <= stage.totals["recycled"] <= len(load) / 7
    assert stage.totals["served"] == len(load)


@pytest.mark.parametrize(("name", "asked"), systems_of(AGES))
def test_processes_are_replaced_for_their_age_when_asked(name: str, asked: dict[str, float]) -> None:
    load = replace(steady(2.0, 0.05, 150.0), duration_s=150.0)
    stage = application(simulate(small(name, **asked), load, app=INSTANT))
    ages = 150 / next(iter(asked.values()))
    assert ages - 2 <= stage.totals["recycled"] <= (ages + 1) * stage.pool.process_limit
    assert stage.totals["served"] == len(load)


@pytest.mark.parametrize(("name", "asked"), systems_of(STUCK))
def test_a_stuck_request_is_ended_when_asked_and_only_then(name: str, asked: dict[str, float]) -> None:
    load = Workload("stuck", np.array([1.0, 20.0]), np.array([60.0, 1.0]), 100.0)
    ended = simulate(small(name, **asked), load, app=INSTANT, keep_starts=True)
    expected = mem.FAILED if ended.stages else mem.LOST_WITH_PROCESS
    assert list(ended.details["state"]) == [expected, mem.ANSWERED]
    never = {"timeout": 0.0} if name.endswith("gunicorn_sync") else {}
    if name == "event, mod_wsgi_daemon":
        never = {"socket-timeout": 90.0}
    assert simulate(small(name, **never), load, app=INSTANT).totals["served"] == 2


@pytest.mark.parametrize("name", BEHIND)
def test_a_graceful_restart_of_apache_replaces_its_daemons_and_nobody_elses(name: str) -> None:
    run = simulate(
        small(f"event, {name}"), steady(4.0, 0.1, 40.0), app=INSTANT, incidents=(Incident(20.3, "graceful"),),
        keep_starts=True,
    )  # fmt: skip
    group = run.stages[0]
    replaced = group.series["created"][20:24].sum()
    assert group.totals["restarted"] == 0 and group.totals["lost"] == 0
    if name not in ("unit", "passenger"):  # they start processes as the load asks
        assert replaced == (group.pool.process_limit if name == "mod_wsgi_daemon" else 0)
    assert run.totals["restarted"] >= 1 and run.totals["served"] == run.totals["requests"]
    assert run.messages and {line.time_s > 20 for line in run.messages} >= {True}


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("kind", ["graceful", "restart", "crash"])
def test_a_front_outlives_what_happens_to_it(name: str, kind: Any) -> None:
    run = simulate(
        small(name),
        steady(4.0, 0.3, 60.0),
        app=INSTANT,
        incidents=(Incident(20.3, kind, 1),),
        keep_starts=True,
    )
    state, came = run.details["state"], steady(4.0, 0.3, 60.0).arrivals_s
    assert set(state[came > 22]) == {mem.ANSWERED}
    assert run.totals["lost"] <= small(name).front.workers and run.totals["unfinished"] == 0
    assert kind != "graceful" or run.totals["lost"] == 0


# -- what cannot be ---------------------------------------------------------------------------------------

LOAD = steady(2.0, 0.1, 10.0)
NAN, INF = float("nan"), float("inf")
WRONG_LOADS: list[tuple[Callable[[Workload], Workload], str]] = [
    (lambda w: replace(w, arrivals_s=w.arrivals_s[::-1]), "arrivals_s must be .*ascending"),
    (lambda w: replace(w, arrivals_s=w.arrivals_s - 5), "arrivals_s must not be negative"),
    (lambda w: replace(w, arrivals_s=np.full(len(w), NAN)), "arrivals_s must be finite"),
    (lambda w: replace(w, arrivals_s=w.arrivals_s[1:]), "arrivals but"),
    (lambda w: replace(w, service_s=w.service_s - 9), "service_s must be numbers between 0 and 1e8"),
    (lambda w: replace(w, service_s=w.service_s * NAN), "service_s must be numbers between 0 and 1e8"),
    (lambda w: replace(w, duration_s=0.0), "duration_s = 0.0 must be between 0 and 1e8"),
    (lambda w: replace(w, duration_s=NAN), "duration_s = nan must be between 0 and 1e8"),
    (lambda w: replace(w, duration_s=2.0), "is after the end"),
    (lambda w: replace(w, cpu_s=w.service_s * 2), "cpu_s must not be above service_s"),
    (lambda w: replace(w, cpu_s=w.service_s[:3]), r"cpu_s has shape \(3,\), not"),
    (lambda w: replace(w, upload_s=-w.service_s), "upload_s must be numbers between 0 and 1e8"),
    (lambda w: replace(w, download_s=w.service_s * NAN), "download_s must be numbers between 0 and 1e8"),
    (lambda w: replace(w, think_s=-w.service_s), "think_s must be at least 0"),
    (lambda w: replace(w, kind=np.full(len(w), -1)), "kind must be at least 0"),
    (lambda w: replace(w, connection=np.zeros((2, 2), int)), r"connection has shape \(2, 2\)"),
    (lambda w: replace(w, clients=Clients(patience_s=0.0)), "patience_s = 0.0 must be above 0"),
    (lambda w: replace(w, clients=Clients(patience_s=NAN)), "patience_s = nan must be above 0"),
    (lambda w: replace(w, clients=Clients(retries=99)), "retries must be between 0 and 20"),
    (lambda w: replace(w, clients=Clients(retry_s=-1.0)), "retry_s at least 0"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "words"), WRONG_LOADS)
def test_impossible_traffic_is_named(wrong: Callable[[Workload], Workload], words: str) -> None:
    with pytest.raises(InputError, match=words):
        simulate(small("gunicorn_sync"), wrong(LOAD))


WRONG_CHAINS: list[tuple[dict[str, Any], str]] = [
    ({"machine": Machine(0)}, "cores = 0 must be at least 1"),
    ({"machine": Machine(-2)}, "cores = -2 must be at least 1"),
    ({"apps": {"nobody": App()}}, "no pool 'nobody'"),
    ({"app": App(cpu_share=1.5)}, "cpu_share"),
    ({"app": App(cpu_share=NAN)}, "cpu_share"),
    ({"app": App(startup_wait_s=-1.0)}, "startup_wait_s"),
    ({"app": App(import_cpu_s=INF)}, "import_cpu_s"),
    ({"app": App(bursts=0)}, "bursts"),
    ({"app": App(interpreters=0)}, "interpreters"),
    ({"app": App(gil="none")}, "gil"),  # type: ignore[arg-type]
    ({"app": App(loads="never")}, "loads"),  # type: ignore[arg-type]
    ({"app": App(dirty_requests=0.0, loads="preload")}, "dirty_requests"),
    ({"engine": "fast"}, "engine 'fast'"),
    ({"incidents": (Incident(-1.0, "crash"),)}, "time_s must be >= 0"),
    ({"incidents": (Incident(1.0, "flood"),)}, "incident 'flood'"),  # type: ignore[arg-type]
    ({"timing": Timing(sleep_s=0.0)}, "sleep_s"),
    ({"timing": Timing(fork_s=NAN)}, "fork_s"),
]  # fmt: skip


@pytest.mark.parametrize("system", [small("gunicorn_sync"), prefork()])
@pytest.mark.parametrize(("wrong", "words"), WRONG_CHAINS)
def test_an_impossible_machine_or_application_is_named(
    wrong: dict[str, Any], words: str, system: Topology | Pool
) -> None:
    with pytest.raises(InputError, match=words):
        simulate(system, LOAD, **wrong)


def peer(**changed: Any) -> Pool:
    return replace(peer_pool("gunicorn_sync"), **changed)


@pytest.mark.parametrize(
    ("topology", "words"),
    [
        (Topology(peer_pool("mod_wsgi_daemon")), "a daemon group needs Apache in front"),
        (Topology(prefork(), (prefork(),)), "a group behind the front must be another server"),
        (Topology(prefork(), (peer(),), (3,)), r"routes \(3,\): give -1"),
        (Topology(peer(threads=0)), "threads = 0 must be at least 1"),
        (Topology(peer(process_limit=0, server_limit=0)), "process_limit = 0 must be at least 1"),
        (Topology(peer(start=-1)), "start = -1 must be at least 0"),
        (Topology(peer(backlog=-1)), "backlog = -1 must be at least 0"),
        (Topology(peer(architecture="uvicorn")), "cannot simulate 'uvicorn'"),
    ],
)
def test_an_impossible_chain_is_named(topology: Topology, words: str) -> None:
    with pytest.raises(InputError, match=words):
        simulate(topology, LOAD)


@pytest.mark.parametrize("name", SYSTEMS)
def test_nobody_at_all_is_possible(name: str) -> None:
    run = simulate(small(name), nobody(3.0), app=App(cpu_share=0.5), keep_starts=True)
    assert run.totals["requests"] == 0 and len(run.details["start_s"]) == 0
