"""Service laws: means, variation, tails, and what is said about wrong ones."""

from __future__ import annotations

import gzip
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from poolwise.model import InputError
from poolwise.traffic import LAWS, parse_law

N = 200_000


def draw(text: str, seed: int = 4) -> np.ndarray:
    return parse_law(text).draw(N, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("exponential:0.2", stats.expon(scale=0.2)),
        ("lognormal:mean=0.2,cv=1", stats.lognorm(math.sqrt(math.log(2)), scale=0.2 / math.sqrt(2))),
        ("lognormal:mean=3,cv=0.5", stats.lognorm(math.sqrt(math.log(1.25)), scale=3 / math.sqrt(1.25))),
        ("pareto:mean=0.2,alpha=1.5", stats.pareto(1.5, scale=0.2 / 3)),
        ("pareto:mean=0.2,alpha=4", stats.pareto(4, scale=0.15)),
    ],
)
def test_draws_follow_the_distribution(text: str, distribution: object) -> None:
    sample = draw(text)
    assert sample.shape == (N,)
    assert sample.min() >= 0
    assert stats.kstest(sample, distribution.cdf).pvalue > 1e-3  # type: ignore[attr-defined]
    assert parse_law(text).mean_s == pytest.approx(distribution.mean())  # type: ignore[attr-defined]


@pytest.mark.parametrize(("text", "cv"), [("exponential:0.3", 1.0), ("lognormal:mean=0.3,cv=2", 2.0)])
def test_mean_and_variation(text: str, cv: float) -> None:
    sample = draw(text)
    assert abs(sample.mean() - 0.3) < 4 * 0.3 * cv / math.sqrt(N)
    assert sample.std() / sample.mean() == pytest.approx(cv, rel=0.1)


def test_fixed_and_units() -> None:
    assert draw("fixed:0.2").tolist() == [0.2] * N
    assert parse_law("fixed:200ms").mean_s == pytest.approx(0.2)
    assert parse_law("fixed:2m").mean_s == 120.0
    assert parse_law("fixed:0").mean_s == 0.0


def test_empirical_values_and_file(tmp_path: Path) -> None:
    sample = draw("empirical:0.1,0.1,0.25,3")
    assert set(sample) == {0.1, 0.25, 3.0}
    assert abs((sample == 0.1).mean() - 0.5) < 4 * 0.5 / math.sqrt(N)
    assert parse_law("empirical:0.1,0.1,0.25,3").mean_s == pytest.approx(0.8625)
    plain, packed = tmp_path / "seconds.txt", tmp_path / "seconds.gz"
    plain.write_text("# measured in May\n0.5\n\n250ms\n")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, packed):
        assert parse_law(f"empirical:{path}").mean_s == pytest.approx(0.375)
        assert set(draw(f"empirical:{path}")) == {0.5, 0.25}


def test_a_law_is_a_value() -> None:
    law = parse_law("lognormal:mean=0.2,cv=1")
    assert law == parse_law("lognormal:mean=0.2,cv=1")
    assert law != parse_law("lognormal:mean=0.2,cv=2")
    copy = pickle.loads(pickle.dumps(law))
    assert np.array_equal(copy.draw(5, np.random.default_rng(1)), law.draw(5, np.random.default_rng(1)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gamma:1", "there is no service law 'gamma'; there are: fixed:0.2, exponential:0.2"),
        ("", "there is no service law ''"),
        ("fixed", "mean is missing (0 to 86400 s). Example: fixed:0.2"),
        ("fixed:-1", "mean must be 0 to 86400 s, not '-1'"),
        ("fixed:nan", "mean must be"),
        ("fixed:1e9", "mean must be 0 to 86400 s"),
        ("exponential:0", "mean must be 1e-06 to 86400 s"),
        ("lognormal:mean=1,cv=-1", "cv must be 0.001 to 100, not '-1'. Example: lognormal:mean=0.2,cv=1"),
        ("lognormal:mean=1,cw=1", "'cw' is not one of mean, cv"),
        ("lognormal:mean=1,mean=2", "mean is given twice"),
        ("lognormal:mean=1,2", "'2' is not of the form name=value"),
        ("pareto:mean=1,alpha=1", "alpha must be 1.01 to 100"),
        ("pareto:mean=1,alpha=2s", "alpha must be"),
        ("empirical:", "a file or values are missing"),
        ("empirical:1,-2", "every value must be 0 to 86400 s"),
        ("empirical:/nowhere/at/all", "/nowhere/at/all: cannot be read: No such file"),
        ("empirical:/dev/zero", "/dev/zero: is not a regular file"),
    ],
)
def test_wrong_laws_say_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        parse_law(text)
    assert said in str(error.value)


def test_wrong_files_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "seconds.txt"
    path.write_text("0.1\nfast\n")
    with pytest.raises(InputError, match=r"seconds.txt:2: 'fast' is not a duration"):
        parse_law(f"empirical:{path}")
    path.write_text("# nothing\n")
    with pytest.raises(InputError, match="holds no values"):
        parse_law(f"empirical:{path}")
    path.write_bytes(gzip.compress(b"0.1\n" * 10000)[:-20])
    with pytest.raises(InputError, match="damaged or cut"):
        parse_law(f"empirical:{path}")


@pytest.mark.parametrize("name", LAWS)
def test_documentation_and_example(name: str, tmp_path: Path) -> None:
    path = tmp_path / "seconds.txt"
    path.write_text("0.2\n")
    kind = LAWS[name]
    assert kind.name == name
    assert len(kind.document) > 60
    assert all(f"  {parameter.name}: " in kind.document for parameter in kind.parameters)
    assert parse_law(kind.example.replace("FILE", str(path))).mean_s == pytest.approx(0.2)
