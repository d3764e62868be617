"""Makes long series short for drawing without losing a peak.

A series has one value a second. It is cut into buckets of a round number of seconds. Of a state (busy,
total, idle ...) each bucket keeps its smallest and its largest value, in the order in which they came;
of a count (created, killed ...) it keeps the sum and the largest value of one second. So maximum,
minimum and the total of a count are those of the full series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolwise.model import Floats

POINTS = 1500  # most points of a drawn series: about two for each pixel column of a picture
_WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)

_UNITS = ((3 * 3600.0, 3600.0, "h"), (300.0, 60.0, "min"), (0.0, 1.0, "s"))


def time_unit(length_s: float) -> tuple[float, str]:
    """Seconds in a unit of the time axis, and its name: s up to 5 min, min up to 3 h, then h."""
    return next((unit, name) for least, unit, name in _UNITS if length_s >= least)


def bucket_s(length: int, points: int = POINTS) -> int:
    """Width in seconds of the buckets for ``length`` values, so that at most ``points`` points remain.

    1 (nothing is thinned) as long as the values fit; otherwise a bucket counts as two, its low and its high.
    """
    if length <= points:
        return 1
    needed = -(-2 * length // points)
    for width in _WIDTHS_S[1:]:
        if width >= needed:
            return width
    return -(-needed // 3600) * 3600


def thin_states(values: Floats, width: int) -> tuple[Floats, Floats, Floats]:
    """Smallest, mean and largest value of each bucket, three arrays of shape (buckets,)."""
    import numpy as np

    values = np.asarray(values, dtype=np.float64)
    if width == 1 or not len(values):
        return values, values, values
    starts = np.arange(0, len(values), width)
    lows, highs = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    sizes = np.diff(np.append(starts, len(values)))
    return lows, np.add.reduceat(values, starts) / sizes, highs


def thin_counts(values: Floats, width: int) -> tuple[Floats, Floats]:
    """Sum and largest second of each bucket, two arrays of shape (buckets,)."""
    import numpy as np

    buckets = np.pad(np.asarray(values, dtype=np.float64), (0, -len(values) % width)).reshape(-1, width)
    return buckets.sum(axis=1), buckets.max(axis=1, initial=0.0)
