"""Rehearsals of configurations written in a test, and of the recordings' cases (see ``recorded``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from poolwise.cli.division import division
from poolwise.cli.rehearsing import Rehearsing, Servers, find_servers, first_part
from poolwise.cli.work import Work
from poolwise.config import load
from poolwise.deploy import Rehearsed, find_httpd, rehearse
from poolwise.model import App, InputError, Run, Workload
from recorded import application

NOTHING: Mapping[str, Any] = {
    "httpd": "", "mod_wsgi": "", "user": "", "python": "", "cores": 0,
    "application": "", "folder": "", "url": "/",
}  # fmt: skip
LOADED = "LoadModule {module} modules/{file}.so\n"


@cache
def servers() -> Servers:
    """The installed httpd and a mod_wsgi that fits a Python here."""
    if not find_httpd():
        pytest.skip("no httpd is installed")
    try:
        return find_servers(NOTHING)
    except InputError as error:
        if "no mod_wsgi fits" not in str(error):
            raise
        pytest.skip("no mod_wsgi is installed")


def pool_text(mpm: str, directives: Mapping[str, Any], *lines: str) -> str:
    """A configuration of that MPM."""
    modules = LOADED.format(module=f"mpm_{mpm}_module", file=f"mod_mpm_{mpm}")
    modules += LOADED.format(module="wsgi_module", file="mod_wsgi")
    settings = "".join(f"{name} {value}\n" for name, value in directives.items())
    return modules + "Listen 80\n" + settings + "\n".join(lines) + "\n"


def rehearsing(text: str, workload: Workload, app: App | None = None, work: Work | None = None) -> Rehearsing:
    """The rehearsal of a configuration's text under that traffic."""
    site = load("-", text=text).site
    divided = division(site, {}, workload)
    return Rehearsing(site, divided, app or App(), work or Work(), servers(), workload)


def both(case: Rehearsing) -> tuple[Rehearsed, Run]:
    """Run it; what came of it, and the simulation beside it."""
    done = rehearse(case.plan())
    return done, case.beside(done, ())


def no_traffic(seconds: float) -> Workload:
    """Nobody comes."""
    return Workload("nobody", np.empty(0), np.empty(0), seconds)


def traffic(seconds: float, arrivals_s: Any, service_s: float) -> Workload:
    """Requests at these times, all of one length."""
    times = np.sort(np.asarray(arrivals_s, dtype=float))
    return Workload("scripted", times, np.full(len(times), service_s), seconds)


def of_recording(recording: dict[str, Any], seconds: float | None = None) -> Rehearsing:
    """The case of a recording, with the arrivals that the server saw there; its first ``seconds``."""
    arrivals, service = np.array(recording["connected_s"]), np.array(recording["service_s"])
    inside = arrivals <= recording["duration_s"]
    workload = Workload(recording["case"], arrivals[inside], service[inside], float(recording["duration_s"]))
    if "connection" in recording:
        connection = np.array(recording["connection"], dtype=np.int64)[inside]
        workload = replace(workload, connection=connection, think_s=np.full(len(workload), np.nan))
    if recording["kind"] == "cpu":
        workload = replace(workload, cpu_s=workload.service_s)
    if seconds is not None:
        workload = first_part(workload, seconds)
    return rehearsing(_text(recording), workload, _own(recording), _work(recording))


def _text(recording: dict[str, Any]) -> str:
    keeps = {**recording["keepalive"], "KeepAlive": "On" if recording["keepalive"]["KeepAlive"] else "Off"}
    lines, group = [], "%{GLOBAL}"
    if daemon := recording["daemon"]:
        group = daemon["name"]
        options = " ".join(f"{name}={value}" for name, value in daemon.items() if name != "name")
        lines.append(f"WSGIDaemonProcess {group} {options}")
    where = f"process-group={group} application-group=%{{GLOBAL}}"
    eager = recording["preload"]
    lines.append(f"WSGIScriptAlias / /srv/app.wsgi {where if eager else ''}")
    if not eager:
        lines.append(f"WSGIProcessGroup {group}\nWSGIApplicationGroup %{{GLOBAL}}")
    return pool_text(recording["mpm"], {**recording["directives"], **keeps}, *lines)


def _own(recording: dict[str, Any]) -> App:
    return App(startup_cpu_s=0.02 if recording["mpm"] == "prefork" else 0.035)


def _work(recording: dict[str, Any]) -> Work:
    costs = application(recording)
    return Work(import_cpu_s=costs.import_cpu_s, import_wait_s=costs.import_wait_s)
