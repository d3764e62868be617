"""The books that are kept while httpd changes settings at start-up: what was asked, what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from poolwise.model import Change, Setting, Value


class Ledger:
    """Values under adjustment; every change is recorded on the value it concerns."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = dict(values)

    def number(self, name: str) -> int:
        """The number that is in force by now."""
        value = self.values[name].value
        if not isinstance(value, int):
            raise TypeError(f"{name} is not a whole number: {value!r}")
        return value

    def change(self, name: str, became: Setting, message_id: str, text: str, **numbers: int) -> None:
        """Record one change; ``{asked}``, ``{became}`` and ``{name}`` in the text are filled in."""
        value = self.values[name]
        said = text.format(name=name, asked=value.value, became=became, **numbers)
        entry = Change(value.value, became, message_id, said)
        self.values[name] = replace(value, value=became, changes=(*value.changes, entry))

    def at_most(self, name: str, limit: int, message_id: str, text: str, **numbers: int) -> None:
        """Lower the value to ``limit`` when it is above."""
        if self.number(name) > limit:
            self.change(name, limit, message_id, text, **numbers)

    def at_least(self, name: str, limit: int, message_id: str, text: str, **numbers: int) -> None:
        """Raise the value to ``limit`` when it is below."""
        if self.number(name) < limit:
            self.change(name, limit, message_id, text, **numbers)

    def default(self, name: str, became: Setting, why: str) -> None:
        """Fill in a default that depends on other settings."""
        value = self.values[name]
        if value.value is None:
            where = replace(value.where, note=f"{value.where.note}: {why}")
            self.values[name] = replace(value, value=became, where=where)
