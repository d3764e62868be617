"""Sizes, times and assignments as people type them."""

from __future__ import annotations

import pytest

from poolwise.cli.quantities import assignments, seconds, size_bytes
from poolwise.model import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60M", 60_000_000),
        ("1.5G", 1_500_000_000),
        ("512Mi", 512 * 2**20),
        ("512MiB", 512 * 2**20),
        ("0", 0),
        ("4096", 4096),
        (" 10 kB ", 10_000),
        ("2tb", 2 * 10**12),
    ],
)
def test_sizes(text: str, expected: int) -> None:
    assert size_bytes(text) == expected


@pytest.mark.parametrize(
    "text", ["", "M", "-1M", "60X", "6 0M", "1e9", "inf", "nan", "i", "9999999T", "60M60M"]
)
def test_what_is_not_a_size_is_the_users_mistake(text: str) -> None:
    with pytest.raises(InputError, match=r"size|memory"):
        size_bytes(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90.0), ("250ms", 0.25), ("15min", 900.0), ("2h", 7200.0), ("1.5 d", 129600.0)],
)
def test_times(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "soon", "-5", "5 weeks", "nan", "9" * 400])
def test_what_is_not_a_time_is_the_users_mistake(text: str) -> None:
    with pytest.raises(InputError, match="length of time"):
        seconds(text)


def test_assignments_keep_the_names_as_written() -> None:
    assert assignments("MaxSpareServers=40, startservers = 20") == {"MaxSpareServers": 40, "startservers": 20}
    assert assignments("ServerLimit=-1") == {"ServerLimit": -1}


@pytest.mark.parametrize(
    "text", ["", "StartServers", "StartServers=many", "=5", "A=1,,B=2", "A=1.5", "A=99999999999"]
)
def test_what_is_not_an_assignment_is_the_users_mistake(text: str) -> None:
    with pytest.raises(InputError, match="Directive=number"):
        assignments(text)
