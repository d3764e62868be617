"""The nouns: frozen values that the packages exchange, and the errors that say whose fault it was.

Nothing here computes more than plain arithmetic on its own fields, reads a file or knows a clock.
Arrays are numpy arrays; numpy itself is imported only by the methods that need it, so that reading a
configuration stays fast. Units are in the names: ``_s`` seconds, ``_bytes`` bytes, ``_rps`` per second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolwise.model.configuration import (
    Application,
    Change,
    DaemonGroup,
    Host,
    Inactive,
    LogFormat,
    Module,
    Note,
    Setting,
    Severity,
    Site,
    Value,
    Where,
)
from poolwise.model.errors import ConfigError, InputError, PoolwiseError, ServerError
from poolwise.model.histogram import BUCKETS, BUCKETS_PER_OCTAVE, LOWEST_EXPONENT, OCTAVES, Histogram
from poolwise.model.measured import Cost, Figure, Measured
from poolwise.model.outcome import Advice, LogLine, Origin, Recommendation, Run, Target
from poolwise.model.resources import App, Clients, Machine, Pool, Proxy, Topology, Workload
from poolwise.model.serving import Group, Serving

if TYPE_CHECKING:
    from poolwise.model.histogram import Floats as Floats
    from poolwise.model.histogram import Ints as Ints

__all__ = [
    "BUCKETS",
    "BUCKETS_PER_OCTAVE",
    "LOWEST_EXPONENT",
    "OCTAVES",
    "Advice",
    "App",
    "Application",
    "Change",
    "Clients",
    "ConfigError",
    "Cost",
    "DaemonGroup",
    "Figure",
    "Group",
    "Histogram",
    "Host",
    "Inactive",
    "InputError",
    "LogFormat",
    "LogLine",
    "Machine",
    "Measured",
    "Module",
    "Note",
    "Origin",
    "Pool",
    "PoolwiseError",
    "Proxy",
    "Recommendation",
    "Run",
    "ServerError",
    "Serving",
    "Setting",
    "Severity",
    "Site",
    "Target",
    "Topology",
    "Value",
    "Where",
    "Workload",
]
