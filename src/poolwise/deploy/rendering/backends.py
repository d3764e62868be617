"""The processes that serve a deployment, and the files of servers that Apache proxies to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from poolwise.deploy.plan import Deployment, Hosted, Proxied, Rendered
from poolwise.deploy.rendering.filling import fill
from poolwise.deploy.rendering.quoting import Written

ARENAS = "2"  # of glibc's malloc in each process: 19 % less memory in daemons, and the same CPU for a request
ENVIRONMENT = {"LANG": "C.UTF-8", "MALLOC_ARENA_MAX": ARENAS}
#: Below the folder: entered and written by the applications' user alone, who owns them.
OWNED_FOLDERS = ("run/ready", "run/failed", "run/apps")

BACKLOG = 128
REUSE_S, KEEPALIVE_S = 20, 30  # Apache's connections to a back end: how long it, and how long that keeps one
LOADER = "poolwise_loader"
SWITCHES = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Command:
    """A server in the foreground: started with these words, in that folder, until it is told to stop.

    ``environment``: added to a minimal one. ``user``, ``group``: what it is started as when root starts it;
    "" leaves that to the server itself.
    """

    name: str  # "httpd", "nginx", or the application's
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = ""
    group: str = ""


def commands(deployment: Deployment) -> tuple[Command, ...]:
    """The commands in the order in which to start them: back ends, httpd, nginx."""
    return (*_backends(deployment), _httpd(deployment), *_nginx(deployment))


def backend_files(deployment: Deployment) -> Iterator[Rendered]:
    """``backends/NAME/...``: each application's loader and the settings of its own server."""
    for each in deployment.applications:
        if each.backend in Proxied:
            folder = f"backends/{each.name}"
            yield Rendered(f"{folder}/{LOADER}.py", loader(deployment, each), loader_mode(deployment))
            if each.backend == "uwsgi":
                yield Rendered(f"{folder}/uwsgi.ini", _settings("uwsgi.ini", deployment, each))
            elif each.backend == "gunicorn":
                yield Rendered(f"{folder}/gunicorn.conf.py", _settings("gunicorn.conf.py", deployment, each))


def loader(deployment: Deployment, application: Hosted) -> str:
    """The Python that loads an application in each of its processes, whichever server they belong to."""
    target = application.target
    script = target.startswith("/")
    module, _, path = (target, "", "") if script else target.partition(":")
    return fill(
        "loader.py",
        app=application,
        run=f"{deployment.folder}/run",
        folders=[application.folder, *application.python_path],
        environment=dict(application.environment),
        script=script,
        module=module,
        attributes=(path or "application").split("."),
    )


def loader_mode(deployment: Deployment) -> int:
    """A loader holds the application's environment: private, unless another user has to read it."""
    return 0o644 if deployment.front.user else 0o600


def socket_path(deployment: Deployment, application: Hosted) -> str:
    """The unix socket of an application's own server."""
    return f"{deployment.folder}/run/apps/{application.name}-{deployment.generation}.sock"


def control_path(deployment: Deployment, application: Hosted) -> str:
    """Where that server takes commands: uWSGI's master FIFO, gunicorn's control socket."""
    return f"{deployment.folder}/run/apps/{application.name}-{deployment.generation}.ctl"


def proxy_url(deployment: Deployment, application: Hosted) -> str:
    """Where Apache reaches an application with its own server: a unix socket, with a name for the worker.

    The uwsgi protocol takes the mount apart from the path; over HTTP the whole path is sent, and the loader
    takes it apart.
    """
    socket = socket_path(deployment, application)
    if application.backend == "uwsgi":
        return f"unix:{socket}|uwsgi://{application.name}{'/' if application.mount == '/' else ''}"
    return f"unix:{socket}|http://{application.name}{application.mount}"


def _httpd(deployment: Deployment) -> Command:
    """Apache in the foreground; as root it drops to the front's user itself."""
    folder = deployment.folder
    argv = (deployment.httpd.path, "-d", folder, "-f", f"{folder}/apache/httpd.conf", "-DFOREGROUND")
    return Command("httpd", argv, ENVIRONMENT, folder)


def _nginx(deployment: Deployment) -> Iterator[Command]:
    if deployment.nginx:
        folder = deployment.folder
        # -e: what goes wrong before the configuration is read would else go to a folder of the system
        argv = (deployment.nginx.path, "-p", folder, "-e", "log/nginx-error.log", "-c", "nginx/nginx.conf")
        yield Command("nginx", argv, {}, folder)


def _backends(deployment: Deployment) -> Iterator[Command]:
    for each in deployment.applications:
        if each.backend in Proxied:
            argv, environment = _server(deployment, each)
            front = deployment.front
            yield Command(
                each.name, argv, {**ENVIRONMENT, **environment}, deployment.folder, front.user, front.group
            )


def _server(deployment: Deployment, application: Hosted) -> tuple[tuple[str, ...], dict[str, str]]:
    """The command line of an application's own server, and what it needs in its environment."""
    python = deployment.interpreter.executable
    folder = f"{deployment.folder}/backends/{application.name}"
    if application.backend == "uwsgi":
        return (posixpath.join(posixpath.dirname(python), "uwsgi"), "--ini", f"{folder}/uwsgi.ini"), {}
    if application.backend == "gunicorn":
        return (python, "-m", "gunicorn", "--config", f"{folder}/gunicorn.conf.py"), {}
    options = {
        "interface": "wsgi",
        "uds": socket_path(deployment, application),
        "uds-permissions": "0600",
        "http": "1",
        "workers": str(application.processes),
        "blocking-threads": str(application.threads),
        "backlog": str(BACKLOG),
        "http1-header-read-timeout": str(KEEPALIVE_S * 1000),
        "workers-kill-timeout": str(mercy_s(deployment)),
        "ws": "false",
        "respawn-failed-workers": "true",
        **application.options,
    }
    words = [word for name, value in options.items() for word in _granian_option(name, value)]
    return (python, "-m", "granian", *words, f"{LOADER}:application"), {"PYTHONPATH": folder}


def _granian_option(name: str, value: str) -> tuple[str, ...]:
    """Switches have no value."""
    if value in SWITCHES:
        return (f"--{name}" if SWITCHES[value] else f"--no-{name}",)
    return f"--{name}", value


def mercy_s(deployment: Deployment) -> int:
    """How long a request may still take in a process that is to end."""
    return max(1, deployment.front.timeout_s // 2)


def _settings(template: str, deployment: Deployment, application: Hosted) -> str:
    folder = f"{deployment.folder}/backends/{application.name}"
    return fill(
        template,
        d=deployment,
        app=application,
        folder=folder,
        loader=f"{folder}/{LOADER}.py",
        socket=socket_path(deployment, application),
        control=control_path(deployment, application),
        backlog=BACKLOG,
        mercy_s=mercy_s(deployment),
        keepalive_s=KEEPALIVE_S,
        options={
            Written(name.replace("-", "_")): _gunicorn_value(value)
            for name, value in application.options.items()
        },
    )


def _gunicorn_value(value: str) -> int | str | bool:
    """gunicorn wants numbers and switches as such."""
    if value in SWITCHES:
        return SWITCHES[value]
    return int(value) if re.fullmatch(r"-?\d{1,18}", value) else value
