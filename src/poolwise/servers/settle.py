"""From what a configuration asks for to what is in force: defaults, start-up changes, and the pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from poolwise.model import InputError, Pool, Value
from poolwise.servers import apache_event, apache_prefork, apache_winnt, apache_worker
from poolwise.servers.apache_connections import connection_options
from poolwise.servers.apache_threaded import BEYOND_SERVER_LIMIT
from poolwise.servers.ledger import Ledger
from poolwise.servers.parameter import Parameter, Release, compiled_in, release, valid_for

_ROWS: dict[str, tuple[Parameter, ...]] = {
    "prefork": apache_prefork.PARAMETERS,
    "worker": apache_worker.PARAMETERS,
    "event": apache_event.PARAMETERS,
    "winnt": apache_winnt.PARAMETERS,
}
_ADJUST: dict[str, Callable[[Ledger, Release, int], None]] = {
    "prefork": apache_prefork.adjust,
    "worker": apache_worker.adjust,
    "event": apache_event.adjust,
    "winnt": apache_winnt.adjust,
}

ARCHITECTURES: tuple[str, ...] = tuple(_ROWS)


def parameters(architecture: str, version: str) -> tuple[Parameter, ...]:
    """Every directive that ``architecture`` of that httpd version accepts. InputError when it is unknown."""
    if architecture not in _ROWS:
        raise InputError(f"unknown MPM {architecture!r}: known are {', '.join(ARCHITECTURES)}")
    return valid_for(_ROWS[architecture], version)


def settle(architecture: str, asked: Mapping[str, Value], version: str, buckets: int = 1) -> dict[str, Value]:
    """The values in force, by directive name, each with the changes that httpd made to it.

    ``asked``: the values that are set, by current name (of settled values, what was asked for counts).
    ``buckets``: groups of listening sockets (ListenCoresBucketsRatio; 1 unless that is set). InputError
    for a directive that the architecture does not have.
    """
    known = {parameter.name: parameter for parameter in parameters(architecture, version)}
    default = compiled_in(version)
    values = {name: Value(name, row.default, row.unit, default) for name, row in known.items()}
    for name, value in asked.items():
        if name not in known:
            raise InputError(f"{name} is not a directive of the {architecture} MPM of httpd {version}")
        if value.where.file or not value.where.note.startswith("compiled-in default"):
            values[name] = _as_asked(value, known[name].unit)
    ledger = Ledger(values)
    _ADJUST[architecture](ledger, release(version), buckets)
    return ledger.values


def _as_asked(value: Value, unit: str) -> Value:
    """Take back what an earlier ``settle`` did; how a word was read as a number stays."""
    read = tuple(change for change in value.changes if isinstance(change.asked, str))
    later = [change for change in value.changes if change not in read]
    return replace(
        value, value=later[0].asked if later else value.value, unit=value.unit or unit, changes=read
    )


def pool(architecture: str, values: Mapping[str, Value], version: str, name: str = "front") -> Pool:
    """The pool that settled values make. Spares are in processes for prefork and winnt's one process,
    in threads otherwise."""
    number = Ledger(values).number
    threads = number("ThreadsPerChild") if architecture != "prefork" else 1
    if architecture == "winnt":
        start = processes = servers = 1
        low, high, most = 1, threads, threads
    else:
        unit = "Servers" if architecture == "prefork" else "Threads"
        start, low, high = number("StartServers"), number(f"MinSpare{unit}"), number(f"MaxSpare{unit}")
        servers, most = number("ServerLimit"), number("MaxRequestWorkers")
        processes, most = most // threads, _compared_with(values["MaxRequestWorkers"], most)
    return Pool(
        name=name, architecture=architecture, threads=threads, start=start, min_spare=low, max_spare=high,
        process_limit=processes, server_limit=servers, max_workers=most,
        max_connections_per_child=number("MaxConnectionsPerChild"), backlog=number("ListenBacklog"),
        httpd_version=version, options=connection_options(values, version),
    )  # fmt: skip


def _compared_with(value: Value, in_force: int) -> int:
    """The MaxRequestWorkers that worker and event compare with: uncut when ServerLimit cut the processes."""
    cuts = [change for change in value.changes if change.message_id in BEYOND_SERVER_LIMIT]
    asked = cuts[0].asked if cuts else in_force
    return asked if isinstance(asked, int) else in_force
