"""Sizes, times and assignments as people type them."""

from __future__ import annotations

import pytest

from poolwise.cli.quantities import (
    Cpu,
    Moments,
    assignments,
    moments,
    request_cpu,
    seconds,
    share,
    size_bytes,
    what_if,
    words,
)
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


def test_what_if_is_about_directives_a_group_or_a_server() -> None:
    assert what_if("MaxSpareServers=40").settings == {"MaxSpareServers": 40}
    assert (what_if("shop:threads=5,processes=2").name, what_if("uwsgi").name) == ("shop", "uwsgi")
    assert what_if("shop:threads=5,processes=2").settings == {"threads": "5", "processes": "2"}
    for wrong in ("StartServers", "", "a b:c=3", "shop:threads", ":threads=3"):
        with pytest.raises(InputError):
            what_if(wrong)


def test_words_are_settings_and_values() -> None:
    assert words(" workers = 8, cheaper=2") == {"workers": "8", "cheaper": "2"}
    assert words("") == {}
    for wrong in ("workers", "workers=", "=8", "a=1,a=2", "a=1,,b=2"):
        with pytest.raises(InputError):
            words(wrong)


def test_shares_and_cpu() -> None:
    assert [share(text) for text in ("0.3", "30%", "1", "0", "100 %", ".5")] == [0.3, 0.3, 1, 0, 1, 0.5]
    assert request_cpu("30%") == Cpu(share=0.3)
    assert request_cpu("20ms") == Cpu(seconds=0.02)
    for wrong in ("1.1", "101%", "-1", "nan", "", "half"):
        with pytest.raises(InputError):
            share(wrong)
    for wrong in ("120%", "nan", "fast", ""):
        with pytest.raises(InputError):
            request_cpu(wrong)


def test_moments() -> None:
    assert moments("30min") == Moments("30min", 1800.0, False, 1)
    assert moments("every=24h") == Moments("every=24h", 86_400.0, True, 1)
    assert moments("10min, count=3").count == 3
    for wrong in ("", "every=0", "often", "10min,count=0", "10min,times=3", "count=3", "every="):
        with pytest.raises(InputError):
            moments(wrong)
