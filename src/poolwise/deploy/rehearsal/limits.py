"""What cannot be rehearsed, and what this machine has no room for; all of it said before anything starts."""

from __future__ import annotations

import math
import os
import resource
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from poolwise.deploy.rehearsal.configuration import MPM_FILES, SOCKETS
from poolwise.deploy.rehearsal.plan import Rehearsal
from poolwise.model import InputError, Run, Site, Workload
from poolwise.observe import this_machine
from poolwise.servers import release

if TYPE_CHECKING:
    from poolwise.model import Floats

MOST_A_SECOND = 2_000  # requests that one client process sends in time
MOST_REQUESTS = 200_000
PROCESS_BYTES, THREAD_BYTES = 12_000_000, 200_000  # of httpd with Python and the stand-in, at most
SPARE_BYTES = 200_000_000  # of the machine's memory, left alone
MOST_FILES = 65_536  # that a process of a rehearsal may have open
OWN_FILES = 64  # that a process has open beside connections and children
SOCKET_PATH = 107  # bytes: sun_path of unix(7), without its end
SOCKET_NAME = "/poolwise-rehearse-12345678/" + SOCKETS + ".1234567.99.99.sock"


def check_site(site: Site) -> None:
    """InputError for a server that Apache 2.4 on this system cannot stand for."""
    if os.name != "posix" or not hasattr(os, "pidfd_open"):
        raise InputError("a rehearsal needs Linux 5.3 or later: it watches processes as only that lets it")
    if site.mpm not in MPM_FILES:
        raise InputError(f"the {site.mpm} MPM cannot be rehearsed: it runs on Windows, with one process")
    if release(site.httpd_version) < (2, 4, 0):
        raise InputError(
            f"a configuration of httpd {site.httpd_version} cannot be rehearsed on httpd 2.4, which has "
            "other defaults; simulate it, or rehearse what 2.4 would make of it (--httpd-version 2.4)"
        )


def check_traffic(load: Workload) -> None:
    """InputError for clients and arrivals that the process which sends the requests does not manage."""
    if load.upload_s is not None or load.download_s is not None:
        raise InputError("--upload and --download cannot be rehearsed: the clients are on this machine")
    if len(load) > MOST_REQUESTS:
        raise InputError(
            f"{len(load):,} requests are more than a rehearsal sends ({MOST_REQUESTS:,}); rehearse a shorter "
            "time (--limit), or less of the traffic (--scale)"
        )
    most = busiest_second(load.arrivals_s)
    if most > MOST_A_SECOND:
        raise InputError(
            f"{most:,} requests come within one second, more than the client process can send in time "
            f"({MOST_A_SECOND:,}); rehearse less of the traffic (--scale)"
        )


def busiest_second(arrivals_s: Floats) -> int:
    """The most arrivals within any second."""
    import numpy as np

    after = np.searchsorted(arrivals_s, arrivals_s + 1.0)
    return int((after - np.arange(len(arrivals_s))).max(initial=0))


def check_plan(plan: Rehearsal) -> None:
    """InputError for what is missing, or has a name that cannot be used."""
    mpm = plan.front.architecture
    module = Path(plan.httpd.modules, f"mod_mpm_{mpm}.so")
    if MPM_FILES[mpm] not in plan.httpd.built_in and not module.is_file():
        raise InputError(f"the {mpm} MPM is missing: there is no {module}; install it, or choose with --mpm")
    cores = this_machine().cores
    if plan.cores > cores:
        raise InputError(f"--cores {plan.cores}: this machine has {cores}")
    if len(os.fsencode(tempfile.gettempdir() + SOCKET_NAME)) > SOCKET_PATH:
        raise InputError(
            f"the temporary folder {tempfile.gettempdir()} has too long a name for sockets; set TMPDIR=/tmp"
        )


def check_room(plan: Rehearsal, expected: Run) -> None:
    """InputError when what the simulation expects does not fit into this machine."""
    pools = [(plan.front, expected), *((stage.pool, stage) for stage in expected.stages)]
    peaks = [(pool, math.ceil(run.totals["peak_total"])) for pool, run in pools]
    processes = sum(peak for _, peak in peaks)
    threads = sum(peak * (pool.threads + 2) for pool, peak in peaks)
    each = max(PROCESS_BYTES, plan.app.process_bytes if plan.own else 0)
    needed, free = processes * each + threads * THREAD_BYTES, psutil.virtual_memory().available - SPARE_BYTES
    if needed > free:
        raise InputError(
            f"the simulation expects up to {processes:,} processes and {threads:,} threads; this machine has "
            f"memory for about {max(free, 0) * processes // max(needed, 1):,} such processes now"
        )
    _check_tasks(threads)
    _check_files(processes, _most_open(expected))


def _check_tasks(threads: int) -> None:
    most = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if os.geteuid() and most != resource.RLIM_INFINITY and threads > most:
        raise InputError(
            f"the simulation expects up to {threads:,} threads; you may have {most:,} (ulimit -u)"
        )


def _check_files(processes: int, connections: int) -> None:
    """Every connection is a file of the client's, every process one of ours."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)
    needed = max(processes, connections) + OWN_FILES
    if needed > most:
        raise InputError(
            f"the simulation expects up to {connections:,} connections and {processes:,} processes at once; "
            f"a process may have {most:,} files open here (ulimit -Hn)"
        )


def _most_open(expected: Run) -> int:
    """The most clients that are there at once, as far as the middles of the seconds tell."""
    series = expected.series
    here = series["clients"] if "clients" in series else series["busy"] + series["queued"]
    kept = series.get("idle_connections")
    return int((here if kept is None else here + kept).max(initial=0.0))


def raise_open_files() -> None:
    """Let this process and those that it starts have as many files open as they may need."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(MOST_FILES, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
