"""How near is the simulation to a real httpd? Every recording replayed from the arrivals that the server saw.

Prints, for each run of each case, the difference of the total processes (forked, not exited) at the middle of
each second and of the busy workers, and the waits; below each case, how much the real runs differ from one
another, and what is outside of that. ``docs/explanation/recordings.md`` shows the same with pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from compare_recordings import Apart, Comparison, comparison
from recorded import CASES

HEAD = f"{'case':26}{'run':6}{'processes off':>20}{'busy off':>20}{'p50 wait':>16}{'p95 wait':>16}"


def main() -> None:
    """Print the table; arguments are the beginnings of the cases wanted."""
    wanted = tuple(sys.argv[1:])
    print(HEAD)
    for case in CASES:
        if not wanted or case.startswith(wanted):
            show(comparison(case))


def show(case: Comparison) -> None:
    """The lines of one case."""
    for apart, real, simulated in zip(case.apart, case.real, case.simulated, strict=True):
        pairs = zip(real.waits_s, simulated.waits_s, strict=True)
        waits = "".join(f"{one:8.3f}{other:8.3f}" for one, other in pairs)
        print(f"{case.case:26}{real.name:6}{off(apart, 'processes'):>20}{off(apart, 'busy'):>20}{waits}")
    apart = case.noise
    waits = "".join(f"{wait:16.3f}" for wait in apart.waits_s)
    print(f"{'':26}{'noise':6}{off(apart, 'processes'):>20}{off(apart, 'busy'):>20}{waits}")
    for words in case.outside:
        print(f"{'':26}outside: {words}")


def off(apart: Apart, line: str) -> str:
    """Mean and largest difference."""
    return f"{apart.mean[line]:.2f} (at most {apart.most[line]:.0f})"


if __name__ == "__main__":
    main()
