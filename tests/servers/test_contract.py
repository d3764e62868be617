"""What every architecture has to keep: its words, a pool from its defaults, and a policy that behaves."""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from poolwise.model import InputError, Pool
from poolwise.servers import (
    HOLDS,
    PEERS,
    arbiter_maintain,
    cheaper_backlog,
    cheaper_busyness,
    cheaper_busyness_start,
    cheaper_spare,
    event_maintain,
    gunicorn,
    holds,
    mod_wsgi_daemon,
    nginx_unit,
    parameters,
    passenger,
    passenger_collects,
    passenger_maintain,
    peer_parameters,
    peer_pool,
    pool,
    prefork_maintain,
    scaling_event,
    scaling_prefork,
    scaling_worker,
    settle,
    unit_maintain,
    unit_retires,
    uwsgi,
    worker_maintain,
)

numba = pytest.importorskip("numba")

APACHE = ("prefork", "worker", "event")
UNITS = {"", "%", "s", "bytes", "KB", "MB", "windows", "processes", "threads", "connections", "requests"}
POLICIES: tuple[ModuleType, ...] = (
    scaling_prefork, scaling_worker, scaling_event, uwsgi, nginx_unit, passenger, gunicorn, mod_wsgi_daemon,
)  # fmt: skip

# -- words and defaults -----------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", HOLDS)
def test_it_says_what_holds_a_worker_and_how_that_is_known(architecture: str) -> None:
    facts = holds(architecture)
    assert facts.name and facts.source and facts.summary.endswith(".")
    assert facts.keeps_alive or not facts.holds_idle


@pytest.mark.parametrize("architecture", PEERS)
def test_every_setting_is_described_once_with_unit_range_and_source(architecture: str) -> None:
    rows = peer_parameters(architecture)
    names = [name for row in rows for name in (row.name, *row.aliases)]
    assert len(names) == len(set(names))
    for row in rows:
        assert row.source and row.summary.endswith(".") and row.unit in UNITS, row.name
        assert row.minimum <= row.default <= row.maximum, row.name
        assert bool(row.unit) != bool(row.choices or row.flag), row.name
        assert row.shown in row.choices or not row.choices
        assert row.range and row.shown


@pytest.mark.parametrize("architecture", [*APACHE, *PEERS])
def test_the_defaults_make_a_pool(architecture: str) -> None:
    made = default_pool(architecture)
    assert made.architecture == architecture
    assert 0 <= made.initial <= made.process_limit <= made.server_limit
    assert made.threads >= 1 and made.backlog >= 1 and made.max_connections_per_child >= 0
    assert made.workers == made.max_workers == made.process_limit * made.threads
    assert all(isinstance(value, float) and math.isfinite(value) for value in made.options.values())
    assert default_pool(architecture) == made


@pytest.mark.parametrize("architecture", PEERS)
def test_every_setting_can_be_given_and_nothing_impossible_is_taken(architecture: str) -> None:
    for row in peer_parameters(architecture):
        for impossible in (row.minimum - 1, math.nan, math.inf, "many", row.minimum + 0.5):
            if impossible == row.minimum + 0.5 and not row.whole:
                continue
            with pytest.raises(InputError, match=f"{row.name} must be"):
                peer_pool(architecture, {row.name: impossible})
        assert peer_pool(architecture, {row.name: row.default}) == peer_pool(architecture)
    with pytest.raises(InputError, match="speed is not a setting"):
        peer_pool(architecture, {"speed": 9})


def default_pool(architecture: str) -> Pool:
    if architecture in PEERS:
        return peer_pool(architecture)
    return pool(architecture, settle(architecture, {}, "2.4"), "2.4.71")


def test_apache_has_its_own_suite() -> None:
    assert all(parameters(architecture, "2.4") for architecture in APACHE)


# -- one step of each policy --------------------------------------------------------------------------

Step = Callable[[int, int, int, Any], tuple[int, int, Any]]
LOW, HIGH, STEP, OVERLOAD = 2, 12, 3, 3


