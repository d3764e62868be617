"""Which name of a module is which: LoadModule's identifier and the source file that IfModule may name.

Source: ``STANDARD20_MODULE_STUFF`` records each module's ``__FILE__``; IfModule compares with it
(``start_ifmod`` in httpd's ``server/core.c``, ``find_loaded_module`` in ``modules/core/mod_so.c``).
"""

from __future__ import annotations

from collections.abc import Iterable

#: Modules whose source file is not ``mod_NAME.c``.
_SOURCES = {
    "core_module": "core.c",
    "http_module": "http_core.c",
    "mpm_prefork_module": "prefork.c",
    "mpm_worker_module": "worker.c",
    "mpm_event_module": "event.c",
    "mpm_winnt_module": "mpm_winnt.c",
    "mpm_netware_module": "mpm_netware.c",
    "mpmt_os2_module": "mpmt_os2.c",
    "ldap_module": "util_ldap.c",
    "apreq_module": "mod_apreq2.c",
}


def source_file(module: str) -> str:
    """``mod_ssl.c`` for ``ssl_module``: the rule ``mod_X.c`` with its few exceptions."""
    return _SOURCES.get(module, f"mod_{module.removesuffix('_module')}.c")


def is_loaded(name: str, loaded: Iterable[str]) -> bool:
    """Whether IfModule finds ``name``, an identifier or a source file, among ``loaded`` identifiers."""
    return any(name in (module, source_file(module)) for module in loaded)
