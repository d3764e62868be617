"""Durations counted in logarithmic buckets, and the types of the arrays that the nouns hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

BUCKETS_PER_OCTAVE = 32
LOWEST_EXPONENT = -20  # 2**-20 s, about a microsecond: below it lies bucket 0
OCTAVES = 44  # up to 2**24 s
BUCKETS = 1 + BUCKETS_PER_OCTAVE * OCTAVES


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of durations in logarithmic buckets, 32 to an octave: at most 3.2 % wide.

    Bucket 0 holds zero and everything under 2**-20 s; bucket ``1 + 32 k + j`` holds
    ``[2**(k-20) (1 + j/32), 2**(k-20) (1 + (j+1)/32))`` seconds.
    """

    counts: Ints  # shape (BUCKETS,)
    sum_s: float
    max_s: float

    @property
    def total(self) -> int:
        """Number of durations recorded."""
        return int(self.counts.sum())

    @property
    def mean_s(self) -> float:
        """Exact mean in seconds (0 when nothing was recorded)."""
        return self.sum_s / self.total if self.total else 0.0

    @staticmethod
    def edges_s() -> Floats:
        """Lower edges of the buckets and the last upper edge, shape (BUCKETS + 1,)."""
        import numpy as np

        octave = np.repeat(2.0 ** np.arange(LOWEST_EXPONENT, LOWEST_EXPONENT + OCTAVES), 32)
        step = np.tile(1.0 + np.arange(BUCKETS_PER_OCTAVE) / BUCKETS_PER_OCTAVE, OCTAVES)
        top = 2.0 ** (LOWEST_EXPONENT + OCTAVES)
        return np.concatenate(([0.0], octave * step, [top]))

    def quantile_s(self, q: float) -> float:
        """The ``q`` quantile (0..1): upper edge of the bucket that holds it, never above the maximum."""
        import numpy as np

        if not self.total:
            return 0.0
        bucket = int(np.searchsorted(np.cumsum(self.counts), q * self.total, side="left"))
        if bucket == 0:
            return 0.0
        return float(min(self.edges_s()[bucket + 1], self.max_s))

    def share_above(self, limit_s: float) -> float:
        """Share of durations in buckets that lie wholly at or above ``limit_s``."""
        if not self.total:
            return 0.0
        return float(self.counts[self.edges_s()[:-1] >= limit_s].sum() / self.total)
