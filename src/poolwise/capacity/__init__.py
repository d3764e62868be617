"""Capacity: which settings a load needs, and the evidence for it."""

from __future__ import annotations

from poolwise.capacity.advice import tune
from poolwise.capacity.search import Trial, search

__all__ = ["Trial", "search", "tune"]
