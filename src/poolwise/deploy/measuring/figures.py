"""From what fresh servers showed to what the application costs: arithmetic only.

Each server gives one value of each figure; the median over the servers is taken, and their range told. Within
a server, CPU is that of the lower quartile of the batches: other load on the machine takes caches away, which
makes some batches dearer and none cheaper; so of two starts the lesser counts. What waits is what neither
worked nor was ready to work, so that other load does not look like waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from poolwise.deploy.measuring.growth import leak_bytes
from poolwise.deploy.measuring.sample import Batch, Row, Sample
from poolwise.model import App, Cost, Figure

FORK_S = 0.02  # shorter waits are not told: the moment of the fork is known to 10 ms
WAIT_S = 5e-6  # ... or of a request: the marks of the probe take as long
PROOF = 1.1  # cores that threads used at once: beyond one GIL
COULD_BE, WORK_S, READY = 1.5, 5e-5, 0.75  # what it takes to see that they do not


def figures(samples: Sequence[Sample]) -> dict[str, Figure]:
    """Each figure (``Measured`` names them) over the servers; what they could not tell is absent."""
    each = [values(sample) for sample in samples]
    names = [name for name in each[0] if all(name in one for one in each)]
    columns = {name: [one[name] for one in each] for name in names}
    return {name: Figure(median(column), min(column), max(column)) for name, column in columns.items()}


def values(sample: Sample) -> dict[str, float]:
    """The value of each figure from one server."""
    starts = sample.starts
    wait_s = min(start.wait_s for start in starts)
    found = {
        "ready_s": min(start.ready_s for start in starts),
        "startup_cpu_s": min(start.cpu_s for start in starts),
        "startup_wait_s": wait_s if wait_s > FORK_S else 0.0,
        "import_cpu_s": min(start.import_cpu_s for start in starts),
        "import_wait_s": min(start.import_wait_s for start in starts),
        **_memory(sample),
        **_request(sample),
    }
    cores = parallel_cores(sample.meetings)
    if cores is not None:
        found["parallel_cores"] = cores
    if sample.gil_wait_s is not None:
        found["gil_wait_s"] = sample.gil_wait_s
    return found


def _memory(sample: Sample) -> dict[str, float]:
    """What a process, a thread and the server take."""
    used, last = sample.used, sample.last
    found: dict[str, float] = {"bare_bytes": sample.bare_bytes}
    thread = 0.0
    if sample.threads > 1:
        thread = max(0.0, (used.threaded_private - used.single_private) / (sample.threads - 1))
        found["thread_bytes"] = thread
    found["process_bytes"] = max(0.0, last.single_private - thread)
    found["shared_bytes"] = last.shared
    found["front_bytes"] = last.front_pss
    leak = leak_bytes(sample.batches)
    if leak is not None:
        found["leak_bytes"] = leak
    return found


def _request(sample: Sample) -> dict[str, float]:
    """What a request takes; the CPU that the process uses without any is left out."""
    batches = sample.batches

    def cpu(of: Callable[[Batch], float]) -> float:
        """For one request, in a batch that others have hardly disturbed."""
        return max(0.0, sorted(of(batch) / batch.requests for batch in batches)[len(batches) // 4])

    wait_s = median(
        (sum(row.wait_s for row in batch.rows) - batch.children_s) / batch.requests for batch in batches
    )
    cpu_s = cpu(lambda batch: batch.cpu_s + batch.children_s - sample.idle_cpu * batch.wall_s)
    wait_s = wait_s if wait_s > WAIT_S else 0.0
    return {
        "request_cpu_s": cpu_s,
        "application_cpu_s": cpu(lambda batch: sum(row.cpu_s for row in batch.rows)),
        "request_wait_s": wait_s,
        "service_s": cpu_s + wait_s,
        "front_cpu_s": cpu(lambda batch: batch.front_cpu_s),
    }


def parallel_cores(meetings: Sequence[Sequence[Row]]) -> float | None:
    """Most cores that requests which began together have used until the last of them ended.

    Under one GIL that is no more than 1, so that more proves something. Less proves something only where
    there was work enough for several cores, and the threads had not to wait for a processor; else None.
    """
    together = [rows for rows in meetings if len(rows) > 1]
    if not together:
        return None
    most = max(_cores(rows, sum(row.cpu_s for row in rows)) for rows in together)
    ready = median(_cores(rows, sum(row.delay_s for row in rows)) for rows in together)
    cpu_s = median(row.cpu_s for rows in together for row in rows)
    wait_s = min(row.wait_s for rows in together for row in rows)  # of it, what is no wait for a GIL
    could_be = len(together[0]) * cpu_s / (cpu_s + max(0.0, wait_s))
    could_tell = could_be > COULD_BE and cpu_s > WORK_S and ready < READY
    return most if most > PROOF or could_tell else None


def _cores(rows: Sequence[Row], amount_s: float) -> float:
    span_s = max(row.end_s for row in rows) - min(row.begin_s for row in rows)
    return amount_s / span_s if span_s > 0 else 0.0


def costs(samples: Sequence[Sample], requests: Sequence[str]) -> tuple[Cost, ...]:
    """What each kind of request costs: the server's own CPU is the same for each."""
    found = figures(samples)
    own_s = max(0.0, found["request_cpu_s"].median - found["application_cpu_s"].median)
    rows: dict[str, list[Row]] = {name: [] for name in requests}
    for number, row in _in_turn(samples, len(requests)):
        rows[requests[number]].append(row)
    counts: dict[str, Counter[int]] = {name: Counter() for name in requests}
    for sample in samples:
        for name, statuses in sample.statuses.items():
            counts[name].update(statuses)
    return tuple(_cost(name, rows[name], own_s, counts[name]) for name in rows)


def _in_turn(samples: Sequence[Sample], number: int) -> Iterator[tuple[int, Row]]:
    """Each row with the number of its request; batches in which some have no row are left out."""
    for sample in samples:
        for batch in sample.batches:
            if len(batch.rows) == batch.requests:
                yield from ((place % number, row) for place, row in enumerate(batch.rows))


def _cost(name: str, rows: Sequence[Row], own_s: float, statuses: Mapping[int, int]) -> Cost:
    if not rows:
        return Cost(name, 0.0, 0.0, dict(statuses))
    cpu_s = median(row.cpu_s for row in rows) + own_s
    return Cost(name, cpu_s + max(0.0, median(row.wait_s for row in rows)), cpu_s, dict(statuses))


def app_of(name: str, found: Mapping[str, Figure], free_threaded: bool) -> App:
    """The noun that the simulation takes; a request is one burst of CPU, the number cannot be seen."""
    middle = {key: figure.median for key, figure in found.items()}
    sizes = ("shared_bytes", "process_bytes", "thread_bytes", "bare_bytes", "leak_bytes")
    times = ("startup_cpu_s", "startup_wait_s", "import_cpu_s", "import_wait_s")
    service_s = middle["service_s"]
    measured: dict[str, Any] = {key: middle[key] for key in times}
    measured |= {key: round(middle[key]) for key in sizes if key in middle}
    return App(
        name=name,
        cpu_share=min(1.0, middle["request_cpu_s"] / service_s) if service_s else 0.0,
        gil="free-threaded" if free_threaded else "shared",
        **measured,
    )
