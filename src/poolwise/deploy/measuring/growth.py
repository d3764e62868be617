"""Whether a process grows with the requests that it serves, beyond what an allocator does by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, linear_regression

from poolwise.deploy.measuring.sample import Batch

GROWTH_BYTES = 256 * 1024  # what an allocator may take at once, for no more than a little
ERRORS = 6.0  # a slope must be so many times its standard error
LEAST_BATCHES = 8


def leak_bytes(batches: Sequence[Batch]) -> float | None:
    """Growth of the process with each request, 0 unless it is beyond doubt; None from too few batches.

    A straight line through the later two thirds of the batches must rise by more than an allocator takes at
    once, steadily: as much in the second half as in the first or so, and by many times its standard error.
    """
    later = batches[len(batches) // 3 :]
    if len(later) < LEAST_BATCHES:
        return None
    sizes = [float(batch.private_bytes) for batch in later]
    counts: list[float] = [0.0]
    for batch in later[1:]:
        counts.append(counts[-1] + batch.requests)
    slope, start = linear_regression(counts, sizes)
    middle = len(sizes) // 2
    first, second = sizes[middle] - sizes[0], sizes[-1] - sizes[middle]
    grows = first > 0 and 0.5 < second / first < 2.0
    rest = fmean((size - start - slope * count) ** 2 for size, count in zip(sizes, counts, strict=True))
    spread = sum((count - fmean(counts)) ** 2 for count in counts)
    error = math.sqrt(rest * len(sizes) / (len(sizes) - 2) / spread)
    beyond = slope * counts[-1] > GROWTH_BYTES and slope > ERRORS * error
    return slope if grows and beyond else 0.0
