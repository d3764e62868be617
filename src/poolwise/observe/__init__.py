"""Reads live servers: processes and their memory, the scoreboard, the machine."""

from __future__ import annotations

__all__: list[str] = []
