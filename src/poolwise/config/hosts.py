"""The main server and its virtual hosts with the keep-alive and time-out settings that each one uses.

Sources: ``ap_fixup_virtual_hosts`` in server/config.c (what a host leaves unset, or sets to 0 in the case
of the two time-outs, comes from the main server) and ``ap_process_connection`` / ``ap_set_keepalive`` (the
idle time between requests is that of the first host on the address unless the host sets its own).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from poolwise.config.index import MAIN, Index
from poolwise.config.index import Host as HostSection
from poolwise.config.settings import spellings
from poolwise.model import Change, Host, Value, Where
from poolwise.servers import read_value

PER_HOST = ("Timeout", "KeepAlive", "KeepAliveTimeout", "MaxKeepAliveRequests")
_ZERO_INHERITS = ("Timeout", "KeepAliveTimeout")


def hosts(index: Index, values: Mapping[str, Value], architecture: str, version: str) -> tuple[Host, ...]:
    """The main server first, then each ``<VirtualHost>`` in reading order."""
    main = {name: values[name] for name in PER_HOST}
    found = [Host(MAIN, main, Where())]
    first_on: dict[str, Mapping[str, Value]] = {}
    for section, name in index.hosts.items():
        if section is None:
            continue
        own = _own(index, section, architecture, version)
        merged = {key: _merged(key, own.get(key), main[key]) for key in PER_HOST}
        first = first_on.setdefault(section.argline, merged)
        if first is not merged and "KeepAliveTimeout" not in own:
            merged["KeepAliveTimeout"] = _from_first(first["KeepAliveTimeout"], section.argline)
        found.append(Host(name, merged, section.where))
    return tuple(found)


def _own(index: Index, section: HostSection, architecture: str, version: str) -> dict[str, Value]:
    """What a virtual host sets itself."""
    rows = spellings(architecture, version)
    return {
        name: read_value(rows[name.lower()], directive.args, directive.where, version)
        for name in PER_HOST
        for directive in index.within(section, name)
    }


def _merged(name: str, own: Value | None, main: Value) -> Value:
    if own is None:
        return main
    if name in _ZERO_INHERITS and own.value == 0:
        why = "0 in a virtual host means the main server's value"
        return replace(own, value=main.value, changes=(*own.changes, Change(0, main.value, "", why)))
    return own


def _from_first(value: Value, address: str) -> Value:
    note = "; ".join(filter(None, (value.where.note, f"as in the first virtual host of {address}")))
    return replace(value, where=replace(value.where, note=note))
