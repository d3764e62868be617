"""Rate files: what is read, gaps, and what is wrong with a file."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from poolwise.model import InputError
from poolwise.traffic.ratefile import read_rate_file


def written(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "rates.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "start", "period_s", "counts"),
    [
        ("period,count\n1998-04-30 21:30:00,2\n1998-04-30 21:31:00,11\n", 893971800.0, 60.0, [2, 11]),
        ("0,5\n10,6\n20,7\n40,8\n", 0.0, 10.0, [5, 6, 7, 0, 8]),
        ("# seconds\r\n100,5\r\n\r\n101,0.5\r\n", 100.0, 1.0, [5, 0.5]),
        ("2020-01-01T01:00:00+01:00,1\n2020-01-01T01:00:01+01:00,2\n", 1577836800.0, 1.0, [1, 2]),
    ],
)
def test_reading(tmp_path: Path, text: str, start: float, period_s: float, counts: list[float]) -> None:
    rates = read_rate_file(written(tmp_path, text))
    assert (rates.start, rates.period_s, rates.counts.tolist()) == (start, period_s, counts)
    packed = read_rate_file(written(tmp_path, gzip.compress(text.encode())))
    assert packed.counts.tolist() == counts
    assert rates.missing == counts.count(0)


def test_the_real_file(root: Path) -> None:
    rates = read_rate_file(str(root / "examples/data/worldcup98_requests_per_minute.csv.gz"))
    assert rates.period_s == 60
    assert rates.began == "1998-04-30 21:30:00 UTC"
    assert (len(rates.counts), rates.missing) == (125_310, 10)
    assert rates.counts[:3].tolist() == [2, 11, 16]
    assert rates.counts[-1] == 679


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds 0 periods"),
        ("period,count\n1,2\n", "holds 1 periods"),
        ("0,1\n1,two\n", "rates.csv:2: expected period,count, got '1,two'"),
        ("0,1\n1\n", "rates.csv:2: expected period,count, got '1'"),
        ("0,1\nnan,1\n", "rates.csv:2: expected"),
        ("0,1\n1,-2\n", "rates.csv:2: a count must be 0 or more, not '-2'"),
        ("0,1\n1,nan\n", "rates.csv:2: a count"),
        ("5,1\n4,2\n", "rates.csv:2: '4' is not later than the line before"),
        ("0,1\n10,1\n20,1\n25,1\n35,1\n", "not evenly spaced"),
        ("0,1\n1,1\n2,1\n1e14,1\n", "not evenly spaced"),
        ("\0\1\2\n\0\n", "rates.csv:2: expected"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read_rate_file(written(tmp_path, text))
    assert said in str(error.value)


def test_cut_gzip(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b"".join(b"%d,1\n" % i for i in range(5000)))[:-30])
    with pytest.raises(InputError, match="damaged or cut"):
        read_rate_file(path)
