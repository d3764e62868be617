"""How each server is started with the application: ours as poolwise renders it, the others as they are used.

All have the same pool, two processes of five threads, unless their kind has none; all run as the same user
and, but for Debian's own configuration, write no access log. A ``Place`` goes in, commands come out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from poolwise.deploy import (
    Backend,
    Command,
    Deployment,
    Front,
    Hosted,
    Httpd,
    Interpreter,
    ModWsgi,
    NginxFront,
    commands,
    find_apache,
    find_interpreter,
    find_mod_wsgi,
    find_nginx,
    render,
    service_user,
)
from poolwise.deploy.folder import write_tree
from poolwise.deploy.running.instances import prepared

PROCESSES, THREADS = 2, 5
EMBEDDED_THREADS = 50  # they hold the connections as well: as many as the front of the other back ends has
DEBIAN = Path("/etc/apache2")
WSGI = ("wsgi",)


@dataclass(frozen=True)
class Place:
    """Where a server runs: its own folder, two free ports, and the folder and module of the application."""

    folder: Path
    port: int
    inner_port: int  # of what stands behind another server
    site: Path
    module: str
    environment: Path  # the virtual environment that holds mod_wsgi, Flask and the other servers

    def program(self, name: str) -> str:
        """A program of the environment."""
        return str(self.environment / "bin" / name)

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        return next((self.environment / "lib").glob("python3*/site-packages"))


Start = Callable[[Place], Sequence[Command]]


@dataclass(frozen=True)
class Server:
    """One line of the tables."""

    title: str
    start: Start
    ours: bool = False


@cache
def account() -> str:
    """The user that runs the applications: "" for ourselves, unless we are root."""
    return service_user() if os.geteuid() == 0 else ""


def _command(place: Place, *argv: str, as_root: bool = False, **environment: str) -> Command:
    user = "" if as_root else account()
    return Command(Path(argv[0]).name, argv, environment, str(place.folder), user, user)


def express(place: Place) -> Sequence[Command]:
    """mod_wsgi-express with its defaults but for the pool."""
    argv = [place.program("mod_wsgi-express"), "start-server", "--application-type", "module"]
    argv += ["--host", "127.0.0.1", "--port", str(place.port), "--server-root", str(place.folder / "express")]
    argv += ["--processes", str(PROCESSES), "--threads", str(THREADS), "--working-directory", str(place.site)]
    if account():
        argv += ["--user", account(), "--group", account()]
    return [_command(place, *argv, place.module, as_root=True, PYTHONPATH=str(place.site))]


def debian(place: Place) -> Sequence[Command]:
    """Debian's configuration as installed, without mod_wsgi and without an application."""
    return _debian(place, "", drop=WSGI)


def debian_wsgi(place: Place) -> Sequence[Command]:
    """Debian's configuration as installed with mod_wsgi, and no application."""
    return _debian(place, "")


def debian_embedded(place: Place) -> Sequence[Command]:
    """Debian's configuration as installed, with the line that puts an application into Apache's children."""
    return _debian(place, f"WSGIScriptAlias / {_script(place)}")


def debian_daemon(place: Place) -> Sequence[Command]:
    """The same with a daemon group, and nothing that keeps Python out of Apache's children."""
    group = f"WSGIDaemonProcess site processes={PROCESSES} threads={THREADS} display-name=(wsgi:site)"
    return _debian(place, f"{group}\nWSGIProcessGroup site\nWSGIScriptAlias / {_script(place)}")


def kitchen_sink(place: Place) -> Sequence[Command]:
    """Debian's configuration with every module loaded that can be loaded beside the others."""
    every = sorted(DEBIAN.glob("mods-available/*.load"))
    skipped = "mpm_|wsgi|cgid?$|lua|perl|php|python|dav|lbmethod|session_dbd|authn_dbd|auth_form|md$|suexec"
    kept = [path for path in every if not re.match(rf"({skipped})", path.stem)]
    return _debian(place, "", [path.stem for path in kept], drop=WSGI)


def _script(place: Place) -> Path:
    """A script file for Debian's own Python, with the environment's packages on its path."""
    folders = [str(place.site), str(place.packages)]
    script = place.folder / "app.wsgi"
    script.write_text(
        f"import sys\nsys.path[:0] = {folders}\nfrom {place.module} import application\n", "utf-8"
    )
    return script


