"""Against reality: recordings of a real httpd's pool, replayed from the arrivals it saw.

The bound of each case is what was achieved; beside it stands how much two runs of the real server differ.
"""

from __future__ import annotations

import numpy as np
import pytest

from recorded import CASES, recordings, replay

ONE_POOL = [
    case for case in CASES if not replay(recordings(case)[0]).needs_stages and case != "p08_maxconn20"
]

EXACT = (0, 0.0)
# case: most processes off in any second, mean difference; where it is not exact, the server itself is near a
# decision (idle one more or less than MinSpare) or a request outlives a killed process by a moment
BOUNDS = {
    "e16_ramp300": (1, 0.05),
    "e17b_poisson_tight": (1, 0.20),
    "p05_poisson_churn": (2, 0.50),
    "w13_ramp300": (1, 0.12),
    "w14b_poisson_tight": (2, 0.25),
}


@pytest.mark.parametrize("case", ONE_POOL)
def test_total_processes_every_second(case: str) -> None:
    most, mean = BOUNDS.get(case, EXACT)
    for recording in recordings(case):
        run = replay(recording).run()
        difference = np.abs(run.series["total"] - np.array(recording["alive"]))
        assert difference.max() <= most, recording["run"]
        assert difference.mean() <= mean, recording["run"]


@pytest.mark.parametrize(
    "case", ["p04_burst100", "p05_poisson_churn", "p07_overload20", "w15_burst350", "e15_burst350"]
)
def test_waits(case: str) -> None:
    for recording in recordings(case):
        run = replay(recording).run()
        real = np.array([wait for wait in recording["wait_s"] if wait is not None])
        for quantile in (0.5, 0.95, 1.0):
            expected = float(np.quantile(real, quantile))
            assert run.wait.quantile_s(quantile) == pytest.approx(expected, abs=0.1, rel=0.03)


def test_the_passes_drift_as_the_real_ones_do() -> None:
    """A pass that forks is longer and moves every later one (the burst forks 127 children in 8 passes)."""
    for recording in recordings("p04_burst100"):
        ticks = replay(recording).run().ticks
        real = np.array(recording["pass_s"])
        count = min(len(real), len(ticks["time_s"]))
        assert np.abs(ticks["time_s"][:count] - real[:count]).max() < 0.5
