"""What is to be hosted, and how: the values that ``render`` turns into files and ``serve`` runs.

A ``Deployment`` is complete: everything that was found on the machine (httpd, mod_wsgi, Python), chosen for
it (sizes) or asked for (addresses, TLS, static files) stands in it, so that rendering needs nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Backend = Literal["daemon", "embedded", "uwsgi", "gunicorn", "granian"]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # what a server gets of the environment
Proxied = ("uwsgi", "gunicorn", "granian")  # back ends with processes of their own, which Apache proxies to


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that the applications run on."""

    executable: str  # absolute; the virtual environment's own, symbolic links not followed
    prefix: str  # sys.prefix: what WSGIPythonHome is set to
    base_prefix: str
    version: str  # "3.11.7"
    library: str  # the real path of its libpython, "" when it has none that is shared


@dataclass(frozen=True, slots=True)
class Httpd:
    """The Apache httpd that runs them."""

    path: str  # "/usr/sbin/apache2"
    version: str  # "2.4.71"
    modules: str  # the folder of mod_*.so
    built_in: frozenset[str] = frozenset()  # files of the modules linked into it: "mod_so.c", "core.c", ...
    mime_types: str = ""  # a mime.types file, "" when none was found


@dataclass(frozen=True, slots=True)
class ModWsgi:
    """A mod_wsgi that is built for the interpreter."""

    path: str  # the shared object
    version: str  # "6.1.1"
    library: str  # the real path of the libpython it is linked to, "" when that is linked in


@dataclass(frozen=True, slots=True)
class Hosted:
    """One application: what it is, where it is reached, and the processes that run it.

    ``options``: of its WSGIDaemonProcess (or of its own server), instead of poolwise's choice, in that
    server's spelling.
    """

    name: str  # of its process group: letters, digits, ".", "_" and "-"
    target: str  # "shop.wsgi:application", or the absolute path of a WSGI script file
    folder: str  # absolute: its working directory, and first on sys.path
    mount: str = "/"
    backend: Backend = "daemon"
    processes: int = 2
    threads: int = 5
    python_path: tuple[str, ...] = ()  # more folders for sys.path
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    health: str = "/"  # below the mount: what a health check asks for


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificates that exist already, and the port that uses them."""

    certificate: str  # PEM, with the chain
    key: str
    port: int = 8443
    only: bool = True  # plain HTTP is redirected


@dataclass(frozen=True, slots=True)
class Static:
    """A folder whose files Apache (or nginx) sends itself."""

    url: str  # "/static"
    folder: str


@dataclass(frozen=True, slots=True)
class Front:
    """What clients connect to."""

    host: str = "127.0.0.1"
    port: int = 8000
    names: tuple[str, ...] = ()  # ServerName and ServerAlias; () answers to every name
    connections: int = 100  # that can be in a request at once: worker threads of the event MPM
    keep_alive_s: int = 5  # 0: KeepAlive Off
    timeout_s: int = 60
    body_limit_bytes: int = 100_000_000
    tls: Tls | None = None
    http2: bool = False
    compress: bool = False
    trusted_proxies: tuple[str, ...] = ()  # addresses whose X-Forwarded-For is believed
    static: tuple[Static, ...] = ()
    access_log: bool = True
    status_port: int = 0  # server-status on this port of 127.0.0.1; 0: none
    user: str = ""  # what root drops to; "" when not started by root
    group: str = ""


@dataclass(frozen=True, slots=True)
class NginxFront:
    """nginx in front of Apache, which then listens on ``apache_port`` of 127.0.0.1 only."""

    path: str  # "/usr/sbin/nginx"
    apache_port: int = 8001


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything that is needed to write and run the files of one site.

    ``folder`` (absolute) holds the rendered tree, and below it ``run`` (process ids, sockets) and ``log``.
    ``generation`` tells two Apaches of one folder apart while the one takes over from the other: its pid
    file is ``run/httpd-GENERATION.pid``.
    """

    name: str
    folder: str
    httpd: Httpd
    interpreter: Interpreter
    applications: tuple[Hosted, ...]
    front: Front = Front()
    mod_wsgi: ModWsgi | None = None
    nginx: NginxFront | None = None
    generation: str = "a"
    reasons: tuple[str, ...] = ()  # why the sizes are what they are, in words


@dataclass(frozen=True, slots=True)
class Rendered:
    """One file of the tree, by its path relative to the folder."""

    path: str
    text: str
    mode: int = 0o644
