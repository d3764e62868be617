"""A process that runs the application, asked from outside: requests, and what the probe inside it says."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from poolwise.deploy.measuring.client import Client
from poolwise.deploy.measuring.requests import Request
from poolwise.deploy.measuring.sample import Row, Start
from poolwise.model import ServerError
from poolwise.observe import process, tree

TICKS = 100.0  # of Process.started: USER_HZ, the same on every Linux that Apache runs on


@dataclass(slots=True)
class Asked:
    """One place with its clients; ``statuses``: by request, how often each status came (0: no answer)."""

    port: int
    word: str
    host: str
    patience_s: float
    pid: int = 0
    free_threaded: bool = False
    python: str = ""
    children_s: float = 0.0  # CPU of processes that it has started and waited for
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    clients: list[Client] = field(default_factory=list)

    def ask(self, request: Request, number: int = 1, before_s: float = 0.0) -> None:
        """One request, or ``number`` of them that begin together, each on a connection of its own."""
        while len(self.clients) < number:
            self.clients.append(Client(self.port, self.host, self.patience_s))
        if number == 1:
            answers = [self.clients[0].ask(request)]
        else:
            answers = _at_once(self.clients[:number], request)
        self.statuses.setdefault(str(request), Counter()).update(answers)

    def start(self) -> Start:
        """How the process has started; the import is 0 before the application is loaded."""
        said = self._probe("info")
        self.pid, self.python = said["pid"], said["version"]
        self.free_threaded = not said["gil"]
        at_s, cpu_s, delay_s = said["begun"]
        seen = process(self.pid)
        wall_s = at_s - seen.started / TICKS if seen else 0.0
        return Start(wall_s, cpu_s, delay_s, *(said["loaded"] or ()))

    def rows(self) -> tuple[Row, ...]:
        """The requests since the last time."""
        said = self._probe("rows")
        self.children_s = said["children"]
        return tuple(Row(*(number / 1e9 for number in row)) for row in said["rows"])

    def gil_wait_s(self) -> float | None:
        """mod_wsgi's count since the last time."""
        found: float | None = self._probe("gil")["gil_wait"]
        return found

    def cpu_s(self) -> float:
        """CPU of the process so far. Raises ServerError when it has ended."""
        seen = process(self.pid)
        if not seen:
            raise ServerError(f"process {self.pid}, which ran the application, ended while it was measured")
        return seen.cpu_s

    @property
    def pids(self) -> list[int]:
        """The process, and those that the application has started and that still run."""
        return [each.pid for each in tree(self.pid)]

    def close(self) -> None:
        """Close all connections."""
        for client in self.clients:
            client.close()

    def _probe(self, question: str) -> dict[str, Any]:
        if not self.clients:
            self.clients.append(Client(self.port, self.host, self.patience_s))
        return self.clients[0].probe(f"/{self.word}/{question}")


def _at_once(clients: Sequence[Client], request: Request) -> list[int]:
    """The same request by all of them at the same time; their answers."""
    answers: list[int] = []
    failed: list[BaseException] = []

    def ask(client: Client) -> None:
        try:
            answers.append(client.ask(request, len(clients)))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return answers
