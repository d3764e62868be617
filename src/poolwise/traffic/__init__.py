"""Traffic: access logs and synthetic shapes, both as a ``Workload``."""

from __future__ import annotations

from poolwise.traffic.clients import KeepAlive, divided, parse_keep_alive, with_clients, with_cpu
from poolwise.traffic.laws import LAWS, Law, parse_law
from poolwise.traffic.logformat import FORMATS, CompiledFormat, compile_format
from poolwise.traffic.logs import read_logs
from poolwise.traffic.scaling import scaled
from poolwise.traffic.spec import SHAPES, generate

__all__ = [
    "FORMATS",
    "LAWS",
    "SHAPES",
    "CompiledFormat",
    "KeepAlive",
    "Law",
    "compile_format",
    "divided",
    "generate",
    "parse_keep_alive",
    "parse_law",
    "read_logs",
    "scaled",
    "with_clients",
    "with_cpu",
]
