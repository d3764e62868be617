"""Numbers as people read them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.report.quantities import change, clock, count, duration, plural, share, size


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1e6, "1 MB"),
        (1.25e9, "1.25 GB"),
        (80.3e6, "80.3 MB"),
        (3e12, "3 TB"),
    ],
)
def test_size(number: Any, words: Any) -> None:
    assert size(number) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.00002, "20 µs"),
        (0.035, "35 ms"),
        (0.9999, "1 s"),
        (2.4, "2.4 s"),
        (119.0, "119 s"),
        (125, "2 min 5 s"),
        (5400, "1 h 30 min"),
        (86_400, "24 h"),
    ],
)
def test_duration(seconds: Any, words: Any) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("number", "words"), [(12_345, "12,345"), (3.4, "3.4"), (0, "0"), (1234.5, "1,234")])
def test_count(number: Any, words: Any) -> None:
    assert count(number) == words


@pytest.mark.parametrize(
    ("fraction", "words"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.95, "95 %"),
        (0.00001, "< 0.01 %"),
        (0.99999, "> 99.9 %"),
        (0.0044, "0.44 %"),
    ],
)
def test_share(fraction: Any, words: Any) -> None:
    assert share(fraction) == words


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_share_that_is_neither_nothing_nor_all_says_so(fraction: Any) -> None:
    assert share(fraction) not in ("0 %", "100 %")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (5, 5, "same"),
        (0, 0, "same"),
        (0, 3, "from 0"),
        (1000, 390, "−61 %"),
        (10, 12, "+20 %"),
        (1, 12, "×12"),
        (1000, 4, "÷250"),
        (7, 0, "−100 %"),
    ],
)
def test_change(before: Any, after: Any, words: Any) -> None:
    assert change(before, after) == words


def test_plural() -> None:
    assert plural(1, "process") == "1 process"
    assert plural(5, "process") == "5 processes"
    assert plural(2000, "thread") == "2,000 threads"


def test_clock_leaves_out_zero_parts() -> None:
    assert clock(3600) == "1 h"
    assert clock(0.2) == "0 s"
    assert clock(60) == "1 min"
