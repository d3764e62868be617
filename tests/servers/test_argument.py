"""How the word after a directive is read; every accepted and refused one was seen in httpd 2.4.71."""

import pytest

from poolwise.model import ConfigError, Value, Where
from poolwise.servers import parameters, parse_number, read_value

HERE = Where("httpd.conf", 7)


def read(name: str, *words: str, version: str = "2.4.71", architecture: str = "event") -> Value:
    row = next(row for row in parameters(architecture, version) if name in row.spellings)
    return read_value(row, words, HERE, version)


@pytest.mark.parametrize(
    ("text", "number"),
    [("150", 150), ("1k", 1), ("1e3", 1), ("abc", 0), ("", 0), ("-5", -5), ("+5", 5),
     ("0" * 5000 + "7", 7), ("9" * 5000, -1), ("-", 0), (" 7", 7), ("0x10", 0),
     ("99999999999", 1215752191), ("99999999999999999999", -1), ("2147483648", -(2**31)),
     ("-99999999999999999999", 0), ("٣", 0)],
)  # fmt: skip
def test_leading_digits_only_folded_into_32_bits(text: str, number: int) -> None:
    assert parse_number("StartServers", text) == number


def test_what_the_number_was_read_from_is_kept() -> None:
    value = read("StartServers", "1k")
    assert (value.value, value.asked, value.changes[0].silent) == (1, "1k", True)
    assert read("StartServers", "+5").changes == read("StartServers", " 7").changes == ()
    assert str(value.where) == "httpd.conf:7"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [("MaxMemFree", "0x10", 16), ("MaxMemFree", "010", 8), ("MaxMemFree", "09", 0), ("MaxMemFree", "abc", 0),
     ("MaxMemFree", "1k", 1), ("ThreadStackSize", "262144", 262144), ("AsyncRequestWorkerFactor", "0x2", 2),
     ("AsyncRequestWorkerFactor", "1.5", 1.5), ("KeepAliveTimeout", "5sec", 5),
     ("KeepAliveTimeout", "00010", 10),
     ("KeepAliveTimeout", "4ms", 0.004),
     ("KeepAliveTimeout", "3mi", 180), ("KeepAliveTimeout", "1hour", 3600), ("KeepAliveTimeout", "0", 0),
     ("Timeout", "5s", 5), ("GracefulShutdownTimeout", "-1", -1), ("MaxKeepAliveRequests", "abc", 0)],
)  # fmt: skip
def test_directives_that_read_otherwise(name: str, text: str, expected: float) -> None:
    assert read(name, text).value == expected


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [("MaxMemFree", ["-1"], "Invalid MaxMemFree value: -1"),
     ("MaxMemFree", ["99999999999999999999"], "Invalid MaxMemFree value"),
     ("ThreadStackSize", ["-1"], "Invalid ThreadStackSize value: -1"),
     ("ListenBacklog", ["0"], "ListenBacklog must be > 0"),
     ("ListenBacklog", ["abc"], "ListenBacklog must be > 0"),
     ("ListenCoresBucketsRatio", ["0"], "ListenCoresBucketsRatio must be > 0"),
     ("AsyncRequestWorkerFactor", ["0"], "must be a positive number"),
     ("AsyncRequestWorkerFactor", ["-1"], "must be a positive number"),
     ("AsyncRequestWorkerFactor", ["1.5x"], "error parsing value"),
     ("AsyncRequestWorkerFactor", ["nan"], "too large"),
     ("AsyncRequestWorkerFactor", ["inf"], "too large"),
     ("KeepAliveTimeout", ["5m"], "has wrong format"), ("KeepAliveTimeout", ["5MIN"], "has wrong format"),
     ("KeepAliveTimeout", ["5.5"], "has wrong format"), ("KeepAliveTimeout", ["-5"], "has wrong format"),
     ("KeepAliveTimeout", ["99999999999999"], "has wrong format"),
     ("KeepAlive", ["yes"], "KeepAlive must be On or Off"), ("KeepAlive", [], "KeepAlive must be On or Off"),
     ("StartServers", ["5", "#", "x"], "StartServers takes one argument"),
     ("StartServers", [""], "StartServers takes one argument"), ("StartServers", [], "takes one argument")],
)  # fmt: skip
def test_refusals_are_httpds(name: str, words: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        read(name, *words)
    assert refused.value.where == HERE


def test_flags() -> None:
    assert read("KeepAlive", "oFF", "#", "ignored").value is False
    assert read("ExtendedStatus", "On").value is True


def test_22_reads_keep_alive_differently() -> None:
    assert read("KeepAlive", "yes", version="2.2", architecture="prefork").value is True
    assert read("KeepAlive", "0", version="2.2", architecture="prefork").value is False
    assert read("KeepAliveTimeout", "5ms", version="2.2", architecture="prefork").value == 5
