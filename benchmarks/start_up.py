"""How long does ``poolwise show`` take from process start, and does it stay clear of the heavy libraries?"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

SITE = Path(__file__).resolve().parent.parent / "tests" / "data" / "conf" / "debian-12"
HEAVY = ("numba", "numpy", "vl_convert", "jinja2")
PROBE = (
    "import sys; from poolwise.cli import main\n"
    "try: main(['show', sys.argv[1]])\n"
    "except SystemExit: pass\n"
    f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
)


def main() -> None:
    """Print the median of eleven starts, beside an empty interpreter's."""
    show, empty = [], []
    for _ in range(11):
        show.append(timed([sys.executable, "-m", "poolwise.cli", "show", str(SITE)]))
        empty.append(timed([sys.executable, "-c", "pass"]))
    ours, bare = statistics.median(show), statistics.median(empty)
    print(f"poolwise show on Debian's configuration: {ours:.3f} s (python -c pass: {bare:.3f} s)")
    probe = subprocess.run(
        [sys.executable, "-c", PROBE, str(SITE)], capture_output=True, text=True, check=True
    )
    print("heavy libraries imported:", probe.stderr.strip().splitlines()[-1])


def timed(command: list[str]) -> float:
    """Wall time of a command in seconds."""
    before = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - before


if __name__ == "__main__":
    main()
