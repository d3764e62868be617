"""A workload that has been read once, so that many pools can be tried on it at little cost each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from poolwise.model import BUCKETS, InputError, Workload
from poolwise.simulation.checks import check_workload
from poolwise.simulation.compiled import available, compiled_envelope
from poolwise.simulation.pool.envelope_load import BLOCK, Envelope, load
from poolwise.simulation.pool.outcome import per_second

if TYPE_CHECKING:
    from poolwise.model import Floats

CROWD = 16  # requests to a cell, at least
LONG = 8.0  # mean service times
LISTED = 2_000_000  # numbers: a list takes five times the memory of an array


@dataclass(frozen=True, eq=False)
class Trace:
    """What ``prepare`` made of ``workload``; ``simulate`` takes it in its place."""

    workload: Workload
    envelope: Envelope

    def __len__(self) -> int:
        return len(self.workload)

    @property
    def mean_s(self) -> float:
        """Mean service time."""
        return float(self.envelope.sums[0]) / max(len(self), 1)

    @property
    def extra_bytes(self) -> int:
        """Memory beside the workload itself."""
        own = (item for item in self.envelope[2:] if isinstance(item, np.ndarray))
        return sum(item.nbytes for item in own)

    @cached_property
    def lists(self) -> Envelope:
        """The same for the plain loop, which is quicker on lists; what is very long stays as it is."""
        items: list[Any] = [
            item.tolist() if isinstance(item, np.ndarray) and len(item) <= LISTED else item
            for item in self.envelope
        ]
        return Envelope(*items)

    @cached_property
    def arrived(self) -> Floats:
        """Arrivals of each second."""
        return per_second(self.workload.arrivals_s, max(math.ceil(self.workload.duration_s), 1))


def prepare(workload: Workload, *, compiled: bool | None = None) -> Trace:
    """Read ``workload`` once, for any number of calls of ``simulate`` with the result in its place.

    ``compiled``: by machine code (None: where numba is installed). Raises InputError as ``simulate`` does.
    """
    check_workload(workload)
    compiled = available() if compiled is None else compiled
    try:
        blank, mean_s = _blank(workload), float(workload.service_s.mean()) if len(workload) else 0.0
        blank = blank._replace(short_s=max(LONG * mean_s, 2.0 / blank.scale))
        if compiled:
            found = compiled_envelope()[0](blank)
            filled = blank
        else:
            items: list[Any] = [item.tolist() if isinstance(item, np.ndarray) else item for item in blank]
            lists = Envelope(*items)
            found = load(lists)
            filled = Envelope(*(_array(a, b) for a, b in zip(lists, blank, strict=True)))
    except MemoryError:
        raise InputError(f"workload: {len(workload):,} requests do not fit into the memory") from None
    crew = np.zeros(int(filled.peak.max()) + 1, np.int32)
    return Trace(workload, filled._replace(long=filled.long[:found].copy(), crew=crew))


def _array(item: Any, like: Any) -> Any:
    return np.array(item, dtype=like.dtype) if isinstance(like, np.ndarray) else item


def _blank(workload: Workload) -> Envelope:
    requests, seconds = len(workload), max(math.ceil(workload.duration_s), 1)
    crowd = requests / (CROWD * seconds)
    scale = 2.0 ** max(math.floor(math.log2(crowd)) if crowd > 0 else 1, 1)
    cells = int(seconds * scale) + 1
    return Envelope(
        arrivals_s=np.ascontiguousarray(workload.arrivals_s, dtype=np.float64),
        service_s=np.ascontiguousarray(workload.service_s, dtype=np.float64),
        scale=scale,
        cells=cells,
        ended=np.zeros(cells + 1, np.int32),
        edge=np.zeros(cells + 1, np.int32),
        low=np.zeros(cells, np.int32),
        high=np.zeros(cells, np.int32),
        part=np.zeros(requests, np.uint16),
        peak=np.zeros(seconds + 1, np.int32),
        long=np.zeros(int(requests / LONG) + 1, np.int32),
        open_long=np.zeros(seconds + 1, np.int32),
        short_s=0.0,
        counts=np.zeros(BUCKETS, np.int64),
        longest_s=np.zeros(-(-requests // BLOCK)),
        sums=np.zeros(2),
        crew=np.zeros(0, np.int32),
    )
