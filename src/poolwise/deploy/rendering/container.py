"""The site as an image for containers: a Dockerfile that makes the paths that the other files name."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from poolwise.deploy.plan import Deployment, Proxied, Rendered
from poolwise.deploy.rendering.backends import OWNED_FOLDERS, Command, commands
from poolwise.deploy.rendering.filling import fill
from poolwise.deploy.rendering.quoting import plain_path, shell_word

DEBIAN_MODULES = "/usr/lib/apache2/modules"
SYSTEM_PREFIX = "/usr"  # of the Python that Debian has
COMPILER = ("apache2-dev", "gcc", "libc6-dev")


def container_files(deployment: Deployment) -> Iterator[Rendered]:
    """``Dockerfile``, where ``possible``."""
    if not possible(deployment):
        return
    interpreter = deployment.interpreter
    own = interpreter.prefix != SYSTEM_PREFIX
    front = deployment.front
    text = fill(
        "Dockerfile",
        d=deployment,
        user=front.user or "www-data",
        debian=interpreter.base_prefix == SYSTEM_PREFIX,
        release=".".join(interpreter.version.split(".")[:2]),
        own=own,
        python=posixpath.join(interpreter.prefix, "bin/python3") if own else interpreter.executable,
        packages=list(_packages(deployment)),
        wheels=list(_wheels(deployment)),
        parts=list(_parts(deployment)),
        folders=[f"{deployment.folder}/{each}" for each in ("run", "log", *OWNED_FOLDERS)],
        places={each.folder: each.name for each in reversed(deployment.applications)},
        ports=[front.port, *([front.tls.port] if front.tls else [])],
        loopback=front.host.startswith("127.") or front.host in ("localhost", "::1"),
        single=len(commands(deployment)) == 1,
        first=commands(deployment)[0],
        together=_together(commands(deployment)),
    )
    yield Rendered("Dockerfile", text)


def possible(deployment: Deployment) -> bool:
    """Whether Apache is Debian's and the folders have names that a Dockerfile can hold."""
    folders = [deployment.folder, *(each.folder for each in deployment.applications)]
    return deployment.httpd.modules == DEBIAN_MODULES and all(map(plain_path, folders))


def _packages(deployment: Deployment) -> Iterator[str]:
    """What Debian's package manager installs."""
    yield "apache2"
    if deployment.nginx:
        yield "nginx"
    if len(commands(deployment)) > 1:
        yield "bash"
    if deployment.interpreter.base_prefix == SYSTEM_PREFIX:
        yield from ("python3", "python3-pip", "python3-venv")
    if _packaged(deployment):
        yield "libapache2-mod-wsgi-py3"
    if list(_wheels(deployment)):
        yield from COMPILER
        if deployment.interpreter.base_prefix == SYSTEM_PREFIX:
            yield "python3-dev"


def _wheels(deployment: Deployment) -> Iterator[str]:
    """What pip installs beside the applications' own requirements."""
    if deployment.mod_wsgi and not _packaged(deployment):
        yield f"mod_wsgi=={deployment.mod_wsgi.version}"
    yield from sorted({each.backend for each in deployment.applications} & set(Proxied))


def _packaged(deployment: Deployment) -> bool:
    """Whether mod_wsgi is the one that Debian has."""
    mod_wsgi = deployment.mod_wsgi
    return mod_wsgi is not None and mod_wsgi.path.startswith(f"{DEBIAN_MODULES}/")


def _parts(deployment: Deployment) -> Iterator[str]:
    """The folders of the tree that servers read."""
    yield "apache"
    if any(each.backend in Proxied for each in deployment.applications):
        yield "backends"
    if deployment.nginx:
        yield "nginx"


def _together(servers: tuple[Command, ...]) -> str:
    """A script for bash that runs several servers and ends them all when one has ended."""
    lines = ["trap 'kill $(jobs -p)' TERM INT"]
    for each in servers:
        words = ["env", *(f"{name}={value}" for name, value in each.environment.items()), *each.argv]
        lines.append(" ".join(map(shell_word, words)) + " &")
    return "\n".join([*lines, "wait -n", "kill $(jobs -p)", "wait"])
