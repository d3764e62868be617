"""Access logs to a ``Workload``: when each request came and how long it held a worker.

**Tie rule.** httpd's ``%t`` is a whole second. The n requests logged in the same second are spread evenly
over it, in file order: request i (from 0) is placed at (i + 0.5) / n of the second. So a second holds
exactly the requests that it held, without a burst at its start that was never there. Times logged with a
fraction (``%{usec_frac}t``, ``%{msec}t`` ...) are kept as they are; equal ones stay in file order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poolwise.model import InputError, Note, Where, Workload
from poolwise.traffic.logdoubts import clock_notes, duration_notes, printable, rejection_notes
from poolwise.traffic.logfile import blocks
from poolwise.traffic.logformat import FORMATS, CompiledFormat, compile_format
from poolwise.traffic.opening import check_regular
from poolwise.traffic.records import Records, read_records

if TYPE_CHECKING:
    from poolwise.model import Floats, Ints
    from poolwise.traffic.laws import Law

SERVICE_SEED = 0
_SAMPLE_LINES = 500
_LONGEST_DAYS = 31  # a simulation keeps a dozen series with a value for each second
_ADD_DURATION = 'LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\" %D" combined_d'

Progress = Callable[[int, int], None]


def read_logs(
    paths: str | Path | Iterable[str | Path],
    *,
    format: str = "",
    service: Law | None = None,
    progress: Progress | None = None,
    mounts: Sequence[str] = (),
) -> Workload:
    """Read one or several (rotated, plain or gzip) access logs as one period of traffic.

    ``format``: a LogFormat as Apache writes it, or a name of ``FORMATS``; found by trial when empty.
    ``service``: the law of service times; needed when the log has no durations (%D, %T, %{ms}T), and used
    in place of logged ones when given. ``progress`` is called with bytes read and bytes in all. ``mounts``:
    each request's ``kind`` becomes the place of the first one that its path is under (their number when it
    is under none); None where the log has no paths.

    Second 0 of the workload (``started_at``) is the whole second of the first arrival; ``duration_s``
    reaches to the end of the whole second of the last one. The tie rule is in the module's docstring and
    in ``assumptions``. What was wrong with single lines is in ``notes``; what makes the whole log useless
    is an InputError with file and line.
    """
    files, notes = _files([paths] if isinstance(paths, str | Path) else list(paths))
    name, compiled = (format, compile_format(format, mounts)) if format else _trial(files, mounts)
    if compiled.duration is None and service is None:
        raise InputError(
            f"{files[0]}: the log format ({name}) holds no durations, so that the time a request "
            f"holds a worker is not known: give a service law (--service lognormal:mean=0.2,cv=1), or log "
            f"durations from now on: {_ADD_DURATION}"
        )
    parts = _read(files, compiled, progress, mounts)
    for part in parts:
        notes += [*part.notes, *_rejections(part, name)]
    parts = sorted((part for part in parts if len(part)), key=lambda part: int(part.seconds[0]))
    if not parts:
        raise _nothing(files, notes)
    return _workload(parts, notes, name if format else f"{name} (found by trial)", compiled, service)


def _files(paths: list[str | Path]) -> tuple[list[str], list[Note]]:
    """The files, each once, all of them regular files."""
    if not paths:
        raise InputError("no log file is named")
    files: dict[str, str] = {}
    notes: list[Note] = []
    for path in map(str, paths):
        check_regular(path)
        if files.setdefault(os.path.realpath(path), path) != path or list(map(str, paths)).count(path) > 1:
            note = Note("note", Where(path), "is named more than once; it is read once")
            notes += [] if note in notes else [note]
    return list(files.values()), notes


def _trial(files: list[str], mounts: Sequence[str]) -> tuple[str, CompiledFormat]:
    """The built-in format that fits most of the first lines."""
    sample: list[bytes] = []
    notes: list[Note] = []
    place = Where(files[0])
    for path in files:
        for number, block in blocks(path, notes):
            sample = [line for line in block.split(b"\n") if line.strip()][:_SAMPLE_LINES]
            place = Where(path, number)
            break
        if sample:
            break
    if not sample:
        raise _nothing(files, notes)
    name = best_format(sample)
    if not name:
        raise InputError(
            f"{place}: none of the built-in log formats ({', '.join(FORMATS)}) fits: {printable(sample[0])} "
            f"-- give the LogFormat line of the server that wrote it"
        )
    return name, compile_format(name, mounts)


def _nothing(files: list[str], notes: list[Note]) -> InputError:
    """The error for files without any line, with what made them unreadable."""
    why = "; ".join(str(note) for note in notes if note.severity == "warning")
    text = f"{', '.join(files)}: no lines; an access log is expected"
    return InputError(f"{text} ({why})" if why else text)


def best_format(lines: list[bytes]) -> str:
    """Name of the built-in format that fits most of ``lines``, "" when none fits any."""
    fits = {name: sum(map(compile_format(name).fits, lines)) for name in FORMATS}
    name = max(fits, key=lambda each: fits[each])
    return name if fits[name] else ""


def _read(
    files: list[str], compiled: CompiledFormat, progress: Progress | None, mounts: Sequence[str]
) -> list[Records]:
    sizes = [check_regular(path) for path in files]
    parts: list[Records] = []
    for i, path in enumerate(files):
        before, total = sum(sizes[:i]), sum(sizes)

        def tell(done: int, before: int = before, total: int = total) -> None:
            if progress:
                progress(min(before + done, total), total)

        parts.append(read_records(path, compiled, tell, mounts))
    return parts


def _rejections(part: Records, name: str) -> list[Note]:
    """Notes on the lines left out; InputError when they are more than half of the file."""
    if part.rejected <= len(part):
        return rejection_notes(part)
    where, line = part.shown[0]
    fitting = best_format([line for _, line in part.shown])
    hint = f"it looks like {fitting}" if fitting else "none of the built-in formats fits it either"
    if compile_format(name).fits(line):
        hint = "its form fits, but there is no such date"
    raise InputError(
        f"{where}: {part.rejected} of {part.rejected + len(part)} lines do not fit the log format {name!r}, "
        f"for example: {printable(line)} -- {hint}"
    )


def _workload(
    parts: list[Records], notes: list[Note], name: str, compiled: CompiledFormat, service: Law | None
) -> Workload:
    """Join the files: times, durations, order."""
    seconds = np.concatenate([part.seconds for part in parts])
    base = int(seconds.min())
    _check_span(parts, seconds)
    times_s = (seconds - base) + np.concatenate([part.fraction_s for part in parts])
    assumptions = [f"log format: {name}", *_time_assumptions(compiled)]
    notes += clock_notes(parts)
    if compiled.resolution_s == 1:
        times_s = spread_ties(seconds - base)
    logged_s = None
    if compiled.duration is not None:
        notes += duration_notes(parts, compiled.captures[compiled.duration].unit_s)
        logged_s = np.maximum(np.concatenate([part.duration_s for part in parts]), 0.0)
    if compiled.moment == "end" and logged_s is not None:
        times_s = times_s - np.nan_to_num(logged_s)
    service_s = _service(logged_s, len(times_s), service, parts[0].path, assumptions)
    first = int(np.floor(times_s.min()))
    order = np.argsort(times_s, kind="stable")
    arrivals_s = times_s[order] - first
    mounts = [part.mount for part in parts if part.mount is not None]
    return Workload(
        label=parts[0].path if len(parts) == 1 else f"{parts[0].path} and {len(parts) - 1} more",
        arrivals_s=arrivals_s,
        service_s=service_s[order],
        duration_s=float(np.floor(arrivals_s[-1])) + 1.0,
        assumptions=tuple(assumptions),
        notes=tuple(notes),
        started_at=float(base + first),
        kind=np.concatenate(mounts)[order] if mounts else None,
    )


def spread_ties(seconds: Ints) -> Floats:
    """The tie rule: whole seconds in, times in; request i of the n of a second at (i + 0.5) / n of it."""
    order = np.argsort(seconds, kind="stable")
    ascending = seconds[order]
    starts = np.flatnonzero(np.diff(ascending, prepend=ascending[0] - 1))
    sizes = np.diff(starts, append=len(ascending))
    rank = np.arange(len(ascending)) - np.repeat(starts, sizes)
    times_s = np.empty(len(seconds))
    times_s[order] = ascending + (rank + 0.5) / np.repeat(sizes, sizes)
    return times_s


def _time_assumptions(compiled: CompiledFormat) -> list[str]:
    """What the log's time stamps leave open."""
    said = []
    if compiled.resolution_s == 1:
        said.append("times are logged in whole seconds: the requests of a second are spread evenly over it")
    if not compiled.zoned:
        said.append("the log names no time zone: its times are taken as UTC")
    if compiled.moment == "end":
        known = compiled.duration is not None
        how = "the arrival is that less the duration" if known else "it is taken as the arrival"
        said.append(f"the log holds the time at which a request ended: {how}")
    return said


