"""What is measured, and where: an application, and the two processes that run it side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from poolwise.deploy.plan import Interpreter, Rendered
from poolwise.deploy.rendering.backends import Command
from poolwise.observe import probe_source


@dataclass(frozen=True, slots=True)
class Subject:
    """The application, the Python it runs on, and whose rights it gets."""

    target: str  # "shop.wsgi:application", or the absolute path of a WSGI script file
    folder: str  # absolute: its working directory, and first on sys.path
    interpreter: Interpreter
    python_path: tuple[str, ...] = ()  # more folders for sys.path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""  # whom root gives it to; "" when not started by root
    group: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """One process that runs the application, by the port of 127.0.0.1 at which it is asked.

    ``lazy``: it loads the application when it is first asked, so that it can be seen without.
    """

    name: str
    port: int
    threads: int
    lazy: bool

    def script(self, subject: Subject, word: str) -> Rendered:
        """The file that its server runs: it starts the probe, which loads the application."""
        text = (
            "import os, sys, time\n"
            "begun = time.clock_gettime(time.CLOCK_BOOTTIME), time.process_time()\n"
            "sys.path.append(os.path.dirname(os.path.abspath(__file__)))\n"
            "from poolwise_probe import Inside\n"
            "sys.path.pop()\n"
            f"sys.path[:0] = {[subject.folder, *subject.python_path]!r}\n"
            f"os.chdir({subject.folder!r})\n"
            f"application = Inside({subject.target!r}, {word!r}, begun, lazy={self.lazy})\n"
        )
        return Rendered(f"site/{self.name}.py", text)


@dataclass(frozen=True, slots=True)
class Layout:
    """A server as files of a scratch folder, and the commands that run it there."""

    files: tuple[Rendered, ...]
    commands: tuple[Command, ...]


class Server(Protocol):
    """A server to measure in: what it is, and how it runs the application in two places."""

    @property
    def words(self) -> str:
        """What it is: "mod_wsgi 6.1.1 on Apache 2.4.71"."""

    def layout(self, subject: Subject, folder: Path, places: Sequence[Place], word: str) -> Layout:
        """Its files and commands; each place is one process of it."""


def scripts(subject: Subject, places: Sequence[Place], word: str) -> tuple[Rendered, ...]:
    """What every server needs: the probe, and a script for each place."""
    probe = Rendered("site/poolwise_probe.py", probe_source())
    return (probe, *(place.script(subject, word) for place in places))
