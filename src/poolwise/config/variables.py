"""Define, UnDefine and ``${VAR}``.

Sources: ``set_define``, ``unset_define`` and ``ap_resolve_env`` in httpd's ``server/core.c``. httpd 2.4
expands a whole line, before it splits it into words, at the moment it reads it: a value with blanks
becomes several words, and a Define further down has no effect.
"""

from __future__ import annotations

from collections.abc import Mapping


class Variables:
    """The names and values that Define, ``-D`` and the environment have given so far."""

    def __init__(self, defines: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self.names: dict[str, str] = dict(defines)  # for IfDefine: exact names
        self._values = {name.lower(): value for name, value in defines.items() if value}
        self._environment = environment

    def define(self, name: str, value: str) -> None:
        """``Define name [value]``; without a value, or with an empty one, only the name is defined."""
        self.names[name] = value or self.names.get(name, "")
        if value:
            self._values[name.lower()] = value

    def undefine(self, name: str) -> None:
        """``UnDefine name``: the name exactly as written, the value whatever its case."""
        self.names.pop(name, None)
        self._values.pop(name.lower(), None)

    def lookup(self, name: str) -> str | None:
        """The value of ``${name}``: a Define whatever its case, then the environment."""
        value = self._values.get(name.lower())
        return self._environment.get(name) if value is None else value

    def expand(self, text: str) -> tuple[str, list[str]]:
        """``text`` with every known ``${VAR}`` replaced once, and the names that are not known.

        An unknown one stays as it is; httpd warns (AH00111) unless its name holds a colon.
        """
        parts: list[str] = []
        unknown: list[str] = []
        at = 0
        while (start := text.find("${", at)) >= 0 and (end := text.find("}", start + 2)) >= 0:
            name = text[start + 2 : end]
            value = self.lookup(name)
            parts.append(text[at:start])
            if value is None:
                value = text[start : end + 1]
                if ":" not in name:
                    unknown.append(name)
            parts.append(value)
            at = end + 1
        return "".join(parts) + text[at:], unknown
