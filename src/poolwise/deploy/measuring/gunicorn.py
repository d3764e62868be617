"""Two gunicorns with one worker process each, which loads the application itself, after it was forked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poolwise.deploy.measuring.subject import Layout, Place, Subject, scripts
from poolwise.deploy.plan import Rendered
from poolwise.deploy.rendering.backends import Command

# a setting that a version of gunicorn does not have is passed over by it
SETTINGS = """\
bind = "127.0.0.1:{port}"
workers = 1
worker_class = "gthread"
threads = {threads}
timeout = 300
graceful_timeout = 1
keepalive = 60
pythonpath = {site!r}
wsgi_app = "{name}:application"
control_socket_disable = True
"""


@dataclass(frozen=True, slots=True)
class GunicornServer:
    """gunicorn of the interpreter's environment, with threads (its gthread worker)."""

    version: str

    @property
    def words(self) -> str:
        """What it is."""
        return f"gunicorn {self.version} (gthread)"

    def layout(self, subject: Subject, folder: Path, places: Sequence[Place], word: str) -> Layout:
        """A configuration file and a command for each place."""
        files = [Rendered(f"{place.name}.conf.py", _settings(place, folder)) for place in places]
        commands = [
            Command(
                f"gunicorn ({place.name})",
                (subject.interpreter.executable, "-m", "gunicorn", "-c", f"{folder}/{place.name}.conf.py"),
                subject.environment,
                str(folder),
                subject.user,
                subject.group,
            )
            for place in places
        ]
        return Layout((*files, *scripts(subject, places, word)), tuple(commands))


def _settings(place: Place, folder: Path) -> str:
    return SETTINGS.format(port=place.port, threads=place.threads, site=f"{folder}/site", name=place.name)
