"""What keeps a rendered site running without poolwise: systemd units, log rotation, and a page of words."""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.deploy.plan import Deployment, Proxied, Rendered
from poolwise.deploy.rendering.backends import OWNED_FOLDERS, Command, commands, control_path, mercy_s
from poolwise.deploy.rendering.container import possible
from poolwise.deploy.rendering.filling import fill

LOWEST_FREE_PORT = 1024  # below, a capability is needed (ip(7))
FEWEST_FILES = 4096  # open at once: clients, those that only keep a connection, and daemons' sockets
SPARE_S = 10  # between what a server takes to end by itself and SIGKILL
STOP_SIGNALS = {"httpd": "SIGWINCH", "nginx": "SIGQUIT"}  # those that let requests finish; else SIGTERM


def service_files(deployment: Deployment) -> Iterator[Rendered]:
    """``systemd/...`` (where there is a user to run as), ``logrotate/NAME`` and ``README``."""
    name = deployment.name
    servers = commands(deployment) if deployment.front.user else ()
    for command in servers:
        yield Rendered(f"systemd/{unit(deployment, command)}", _unit(deployment, command))
    if servers:
        folders = [("run", "0755"), ("log", "0750"), *((each, "0700") for each in OWNED_FOLDERS)]
        yield Rendered(f"systemd/{name}.conf", fill("tmpfiles.conf", d=deployment, folders=dict(folders)))
    yield Rendered(f"logrotate/{name}", fill("logrotate", d=deployment))
    yield Rendered("README", _readme(deployment, [unit(deployment, each) for each in servers]))


def unit(deployment: Deployment, command: Command) -> str:
    """The file of a command's unit: httpd's is called as the site is."""
    return f"{deployment.name}{'' if command.name == 'httpd' else '-' + command.name}.service"


def _unit(deployment: Deployment, command: Command) -> str:
    front = deployment.front
    servers = {each.name: each.backend for each in deployment.applications if each.backend in Proxied}
    application = next((each for each in deployment.applications if each.name == command.name), None)
    return fill(
        "unit.service",
        d=deployment,
        command=command,
        server=servers.get(command.name, command.name),
        backends=[f"{deployment.name}-{name}.service" for name in servers],
        environment=[f"{name}={value}" for name, value in command.environment.items()],
        control=control_path(deployment, application) if application else "",
        stop_signal=STOP_SIGNALS.get(command.name, "SIGTERM"),
        stop_s=mercy_s(deployment) + SPARE_S,
        low_port=min([front.port, *([front.tls.port] if front.tls else [])]) < LOWEST_FREE_PORT,
        written=[f"{deployment.folder}/run", f"{deployment.folder}/log"],
        files=max(FEWEST_FILES, 8 * front.connections),
    )


def _readme(deployment: Deployment, units: list[str]) -> str:
    servers = commands(deployment)
    return fill(
        "README",
        d=deployment,
        units=units,
        commands=servers,
        httpd=next(each.argv for each in servers if each.name == "httpd"),
        env={each.name: [f"{name}={value}" for name, value in each.environment.items()] for each in servers},
        owned=OWNED_FOLDERS,
        dockerfile=possible(deployment),
    )
