"""Putting servers to work: what is needed is found, rendered, run, reloaded, measured and rehearsed.

Each has its folder; ``plan`` is what they exchange, ``folder`` where they write, ``validate`` asks httpd for
its opinion.
"""

from __future__ import annotations

from poolwise.deploy.finding.access import check_access, service_user
from poolwise.deploy.finding.find import find_apache, find_interpreter, find_nginx
from poolwise.deploy.finding.mod_wsgi import find_mod_wsgi
from poolwise.deploy.finding.preflight import Loaded, preflight
from poolwise.deploy.finding.sizes import Sizes, choose
from poolwise.deploy.folder import write_tree
from poolwise.deploy.measuring.measure import measure
from poolwise.deploy.measuring.requests import Request, requests_of
from poolwise.deploy.measuring.round import Effort
from poolwise.deploy.measuring.servers import server_for
from poolwise.deploy.plan import (
    Backend,
    Deployment,
    Front,
    Hosted,
    Httpd,
    Interpreter,
    ModWsgi,
    NginxFront,
    Proxied,
    Rendered,
    Static,
    Tls,
)
from poolwise.deploy.rehearsal.limits import check_room, check_site, check_traffic
from poolwise.deploy.rehearsal.plan import Mount, OwnApplication, Rehearsal
from poolwise.deploy.rehearsal.python import find_python
from poolwise.deploy.rehearsal.rehearse import Rehearsed, rehearse
from poolwise.deploy.reloading.foreign import Manner, reload_foreign
from poolwise.deploy.reloading.reload import ask_to_reload
from poolwise.deploy.rendering.backends import Command, commands
from poolwise.deploy.rendering.render import render
from poolwise.deploy.running.health import health_from, pause
from poolwise.deploy.running.instances import base_folder, find_only, find_served, served_folders
from poolwise.deploy.running.ports import check_ports
from poolwise.deploy.running.run import Audience, Supervisor, Wishes
from poolwise.deploy.running.state import State, read_state
from poolwise.deploy.running.stop import stop
from poolwise.deploy.running.survey import survey
from poolwise.deploy.running.vigil import show, woken
from poolwise.deploy.validate import configtest, find_httpd

__all__ = [
    "Audience",
    "Backend",
    "Command",
    "Deployment",
    "Effort",
    "Front",
    "Hosted",
    "Httpd",
    "Interpreter",
    "Loaded",
    "Manner",
    "ModWsgi",
    "Mount",
    "NginxFront",
    "OwnApplication",
    "Proxied",
    "Rehearsal",
    "Rehearsed",
    "Rendered",
    "Request",
    "Sizes",
    "State",
    "Static",
    "Supervisor",
    "Tls",
    "Wishes",
    "ask_to_reload",
    "base_folder",
    "check_access",
    "check_ports",
    "check_room",
    "check_site",
    "check_traffic",
    "choose",
    "commands",
    "configtest",
    "find_apache",
    "find_httpd",
    "find_interpreter",
    "find_mod_wsgi",
    "find_nginx",
    "find_only",
    "find_python",
    "find_served",
    "health_from",
    "measure",
    "pause",
    "preflight",
    "read_state",
    "rehearse",
    "reload_foreign",
    "render",
    "requests_of",
    "served_folders",
    "server_for",
    "service_user",
    "show",
    "stop",
    "survey",
    "woken",
    "write_tree",
]
