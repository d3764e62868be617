"""Two uWSGIs with one worker process each, which loads the application itself, after it was forked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poolwise.deploy.measuring.subject import Layout, Place, Subject, scripts
from poolwise.deploy.rendering.backends import Command

FLAGS = (
    "master",
    "need-app",
    "die-on-term",
    "enable-threads",
    "lazy-apps",
    "single-interpreter",
    "disable-logging",
)


@dataclass(frozen=True, slots=True)
class UwsgiServer:
    """uWSGI, which speaks HTTP itself here and closes the connection after each answer."""

    path: str
    version: str

    @property
    def words(self) -> str:
        """What it is."""
        return f"uWSGI {self.version}"

    def layout(self, subject: Subject, folder: Path, places: Sequence[Place], word: str) -> Layout:
        """A command for each place."""
        commands = tuple(
            Command(
                f"uwsgi ({place.name})",
                self._words(subject, folder, place),
                subject.environment,
                str(folder),
                subject.user,
                subject.group,
            )
            for place in places
        )
        return Layout(scripts(subject, places, word), commands)

    def _words(self, subject: Subject, folder: Path, place: Place) -> tuple[str, ...]:
        options = {
            "http-socket": f"127.0.0.1:{place.port}",
            "processes": 1,
            "threads": place.threads,
            "home": subject.interpreter.prefix,
            "wsgi-file": f"{folder}/site/{place.name}.py",
            "buffer-size": 32768,
            "worker-reload-mercy": 1,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return (self.path, *(f"--{flag}" for flag in FLAGS), *words)
