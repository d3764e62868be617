"""Putting servers to work; so far: asking the installed httpd whether it accepts a configuration."""

from __future__ import annotations

from poolwise.deploy.validate import configtest, find_httpd

__all__ = ["configtest", "find_httpd"]
