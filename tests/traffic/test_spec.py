"""Traffic from a line of text: every shape by its example, defaults, errors, reproducibility."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest

from poolwise.model import InputError, Workload
from poolwise.traffic import SHAPES, generate, parse_law

LAW = parse_law("fixed:0.2")


@pytest.fixture
def rates(tmp_path: Path) -> Path:
    path = tmp_path / "rates.csv"
    lines = (f"2020-01-01 {i // 60:02}:{i % 60:02}:00,{60 * (1 + i % 60)}" for i in range(6 * 60))
    path.write_text("period,count\n" + "\n".join(lines) + "\n")
    return path


def per_second(workload: Workload) -> np.ndarray:
    return np.histogram(workload.arrivals_s, np.arange(int(workload.duration_s) + 1))[0]


@pytest.mark.parametrize("name", SHAPES)
def test_every_example_runs_and_is_documented(name: str, rates: Path) -> None:
    kind = SHAPES[name]
    workload = generate(kind.example.replace("FILE", str(rates)), LAW, None, 1)
    assert kind.name == name
    assert len(workload) > 1000
    assert len(workload.service_s) == len(workload)
    assert (np.diff(workload.arrivals_s) >= 0).all()
    assert workload.arrivals_s[0] >= 0
    assert workload.arrivals_s[-1] <= workload.duration_s
    assert len(kind.document) > 100
    assert all(f"  {parameter.name}: " in kind.document for parameter in kind.parameters)
    examples = re.findall(rf"``({name}:[^`]+)``", kind.document)
    for example in examples:
        assert len(generate(example, LAW, 30, 1)) > 0


def test_rates_are_what_was_asked_for() -> None:
    flat = generate("poisson:20", LAW, 5000, 3)
    assert abs(len(flat) - 100_000) < 4 * np.sqrt(100_000)
    assert generate("constant:20", LAW, 10).arrivals_s[:2].tolist() == pytest.approx([0.025, 0.075])
    burst = per_second(generate("burst:base=5,peak=1000,at=10,length=5", LAW, 30, 3))
    assert burst[10:15].mean() == pytest.approx(1000, rel=0.06)
    assert np.delete(burst, slice(10, 15)).mean() == pytest.approx(5, rel=0.4)
    bursts = generate("mmpp:low=5,high=50,low_s=6,high_s=1", LAW, 50_000, 3)
    mean = (5 * 6 + 50) / 7  # its variance: Poisson noise and 2 (45^2) p q / (1/6 + 1/1) per second
    spread = np.sqrt((mean + 2 * 45**2 * (6 / 49) / (7 / 6)) * 50_000)
    assert abs(len(bursts) - mean * 50_000) < 4 * spread


def test_natural_lengths(rates: Path) -> None:
    assert generate("ramp:peak=40,up=60,hold=60,down=60", LAW).duration_s == 180.0
    assert generate("ramp:peak=40,up=60,hold=60,down=60", LAW, 100).duration_s == 100.0
    after = generate("ramp:peak=40,up=60,hold=60,down=60", LAW, 300)
    assert after.duration_s == 300.0
    assert after.arrivals_s[-1] <= 180.0
    assert generate("poisson:2", LAW).duration_s == 600.0
    assert generate("day:mean=1,peak=2", LAW).duration_s == 86400.0
    assert generate(f"replay:{rates}", LAW).duration_s == 21600.0


def test_replay_window_scale_and_compression(rates: Path) -> None:
    hour = generate(f"replay:{rates},start=2h,length=1h", LAW, None, 2)
    assert hour.duration_s == 3600.0
    assert hour.started_at == 1577836800 + 7200
    assert abs(len(hour) - 60 * 1830) < 4 * np.sqrt(60 * 1830)
    by_time = generate(f"replay:{rates},start=2020-01-01 02:00,length=1h", LAW, None, 2)
    assert np.array_equal(by_time.arrivals_s, hour.arrivals_s)
    peak = generate(f"replay:{rates},peak=500,start=2h,length=1h", LAW, None, 2)
    last_minute = (peak.arrivals_s >= 3540).sum()
    assert abs(last_minute - 30_000) < 4 * np.sqrt(30_000)
    mean = generate(f"replay:{rates},mean=10,start=2h,length=1h", LAW, None, 2)
    assert abs(len(mean) - 36_000) < 4 * np.sqrt(36_000)
    fast = generate(f"replay:{rates},start=2h,length=1h,compress=60", LAW, None, 2)
    assert fast.duration_s == 60.0
    assert fast.started_at is None
    assert abs(len(fast) - 60 * 1830) < 4 * np.sqrt(60 * 1830)
    assert generate(f"replay:{rates},compress=60", LAW, 10, 2).duration_s == 10.0
    assert generate(f"replay:{rates},length=1h", LAW, 90, 2).duration_s == 90.0


def test_the_real_world_cup_final(root: Path) -> None:
    path = root / "examples/data/worldcup98_requests_per_minute.csv.gz"
    final = generate(f"replay:{path},peak=50,start=1998-07-12 17:00,length=4h", LAW, None, 1)
    assert final.duration_s == 4 * 3600
    busiest = np.histogram(final.arrivals_s, np.arange(0, 14401, 60))[0].max() / 60
    assert busiest == pytest.approx(50, rel=0.1)
    assert any("10 periods" in each for each in final.assumptions)


def test_seeds_and_independence_of_the_law() -> None:
    one, again = (generate("mmpp:low=5,high=50,low_s=6,high_s=1", LAW, 60, 7) for _ in range(2))
    assert np.array_equal(one.arrivals_s, again.arrivals_s)
    other_law = generate("mmpp:low=5,high=50,low_s=6,high_s=1", parse_law("exponential:1"), 60, 7)
    assert np.array_equal(one.arrivals_s, other_law.arrivals_s)
    assert not np.array_equal(
        one.arrivals_s, generate("mmpp:low=5,high=50,low_s=6,high_s=1", LAW, 60, 8).arrivals_s
    )
    assert one.label == "mmpp:low=5,high=50,low_s=6,high_s=1"
    assert one.assumptions == ("service times are drawn from fixed:0.2 (seed 7)",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("square:3", "there is no shape 'square'; there are: constant:20, poisson:20, ramp:"),
        ("poisson", "rate is missing (0 to 1000000 requests/s). Example: poisson:20"),
        ("poisson:-3", "rate must be 0 to 1000000 requests/s, not '-3'"),
        ("poisson:lots", "not 'lots'"),
        ("poisson:inf", "not 'inf'"),
        ("poisson:20s", "not '20s'"),
        ("ramp:up=60", "peak is missing"),
        ("ramp:peak=4,up=0,hold=0,down=0", "must be more than 0 s"),
        ("ramp:peak=4,rise=3", "'rise' is not one of peak, up, hold, down, low"),
        ("burst:base=1,peak=2,at=1,length=0", "length must be 0.001 to"),
        ("day:mean=20,peak=10", "peak must be 20 to 400 requests/s"),
        ("day:mean=1,peak=2,period=1s", "at most 100000 periods fit"),
        ("mmpp:low=1,high=2,low_s=0,high_s=1", "low_s must be"),
        ("replay:", "file is missing (a file)"),
        ("replay:/dev/tty", "is not a regular file"),
        ("replay:/nowhere,peak=1,mean=1", "give peak or mean, not both"),
        ("poisson:1e6", "at most 2e+08 fit"),
    ],
)
def test_wrong_shapes_say_what_is_wrong(text: str, said: str) -> None:
    start = time.perf_counter()
    with pytest.raises(InputError) as error:
        generate(text, LAW, 30 * 86400)
    assert said in str(error.value)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("duration_s", [0, -1, float("nan"), float("inf"), 1e12])
def test_wrong_durations(duration_s: float) -> None:
    with pytest.raises(InputError, match="duration must be more than 0"):
        generate("poisson:1", LAW, duration_s)


def test_wrong_windows(rates: Path) -> None:
    with pytest.raises(InputError, match=r"covers 21600 s from 2020-01-01 00:00:00 UTC"):
        generate(f"replay:{rates},start=5h,length=2h", LAW)
    with pytest.raises(InputError, match="lies outside the file"):
        generate(f"replay:{rates},start=2019-01-01", LAW)
    with pytest.raises(InputError, match="start must be seconds or a time, not 'noon'"):
        generate(f"replay:{rates},start=noon", LAW)


def test_ten_million_arrivals_take_about_a_second() -> None:
    generate("poisson:10", LAW, 10)
    start = time.process_time()
    assert len(generate("poisson:10000", LAW, 1000)) > 9_900_000
    assert time.process_time() - start < 4  # a second on a quiet machine