def _debian(
    place: Place, lines: str, load: Sequence[str] = (), drop: Sequence[str] = ()
) -> Sequence[Command]:
    """A copy of Debian's /etc/apache2: another port, other folders to write in, ``lines`` in its site."""
    copy = place.folder / "apache2"
    shutil.copytree(DEBIAN, copy, symlinks=True)
    (copy / "ports.conf").write_text(f"Listen 127.0.0.1:{place.port}\n", "utf-8")
    site = copy / "sites-available" / "000-default.conf"
    text = re.sub(r"<VirtualHost \*:80>", f"<VirtualHost *:{place.port}>", site.read_text("utf-8"))
    opened = f"<Directory {place.folder}>\nRequire all granted\n</Directory>\n"
    site.write_text(
        f"ServerName localhost\n{opened}" + text.replace("</VirtualHost>", f"{lines}\n</VirtualHost>")
    )
    enabled = copy / "mods-enabled"
    for part in [part for name in drop for part in enabled.glob(f"{name}.*")]:
        part.unlink()
    for part in [part for name in load for part in (copy / "mods-available").glob(f"{name}.*")]:
        with suppress(FileExistsError):
            (enabled / part.name).symlink_to(f"../mods-available/{part.name}")
    folders = {name: str(place.folder) for name in ("APACHE_RUN_DIR", "APACHE_LOCK_DIR", "APACHE_LOG_DIR")}
    environment = {
        **folders,
        "APACHE_PID_FILE": str(place.folder / "apache2.pid"),
        "APACHE_RUN_USER": account() or "#-1",
        "APACHE_RUN_GROUP": account() or "#-1",
    }
    return [_command(place, find_apache().path, "-d", str(copy), "-DFOREGROUND", as_root=True, **environment)]


def gunicorn_sync(place: Place) -> Sequence[Command]:
    """gunicorn with its own kind of worker, one request each, no keep-alive."""
    return _gunicorn(place, f"127.0.0.1:{place.port}", "sync")


def gunicorn(place: Place) -> Sequence[Command]:
    """gunicorn with threads."""
    return _gunicorn(place, f"127.0.0.1:{place.port}", "gthread", "--threads", str(THREADS))


def _gunicorn(place: Place, bind: str, kind: str, *more: str) -> Sequence[Command]:
    argv = [place.program("gunicorn"), "--workers", str(PROCESSES), "--worker-class", kind, "--bind", bind]
    return [_command(place, *argv, *more, "--chdir", str(place.site), f"{place.module}:application")]


