"""The options of ``WSGIDaemonProcess``, for the mod_wsgi that will read them.

Source: ``wsgi_add_daemon_process`` in src/server/wsgi_daemon.c of mod_wsgi 4.9 to 6.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from poolwise.deploy.plan import Deployment, Hosted, ModWsgi
from poolwise.model import InputError

#: Options with a number, by the first release that has them.
NUMBERS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(
        (
            "connect-timeout",
            "cpu-priority",
            "cpu-time-limit",
            "deadlock-timeout",
            "eviction-timeout",
            "graceful-timeout",
            "header-buffer-size",
            "inactivity-timeout",
            "listen-backlog",
            "maximum-requests",
            "memory-limit",
            "queue-timeout",
            "receive-buffer-size",
            "request-timeout",
            "response-buffer-size",
            "response-socket-timeout",
            "restart-interval",
            "send-buffer-size",
            "shutdown-timeout",
            "socket-timeout",
            "stack-size",
            "startup-timeout",
            "umask",
            "virtual-memory-limit",
        ),
        (4, 5),
    ),
    **dict.fromkeys(("interrupt-timeout", "response-flush-delay"), (6,)),
}
#: The others. processes, threads, user and group have options of poolwise's own.
WORDS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(
        (
            "display-name",
            "home",
            "lang",
            "locale",
            "python-eggs",
            "python-home",
            "python-path",
            "script-group",
            "script-user",
            "server-metrics",
            "socket-user",
            "supplementary-groups",
        ),
        (4, 5),
    ),
    "switch-interval": (6,),
}
OPTIONS = {**NUMBERS, **WORDS}

CONNECT_S, STARTUP_S, DEADLOCK_S, SHUTDOWN_S = 15, 60, 60, 5
LISTEN_BACKLOG = 128
RESPONSE_BUFFER_BYTES = 1 << 20


def daemon_options(deployment: Deployment, application: Hosted) -> dict[str, str]:
    """Every option of the application's group; its own ``options`` win over poolwise's choice.

    InputError for an option that this mod_wsgi does not have.
    """
    patience_s = deployment.front.timeout_s
    chosen = {
        "processes": str(application.processes),  # always written: wsgi.multiprocess follows from it
        "threads": str(application.threads),
        "display-name": f"(wsgi:{application.name})",
        "home": application.folder,
        "python-home": deployment.interpreter.prefix,
        "lang": "C.UTF-8",
        "locale": "C.UTF-8",
        "listen-backlog": str(LISTEN_BACKLOG),
        "connect-timeout": str(CONNECT_S),
        "socket-timeout": str(patience_s),
        "queue-timeout": "0",
        "request-timeout": str(patience_s),
        "startup-timeout": str(STARTUP_S),
        "deadlock-timeout": str(DEADLOCK_S),
        "graceful-timeout": str(patience_s // 2),
        "eviction-timeout": str(patience_s // 2),
        "shutdown-timeout": str(SHUTDOWN_S),
        "response-buffer-size": str(RESPONSE_BUFFER_BYTES),
        **application.options,
    }
    assert deployment.mod_wsgi is not None  # ``check`` has seen to that
    for name, value in application.options.items():
        _check(name, value, application, deployment.mod_wsgi)
    return chosen


def _check(name: str, value: str, application: Hosted, mod_wsgi: ModWsgi) -> None:
    """InputError for an option that does not exist, or not yet, and for what is no number."""
    if name not in OPTIONS:
        raise InputError(f"{application.name}: {name!r} is no option for a group of mod_wsgi's processes")
    if tuple(map(int, mod_wsgi.version.split("."))) < OPTIONS[name]:
        known = ".".join(map(str, OPTIONS[name]))
        text = f"the option {name!r} needs mod_wsgi {known} or newer, this is {mod_wsgi.version}"
        raise InputError(f"{application.name}: {text}")
    if name in NUMBERS and not re.fullmatch(r"-?\d{1,12}", value):
        raise InputError(f"{application.name}: {name}={value!r} must be a number")
