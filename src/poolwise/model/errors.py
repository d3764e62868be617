"""The three errors, by whose fault it was, and the root that the command line catches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolwise.model.configuration import Where


class PoolwiseError(Exception):
    """Root of the three errors below; the command line prints it as one line and exits."""

    exit_code = 2


class ConfigError(PoolwiseError):
    """Your configuration is at fault; ``where`` names the file and line."""

    def __init__(self, message: str, where: Where) -> None:
        super().__init__(f"{where}: {message}" if str(where) else message)
        self.message = message
        self.where = where


class InputError(PoolwiseError):
    """An argument or an input file that you gave is at fault; the text names it and the range."""


class ServerError(PoolwiseError):
    """A server that we ran failed; the text holds what it said."""

    exit_code = 3
