"""Access logs: arrivals, the tie rule, durations, rotation, and everything that can be wrong with a log."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logwriter import BEGIN, Request, many, record

from poolwise.model import InputError, Workload
from poolwise.traffic import FORMATS, parse_law, read_logs
from poolwise.traffic.logs import spread_ties

LAW = parse_law("lognormal:mean=0.2,cv=1")


def lines(seconds: list[float], took_us: list[int] | None = None, form: str = FORMATS["combined_d"]) -> bytes:
    took = took_us or [1500] * len(seconds)
    requests = (Request(round((BEGIN + s) * 10**6), t) for s, t in zip(seconds, took, strict=True))
    return b"".join(record(form, request) + b"\n" for request in requests)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def said(workload: Workload) -> list[str]:
    return [str(note) for note in workload.notes]


# -- what is read ---------------------------------------------------------------------------------


def test_the_real_log(root: Path) -> None:
    path = root / "examples/data/elastic_apache_logs.log.gz"
    workload = read_logs(path, service=LAW)
    assert len(workload) == 9_999
    assert workload.notes[0].where.line == 8899  # the one line of it that is cut
    assert len(workload.notes) == 1
    assert workload.started_at == 1431857100  # 17/May/2015:10:05:00 +0000
    assert workload.duration_s == 298_860  # to the end of 20/May/2015:21:05:59
    text = gzip.decompress(path.read_bytes())
    whole = sorted(text.count(b"20/May/2015:21:05:%02d" % s) for s in range(60))
    last_minute = np.histogram(workload.arrivals_s, np.arange(298_800, 298_861))[0]
    assert sorted(last_minute.tolist()) == whole
    assert workload.assumptions == (
        "log format: combined (found by trial)",
        "times are logged in whole seconds: the requests of a second are spread evenly over it",
        "service times are drawn from lognormal:mean=0.2,cv=1 (seed 0): the log holds none",
    )
    again = read_logs(path, service=LAW)
    assert np.array_equal(again.service_s, workload.service_s)


def test_the_tie_rule(log: Path) -> None:
    log.write_bytes(lines([0, 2, 2, 1, 2, 4], [10, 20, 30, 40, 50, 60]))
    workload = read_logs(log)
    assert workload.arrivals_s.tolist() == pytest.approx([0.5, 1.5, 2 + 1 / 6, 2.5, 2 + 5 / 6, 4.5])
    assert workload.service_s.tolist() == pytest.approx([1e-5, 4e-5, 2e-5, 3e-5, 5e-5, 6e-5])
    assert workload.duration_s == 5.0
    assert workload.started_at == BEGIN
    assert "spread evenly" in workload.assumptions[1]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200))
def test_the_tie_rule_in_general(seconds: list[int]) -> None:
    times = spread_ties(np.array(seconds, dtype=np.int64))
    seen: dict[int, int] = {}
    for second, time in zip(seconds, times, strict=True):
        rank = seen.get(second, 0)
        seen[second] = rank + 1
        assert time == pytest.approx(second + (rank + 0.5) / seconds.count(second))


def test_fractions_are_kept_and_ties_stay_in_file_order(log: Path) -> None:
    form = '%h %{usec}t "%r" %D'
    log.write_bytes(lines([0.25, 3.125, 3.125, 1.0], [1, 2, 3, 4], form))
    workload = read_logs(log, format=form)
    assert workload.arrivals_s.tolist() == [0.25, 1.0, 3.125, 3.125]
    assert workload.service_s.tolist() == pytest.approx([1e-6, 4e-6, 2e-6, 3e-6])
    assert workload.duration_s == 4.0
    assert not any("whole seconds" in each for each in workload.assumptions)


def test_end_times_become_arrivals(log: Path) -> None:
    form = '%h %{end:usec}t "%r" %D'
    log.write_bytes(lines([10.0, 8.0], [10**6, 5 * 10**6], form))
    workload = read_logs(log, format=form)
    assert workload.arrivals_s.tolist() == pytest.approx([0, 2])
    assert workload.started_at == BEGIN + 8
    assert "log holds the time at which a request ended: the arrival is that less" in workload.assumptions[1]
    only_ends = '%h %{end:usec}t "%r"'
    log.write_bytes(lines([10.0, 8.0], [10**6, 5 * 10**6], only_ends))
    assert "it is taken as the arrival" in read_logs(log, format=only_ends, service=LAW).assumptions[1]


def test_no_zone_is_utc(log: Path) -> None:
    form = "%{%F %T}t %D"
    log.write_bytes(lines([0, 1], None, form))
    workload = read_logs(log, format=form)
    assert workload.started_at == BEGIN
    assert "the log names no time zone: its times are taken as UTC" in workload.assumptions


def test_rotated_files_in_any_order_across_summer_time(root: Path, tmp_path: Path) -> None:
    old, new = root / "tests/data/logs/rotated.log.1", root / "tests/data/logs/rotated.log"
    packed = tmp_path / "rotated.log.1.gz"
    packed.write_bytes(gzip.compress(old.read_bytes()))
    orders: list[list[str | Path]] = [[old, new], [new, old], [str(new), packed]]
    for paths in orders:
        workload = read_logs(paths)
        assert workload.arrivals_s.tolist() == pytest.approx([0.5, 1.25, 1.75, 3.5, 5.5])
        assert workload.service_s.tolist() == pytest.approx([0.001, 0.002, 0.003, 0.004, 0.005])
        assert workload.notes == ()
        assert workload.label.endswith(" and 1 more")


def test_a_file_named_twice_is_read_once(log: Path) -> None:
    log.write_bytes(lines([0, 1]))
    link = log.with_name("link.log")
    link.symlink_to(log)
    workload = read_logs([log, log, link])
    assert len(workload) == 2
    assert said(workload) == [
        f"{log}: note: is named more than once; it is read once",
        f"{link}: note: is named more than once; it is read once",
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_found_by_trial(name: str, log: Path) -> None:
    log.write_bytes(lines([0, 1, 2], None, FORMATS[name]))
    workload = read_logs(log, service=LAW)
    assert workload.assumptions[0] == f"log format: {name} (found by trial)"


def test_a_given_law_replaces_logged_durations(log: Path) -> None:
    log.write_bytes(lines([0, 1, 2]))
    workload = read_logs(log, service=parse_law("fixed:0.7"))
    assert workload.service_s.tolist() == [0.7] * 3
    assert "drawn from fixed:0.7 (seed 0) in place of the logged ones" in workload.assumptions[-1]


def test_missing_durations_are_drawn_from_the_others(log: Path) -> None:
    log.write_bytes(lines([0, 1, 2], [500, 700, 900]).replace(b" 700\n", b" -\n"))
    workload = read_logs(log, format="combined_d")
    assert workload.service_s[[0, 2]].tolist() == pytest.approx([0.0005, 0.0009])
    assert workload.service_s[1] in workload.service_s[[0, 2]]
    assert '1 durations are "-": drawn from the others (seed 0)' in workload.assumptions
    log.write_bytes(lines([0], [500]).replace(b" 500\n", b" -\n"))
    with pytest.raises(InputError, match='every duration is "-"'):
        read_logs(log, format="combined_d")


def test_line_ends_blank_lines_and_a_missing_last_newline(log: Path) -> None:
    log.write_bytes(lines([0, 1, 2]).replace(b"\n", b"\r\n\r\n").rstrip())
    workload = read_logs(log)
    assert len(workload) == 3
    assert workload.notes == ()


def test_progress_reaches_the_end(log: Path) -> None:
    log.write_bytes(lines([0, 1]) * 20_000)
    packed = log.with_suffix(".gz")
    packed.write_bytes(gzip.compress(lines([5, 6]) * 20_000))
    seen: list[tuple[int, int]] = []
    read_logs([log, packed], progress=lambda done, total: seen.append((done, total)))
    total = log.stat().st_size + packed.stat().st_size
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (total, total)
    assert len(seen) > 5


def test_blocks_do_not_show(log: Path) -> None:
    """A log of several blocks with bad lines in it: every line is found again by its number."""
    rows = many(40_000)
    for bad in range(7, 40_000, 997):
        rows[bad] = rows[bad][:60]
    log.write_bytes(b"\n".join(rows))
    workload = read_logs(log)
    kept = [i for i in range(40_000) if i % 997 != 7]
    assert np.round(workload.service_s * 1e6).astype(int).tolist() == [i + 1 for i in kept]
    assert [note.where.line for note in workload.notes] == [8, 1005, 2002, 0]
    assert "41 of 40000 lines do not fit" in workload.notes[-1].message


# -- awkward input --------------------------------------------------------------------------------


def test_awkward_lines(root: Path) -> None:
    path = root / "tests/data/logs/awkward.log"
    workload = read_logs(path)
    assert workload.assumptions[0] == "log format: combined_d (found by trial)"
    assert np.round(workload.service_s * 1e6).tolist() == [1500, 250000, 87, 20003000, 900, 1200, 100]
    assert np.floor(workload.arrivals_s).tolist() == [0, 0, 0, 1, 2, 3, 5]
    assert workload.started_at == 1696971336
    assert [note.where.line for note in workload.notes] == [5, 6, 10]
    assert workload.notes[1].message.endswith("\\x00" * 40)
    assert all(str(note).isprintable() for note in workload.notes)


def test_a_log_without_durations_needs_a_law(root: Path) -> None:
    with pytest.raises(InputError) as error:
        read_logs(root / "examples/data/elastic_apache_logs.log.gz")
    text = str(error.value)
    assert "holds no durations" in text
    assert "lognormal:mean=0.2,cv=1" in text
    assert (
        'LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\" %D" combined_d' in text
    )


def test_a_log_of_another_format(log: Path) -> None:
    log.write_bytes(lines([0, 1, 2], None, FORMATS["vhost_combined"]))
    with pytest.raises(InputError) as error:
        read_logs(log, format='%{usec}t %D "%r"')
    assert str(error.value).startswith(f"{log}:1: 3 of 3 lines do not fit the log format '%{{usec}}t %D")
    assert "www.example.org:443 192.0.2.1" in str(error.value)
    assert str(error.value).endswith("it looks like vhost_combined")
    log.write_text("[Tue Oct 10 13:55:36 2023] [error] something\n" * 3)
    with pytest.raises(
        InputError, match=r"access.log:1: none of the built-in log formats .* fits: \[Tue Oct"
    ):
        read_logs(log, service=LAW)
    with pytest.raises(InputError, match="none of the built-in formats fits it either"):
        read_logs(log, format="combined", service=LAW)


def test_more_than_half_is_too_much_and_half_is_not(log: Path) -> None:
    log.write_bytes(lines([0, 1, 2]) + b"rubbish\n" * 3)
    workload = read_logs(log)
    assert len(workload) == 3
    assert len(workload.notes) == 3
    log.write_bytes(lines([0, 1, 2]) + b"rubbish\n" * 4)
    with pytest.raises(InputError, match=r"access.log:4: 4 of 7 lines do not fit .* for example: rubbish"):
        read_logs(log)


@pytest.mark.parametrize(
    "content", [b"", b"\n\n\n", gzip.compress(b"")], ids=["empty", "blank lines", "empty gzip"]
)
def test_empty_logs(log: Path, content: bytes) -> None:
    log.write_bytes(content)
    for form in ("", "combined_d"):
        with pytest.raises(InputError, match=r"access.log: no lines; an access log is expected"):
            read_logs(log, format=form)


def test_an_empty_file_among_others_is_a_note(log: Path) -> None:
    log.write_bytes(lines([0, 1]))
    empty = log.with_name("today.log")
    empty.touch()
    workload = read_logs([empty, log])
    assert len(workload) == 2
    assert said(workload) == [f"{empty}: note: has no lines"]


@pytest.mark.parametrize("size", [1_000, 5_000_000])
def test_binary_files(log: Path, size: int) -> None:
    log.write_bytes(np.random.default_rng(1).bytes(size))
    with pytest.raises(InputError, match="none of the built-in log formats") as error:
        read_logs(log)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 1500
    log.write_bytes(bytes(size))
    with pytest.raises(InputError, match="none of the built-in log formats"):
        read_logs(log)


def test_one_endless_line_is_one_rejected_line(log: Path) -> None:
    log.write_bytes(lines([0]) + b"x" * 30_000_000 + b"\n" + lines([1]))
    workload = read_logs(log)
    assert len(workload) == 2
    assert [(note.where.line, len(note.message) < 250) for note in workload.notes] == [(2, True)]


def test_a_date_that_does_not_exist(log: Path) -> None:
    good = lines([0, 1, 2])
    log.write_bytes(good.replace(b"14/Nov/2023:22:13:21", b"31/Feb/2023:22:13:21"))
    workload = read_logs(log)
    assert len(workload) == 2
    assert [note.where.line for note in workload.notes] == [2]
    assert np.diff(workload.arrivals_s).tolist() == [2]


def test_a_log_of_dates_that_do_not_exist(log: Path) -> None:
    log.write_bytes(lines([0]).replace(b"14/Nov/2023", b"31/Feb/2023"))
    with pytest.raises(InputError, match=r"its form fits, but there is no such date$"):
        read_logs(log)


def test_a_clock_that_runs_backwards(log: Path) -> None:
    log.write_bytes(lines([0, 100, 50, 51, 101], [10**6] * 5))
    workload = read_logs(log)
    assert np.floor(workload.arrivals_s).tolist() == [0, 50, 51, 100, 101]
    assert said(workload) == [
        f"{log}:3: warning: 2 lines are earlier than a line above them, by up to 50 s "
        "(a clock set back, or logs joined out of order?); they have been sorted"
    ]
    log.write_bytes(lines([0, 100, 50, 101], [10**6, 10**6, 51 * 10**6, 10**6]))
    assert said(read_logs(log)) == []  # a long request: logged when it ended


def test_negative_and_absurd_durations(log: Path) -> None:
    log.write_bytes(lines([0, 1, 2, 3], [1000, -5, 2000, 10**11]))
    workload = read_logs(log)
    assert workload.service_s.tolist() == pytest.approx([0.001, 0, 0.002, 100_000])
    assert f"{log}:2: warning: 1 durations are negative (a clock set back); they are taken as 0" in said(
        workload
    )
    assert f"{log}:4: warning: 1 durations are longer than a day; they are taken as logged" in said(workload)


@pytest.mark.parametrize(
    ("token", "logged", "text"),
    [
        ("%T", 10**6, "the median duration would be 1e+06 seconds; the log probably holds microseconds (%D)"),
        (
            "%{ms}T",
            10**8,
            "the median duration would be 1e+08 milliseconds; the log probably holds microseconds",
        ),
        ("%D", 3, "the median duration would be 3 microseconds; the log probably holds seconds or milli"),
        ("%T", 1, "durations are logged in whole seconds, cut off: shorter requests count 0 s; log %D"),
    ],
)
def test_units_that_cannot_be(log: Path, token: str, logged: int, text: str) -> None:
    log.write_bytes(
        b"".join(record('%h %t "%r"', Request((BEGIN + i) * 10**6, 0)) + b" %d\n" % logged for i in range(9))
    )
    assert any(text in each for each in said(read_logs(log, format=f'%h %t "%r" {token}')))


def test_one_wrong_year(log: Path) -> None:
    log.write_bytes(lines([0, -BEGIN, 1]))
    with pytest.raises(InputError) as error:
        read_logs(log)
    assert f"{log}:2: the earliest and {log}:3: the latest line are 19676 days apart" in str(error.value)


def test_a_month_is_the_longest(log: Path) -> None:
    log.write_bytes(lines([0, 31 * 86400 - 1]))
    assert read_logs(log).duration_s == 31 * 86400
    log.write_bytes(lines([0, 32 * 86400]))
    with pytest.raises(InputError, match=r"32 days apart \(at most 31\)"):
        read_logs(log)
