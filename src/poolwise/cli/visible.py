"""Text from the user's files as it can be shown on any terminal."""

from __future__ import annotations


def visible(text: str) -> str:
    """``text`` with its control characters written out, so that a file cannot steer the terminal.

    >>> visible("a\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
