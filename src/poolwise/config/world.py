"""What a configuration can ask about besides its own text: version, modules, defines, environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Always in httpd itself, whatever the build (``httpd -l``: core.c, http_core.c, mod_so.c).
BUILT_IN = ("core_module", "so_module", "http_module")

#: What Debian's and Fedora's builds have in addition (Debian: ``apache2 -l``).
DISTRIBUTION_BUILT_IN = (
    "watchdog_module",
    "log_config_module",
    "logio_module",
    "version_module",
    "unixd_module",
)


@dataclass(frozen=True)
class World:
    """The httpd that would read the configuration.

    ``mpm``: the MPM built into it ("prefork", "worker", ...), "" where LoadModule chooses one.
    ``defines``: ``-D`` arguments, name to value ("" for a bare name).
    ``environment``: environment variables; they win over Debian's ``envvars`` file.
    ``server_root``: the compiled-in ServerRoot (``httpd -V``, HTTPD_ROOT); "" for the directory of the
    configuration file. ``static_modules``: modules built into it, without the MPM.
    """

    httpd_version: str = "2.4.71"
    mpm: str = ""
    defines: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    server_root: str = ""
    static_modules: tuple[str, ...] = BUILT_IN + DISTRIBUTION_BUILT_IN
