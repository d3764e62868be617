"""Which bucket of the logarithmic histogram a duration falls into (see ``model.Histogram``)."""

from __future__ import annotations

import math

import numpy as np

LOWEST_S = 2.0**-20
TOP_BUCKET = 1408


def bucket_of(value_s: float) -> int:
    """Bucket of a duration in seconds: 0 below 2**-20 s, then 32 to an octave, the last one open."""
    if value_s < LOWEST_S:
        return 0
    mantissa, exponent = math.frexp(value_s)
    place = 32 * (exponent + 19) + 1 + int(mantissa * 64.0) - 32
    return place if place < TOP_BUCKET else TOP_BUCKET


def bucket_of_bits(value_s: float) -> int:
    """The same from the bits of the float: what the compiled twin uses, a sixth of the time there.

    The exponent and the five highest bits of the mantissa of an IEEE 754 double, read as one number, count
    the buckets.
    """
    if value_s < LOWEST_S:
        return 0
    place = int(np.float64(value_s).view(np.int64) >> 47) - 32 * (1023 - 20) + 1
    return place if place < TOP_BUCKET else TOP_BUCKET
