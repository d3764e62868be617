"""Two mod_wsgi daemon groups of one process each, behind a small Apache of their own.

The configuration is as plain as it can be, and does not change with what ``render`` writes: what is measured
is the application. WSGIRestrictEmbedded keeps Python out of Apache's own processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poolwise.deploy.measuring.subject import Layout, Place, Subject, scripts
from poolwise.deploy.plan import Httpd, ModWsgi, Rendered
from poolwise.deploy.rendering.backends import Command
from poolwise.deploy.rendering.quoting import httpd_folder, httpd_word

FRONT = """\
ServerRoot {root}
ServerName localhost
DefaultRuntimeDir run
PidFile run/httpd.pid
ErrorLog error.log
LogLevel warn
{modules}
{identity}
StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
MinSpareThreads 1
MaxSpareThreads 25
KeepAliveTimeout 60
MaxKeepAliveRequests 0
Timeout 120
WSGIPythonHome {home}
WSGIRestrictEmbedded On
WSGISocketPrefix run/wsgi
<Directory {site}>
    Require all granted
</Directory>
"""
PLACE = """
Listen 127.0.0.1:{port}
WSGIDaemonProcess {name} threads={threads} display-name=(poolwise:{name})
<VirtualHost 127.0.0.1:{port}>
    WSGIScriptAlias / {script} process-group={name} application-group=%{{GLOBAL}}
</VirtualHost>
"""


@dataclass(frozen=True, slots=True)
class ModWsgiServer:
    """Apache with one daemon group for each place; its configuration is ``httpd.conf``."""

    httpd: Httpd
    module: ModWsgi

    @property
    def words(self) -> str:
        """What it is."""
        return f"mod_wsgi {self.module.version} on Apache {self.httpd.version}"

    def layout(self, subject: Subject, folder: Path, places: Sequence[Place], word: str) -> Layout:
        """The configuration, and the one command that runs all of it."""
        conf = FRONT.format(
            root=httpd_word(str(folder)),
            modules="\n".join(_modules(self.httpd, self.module)),
            identity=f"User {subject.user}\nGroup {subject.group}" if subject.user else "",
            home=httpd_word(subject.interpreter.prefix),
            site=httpd_folder(f"{folder}/site"),
        )
        conf += "".join(_place(place, folder) for place in places)
        argv = (self.httpd.path, "-d", str(folder), "-f", f"{folder}/httpd.conf", "-DFOREGROUND")
        files = (Rendered("httpd.conf", conf), *scripts(subject, places, word))
        return Layout(files, (Command("httpd", argv, subject.environment),))


def _place(place: Place, folder: Path) -> str:
    script = httpd_word(f"{folder}/site/{place.name}.py")
    return PLACE.format(name=place.name, port=place.port, threads=place.threads, script=script)


def _modules(httpd: Httpd, module: ModWsgi) -> list[str]:
    """What has to be loaded: an MPM where none is built in, authorization, and mod_wsgi."""
    wanted = {
        "mpm_event_module": "mod_mpm_event",
        "unixd_module": "mod_unixd",
        "authz_core_module": "mod_authz_core",
    }
    built_in = {name.removesuffix(".c") for name in httpd.built_in}
    if built_in & {"event", "worker", "prefork"}:
        del wanted["mpm_event_module"]
    files = {name: f"{httpd.modules}/{file}.so" for name, file in wanted.items() if file not in built_in}
    files["wsgi_module"] = module.path
    return [f"LoadModule {name} {httpd_word(file)}" for name, file in files.items()]
