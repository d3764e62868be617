"""Thinning keeps what a reader looks for: the extremes and the totals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.report.thin import POINTS, bucket_s, thin_counts, thin_states, time_unit

values = st.lists(st.integers(0, 1000), min_size=1, max_size=400)
widths = st.integers(1, 50)


@given(values, widths)
def test_states_keep_extremes_and_integral(numbers: Any, width: Any) -> None:
    series = np.array(numbers, dtype=np.float64)
    low, mean, high = thin_states(series, width)
    sizes = np.array([len(series[i : i + width]) for i in range(0, len(series), width)])
    assert len(low) == len(mean) == len(high) == -(-len(series) // width)
    assert low.min() == series.min()
    assert high.max() == series.max()
    assert (low <= mean + 1e-9).all() and (mean <= high + 1e-9).all()
    assert (mean * sizes).sum() == pytest.approx(series.sum())


@given(values, widths)
def test_counts_keep_sum_and_peak(numbers: Any, width: Any) -> None:
    series = np.array(numbers, dtype=np.float64)
    sums, peaks = thin_counts(series, width)
    assert sums.sum() == series.sum()
    assert peaks.max() == series.max()
    assert len(sums) == -(-len(series) // width)


@given(st.integers(1, 400_000), st.integers(2, 3000))
def test_never_more_points_than_allowed(length: Any, points: Any) -> None:
    width = bucket_s(length, points)
    drawn = length if width == 1 else 2 * -(-length // width)
    assert drawn <= points + 1  # one more where the last bucket is a part


def test_short_series_are_left_alone() -> None:
    series = np.arange(5.0)
    assert bucket_s(POINTS) == 1
    for thinned in thin_states(series, 1):
        assert thinned.tolist() == series.tolist()


def test_a_bucket_holds_its_own_seconds_only() -> None:
    low, mean, high = thin_states(np.array([1.0, 5.0, 3.0, 9.0, 2.0]), 2)
    assert low.tolist() == [1, 3, 2]
    assert mean.tolist() == [3, 6, 2]
    assert high.tolist() == [5, 9, 2]


def test_empty_series() -> None:
    empty = np.zeros(0)
    assert [len(part) for part in thin_states(empty, 10)] == [0, 0, 0]
    assert [len(part) for part in thin_counts(empty, 10)] == [0, 0]


@pytest.mark.parametrize(
    ("length", "unit"), [(0.0, "s"), (299, "s"), (300, "min"), (3 * 3600 - 1, "min"), (86_400, "h")]
)
def test_unit_of_the_time_axis(length: Any, unit: Any) -> None:
    assert time_unit(length)[1] == unit
