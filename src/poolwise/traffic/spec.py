"""Traffic from a line of text: the shapes by name, and ``generate``.

Every shape is a function ``(duration_s or None, rng, **parameters) -> Made``; its docstring is its help.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from poolwise.model import InputError, Workload
from poolwise.traffic import shapes
from poolwise.traffic.grammar import Kind, Parameter, read_spec
from poolwise.traffic.ratefile import read_rate_file

if TYPE_CHECKING:
    from poolwise.model import Floats
    from poolwise.traffic.laws import Law

DEFAULT_S = 600.0
LONGEST_S = 31 * 86400.0  # a simulation keeps a dozen series with a value for each second
_MOST_RPS = 1e6
_STEEPEST_DAY = 20.0
_MOST_PERIODS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What a shape has made: arrivals in seconds, how long the period is, what it took for granted."""

    arrivals_s: Floats
    duration_s: float
    assumptions: tuple[str, ...] = ()
    started_at: float | None = None


def generate(shape_text: str, law: Law, duration_s: float | None = None, seed: int = 0) -> Workload:
    """Make the traffic that ``shape_text`` describes ("poisson:20"; see ``SHAPES``).

    Without ``duration_s`` a ramp and a replay last as long as they are, all others 600 s. Equal seeds
    give equal traffic; arrivals do not depend on the law, so that two laws can be compared on the same
    arrivals. Raises InputError.
    """
    if duration_s is not None and not 0 < duration_s <= LONGEST_S:
        most = f"{LONGEST_S / 86400:g} days"
        raise InputError(f"duration must be more than 0 and at most {most}, not {duration_s:g} s")
    if seed < 0:
        raise InputError(f"seed must be 0 or more, not {seed}")
    kind, values = read_spec("shape", shape_text, SHAPES)
    arrivals, service = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    made: Made = kind.build(duration_s, arrivals, **values)
    drawn = f"service times are drawn from {law.text} (seed {seed})"
    return Workload(
        label=shape_text.strip(),
        arrivals_s=made.arrivals_s,
        service_s=law.draw(len(made.arrivals_s), service),
        duration_s=made.duration_s,
        assumptions=(*made.assumptions, drawn),
        started_at=made.started_at,
    )


def constant(duration_s: float | None, rng: np.random.Generator, rate: float) -> Made:
    """Evenly spaced arrivals, without any chance: ``constant:20`` is one every 50 ms."""
    length_s = duration_s or DEFAULT_S
    return Made(shapes.even_arrivals(rate, length_s), length_s)


def poisson(duration_s: float | None, rng: np.random.Generator, rate: float) -> Made:
    """Independent users: a Poisson process of ``rate`` requests a second."""
    length_s = duration_s or DEFAULT_S
    rate_over_time = shapes.steps(np.array([0.0, length_s]), np.array([rate]))
    return Made(shapes.poisson_arrivals(rate_over_time, rng), length_s)


def ramp(
    duration_s: float | None,
    rng: np.random.Generator,
    peak: float,
    up: float,
    hold: float,
    down: float,
    low: float,
) -> Made:
    """Poisson arrivals whose rate rises from ``low`` to ``peak`` in ``up`` seconds, holds and falls again.
    Afterwards there is no traffic."""
    if up + hold + down <= 0:
        raise InputError(
            "shape ramp: up + hold + down must be more than 0 s. Example: " + SHAPES["ramp"].example
        )
    rate = shapes.ramp_rate(low, peak, up, hold, down)
    rate = rate.until(duration_s) if duration_s else rate
    return Made(shapes.poisson_arrivals(rate, rng), rate.duration_s)


def burst(
    duration_s: float | None, rng: np.random.Generator, base: float, peak: float, at: float, length: float
) -> Made:
    """Poisson arrivals at ``base``, but at ``peak`` from second ``at`` for ``length`` seconds."""
    length_s = duration_s or max(DEFAULT_S, at + 2 * length)
    rate = shapes.burst_rate(base, peak, at, length, length_s)
    return Made(shapes.poisson_arrivals(rate, rng), length_s)


def day(
    duration_s: float | None, rng: np.random.Generator, mean: float, peak: float, period: float, at: float
) -> Made:
    """Day and night: Poisson arrivals with a sinusoidal rate of that ``mean`` and ``peak``, highest at
    second ``at`` (0: in the middle of the period), lowest half a period apart. A peak of more than twice
    the mean makes the day narrower (a power of the raised sinusoid), because no night is below 0."""
    if not mean <= peak <= _STEEPEST_DAY * mean:
        raise InputError(
            f"shape day: peak must be {mean:g} to {_STEEPEST_DAY * mean:g} requests/s (mean to "
            f"{_STEEPEST_DAY:g} times the mean), not {peak:g}. Example: {SHAPES['day'].example}"
        )
    length_s = duration_s or period
    if length_s / period > _MOST_PERIODS:
        raise InputError(
            f"shape day: at most {_MOST_PERIODS} periods fit, not {length_s:g} s of {period:g} s each"
        )
    top_s = at or period / 2
    rate = partial(shapes.day_rate_rps, mean, peak, top_s, period)
    bound = shapes.day_bound(rate, top_s, period, length_s)
    return Made(shapes.thinned_arrivals(rate, bound, rng), length_s)


