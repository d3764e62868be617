"""The Apache that clients (or nginx) connect to: ``apache/httpd.conf`` and the scripts that mod_wsgi runs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, replace

from poolwise.deploy.plan import Deployment, Front, Hosted, Proxied, Rendered
from poolwise.deploy.rendering.apache_modules import modules
from poolwise.deploy.rendering.apache_wsgi import daemon_options
from poolwise.deploy.rendering.backends import REUSE_S, loader, loader_mode, mercy_s, proxy_url
from poolwise.deploy.rendering.filling import fill
from poolwise.deploy.rendering.quoting import Written, httpd_word
from poolwise.deploy.rendering.static import COMPRESSED, TYPES

SPARE_SLOTS = 3  # children of earlier generations that may still finish their requests after a restart
NGINX_KEEPALIVE_S = 60  # how long nginx keeps an unused connection to Apache; Apache must keep it longer
ONE_BUCKET = 65536  # more cores than this are needed for a second group of listening sockets
HANDSHAKE_LIMITED = (2, 4, 39)  # RequestReadTimeout has handshake=
LOG_FORMAT = (
    '%h %l %u [%{%d/%b/%Y:%H:%M:%S}t.%{usec_frac}t %{%z}t] "%r" %>s %b '
    '"%{Referer}i" "%{User-Agent}i" %D %P %k'
)


@dataclass(frozen=True, slots=True)
class MpmSizes:
    """The numbers of the event MPM: a pool of fixed size."""

    children: int
    threads: int  # of each child

    @property
    def workers(self) -> int:
        """Requests in work at once."""
        return self.children * self.threads

    @property
    def slots(self) -> int:
        """ServerLimit."""
        return self.children + (self.children if self.children > 1 else SPARE_SLOTS)


@dataclass(frozen=True, slots=True)
class Mount:
    """An application at its place in the URL space."""

    application: Hosted
    script: str  # what mod_wsgi runs
    proxied: str  # the back end's URL, "" for mod_wsgi

    @property
    def group(self) -> str:
        """The process group it runs in."""
        return self.application.name if self.application.backend == "daemon" else "%{GLOBAL}"


def apache_files(deployment: Deployment) -> Iterator[Rendered]:
    """``apache/httpd.conf``, and ``apache/apps/NAME.wsgi`` for each application that mod_wsgi runs."""
    yield Rendered("apache/httpd.conf", _httpd_conf(deployment))
    for each in deployment.applications:
        if each.backend not in Proxied:
            yield Rendered(f"apache/apps/{each.name}.wsgi", loader(deployment, each), loader_mode(deployment))


def apache_front(deployment: Deployment) -> Front:
    """What Apache itself does of the front: behind nginx, only to take what nginx hands on."""
    front = deployment.front
    if deployment.nginx is None:
        return front
    return replace(
        front,
        host="127.0.0.1",
        port=deployment.nginx.apache_port,
        names=(),
        tls=None,
        http2=False,
        compress=False,
        static=(),
        trusted_proxies=("127.0.0.1",),
        keep_alive_s=NGINX_KEEPALIVE_S + 5,
    )


def mpm_sizes(deployment: Deployment) -> MpmSizes:
    """One child with a thread for each connection; or the processes of an embedded application.

    Their threads hold the connections too: with no more than the application needs, clients would be cut off.
    """
    embedded = [each for each in deployment.applications if each.backend == "embedded"]
    if embedded:
        children = max(each.processes for each in embedded)
        threads = max(each.threads for each in embedded)
        return MpmSizes(children, max(threads, -(-deployment.front.connections // children)))
    return MpmSizes(1, deployment.front.connections)


def mounts(deployment: Deployment) -> tuple[Mount, ...]:
    """Every application, the one with the longest path first, as httpd takes the first that fits."""
    return tuple(
        Mount(
            each,
            f"{deployment.folder}/apache/apps/{each.name}.wsgi",
            proxy_url(deployment, each) if each.backend in Proxied else "",
        )
        for each in sorted(deployment.applications, key=lambda each: (-len(each.mount), each.mount))
    )


def listen(host: str, port: int) -> Written:
    """The argument of ``Listen``: an IPv6 address in brackets, every address without any."""
    if host in ("", "*"):
        return httpd_word(str(port))
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return httpd_word(f"{host}:{port}")
    return httpd_word(f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}")


def _httpd_conf(deployment: Deployment) -> str:
    front = apache_front(deployment)
    backends = {each.backend for each in deployment.applications}
    return fill(
        "httpd.conf",
        d=deployment,
        front=front,
        modules=modules(deployment, front),
        mpm=mpm_sizes(deployment),
        mercy_s=mercy_s(deployment),
        listen=listen,
        handshake=bool(front.tls) and _release(deployment) >= HANDSHAKE_LIMITED,
        one_bucket=ONE_BUCKET,
        log_format=LOG_FORMAT,
        types=TYPES,
        compressed=COMPRESSED,
        from_https=_from_https(front),
        wsgi={"embedded": "embedded" in backends} if backends & {"daemon", "embedded"} else None,
        mounts=mounts(deployment),
        daemon_options=daemon_options,
        ports=(front.port, front.tls.port) if front.tls else (front.port,),
        reuse_s=REUSE_S,
    )


def _release(deployment: Deployment) -> tuple[int, ...]:
    return tuple(int(part) for part in deployment.httpd.version.split("."))


def _from_https(front: Front) -> str:
    """The condition under which a trusted proxy says that it was asked over HTTPS."""
    trusted = " || ".join(f"%{{CONN_REMOTE_ADDR}} -ipmatch '{each}'" for each in front.trusted_proxies)
    return f"({trusted}) && req_novary('X-Forwarded-Proto') == 'https'"
