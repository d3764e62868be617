"""How urgent processes are to the scheduler: nice, for a process and for its whole session.

Linux shares the processors among sessions first, and within a session by nice (sched(7), autogroup): of a
process that leads a session of its own, nice alone changes nothing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def make_urgent(pid: int, nice: int) -> None:
    """Give a process and its session that nice (-20 most urgent); what is not permitted is left."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    with suppress(OSError):
        number = os.open(Path("/proc") / str(pid) / "autogroup", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(number, str(nice).encode())
        finally:
            os.close(number)
