"""How many processes, threads and connections: a rule of thumb that says its reasons.

It starts a site well; what the traffic really needs is found by ``tune`` from measurements. The figures for
memory were measured on Apache's event MPM with mod_wsgi 6.1.1 in daemon mode, after a load.
"""

from __future__ import annotations

from dataclasses import dataclass

from poolwise.deploy.finding.preflight import Loaded
from poolwise.model import Machine

PROCESSES = 2  # so that one serves while the other is replaced
THREADS, FEWEST_THREADS, MOST_THREADS = 5, 2, 15
CONNECTIONS = 100
MEMORY_SHARE = 0.75
FRONT_BYTES = 10_000_000  # an Apache with the modules that it needs
THREAD_BYTES = 700_000  # by which a process has grown for each of its threads
TELLING_S = 0.002  # a request shorter than this does not tell how the application spends its time


@dataclass(frozen=True, slots=True)
class Sizes:
    """The numbers, and why they are what they are: a sentence each, warnings with "warning: " in front."""

    processes: int
    threads: int
    connections: int
    reasons: tuple[str, ...] = ()


def choose(
    machine: Machine,
    loaded: Loaded | None = None,
    *,
    processes: int = 0,
    threads: int = 0,
    connections: int = 0,
    memory_share: float = MEMORY_SHARE,
) -> Sizes:
    """Sizes for one application that has the machine to itself; what was asked for (not 0) is kept.

    ``loaded``: the application as measured, None when it was not. ``memory_share``: of the machine's memory,
    what Apache and the application may take. What was asked for and does not fit gets a warning.
    """
    threads, why_threads = _threads(threads, loaded)
    each_bytes = _process_bytes(loaded, threads)
    limit_bytes = machine.memory_bytes * memory_share
    room = int((limit_bytes - FRONT_BYTES) // each_bytes) if limit_bytes and each_bytes else 0
    known = bool(limit_bytes and each_bytes)
    processes, why_processes = _processes(processes, machine.cores, room if known else None)
    connections, why_connections = _connections(connections, processes * threads)
    reasons = [why_processes, why_threads, why_connections]
    if known:
        reasons.append(_memory(processes, each_bytes, limit_bytes))
    return Sizes(processes, threads, connections, tuple(reasons))


def _process_bytes(loaded: Loaded | None, threads: int) -> int:
    """The memory of one process under load, in bytes; 0 when it was not measured."""
    if loaded is None or not loaded.loaded_bytes:
        return 0
    return loaded.loaded_bytes + threads * THREAD_BYTES


def _threads(asked: int, loaded: Loaded | None) -> tuple[int, str]:
    """Threads for a process: while one waits, another computes."""
    if asked:
        return asked, f"{_count(asked, 'thread')} a process: as asked for"
    if loaded is None or loaded.request_wall_s < TELLING_S:
        return THREADS, f"{THREADS} threads a process: how much of a request is waiting is not known"
    share = min(1.0, loaded.request_cpu_s / loaded.request_wall_s)
    threads = min(MOST_THREADS, max(FEWEST_THREADS, round(1 / max(share, 0.01))))
    return threads, (
        f"{threads} threads a process: a request is {share:.0%} CPU, the rest is waiting, "
        "and of a process's threads one at a time computes"
    )


def _processes(asked: int, cores: int, room: int | None) -> tuple[int, str]:
    """Processes: one for each core, as far as memory goes; ``room``: how many go into it, None: unknown."""
    wanted = max(PROCESSES, cores)
    if asked:
        return asked, f"{_count(asked, 'process')}: as asked for"
    if room is not None and room < wanted:
        fits = max(1, room)
        return (
            fits,
            f"{_count(fits, 'process')}: for {_count(cores, 'core')} {wanted} would do, but memory is short",
        )
    if cores < PROCESSES:
        return wanted, f"{_count(wanted, 'process')}: so that one serves while the other is replaced"
    return wanted, f"{_count(wanted, 'process')}: one for each core"


def _connections(asked: int, slots: int) -> tuple[int, str]:
    """Connections of the front; ``slots``: requests that the application runs at once."""
    if asked and asked < slots:
        few = f"warning: {_count(asked, 'connection')}, as asked for, never bring {slots} requests at once"
        return asked, f"{few}: {_count(slots - asked, 'thread')} of the application would be of no use"
    if asked:
        return asked, f"{_count(asked, 'connection')}: as asked for"
    chosen = max(CONNECTIONS, 2 * slots)
    return chosen, f"{_count(chosen, 'connection')}: who waits, or is slow, holds a cheap thread of Apache"


def _memory(processes: int, each_bytes: int, limit_bytes: float) -> str:
    """What they take of what they may take."""
    total = processes * each_bytes + FRONT_BYTES
    need = f"{total / 1e6:,.0f} MB of memory ({each_bytes / 1e6:,.0f} MB a process)"
    if total <= limit_bytes:
        return f"about {need} of the {limit_bytes / 1e6:,.0f} MB that they may take"
    return f"warning: about {need} is more than the {limit_bytes / 1e6:,.0f} MB that they may take"


def _count(number: int, noun: str) -> str:
    """The number with its noun: "1 process", "2 processes"."""
    plural = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{plural}"
