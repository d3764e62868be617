"""What the clients saw: one row a request, in seconds of the run, from the client's record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from poolwise.deploy.rehearsal import client
from poolwise.model import Workload

if TYPE_CHECKING:
    from poolwise.model import Floats

NOTED = 9  # numbers of an application's note: see standin.py
BESIDE_S = 0.0011  # a request holds its worker so long beside the application: measured on an idle machine
PLAIN = (0, 5, 8)  # of these, those that are no instants


@dataclass(frozen=True, eq=False)
class Answers:
    """What came of each request, shape (requests,); NaN for what has not happened.

    ``first_sent_s`` is of its first attempt. The rest is of the attempt that counts, the last: when it was
    connected and finished, how it ended (``state``), when it had a worker of Apache's and one of its group,
    when it began to load the application where it had to, from when to when it was in there and with how
    much CPU.
    """

    first_sent_s: Floats
    connected_s: Floats
    finished_s: Floats
    state: tuple[str, ...]
    apache_s: Floats
    group_s: Floats
    loading_s: Floats
    start_s: Floats
    end_s: Floats
    cpu_s: Floats
    # of every attempt that it concerns
    late_s: Floats  # sent after it was due
    gave_up_s: Floats
    refused_s: Floats
    retried: int
    connections: Mapping[int, int]  # how many each process accepted
    idle_s: Floats  # shape (stretches, 2): from when to when a connection was idle
    import_s: Floats  # shape (loads, 2): what loading took in each process that told, and CPU of that


def answers(load: Workload, record: Mapping[str, list[Any]], origin_s: float) -> Answers:
    """The record of the client, which counts from the machine's start, as seconds after ``origin_s``."""
    due, sent, connected, finished = (
        _times(record[name], origin_s) for name in ("due_s", "sent_s", "connected_s", "finished_s")
    )
    request, state = np.array(record["request"], dtype=np.int64), np.array(record["state"], dtype=object)
    notes = np.array([_note(text, origin_s) for text in record["note"]]).reshape(-1, NOTED)
    first, last = (np.full(len(load), -1) for _ in range(2))
    last[request] = np.arange(len(request))  # later attempts stand later
    first[request[::-1]] = np.arange(len(request))[::-1]
    noted = np.column_stack([_at(notes[:, k], last) for k in range(NOTED)])
    return Answers(
        first_sent_s=_at(sent, first),
        connected_s=_at(connected, last),
        finished_s=_at(finished, last),
        state=tuple(state[k] if k >= 0 else client.OPEN for k in last),
        apache_s=noted[:, 1],
        group_s=noted[:, 2],
        loading_s=_loading(noted),
        start_s=noted[:, 3],
        end_s=noted[:, 4],
        cpu_s=noted[:, 5],
        late_s=sent - due,
        gave_up_s=sent[state == client.GAVE_UP] + load.clients.patience_s,
        refused_s=sent[state == client.REFUSED],
        retried=sum(number > 0 for number in record["attempt"]),
        connections=_counted(notes[np.array(record["fresh"], dtype=bool)][:, 0]),
        idle_s=np.array(record["idle_s"]).reshape(-1, 2) - origin_s,
        import_s=_imports(notes),
    )


def _times(values: list[float], origin_s: float) -> Floats:
    array = np.array(values, dtype=np.float64)
    return np.where(array > 0, array - origin_s, np.nan)


def _at(values: Floats, places: Any) -> Floats:
    found = np.full(len(places), np.nan)
    found[places >= 0] = values[places[places >= 0]]
    return found


def _note(text: str, origin_s: float) -> tuple[float, ...]:
    """What the application said (``standin.note``), in seconds of the run, NaN for what has not been."""
    words = [float(word) for word in text.split()]
    if len(words) != NOTED:
        return (np.nan,) * NOTED
    return tuple(_told(place, word, origin_s) for place, word in enumerate(words))


def _told(place: int, word: float, origin_s: float) -> float:
    if place in PLAIN:
        return word
    return word - origin_s if word else np.nan


def _loading(noted: Floats) -> Floats:
    """For the first request of a process that loaded the application late: when that began."""
    found = np.full(len(noted), np.nan)
    seen: set[tuple[float, float]] = set()
    for i in np.argsort(noted[:, 3], kind="stable"):
        key = (float(noted[i, 0]), float(noted[i, 6]))
        if not np.isfinite(noted[i, 6]) or key in seen:
            continue
        seen.add(key)
        if noted[i, 6] > noted[i, 1]:
            found[i] = noted[i, 6]
    return found


def _imports(notes: Floats) -> Floats:
    told = np.unique(notes[np.isfinite(notes[:, 0])][:, [0, 6, 7, 8]], axis=0)
    return np.column_stack((told[:, 2] - told[:, 1], told[:, 3]))


def _counted(pids: Floats) -> dict[int, int]:
    known, counts = np.unique(pids[np.isfinite(pids)].astype(np.int64), return_counts=True)
    return dict(zip(known.tolist(), counts.tolist(), strict=True))


def import_costs(seen: Answers) -> tuple[float, float]:
    """What loading took, and CPU of that: medians over the processes that told."""
    if not len(seen.import_s):
        return 0.0, 0.0
    wall_s, cpu_s = np.median(seen.import_s, axis=0)
    return float(wall_s), float(min(cpu_s, wall_s))


def as_sent(load: Workload, seen: Answers, measured: bool) -> Workload:
    """The workload as it really came: every request when its connection was made, in that order.

    What a request takes beside the application is added to its service time. ``measured``: how long the
    application held each is what it took (the user's own), not what it was told (the stand-in).
    """
    came = np.where(np.isfinite(seen.connected_s), seen.connected_s, seen.first_sent_s)
    came = np.where(seen.retried == 0, came, seen.first_sent_s)
    came = np.clip(np.where(np.isfinite(came), came, load.arrivals_s), 0.0, load.duration_s)
    order = np.argsort(came, kind="stable")
    took = seen.end_s - seen.start_s
    known = took[np.isfinite(took)]
    usual_s = float(np.median(known)) if len(known) else 0.0
    service = np.where(np.isfinite(took), took, usual_s) if measured else load.service_s
    optional = {name: getattr(load, name) for name in ("cpu_s", "connection", "think_s", "kind")}
    if measured:
        optional["cpu_s"] = np.minimum(np.where(np.isfinite(seen.cpu_s), seen.cpu_s, 0.0), service)
    given = {name: values[order] for name, values in optional.items() if values is not None}
    return replace(load, arrivals_s=came[order], service_s=(service + BESIDE_S)[order], **given)
