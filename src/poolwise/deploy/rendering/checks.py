"""Whether a ``Deployment`` can be what it says: what no file could hold, or no server could obey."""

from __future__ import annotations

import ipaddress
import os
import re
from collections import Counter
from collections.abc import Iterable

from poolwise.deploy.plan import Deployment, Front, Hosted, Proxied
from poolwise.deploy.rendering.backends import socket_path
from poolwise.model import InputError

LONGEST_FOLDER = 75  # bytes, so that the sockets below it fit into sun_path: 108 bytes (unix(7))
LONGEST_SOCKET = 107
MOST_CONNECTIONS = 20_000  # httpd's own limit for ThreadLimit (mpm_common.h)
OLDEST_HTTPD = (2, 4, 17)  # ListenCoresBucketsRatio
RESERVED = ("httpd", "nginx", "poolwise")

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_FOLDER = r"/[A-Za-z0-9/._+@=,-]+"
_URL = r"/|(/[A-Za-z0-9._~@!,+:=-]+)+"
_HOST_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?"
_USER = r"[A-Za-z_][A-Za-z0-9_.-]{0,31}"
_MODULE = r"[^\W\d]\w*(\.[^\W\d]\w*)*"


def check(deployment: Deployment) -> None:
    """InputError for the first value that cannot be rendered, which it names."""
    _fits(_NAME, deployment.name, "the name of a site")
    _fits("[a-z0-9]{1,8}", deployment.generation, "a generation")
    _check_folder(deployment.folder)
    _check_version(deployment.httpd.version, OLDEST_HTTPD, "httpd")
    if deployment.mod_wsgi:
        _check_version(deployment.mod_wsgi.version, (4, 5), "mod_wsgi")
    _check_front(deployment.front)
    _check_ports(deployment)
    if not deployment.applications:
        raise InputError("there is no application to host; name one, as in shop.wsgi:application")
    for each in deployment.applications:
        _check_application(deployment, each)
    _once("application", (each.name for each in deployment.applications), RESERVED)
    _once("mount", (each.mount for each in deployment.applications))
    _once("folder of static files at", (each.url.rstrip("/") for each in deployment.front.static))


def _check_folder(folder: str) -> None:
    if not re.fullmatch(_FOLDER, folder) or os.path.normpath(folder) != folder:
        raise InputError(f"{folder!r} cannot hold a site: an absolute path of letters, digits and /._+@=,-")
    if len(folder) > LONGEST_FOLDER:
        raise InputError(f"{folder} is too long for the sockets in it; {LONGEST_FOLDER} bytes at most")


def _check_version(version: str, oldest: tuple[int, ...], what: str) -> None:
    if not re.fullmatch(r"\d+(\.\d+)+", version):
        raise InputError(f"{version!r} is no version of {what}")
    if tuple(map(int, version.split("."))) < oldest:
        raise InputError(f"{what} {version} is too old; at least {'.'.join(map(str, oldest))} is needed")


def _check_front(front: Front) -> None:
    if front.host not in ("", "*") and not _is_address(front.host):
        _fits(_HOST_NAME, front.host, "an address to listen on")
    for number, name in enumerate(front.names):
        _fits(_HOST_NAME, name.removeprefix("*.") if number else name, "a server name")
    for name in filter(None, (front.user, front.group)):
        _fits(_USER, name, "a user or group")
    if front.user == "root":
        raise InputError("the applications may not run as root; name an ordinary user")
    _at_least(1, front.connections, "connections", MOST_CONNECTIONS)
    _at_least(0, front.keep_alive_s, "seconds of keep-alive")
    _at_least(1, front.timeout_s, "seconds of time-out")
    _at_least(0, front.body_limit_bytes, "bytes of a request's body")
    for address in front.trusted_proxies:
        if not _is_address(address, network=True):
            raise InputError(f"{address!r} is no address of a proxy, as 10.0.0.1 or 10.0.0.0/8")
    for static in front.static:
        _fits(_URL, static.url.rstrip("/"), "the URL path of static files")
        _absolute(static.folder, "the folder of static files")
    if front.tls:
        _absolute(front.tls.certificate, "a certificate")
        _absolute(front.tls.key, "a certificate's key")


def _check_ports(deployment: Deployment) -> None:
    front = deployment.front
    ports = [front.port]
    ports += [front.tls.port] if front.tls else []
    ports += [front.status_port] if front.status_port else []
    ports += [deployment.nginx.apache_port] if deployment.nginx else []
    for port in ports:
        _at_least(1, port, "as a port", 65535)
    _once("port", map(str, ports))


def _check_application(deployment: Deployment, application: Hosted) -> None:
    _fits(_NAME, application.name, "the name of an application")
    _fits(_URL, application.mount, "the URL path of an application")
    for folder in (application.folder, *application.python_path):
        _absolute(folder, "a folder of an application")
    if not application.target.startswith("/"):
        _fits(f"{_MODULE}(:{_MODULE})?", application.target, "an application, as shop.wsgi:application")
    _at_least(1, application.processes, "processes", 1024)
    _at_least(1, application.threads, "threads", 1024)
    for name, value in application.environment.items():
        _fits("[A-Za-z_][A-Za-z0-9_]*", name, "the name of an environment variable")
        if "\0" in value:
            raise InputError(f"the environment variable {name} holds a NUL, which none can")
    if application.backend not in Proxied:
        if deployment.mod_wsgi is None:
            raise InputError(f"{application.name}: the back end {application.backend} needs a mod_wsgi")
        return
    for name in application.options:
        _fits("[a-z][a-z0-9_-]*", name, "a setting of a server")
    socket = socket_path(deployment, application)
    if len(socket) > LONGEST_SOCKET:
        raise InputError(f"{socket} is too long for a socket; shorten the folder or the name")


def _is_address(text: str, *, network: bool = False) -> bool:
    try:
        if network:
            ipaddress.ip_network(text)
        else:
            ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _fits(pattern: str, value: str, what: str) -> None:
    if not re.fullmatch(pattern, value):
        raise InputError(f"{value!r} cannot be {what}")


def _absolute(path: str, what: str) -> None:
    if not re.fullmatch(r"/[^\x00-\x1f\x7f]*", path):
        raise InputError(f"{path!r} cannot be {what}: it is no absolute path of printable characters")


def _at_least(least: int, number: int, what: str, most: int = 10**12) -> None:
    if not least <= number <= most:
        raise InputError(f"{number} {what}: it must be {least} to {most}")


def _once(what: str, values: Iterable[str], reserved: Iterable[str] = ()) -> None:
    """InputError for what is named twice, or has a name that is taken."""
    for value, times in Counter((*values, *reserved)).items():
        if times > 1:
            raise InputError(f"the {what} {value} is used twice; give each its own")