def prefork(running: int, busy: int, queued: int, state: Any) -> tuple[int, int, Any]:
    rate, holdoff = state or (1, 0)
    free = min(rate, HIGH - running)
    spawn, kill, rate, holdoff, _ = prefork_maintain(running - busy, free, rate, holdoff, 1, LOW)
    return spawn, kill, (rate, holdoff)


def worker(running: int, busy: int, queued: int, state: Any) -> tuple[int, int, Any]:
    rate, holdoff = state or (1, 0)
    free, top = min(rate, HIGH - running), HIGH * 5
    idle = 5 * (running - busy)
    spawn, kill, rate, holdoff, _ = worker_maintain(idle, free, rate, holdoff, 5, 10, 5 * running, top)
    return spawn, kill, (rate, holdoff)


def event(running: int, busy: int, queued: int, state: Any) -> tuple[int, int, Any]:
    rate, holdoff = state or (1, 0)
    free, top = min(rate, HIGH - running), HIGH * 5
    spawn, kill, rate, holdoff, _ = event_maintain(
        5 * (running - busy), free, rate, holdoff, 5, 10, 5 * running, top, running, running, HIGH, HIGH + 4,
        False,
    )  # fmt: skip
    return spawn, kill, (rate, holdoff)


def spare(running: int, busy: int, queued: int, state: Any) -> tuple[int, int, Any]:
    overloaded, calm = state or (0, 0)
    change, overloaded, calm = cheaper_spare(running, busy, overloaded, calm, LOW, HIGH, STEP, OVERLOAD)
    return max(change, 0), max(-change, 0), (overloaded, calm)


def backlog(running: int, busy: int, queued: int, state: Any) -> tuple[int, int, Any]:
    change = cheaper_backlog(running, queued, LOW, HIGH, STEP, OVERLOAD)
    return max(change, 0), max(-change, 0), None


def busyness(running: int, busy: int, queued: int, state: Any) -> tuple[int, int, Any]:
    seen = 100 * busy // max(running, 1)
    decide: Callable[..., Any] = cheaper_busyness
    change, *state = decide(
        running, seen, queued, *(state or cheaper_busyness_start(OVERLOAD, 2)),
        LOW, HIGH, STEP, OVERLOAD, 25, 50, 2, 2, 33, 3, 2, 60,
    )  # fmt: skip
    return max(change, 0), max(-change, 0), tuple(state)


def unit(running: int, busy: int, queued: int, state: Any) -> tuple[int, int, Any]:
    start = unit_maintain(busy + queued, running, 0, running - busy, LOW, HIGH)
    return start, 0 if start else unit_retires(running - busy, LOW), None


def passenger_step(running: int, busy: int, queued: int, state: Any) -> tuple[int, int, Any]:
    start = passenger_maintain(running, 0, busy, queued, LOW, HIGH)
    return start, 0 if start else passenger_collects(running - busy, running, LOW), None


def arbiter(running: int, busy: int, queued: int, state: Any) -> tuple[int, int, Any]:
    change = arbiter_maintain(running, HIGH)
    return max(change, 0), max(-change, 0), None


