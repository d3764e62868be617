"""More or less of the same traffic."""

from __future__ import annotations

import numpy as np
import pytest

from poolwise.model import InputError
from poolwise.traffic import generate, parse_law, scaled

LAW = parse_law("exponential:0.2")


@pytest.mark.parametrize("factor", [0.001, 0.3, 1.0, 1.5, 2.0, 10.25])
def test_every_stretch_grows_by_the_factor(factor: float) -> None:
    before = generate("burst:base=50,peak=500,at=100,length=50", LAW, 300, 1)
    after = scaled(before, factor)
    assert after.duration_s == before.duration_s
    assert (np.diff(after.arrivals_s) >= 0).all()
    assert after.arrivals_s[0] >= 0
    assert after.arrivals_s[-1] <= after.duration_s
    for low, high in ((0, 300), (102, 148), (200, 300)):
        count = int(((before.arrivals_s >= low) & (before.arrivals_s < high)).sum())
        grown = int(((after.arrivals_s >= low) & (after.arrivals_s < high)).sum())
        spread = 4 * np.sqrt(count * 0.25 + factor * 50) + 1
        assert abs(grown - factor * count) < spread
    assert set(after.service_s) <= set(before.service_s)


def test_two_is_exact_and_reproducible() -> None:
    before = generate("poisson:20", LAW, 100, 1)
    after = scaled(before, 2)
    assert len(after) == 2 * len(before)
    assert np.isin(before.arrivals_s, after.arrivals_s).all()
    assert np.array_equal(scaled(before, 2).arrivals_s, after.arrivals_s)
    assert after.service_s.sum() == pytest.approx(2 * before.service_s.sum())
    assert after.label == "poisson:20 x 2"
    assert len(after.assumptions) == len(before.assumptions) + 1
    assert scaled(before, 1) is before


@pytest.mark.parametrize("factor", [0, -1, 1001, float("nan"), float("inf")])
def test_wrong_factors(factor: float) -> None:
    with pytest.raises(InputError, match=r"the traffic factor must be 0.001 to 1000"):
        scaled(generate("poisson:20", LAW, 1, 1), factor)