def mmpp(
    duration_s: float | None, rng: np.random.Generator, low: float, high: float, low_s: float, high_s: float
) -> Made:
    """Bursts at random: a Markov-modulated Poisson process that stays at ``low`` requests a second for
    exponential times of mean ``low_s`` and at ``high`` for exponential times of mean ``high_s``."""
    length_s = duration_s or DEFAULT_S
    rate = shapes.modulated_rate((low, high), (low_s, high_s), length_s, rng)
    return Made(shapes.poisson_arrivals(rate, rng), length_s)


def replay(
    duration_s: float | None,
    rng: np.random.Generator,
    file: str,
    peak: float,
    mean: float,
    start: str,
    length: float,
    compress: float,
) -> Made:
    """The rate of a recorded site: a file of ``period,count`` lines (plain or gzip), Poisson arrivals
    inside each period. ``start`` (seconds, or a time as in the file) and ``length`` choose the window;
    ``peak`` or ``mean`` rescales it to that many requests a second in its busiest period or on average;
    ``compress=60`` makes an hour pass in a minute (the number of requests is kept unless rescaled)."""
    if peak and mean:
        raise InputError("shape replay: give peak or mean, not both. Example: " + SHAPES["replay"].example)
    recorded = read_rate_file(file)
    counts, started_at = recorded.window(start, length or (duration_s or 0.0) * compress)
    period_s = recorded.period_s / compress
    rates: Floats = counts / period_s
    if peak or mean:
        rates = rates * ((peak or mean) / _level(rates, bool(peak), file))
    edges_s = np.arange(len(rates) + 1, dtype=np.float64) * period_s
    rate = shapes.steps(edges_s, rates)
    rate = rate.until(min(duration_s, rate.duration_s)) if duration_s else rate
    gaps = f"{recorded.missing} periods of {file} have no line and count as 0"
    return Made(
        shapes.poisson_arrivals(rate, rng),
        rate.duration_s,
        (gaps,) if recorded.missing else (),
        started_at if compress == 1 and recorded.start >= 1e8 else None,
    )


def _level(rates: Floats, busiest: bool, file: str) -> float:
    """The busiest or the mean rate of a window."""
    if not rates.any():
        raise InputError(f"{file}: the chosen window has no requests, so that it cannot be rescaled")
    return float(rates.max() if busiest else rates.mean())


def _rps(name: str, default: float | None = None, minimum: float = 0.0) -> Parameter:
    return Parameter(name, "requests/s", minimum, _MOST_RPS, default)


def _s(name: str, default: float | None = None, minimum: float = 0.0) -> Parameter:
    return Parameter(name, "s", minimum, LONGEST_S, default)


_FILE = Parameter("file", "a file")

SHAPES: dict[str, Kind] = {
    "constant": Kind("constant:20", (_rps("rate"),), constant),
    "poisson": Kind("poisson:20", (_rps("rate"),), poisson),
    "ramp": Kind(
        "ramp:peak=40,up=60,hold=60,down=60",
        (_rps("peak"), _s("up", 60.0), _s("hold", 60.0), _s("down", 60.0), _rps("low", 0.0)),
        ramp,
    ),
    "burst": Kind(
        "burst:base=5,peak=100,at=10,length=5",
        (_rps("base"), _rps("peak"), _s("at"), _s("length", minimum=0.001)),
        burst,
    ),
    "day": Kind(
        "day:mean=20,peak=60",
        (_rps("mean", minimum=1e-6), _rps("peak"), _s("period", 86400.0, 1.0), _s("at", 0.0)),
        day,
    ),
    "mmpp": Kind(
        "mmpp:low=5,high=50,low_s=60,high_s=10",
        (_rps("low"), _rps("high"), _s("low_s", minimum=0.001), _s("high_s", minimum=0.001)),
        mmpp,
    ),
    "replay": Kind(
        "replay:FILE,peak=50,start=2h,length=1h",
        (
            _FILE,
            _rps("peak", 0.0),
            _rps("mean", 0.0),
            Parameter("start", "seconds, or a time as in the file (default: its first)", default=""),
            _s("length", 0.0),
            Parameter("compress", "", 0.001, 1e6, 1.0),
        ),
        replay,
    ),
}
"""Every shape by name; ``.document`` is its help text."""
