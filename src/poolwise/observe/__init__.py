"""Reads live servers: processes and their memory, the scoreboard, the machine."""

from __future__ import annotations

from poolwise.observe.inside import probe_source
from poolwise.observe.listening import listener
from poolwise.observe.machine import listen_backlog_limit, this_machine
from poolwise.observe.offspring import born_s, child_pids, cpu_s, title
from poolwise.observe.processes import (
    Memory,
    Process,
    alive,
    carrying,
    children,
    memory,
    process,
    tree,
)
from poolwise.observe.scoreboard import Scoreboard, Slot, attached, decode, scoreboard_file
from poolwise.observe.sessions import session
from poolwise.observe.sockets import listening_sockets, unix_sockets
from poolwise.observe.urgency import make_urgent

__all__ = [
    "Memory",
    "Process",
    "Scoreboard",
    "Slot",
    "alive",
    "attached",
    "born_s",
    "carrying",
    "child_pids",
    "children",
    "cpu_s",
    "decode",
    "listen_backlog_limit",
    "listener",
    "listening_sockets",
    "make_urgent",
    "memory",
    "probe_source",
    "process",
    "scoreboard_file",
    "session",
    "this_machine",
    "title",
    "tree",
    "unix_sockets",
]
