"""Processor sharing: M/G/1, M/G/n, and the web server of Cao and others (2003) with a limit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from poolwise.capacity import erlang_b, mmck, processor_sharing
from poolwise.model import InputError


def test_one_core() -> None:
    sharing = processor_sharing(0.8, 1.0)
    assert sharing.mean_response_s == pytest.approx(5.0, rel=1e-12)
    assert sharing.response_s(0.3) == pytest.approx(1.5, rel=1e-12)
    for n in (0, 1, 2, 7, 60):
        assert sharing.number(n) == pytest.approx(0.2 * 0.8**n, rel=1e-12)


@pytest.mark.parametrize(
    ("cores", "load", "slowdown"), [(2, 1.6, 2.77777777778), (4, 3.4, 2.14886036947), (16, 15, 1.73007596109)]
)
def test_several_cores(cores: int, load: float, slowdown: float) -> None:
    sharing = processor_sharing(load / 0.02, 0.02, cores)
    assert sharing.slowdown == pytest.approx(slowdown, rel=3e-12)
    assert sharing.mean_response_s == pytest.approx(0.02 * slowdown, rel=3e-12)
    assert sharing.mean_number == pytest.approx(load * slowdown, rel=3e-12)
    assert sum(sharing.number(n) for n in range(2000)) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(
    ("load", "limit", "blocked", "slowdown"),
    [
        (0.9, 10, 0.0508137313274, 4.64660067212),
        (1.2, 50, 0.166681929845, 45.0054948448),
        (0.99, 208, 0.00140870569679, 70.6575866819),
    ],
)
def test_a_limit(load: float, limit: int, blocked: float, slowdown: float) -> None:
    sharing = processor_sharing(load, 1.0, 1, limit)
    assert sharing.refused == pytest.approx(blocked, rel=3e-12)
    assert sharing.slowdown == pytest.approx(slowdown, rel=3e-12)
    power = load ** (limit + 1)
    assert sharing.refused == pytest.approx((1 - load) * load**limit / (1 - power), rel=1e-10)
    response = (power * (limit * load - limit - 1) + load) / (load * (1 - load**limit) * (1 - load))
    assert sharing.mean_response_s == pytest.approx(response, rel=1e-10)


def test_the_limits_of_the_formula() -> None:
    alone = processor_sharing(3.0, 1.0, 8, 5)  # fewer are let in than there are cores: nobody shares
    assert alone.slowdown == pytest.approx(1.0, rel=1e-12)
    assert alone.refused == pytest.approx(erlang_b(5, 3.0), rel=1e-12)
    assert (alone.number(6), alone.number(50)) == (0.0, 0.0)
    queue = mmck(3.0, 1.0, 2, 6)  # as many inside as in a queue of the same size
    assert processor_sharing(3.0, 1.0, 2, 8).mean_number == pytest.approx(queue.busy + queue.queued)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: processor_sharing(2, 1, 2), "rate_rps is 2 and at most 2 requests a second can be served"),
        (lambda: processor_sharing(1, -1, 2), "cpu_s is -1; give a number above 0"),
        (lambda: processor_sharing(1, 1, 0), "cores is 0; give a whole number of at least 1"),
        (lambda: processor_sharing(1, 1, 1, 0), "limit is 0; give a whole number of at least 1"),
        (lambda: processor_sharing(1, 0.5).number(-1), "n is -1; give a whole number of at least 0"),
        (lambda: processor_sharing(1, 0.5).response_s(-1), "cpu_s is -1; give a number of at least 0"),
    ],
)
def test_bad_arguments_are_named_with_their_range(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
