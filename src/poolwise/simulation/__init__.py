"""The simulation of worker pools: exact to the request and to httpd's maintenance pass."""

from __future__ import annotations

from poolwise.simulation.engines import needs_compiling, simulate
from poolwise.simulation.incident import Incident, Timing
from poolwise.simulation.pool.envelope_trace import Trace, prepare
from poolwise.simulation.pool.hybrid_run import simulate_rates

__all__ = ["Incident", "Timing", "Trace", "needs_compiling", "prepare", "simulate", "simulate_rates"]
