"""What a measurement could not tell, in words; and the answers of which no measurement is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from poolwise.deploy.measuring.growth import GROWTH_BYTES
from poolwise.deploy.measuring.sample import Sample
from poolwise.model import Figure, InputError, ServerError

Statuses = Mapping[str, Mapping[int, int]]
FEW = 20
REMEDIES = {
    400: "it may want another Host header (--host-header)",
    401: "record a session that is logged in, and give it with --urls session.har",
    403: "record a session that is logged in, and give it with --urls session.har",
    404: "choose a page that there is (--url /path)",
    405: "record the request with its method, and give it with --urls session.har",
}


def accept(statuses: Statuses) -> None:
    """Take any answers."""


def refuse_errors(statuses: Statuses) -> None:
    """Raise when an answer was an error or did not come, with what to do.

    InputError where other requests have to be chosen, ServerError where the application failed.
    """
    for request, counts in statuses.items():
        for status, count in sorted(counts.items()):
            if not 100 <= status < 400:
                what = f"was answered with status {status}" if status else "got no answer"
                said = f"{request} {what} ({count} of {sum(counts.values())} times)"
                theirs = 400 <= status < 500
                other = "choose others with --url" if theirs else "mend what it says below"
                remedy = f"{REMEDIES.get(status, other)}, or take errors as they are (--accept-errors)"
                raise (InputError if theirs else ServerError)(f"{said}, which is not what it costs: {remedy}")


def doubts(samples: Sequence[Sample], found: Mapping[str, Figure]) -> Iterator[str]:
    """What to know about these figures before one trusts them."""
    yield from _of_answers(samples)
    requests = sum(batch.requests for sample in samples for batch in sample.batches)
    if requests < FEW:
        yield f"no more than {requests} were measured, as they take long: --seconds gives them more time"
    yield from _of_growth(samples, found)
    yield from _of_threads(samples[0].threads, found)


def _of_answers(samples: Sequence[Sample]) -> Iterator[str]:
    total: Counter[int] = Counter()
    for sample in samples:
        for counts in sample.statuses.values():
            total.update(counts)
    for status, count in sorted(total.items()):
        if 300 <= status < 400:
            yield f"{count} of {total.total()} answers were redirects ({status}), not the page they lead to"
        elif not 200 <= status < 300:
            yield f"{count} of {total.total()} answers had status {status or 'none'}"
    missing = sum(batch.requests - len(batch.rows) for sample in samples for batch in sample.batches)
    if missing:
        yield f"{missing} requests did not end inside the application; how long they waited is not known"


def _of_growth(samples: Sequence[Sample], found: Mapping[str, Figure]) -> Iterator[str]:
    if "leak_bytes" not in found:
        yield "too few requests were measured to see whether memory grows with them"
        return
    if found["leak_bytes"].median:
        yield "memory grew with the requests: a leak, or a cache that still fills (more --requests tell)"
        return
    judged = min(sum(batch.requests for batch in sample.batches) for sample in samples) * 2 // 3
    least = round(GROWTH_BYTES / max(judged, 1))
    yield f"growth of less than {least:,} bytes a request would not be seen"


def _of_threads(threads: int, found: Mapping[str, Figure]) -> Iterator[str]:
    if threads < 2:
        yield "with one thread, what a thread takes and what threads do side by side is not known"
    elif "parallel_cores" not in found:
        yield "whether threads compute side by side was not seen: they do too little, or others had the cores"
