"""The simulation of worker pools: exact to the request and to httpd's maintenance pass."""

from __future__ import annotations

from poolwise.simulation.facade import needs_compiling, simulate
from poolwise.simulation.incident import Incident, Timing

__all__ = ["Incident", "Timing", "needs_compiling", "simulate"]
