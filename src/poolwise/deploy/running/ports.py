"""Whether the ports that a deployment listens on can be had, before anything is started."""

from __future__ import annotations

import errno
import socket
from contextlib import closing

from poolwise.deploy.plan import Deployment
from poolwise.model import InputError
from poolwise.observe import listener

MOST_TRIED = 100


def check_ports(deployment: Deployment) -> None:
    """InputError when a port is in use, needs rights that we lack, or the address is not this machine's.

    Listening sockets that share a port (SO_REUSEPORT) would let a second server take half of the first
    one's connections without a word; so the port must be free for one that does not share.
    """
    front = deployment.front
    asked = {"--port": (front.host, front.port)}
    if front.tls:
        asked["--tls-port"] = (front.host, front.tls.port)
    if front.status_port:
        asked["--status-port"] = ("127.0.0.1", front.status_port)
    if deployment.nginx:
        asked["--apache-port"] = ("127.0.0.1", deployment.nginx.apache_port)
    for option, (host, port) in asked.items():
        check_port(option, host, port)


def check_port(option: str, host: str, port: int) -> None:
    """InputError, with the option's name, unless the port can be listened on."""
    number, said = _tried(host, port)
    if number == 0:
        return
    if number == errno.EADDRINUSE:
        free = next_free(host, port)
        who = listener(port)
        by = f" by {who.title.split(' ')[0] or 'a process'} (pid {who.pid})" if who else ""
        raise InputError(f"port {port} is in use{by}; {free} is free: {option} {free}" if free else said)
    if number == errno.EACCES:
        raise InputError(
            f"port {port}: only root may listen on a port as low as this; take {option} {port + 8000}, "
            f"or allow it to everybody: sysctl net.ipv4.ip_unprivileged_port_start={port}"
        )
    if number == errno.EADDRNOTAVAIL:
        raise InputError(f"--host {host} is not an address of this machine")
    raise InputError(f"cannot listen on {host or '*'} port {port}: {said}")


def next_free(host: str, port: int) -> int:
    """The next higher port that can be listened on, 0 when the next hundred are all taken."""
    tried = range(port + 1, min(port + 1 + MOST_TRIED, 65536))
    return next((each for each in tried if _tried(host, each)[0] == 0), 0)


def _tried(host: str, port: int) -> tuple[int, str]:
    """The system's error number and words for listening there; 0 when it works."""
    name = host.strip("[]")
    try:
        found = socket.getaddrinfo(
            None if name in ("", "*") else name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        raise InputError(f"--host {host} is no address of this machine") from error
    for family, _, _, _, address in found:
        try:
            with closing(socket.socket(family, socket.SOCK_STREAM)) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(address)
                tried.listen(1)
        except OSError as error:
            if error.errno != errno.EAFNOSUPPORT:  # a system without IPv6
                return error.errno or -1, error.strerror or str(error)
    return 0, ""