def _service(
    logged_s: Floats | None, count: int, service: Law | None, path: str, assumptions: list[str]
) -> Floats:
    """Service times of all records: logged, drawn, or drawn for those that have none."""
    rng = np.random.default_rng(SERVICE_SEED)
    if service is not None:
        replaced = " in place of the logged ones" if logged_s is not None else ": the log holds none"
        assumptions.append(f"service times are drawn from {service.text} (seed {SERVICE_SEED}){replaced}")
        return service.draw(count, rng)
    assert logged_s is not None
    unknown = np.isnan(logged_s)
    if unknown.all():
        raise InputError(
            f'{path}: every duration is "-"; give a service law (--service lognormal:mean=0.2,cv=1)'
        )
    if unknown.any():
        assumptions.append(
            f'{int(unknown.sum())} durations are "-": drawn from the others (seed {SERVICE_SEED})'
        )
        logged_s[unknown] = rng.choice(logged_s[~unknown], int(unknown.sum()))
    assumptions.append("a request holds a worker for the logged duration; keep-alive is not in an access log")
    return logged_s


def _check_span(parts: list[Records], seconds: Ints) -> None:
    """InputError when one wrong date stretches the log over years."""
    days = (int(seconds.max()) - int(seconds.min())) / 86400
    if days <= _LONGEST_DAYS:
        return
    low, high = (_where(parts, int(pick(seconds))) for pick in (np.argmin, np.argmax))
    raise InputError(
        f"{low}: the earliest and {high}: the latest line are {days:.0f} days apart "
        f"(at most {_LONGEST_DAYS}): correct or leave out the wrong dates, or read fewer files"
    )


def _where(parts: list[Records], index: int) -> Where:
    for part in parts:
        if index < len(part):
            return part.where(index)
        index -= len(part)
    raise IndexError(index)
