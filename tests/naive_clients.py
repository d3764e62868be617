"""The clients of the naive twin, and a proxy between them and the front.

Rules 1, 8, 10 and 11 of docs/explanation/the-model.md, from the side of the one who waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from naive_clock import ARRIVAL, NEVER, Clock, Timer
from poolwise.model import Proxy, Workload

NAN = float("nan")


@dataclass(eq=False)
class Connection:
    """A connection to the front; ``holder``: the worker (prefork, worker) or process (event) that has it."""

    kept_by: Any = None  # the number of the client's connection, or the proxy: who may use it again
    carried: int = 0
    open: bool = True
    idle: bool = False
    holder: Any = None
    timer: Timer | None = None


@dataclass(eq=False)
class Attempt:
    """One try of a client to get request ``index`` answered."""

    index: int
    number: int
    came_s: float
    start_s: float = NAN  # when the application began on it
    decided_s: float = NAN
    decided_start_s: float = NAN  # ``start_s`` as it was then
    status: str = "unfinished"
    answer: str = "served"  # what the servers will say
    decided: bool = False  # answered, refused or given up
    patience: Timer | None = None
    connection: Connection = field(default_factory=Connection)


class Clients:
    """When requests come, on which connection, and what the clients make of the answers."""

    def __init__(
        self,
        clock: Clock,
        load: Workload,
        proxy: Proxy | None,
        holds_upload: bool,
        to_front: Callable[[Attempt], None],
        close: Callable[[Connection], None],
    ) -> None:
        self.clock, self.load, self.proxy = clock, load, proxy
        self.takes_upload_first = proxy is not None or not holds_upload
        self.to_front, self.close = to_front, close
        self.attempts: dict[int, Attempt] = {}  # the one that counts, of each request
        self.undecided = len(load)
        self.inside = 0  # attempts that the servers have not finished
        self.kept: dict[int, Connection] = {}  # number of a connection -> the real one of the moment
        self.proxy_idle: list[Connection] = []  # the one idle longest first

    def value(self, name: str, index: int) -> float:
        """A field of the workload that may be missing; what is missing takes no time."""
        values = getattr(self.load, name)
        return 0.0 if values is None else float(values[index])

    def number(self, index: int) -> int:
        """The number of the connection of a request."""
        return -1 if self.load.connection is None else int(self.load.connection[index])

    def start(self) -> None:
        """The first request of each connection, and all without one, come at their times."""
        seen = set()
        for index, arrival_s in enumerate(self.load.arrivals_s.tolist()):
            number = self.number(index)
            if number < 0 or number not in seen:
                self.expect(index, 0, arrival_s)
            seen.add(number)

    def expect(self, index: int, number: int, at_s: float) -> None:
        self.clock.at(at_s, ARRIVAL, lambda: self.come(index, number))

    def come(self, index: int, number: int) -> None:
        """Rule 1: the attempt comes; the upload first where nothing of the server is held for it."""
        attempt = Attempt(index, number, self.clock.now_s)
        self.attempts[index] = attempt
        self.inside += 1
        patience_s = self.load.clients.patience_s
        if patience_s < NEVER:
            attempt.patience = self.clock.at(
                attempt.came_s + patience_s, ARRIVAL, lambda: self.give_up(attempt)
            )
        upload_s = self.value("upload_s", index) if self.takes_upload_first else 0.0
        self.clock.wait(upload_s, lambda: self.connect(attempt))

    def connect(self, attempt: Attempt) -> None:
        """Rules 8 and 10: on a connection that is still open, or on a new one."""
        connection = None
        if self.proxy is not None:
            if self.proxy_idle:
                connection = self.proxy_idle.pop()  # the one that became idle last
        elif attempt.number == 0:
            connection = self.kept.get(self.number(attempt.index))
        if connection is None or not (connection.open and connection.idle):
            connection = self.new_connection(attempt)
        attempt.connection = connection
        self.to_front(attempt)

    def new_connection(self, attempt: Attempt) -> Connection:
        """A new connection, known to whoever may use it again."""
        connection = Connection()
        number = self.number(attempt.index)
        if self.proxy is not None:
            connection.kept_by = self.proxy if self.proxy.upstream_keep_alive > 0 else None
        elif number >= 0:
            connection.kept_by = number
            self.kept[number] = connection
        return connection

    def idles(self, connection: Connection) -> None:
        """A connection has become idle and stays open; the proxy keeps so many and no more (rule 10)."""
        if self.proxy is not None:
            self.proxy_idle.append(connection)
            if len(self.proxy_idle) > self.proxy.upstream_keep_alive:
                self.close(self.proxy_idle[0])

    def closed(self, connection: Connection) -> None:
        """The front has closed a connection."""
        if connection in self.proxy_idle:
            self.proxy_idle.remove(connection)

    def answered(self, attempt: Attempt) -> None:
        """Rule 6: the client has everything."""
        self.inside -= 1
        if attempt.decided:
            return
        self.decide(attempt, attempt.answer)
        self.next_on_connection(attempt)

    def refused(self, attempt: Attempt) -> None:
        """Rule 2: turned away at once."""
        self.inside -= 1
        attempt.start_s = -1.0
        if not attempt.decided:
            self.decide(attempt, "refused")
            self.again(attempt)

    def give_up(self, attempt: Attempt) -> None:
        """Rule 11: the server does not know."""
        self.decide(attempt, "gave up")
        self.again(attempt)

    def decide(self, attempt: Attempt, status: str) -> None:
        self.clock.cancel(attempt.patience)
        attempt.decided, attempt.status = True, status
        attempt.decided_s, attempt.decided_start_s = self.clock.now_s, attempt.start_s

    def again(self, attempt: Attempt) -> None:
        """Rule 11: after retry_s, twice that, four times that, ... and then no more."""
        clients = self.load.clients
        if attempt.number < clients.retries:
            after_s = clients.retry_s * 2**attempt.number
            self.expect(attempt.index, attempt.number + 1, self.clock.now_s + after_s)
        else:
            self.next_on_connection(attempt)

    def next_on_connection(self, attempt: Attempt) -> None:
        """The next request with this number comes after its pause, or at its time if that is later."""
        self.undecided -= 1
        number = self.number(attempt.index)
        if number < 0 or self.load.connection is None:
            return
        later = np.flatnonzero(self.load.connection[attempt.index + 1 :] == number)
        if len(later) == 0:
            return
        index = attempt.index + 1 + int(later[0])
        think_s = NAN if self.load.think_s is None else float(self.load.think_s[index])
        due_s = float(self.load.arrivals_s[index])
        at_s = max(due_s, self.clock.now_s) if np.isnan(think_s) else self.clock.now_s + think_s
        self.expect(index, 0, at_s)