# name: (step, fewest processes, most started at once, most stopped at once)
STEPS: dict[str, tuple[Step, int, int, int]] = {
    "prefork": (prefork, 1, 32, 1),
    "worker": (worker, 1, 32, 1),
    "event": (event, 1, 32, 1),
    "uwsgi spare": (spare, LOW, STEP, 1),
    "uwsgi backlog": (backlog, LOW, STEP, 1),
    "uwsgi busyness": (busyness, LOW, STEP, 1),
    "unit": (unit, LOW, 1, HIGH),
    "passenger": (passenger_step, LOW, 1, HIGH),
    "gunicorn": (arbiter, HIGH, HIGH, HIGH),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("seed", range(20))
def test_limits_hold_whatever_the_load_does(name: str, seed: int) -> None:
    step, fewest, most_started, most_stopped = STEPS[name]
    draw, running, state = random.Random(seed), HIGH if fewest == HIGH else fewest, None
    for _ in range(400):
        busy = draw.choice([0, running, draw.randint(0, running)])
        queued = draw.choice([0, 0, draw.randint(0, 80)]) if busy == running else 0
        started, stopped, state = step(running, busy, queued, state)
        assert 0 <= started <= most_started and 0 <= stopped <= most_stopped
        assert not (started and stopped)
        running += started - stopped
        assert fewest <= running <= HIGH


@pytest.mark.parametrize("name", STEPS)
def test_an_idle_pool_comes_to_rest(name: str) -> None:
    step, fewest, *_ = STEPS[name]
    running, state = HIGH, None
    for _ in range(600):
        started, stopped, state = step(running, 0, 0, state)
        running += started - stopped
    assert running == (HIGH if fewest == HIGH else LOW)
    for _ in range(100):
        started, stopped, state = step(running, 0, 0, state)
        assert started == stopped == 0


@pytest.mark.parametrize("name", STEPS)
def test_a_saturated_pool_grows_to_its_maximum(name: str) -> None:
    step, fewest, *_ = STEPS[name]
    running, state = HIGH if fewest == HIGH else fewest, None
    for _ in range(100):
        started, stopped, state = step(running, running, 50, state)
        assert stopped == 0
        running += started
    assert running == HIGH


# -- what the compiler makes of them ------------------------------------------------------------------


def policies() -> dict[str, Callable[..., Any]]:
    """Every public function of the policy modules that takes nothing but numbers."""
    found: dict[str, Callable[..., Any]] = {}
    for module in POLICIES:
        for name, item in vars(module).items():
            if inspect.isfunction(item) and item.__module__ == module.__name__ and not name.startswith("_"):
                kinds = [p.annotation for p in inspect.signature(item).parameters.values()]
                if set(kinds) <= {"int", "float", "bool"}:
                    found[name] = item
    return found


FUNCTIONS = policies()


def test_the_policies_are_all_there() -> None:
    assert set(FUNCTIONS) == {
        "prefork_maintain", "worker_maintain", "event_maintain", "event_accepts",
        "cheaper_spare", "cheaper_backlog", "cheaper_busyness", "cheaper_busyness_start",
        "cheaper_busyness_looks", "cheaper_carries_out", "worker_busyness", "recycle_after_in_slot",
        "unit_maintain", "unit_retires", "passenger_maintain", "passenger_collects",
        "arbiter_maintain", "recycle_after", "daemon_request_limit_s", "daemon_drain_s",
    }  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_and_plain_agree_and_are_pure(name: str) -> None:
    plain = FUNCTIONS[name]
    signature = inspect.signature(plain)
    compiled = numba.njit(plain, error_model="numpy")
    draw = random.Random(name)
    for _ in range(500):
        values = [drawn(draw, p) for p in signature.parameters.values()]
        first, second, third = plain(*values), plain(*values), compiled(*values)
        assert first == second == third, values
        numbers = first if isinstance(first, tuple) else (first,)
        assert all(type(number) in (int, float, bool) for number in numbers)


def drawn(draw: random.Random, parameter: inspect.Parameter) -> float:
    """A number that the parameter may have: counters and limits of a window are at least 1."""
    if parameter.annotation == "bool":
        return draw.random() < 0.5
    if parameter.annotation == "float":
        return draw.random() if parameter.name == "draw" else draw.choice([0.0, draw.uniform(0.0, 90.0)])
    if parameter.name == "nonzero":
        return draw.randint(-1, 70)
    if parameter.name == "timer":
        return draw.randint(-20, 40)
    return draw.randint(1 if parameter.name in ("overload", "threads", "step") else 0, 20)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_policy_is_arithmetic(name: str) -> None:
    code = FUNCTIONS[name].__code__
    assert code.co_kwonlyargcount == 0 and not code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    for constant in code.co_consts:
        assert (
            constant is None
            or isinstance(constant, int | float | tuple)
            or constant == FUNCTIONS[name].__doc__
        )
    outside = FUNCTIONS[name].__globals__
    for word in code.co_names:
        value = outside.get(word, vars(math).get(word, __builtins__ if word not in outside else None))
        assert isinstance(value, int | float) or word in ("min", "max", "int", "log"), word
