"""mod_wsgi in Apache's own workers (embedded mode): the pool is the MPM's, these directives change its cost.

Sources: src/server/wsgi_config.c, wsgi_apache.c and wsgi_interp.c of mod_wsgi 4.9 and 6.1;
modwsgi.readthedocs.io, configuration directives. An application without WSGIProcessGroup runs here, known
or not. Each process loads it on the first request that it serves, unless WSGIImportScript names it.
"""

from __future__ import annotations

from math import inf

from poolwise.servers.peer import Option

_MANUAL = "wsgi_config.c; manual: configuration directives"

EMBEDDED_OPTIONS: tuple[Option, ...] = (
    Option("WSGIRestrictEmbedded", 0, 0, 1, "", _MANUAL,
           "On refuses embedded requests, and saves Python in every Apache process.", flag=True),
    Option("WSGILazyInitialization", 1, 0, 1, "", _MANUAL,
           "Python starts after the fork; Off starts it in the parent.", flag=True, until="6.0"),
    Option("WSGIScriptReloading", 1, 0, 1, "", _MANUAL,
           "A changed script file is loaded anew: embedded in place, in a group by a restart.", flag=True),
    Option("WSGIDestroyInterpreter", 1, 0, 1, "", _MANUAL,
           "Interpreters are taken down when the process ends; Off skips it.", flag=True),
    Option("WSGISwitchInterval", 0.005, 0, inf, "s", _MANUAL,
           "How long a thread may keep the GIL that others want.", whole=False, since="6.0"),
    Option("WSGIPerInterpreterGIL", 0, 0, 1, "", _MANUAL,
           "Each application group has a GIL of its own (Python 3.12).", flag=True, since="6.0"),
    Option("WSGIFreeThreading", 0, 0, 1, "", _MANUAL,
           "No GIL, in a Python that was built so.", flag=True, since="6.0"),
)  # fmt: skip
