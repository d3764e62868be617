"""Time stamps: every conversion read back, bad dates, zones; compared with Python's own strptime."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.model import InputError
from poolwise.traffic.stamps import BAD, Clock, complete

HTTPD = "[%d/%b/%Y:%H:%M:%S %z]"
FORMATS = [
    HTTPD,
    "%Y-%m-%dT%H:%M:%S%z",
    "%F %T",
    "%s",
    "%d/%b/%y %I:%M:%S %p",
    "%A, %d %B %Y %T %Z",
    "%Y%m%d%H%M%S",
    "%Y.%j %T",
    "%a %b %e %H:%M:%S %Y",
    "%S %M %H %d %m %Y",
    "100%% %D %R:%S",
]


@given(
    second=st.integers(0, 4_000_000_000),
    zone=st.integers(-14 * 60, 14 * 60),
    more=st.lists(st.integers(-7200, 7200), max_size=5),
)
@pytest.mark.parametrize("form", FORMATS)
def test_what_strftime_writes_is_read_back(form: str, second: int, zone: int, more: list[int]) -> None:
    clock = Clock(form)
    zoned = "%z" in form
    for each in (second, *(max(second + step, 0) for step in more)):
        if "%y" in form or "%D" in form:
            each = each % (50 * 365 * 86400) + 946684800  # two digits: this century
        if form == "%s":
            each += 100_000_000
        tz = timezone(timedelta(minutes=zone)) if zoned else UTC
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=each)
        stamp = str(each) if form == "%s" else moment.astimezone(tz).strftime(form)
        assert clock[stamp.encode()] == each


@pytest.mark.parametrize(
    "stamp",
    [
        "[31/Feb/2015:10:05:03 +0000]",
        "[00/May/2015:10:05:03 +0000]",
        "[17/Mai/2015:10:05:03 +0000]",
        "[17/May/2015:24:05:03 +0000]",
        "[17/May/2015:10:60:03 +0000]",
        "[17/May/2015:10:05:61 +0000]",
        "[17/May/0000:10:05:03 +0000]",
        "[17/May/2015:10:05:03]",
        "",
    ],
)
def test_no_such_date(stamp: str) -> None:
    fresh, used = Clock(HTTPD), Clock(HTTPD)
    assert used[b"[17/May/2015:10:05:03 +0000]"] == 1431857103
    assert fresh[stamp.encode()] == BAD
    assert used[stamp.encode()] == BAD


def test_leap_second_and_zones() -> None:
    clock = Clock(HTTPD)
    assert clock[b"[31/Dec/2016:23:59:60 +0000]"] == clock[b"[01/Jan/2017:00:00:00 +0000]"]
    assert clock[b"[10/Oct/2023:13:55:36 -0700]"] == clock[b"[11/Oct/2023:02:25:36 +0530]"]
    assert Clock("%FT%T%z")[b"2023-10-10T20:55:36Z"] == Clock("%FT%T%z")[b"2023-10-10T13:55:36-07:00"]


def test_what_is_complete() -> None:
    assert all(complete(form) for form in FORMATS)
    assert not any(map(complete, ["%T", "%F", "%F %H:%M", "%m/%d %T", "%Y %d %T", "%F %I:%M:%S", "words"]))


def test_unknown_conversions() -> None:
    with pytest.raises(InputError, match=r"%Q in %\{%Q\}t is not a time conversion"):
        Clock("%Q")


def test_memory_is_bounded() -> None:
    clock = Clock("%s")
    for second in range(450_000):
        assert clock[b"%d" % (1_000_000_000 + second)] == 1_000_000_000 + second
    assert len(clock) <= 200_000
