"""Service laws: how long a request holds a worker, when no log says so."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from poolwise.model import InputError
from poolwise.traffic.grammar import Kind, Parameter, read_spec, seconds
from poolwise.traffic.opening import open_data

if TYPE_CHECKING:
    from poolwise.model import Floats

_LONGEST_S = 86400.0
_LARGEST_FILE_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Law:
    """A distribution of service times: what the user wrote, its mean, and how to draw from it."""

    text: str
    mean_s: float
    sampler: Callable[[int, np.random.Generator], Floats] = field(repr=False, compare=False)

    def draw(self, n: int, rng: np.random.Generator) -> Floats:
        """``n`` independent service times in seconds, float64, shape (n,), all >= 0."""
        return self.sampler(n, rng)


def parse_law(text: str, argument: str = "service law") -> Law:
    """The law that ``text`` describes ("lognormal:mean=0.2,cv=1"; see ``LAWS``). Raises InputError.

    ``argument``: what the user calls it.
    """
    if text.strip().lower().startswith("empirical:"):
        return empirical(text.strip())
    kind, values = read_spec(argument, text, LAWS)
    law = kind.build(text.strip(), **values)
    assert isinstance(law, Law)
    return law


def fixed(text: str, mean: float) -> Law:
    """Every request takes the same time."""
    return Law(text, mean, partial(_fixed, mean))


def exponential(text: str, mean: float) -> Law:
    """Exponential: many short requests, standard deviation equal to the mean."""
    return Law(text, mean, partial(_exponential, mean))


def lognormal(text: str, mean: float, cv: float) -> Law:
    """Lognormal with coefficient of variation ``cv`` (standard deviation / mean): what most web
    applications look like."""
    sigma = math.sqrt(math.log1p(cv * cv))
    return Law(text, mean, partial(_lognormal, math.log(mean) - sigma * sigma / 2, sigma))


def pareto(text: str, mean: float, alpha: float) -> Law:
    """Pareto (type I): a heavy tail, P(S > s) = (lowest / s)**alpha with lowest = mean (alpha - 1) / alpha.
    The variance is infinite up to alpha = 2, so that sample means settle very slowly."""
    return Law(text, mean, partial(_pareto, mean * (alpha - 1) / alpha, alpha))


def empirical(text: str) -> Law:
    """Values that were measured, drawn with replacement: a file with one number of seconds a line
    (plain or gzip, lines that start with # are skipped), or the values themselves:
    ``empirical:0.1,0.1,0.25,3``."""
    rest = text.partition(":")[2].strip()
    if not rest:
        raise InputError(
            f"service law {text!r}: a file or values are missing. Example: empirical:0.1,0.1,0.25"
        )
    values = [seconds(piece.strip()) for piece in rest.split(",")]
    if None in values:
        values = _measured(rest)
    sample = np.array(values, dtype=np.float64)
    if not np.all((sample >= 0) & (sample <= _LONGEST_S)):
        raise InputError(f"service law {text!r}: every value must be 0 to {_LONGEST_S:g} s")
    return Law(text, float(sample.mean()), partial(_empirical, sample))


def _measured(path: str) -> list[float | None]:
    """One number of seconds a line; InputError names file and line of the first that is not one."""
    values: list[float | None] = []
    with open_data(path) as (stream, _):
        try:
            content = stream.read(_LARGEST_FILE_BYTES)
        except (OSError, EOFError) as error:
            raise InputError(f"{path}: the gzip file is damaged or cut: {error}") from None
    for number, line in enumerate(content.splitlines(), 1):
        word = line.decode("latin-1").strip()
        if not word or word.startswith("#"):
            continue
        value = seconds(word)
        if value is None or not 0 <= value <= _LONGEST_S:
            raise InputError(f"{path}:{number}: {word[:60]!r} is not a duration from 0 to {_LONGEST_S:g} s")
        values.append(value)
    if not values:
        raise InputError(f"{path}: holds no values; one number of seconds a line is expected")
    return values


def _fixed(mean: float, n: int, rng: np.random.Generator) -> Floats:
    return np.full(n, mean)


def _exponential(mean: float, n: int, rng: np.random.Generator) -> Floats:
    return rng.exponential(mean, n)


def _lognormal(mu: float, sigma: float, n: int, rng: np.random.Generator) -> Floats:
    return rng.lognormal(mu, sigma, n)


def _pareto(lowest: float, alpha: float, n: int, rng: np.random.Generator) -> Floats:
    return lowest * (1.0 + rng.pareto(alpha, n))  # numpy's is the Lomax law, shifted to 0


def _empirical(sample: Floats, n: int, rng: np.random.Generator) -> Floats:
    return sample[rng.integers(0, len(sample), n)]


_MEAN = Parameter("mean", "s", 1e-6, _LONGEST_S)
_CV = Parameter("cv", "", 0.001, 100.0, 1.0)
_ALPHA = Parameter("alpha", "", 1.01, 100.0, 1.5)

LAWS: dict[str, Kind] = {
    "fixed": Kind("fixed:0.2", (Parameter("mean", "s", 0.0, _LONGEST_S),), fixed),
    "exponential": Kind("exponential:0.2", (_MEAN,), exponential),
    "lognormal": Kind("lognormal:mean=0.2,cv=1", (_MEAN, _CV), lognormal),
    "pareto": Kind("pareto:mean=0.2,alpha=1.5", (_MEAN, _ALPHA), pareto),
    "empirical": Kind("empirical:FILE", (Parameter("file", "a file, or values"),), empirical),
}
"""Every service law by name; ``.document`` is its help text."""