def uwsgi(place: Place) -> Sequence[Command]:
    """uWSGI alone, with HTTP/1.1 and keep-alive, loaded once and forked."""
    options = {
        "http11-socket": f"127.0.0.1:{place.port}",
        "processes": str(PROCESSES),
        "threads": str(THREADS),
        "chdir": str(place.site),
        "module": f"{place.module}:application",
        "virtualenv": str(place.environment),
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    flags = ("--master", "--die-on-term", "--need-app", "--disable-logging")
    return [_command(place, place.program("uwsgi"), *flags, *words)]


def granian(place: Place) -> Sequence[Command]:
    """granian with its defaults but for the processes."""
    argv = [place.program("granian"), "--interface", "wsgi", "--workers", str(PROCESSES)]
    argv += ["--host", "127.0.0.1", "--port", str(place.port), "--working-dir", str(place.site)]
    return [_command(place, *argv, f"{place.module}:application", PYTHONPATH=str(place.site))]


NGINX = """
{user}
worker_processes auto;
pid {folder}/nginx.pid;
daemon off;
events {{ worker_connections 768; }}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Host $http_host;
            proxy_redirect off;
            proxy_pass http://unix:{socket};
        }}
    }}
}}
"""


def nginx_gunicorn(place: Place) -> Sequence[Command]:
    """gunicorn behind nginx, on a unix socket, as gunicorn's documentation has it."""
    socket = _owned(place.folder / "sockets") / "gunicorn.sock"
    conf = place.folder / "nginx.conf"
    user = f"user {account()};" if account() else ""
    conf.write_text(NGINX.format(user=user, folder=place.folder, port=place.port, socket=socket), "utf-8")
    inner = _gunicorn(place, f"unix:{socket}", "gthread", "--threads", str(THREADS))
    argv = (find_nginx(), "-p", str(place.folder), "-e", str(place.folder / "error.log"), "-c", str(conf))
    return [*inner, _command(place, *argv, as_root=True)]


def _owned(folder: Path) -> Path:
    """The folder, made for the applications' user."""
    folder.mkdir()
    if account():
        shutil.chown(folder, account(), account())
    return folder


def ours(backend: Backend, threads: int = THREADS, nginx: bool = False) -> Start:
    """What ``poolwise render`` writes, started as its units start it."""

    def start(place: Place) -> Sequence[Command]:
        deployment = _deployment(place, backend, threads, nginx)
        prepared(deployment)
        write_tree(deployment.folder, render(deployment))
        return commands(deployment)

    return start


def _deployment(place: Place, backend: Backend, threads: int, nginx: bool) -> Deployment:
    httpd, interpreter, mod_wsgi = _installed(place.environment)
    target = f"{place.module}:application"
    hosted = Hosted("site", target, str(place.site), backend=backend, processes=PROCESSES, threads=threads)
    front = Front(port=place.port, access_log=False, user=account(), group=account())
    inner = NginxFront(find_nginx(), place.inner_port) if nginx else None
    return Deployment("site", str(place.folder), httpd, interpreter, (hosted,), front, mod_wsgi, inner)


@cache
def _installed(environment: Path) -> tuple[Httpd, Interpreter, ModWsgi]:
    httpd, interpreter = find_apache(), find_interpreter(str(environment))
    return httpd, interpreter, find_mod_wsgi(interpreter, httpd)


SERVERS = {
    "express": Server("mod_wsgi-express", express),
    "daemon": Server("Apache, daemon processes", ours("daemon"), ours=True),
    "embedded": Server("Apache, embedded", ours("embedded", EMBEDDED_THREADS), ours=True),
    "apache-uwsgi": Server("Apache, uWSGI behind it", ours("uwsgi"), ours=True),
    "apache-granian": Server("Apache, granian behind it", ours("granian"), ours=True),
    "apache-gunicorn": Server("Apache, gunicorn behind it", ours("gunicorn"), ours=True),
    "nginx-daemon": Server("nginx, then Apache, daemon processes", ours("daemon", nginx=True), ours=True),
    "debian-embedded": Server("Debian's Apache, embedded", debian_embedded),
    "debian-daemon": Server("Debian's Apache, daemon group added", debian_daemon),
    "nginx-gunicorn": Server("nginx, then gunicorn (threads)", nginx_gunicorn),
    "gunicorn": Server("gunicorn alone (threads)", gunicorn),
    "gunicorn-sync": Server("gunicorn alone (sync)", gunicorn_sync),
    "uwsgi": Server("uWSGI alone", uwsgi),
    "granian": Server("granian alone", granian),
}


BASE = "express"  # what the others are compared with

#: Apache itself, with an application that runs in other processes, or with none
FRONTS = {
    "rendered, for mod_wsgi daemons": ours("daemon"),
    "rendered, for uWSGI": ours("uwsgi"),
    "rendered, for gunicorn or granian": ours("gunicorn"),
    "mod_wsgi-express": express,
    "Debian's, as installed": debian,
    "Debian's, with mod_wsgi": debian_wsgi,
    "Debian's, with every module": kitchen_sink,
}


def versions(environment: Path) -> dict[str, str]:
    """The release of everything that takes part."""
    httpd, interpreter, mod_wsgi = _installed(environment)
    asked = "from importlib.metadata import version as v; print(*map(v, %r))"
    names = ("flask", "gunicorn", "uwsgi", "granian")
    said = subprocess.run(
        [interpreter.executable, "-c", asked % (names,)], capture_output=True, text=True, check=True
    ).stdout
    nginx = subprocess.run([find_nginx(), "-v"], capture_output=True, text=True, check=True).stderr
    return {
        "httpd": httpd.version,
        "mod_wsgi": mod_wsgi.version,
        "Python": interpreter.version,
        **dict(zip(names, said.split(), strict=True)),
        "nginx": nginx.strip().rpartition("/")[2],
    }
