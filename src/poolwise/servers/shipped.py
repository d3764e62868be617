"""What distributions ship as pool settings, so that "nobody has touched this" can be recognised.

Upstream's ``extra/httpd-mpm.conf`` is a trap: the httpd.conf that comes with it does not include it, and
its values are not the compiled-in ones. Whoever reads the file and has not included it runs with others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shipped:
    """The settings one distribution ships for one MPM; what is not listed is compiled in."""

    distribution: str
    architecture: str
    series: str  # "2.2" or "2.4"
    file: str
    included: bool  # whether the main configuration reads the file without the operator's doing
    values: Mapping[str, int]
    remark: str = ""


_PREFORK = {"StartServers": 5, "MinSpareServers": 5, "MaxSpareServers": 10}
_DEBIAN_THREADS = {
    "StartServers": 2,
    "MinSpareThreads": 25,
    "MaxSpareThreads": 75,
    "ThreadLimit": 64,
    "ThreadsPerChild": 25,
    "MaxRequestWorkers": 150,
    "MaxConnectionsPerChild": 0,
}
_UPSTREAM_THREADS = {
    "StartServers": 3,
    "MinSpareThreads": 75,
    "MaxSpareThreads": 250,
    "ThreadsPerChild": 25,
    "MaxRequestWorkers": 400,
    "MaxConnectionsPerChild": 0,
}
_RHEL6_PREFORK = {
    "StartServers": 8,
    "MinSpareServers": 5,
    "MaxSpareServers": 20,
    "ServerLimit": 256,
    "MaxRequestWorkers": 256,
    "MaxConnectionsPerChild": 4000,
}
_THREADS_22 = {
    "MinSpareThreads": 25,
    "MaxSpareThreads": 75,
    "ThreadsPerChild": 25,
    "MaxConnectionsPerChild": 0,
}
_TRAP = "not included by upstream's httpd.conf; it differs from the compiled-in {what}"


def _upstream(architecture: str, series: str, values: Mapping[str, int], what: str) -> Shipped:
    file = "conf/extra/httpd-mpm.conf"
    return Shipped("upstream", architecture, series, file, False, values, _TRAP.format(what=what))


def _debian(architecture: str, values: Mapping[str, int]) -> Shipped:
    file = f"mods-available/mpm_{architecture}.conf"
    return Shipped("Debian", architecture, "2.4", file, True, values)


SHIPPED: tuple[Shipped, ...] = (
    _debian("prefork", {**_PREFORK, "MaxRequestWorkers": 150, "MaxConnectionsPerChild": 0}),
    _debian("worker", _DEBIAN_THREADS),
    _debian("event", _DEBIAN_THREADS),
    Shipped("RHEL 6", "prefork", "2.2", "conf/httpd.conf", True, _RHEL6_PREFORK),
    Shipped(
        "RHEL 6", "worker", "2.2", "conf/httpd.conf", True,
        {**_THREADS_22, "StartServers": 4, "MaxRequestWorkers": 300},
        "from general knowledge of the distribution",
    ),
    *(
        Shipped(name, mpm, "2.4", "conf.modules.d/00-mpm.conf", True, {}, "only LoadModule lines")
        for name, mpm in (("RHEL 7", "prefork"), ("RHEL 8", "event"), ("RHEL 9", "event"))
    ),
    _upstream(
        "prefork", "2.4", {**_PREFORK, "MaxRequestWorkers": 250, "MaxConnectionsPerChild": 0},
        "MaxRequestWorkers 256",
    ),
    Shipped(
        "upstream", "worker", "2.4", "conf/extra/httpd-mpm.conf", False, _UPSTREAM_THREADS,
        "not included by upstream's httpd.conf; here it says what is compiled in",
    ),
    Shipped(
        "upstream", "event", "2.4", "conf/extra/httpd-mpm.conf", False, _UPSTREAM_THREADS,
        "not included by upstream's httpd.conf; here it says what is compiled in",
    ),
    _upstream("winnt", "2.4", {"ThreadsPerChild": 150, "MaxConnectionsPerChild": 0}, "ThreadsPerChild 64"),
    _upstream(
        "prefork", "2.2", {**_PREFORK, "MaxRequestWorkers": 150, "MaxConnectionsPerChild": 0},
        "MaxClients 256 and MaxRequestsPerChild 10000",
    ),
    _upstream(
        "worker", "2.2", {**_THREADS_22, "StartServers": 2, "MaxRequestWorkers": 150},
        "MaxClients 400, StartServers 3, spares 75 to 250 and MaxRequestsPerChild 10000",
    ),
    _upstream("winnt", "2.2", {"ThreadsPerChild": 150, "MaxConnectionsPerChild": 0}, "ThreadsPerChild 64"),
)  # fmt: skip


def shipped_as(architecture: str, values: Mapping[str, int]) -> tuple[Shipped, ...]:
    """The distributions whose settings for ``architecture`` are all found in ``values`` (by current name)."""
    return tuple(
        row
        for row in SHIPPED
        if row.architecture == architecture
        and row.values
        and all(values.get(name) == number for name, number in row.values.items())
    )
