"""How near is the simulation to a real httpd? Every recording replayed from the arrivals that the server saw.

Prints, for each run of each case, the difference of total processes (forked, not exited) at the middle of
each second, the forks, and the waits; below each case, how much the real runs differ from one another.
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))


def main() -> None:
    """Print the table."""
    from recorded import CASES, recordings, replay

    print(
        f"{'case':26}{'run':5}{'max':>5}{'mean':>7}{'equal':>7}  {'mean processes':18}{'forks':12}p95 wait s"
    )
    print(f"{'':43}{'':9}{'real':9}{'simulated':12}{'real sim':9}")
    for case in CASES:
        seen = []
        for recording in recordings(case):
            played = replay(recording)
            if played.needs_stages:
                continue
            run = played.run()
            real = np.array(recording["alive"])
            seen.append(real)
            off = np.abs(run.series["total"] - real)
            waits = [wait for wait in recording["wait_s"] if wait is not None] or [0.0]
            print(
                f"{case:26}{recording['run']:5}{off.max():5.0f}{off.mean():7.2f}{(off == 0).mean():7.0%}"
                f"  {real.mean():7.2f}{run.series['total'].mean():8.2f}   "
                f"{forks(recording):4d}{int(run.totals['created']):5d}   "
                f"{np.quantile(waits, 0.95):6.2f}{run.wait.quantile_s(0.95):6.2f}"
            )
        if not seen:
            continue
        apart = [np.abs(one - other) for one, other in combinations(seen, 2)]
        most, mean = max(int(d.max()) for d in apart), max(float(d.mean()) for d in apart)
        print(f"{'':26}real runs among themselves: max {most}, mean {mean:.2f}")


def forks(recording: dict[str, object]) -> int:
    """Children forked in the recorded run."""
    count = recording["forks"]
    assert isinstance(count, int)
    return count


if __name__ == "__main__":
    main()
