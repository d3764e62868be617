"""The nouns of a configuration: a value and its origin, the site, and what runs in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Setting = int | float | str | bool | None
Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Where:
    """The origin of a value: a line of a file, or words when there is no line."""

    file: str = ""
    line: int = 0
    note: str = ""  # "compiled-in default of httpd 2.4", "raised by httpd at start-up", ...

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        if place and self.note:
            return f"{place} ({self.note})"
        return place or self.note


@dataclass(frozen=True, slots=True)
class Change:
    """One change that httpd itself makes to a setting at start-up."""

    asked: Setting
    became: Setting
    message_id: str  # "AH00180", or "" when httpd says nothing
    text: str  # what httpd prints, or the reason in our words when it is silent

    @property
    def silent(self) -> bool:
        """Whether httpd makes the change without printing anything."""
        return not self.message_id


@dataclass(frozen=True, slots=True)
class Value:
    """One effective setting, where it comes from, and what httpd did to what was asked for."""

    name: str  # the current directive name, in Apache's spelling
    value: Setting
    unit: str = ""  # "processes", "threads", "s", "KB", "connections", ...
    where: Where = field(default_factory=Where)
    changes: tuple[Change, ...] = ()

    @property
    def asked(self) -> Setting:
        """What the configuration (or the default) said before httpd changed it."""
        return self.changes[0].asked if self.changes else self.value


@dataclass(frozen=True, slots=True)
class Note:
    """Something the reader of a configuration or a log has to say about its input."""

    severity: Severity
    where: Where
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.severity}: {self.message}"


@dataclass(frozen=True, slots=True)
class Module:
    """A loaded module: ``name`` as in LoadModule (``wsgi_module``)."""

    name: str
    path: str
    where: Where


@dataclass(frozen=True, slots=True)
class Inactive:
    """A section that httpd skips, and why (``<IfModule mpm_worker_module>``: module not loaded)."""

    where: Where
    section: str
    reason: str
    directives: tuple[str, ...] = ()  # the directive lines inside, as written


@dataclass(frozen=True, slots=True)
class DaemonGroup:
    """A ``WSGIDaemonProcess`` group: a fixed pool of processes x threads."""

    name: str
    processes: int
    threads: int
    multiprocess: bool  # what wsgi.multiprocess will be
    options: Mapping[str, str]  # every option as written
    where: Where
    selected: bool  # whether any application runs in it


@dataclass(frozen=True, slots=True)
class Application:
    """A WSGI application (or proxied back end) and where it really runs."""

    mount: str  # "/" or "/shop"
    script: str  # the WSGI script file, or the proxied URL
    host: str  # the virtual host it is in: "*:80 shop.example", or "main server"
    runs: Literal["embedded", "daemon", "proxied"]
    process_group: str  # "" when embedded
    application_group: str  # "%{RESOURCE}", "%{GLOBAL}", ...
    eager: bool  # loaded when the process starts, not at the first request
    reason: str  # why it runs there, in words, naming the deciding line
    where: Where
    multiprocess: bool = True  # wsgi.multiprocess that the application will see
    multithread: bool = False  # wsgi.multithread


@dataclass(frozen=True, slots=True)
class Host:
    """A virtual host (or the main server) with its own keep-alive and time-out settings."""

    name: str  # "main server" or "*:80 shop.example"
    values: Mapping[str, Value]  # KeepAlive, KeepAliveTimeout, MaxKeepAliveRequests, Timeout
    where: Where


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A log that the configuration writes: the file and the format in Apache's own notation."""

    path: str
    nickname: str
    format: str
    where: Where


@dataclass(frozen=True, slots=True)
class Site:
    """An effective configuration: what httpd will really do with it."""

    root: str  # the file it was read from
    httpd_version: str  # "2.4.71"
    mpm: str  # "prefork", "worker", "event", "winnt"
    mpm_where: Where
    values: Mapping[str, Value]  # by current directive name
    modules: tuple[Module, ...]
    applications: tuple[Application, ...]
    daemon_groups: tuple[DaemonGroup, ...]
    hosts: tuple[Host, ...]  # the main server first
    logs: tuple[LogFormat, ...]
    front: str  # the front end that can be seen, in words, or ""
    inactive: tuple[Inactive, ...]
    notes: tuple[Note, ...]
    files: tuple[str, ...] = ()  # every file read, in reading order

    def number(self, name: str) -> int:
        """The value in force of an integer directive; KeyError when this MPM does not have it."""
        value = self.values[name].value
        if not isinstance(value, int):
            raise TypeError(f"{name} is not a number: {value!r}")
        return value
