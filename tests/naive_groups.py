"""A daemon group of the naive twin: rule 14 of docs/explanation/the-model.md without request-timeout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from naive_clients import Attempt
from naive_clock import PHASE, Action, Clock, Timer
from naive_processes import BUSY, Process, Stage, Worker
from poolwise.model import App, Pool

CONNECT_TIMEOUT_S = GRACEFUL_TIMEOUT_S = 15.0
KNOCK_S, PATIENT_KNOCK_S, PATIENT_AFTER_S = 0.125, 1.0, 2.0  # mod_wsgi's wsgi_connect_daemon


@dataclass(eq=False)
class Call:
    """What a front's worker asks of the group, and how it goes on with the answer."""

    attempt: Attempt
    answer: Callable[[str], None]
    upload_s: float
    asked_s: float
    slept_s: float = 0.0  # between knocks
    answered: bool = False
    timer: Timer | None = None  # socket-timeout


class Group(Stage):
    """Daemon processes; ``application`` runs an attempt in a worker (rules 7 and 12)."""

    application: Callable[[Worker, Attempt, Action], None]

    def __init__(self, clock: Clock, pool: Pool, app: App, fork_s: float) -> None:
        super().__init__(clock, pool, app, True, fork_s)
        self.begin = self.picks_up

    def ask(self, attempt: Attempt, upload_s: float, answer: Callable[[str], None]) -> None:
        """Rules 3 and 4: the request joins the queue at once; ``answer`` is told how it ended."""
        self.knock(Call(attempt, answer, upload_s, self.clock.now_s))

    def knock(self, call: Call) -> None:
        """listen-backlog: beyond it again and again until connect-timeout, then 503."""
        if len(self.queue) < self.pool.backlog or (not self.queue and self.next_worker() is not None):
            timeout_s = self.pool.options.get("socket-timeout", 0)
            if timeout_s > 0:
                call.timer = self.clock.at(
                    self.clock.now_s + timeout_s, PHASE, lambda: self.respond(call, "504")
                )
            self.queue.append(call)
            self.serve()
        elif call.slept_s >= self.pool.options.get("connect-timeout", CONNECT_TIMEOUT_S):
            self.respond(call, "503")
        else:
            pause_s = KNOCK_S if call.slept_s < PATIENT_AFTER_S else PATIENT_KNOCK_S
            call.slept_s += pause_s
            self.clock.wait(pause_s, lambda: self.knock(call))

    def picks_up(self, worker: Worker, call: Call) -> None:
        """queue-timeout: looked at now, by the worker that takes the request. Rule 3: then the upload."""
        timeout_s = self.pool.options.get("queue-timeout", 0)
        if 0 < timeout_s < self.clock.now_s - call.asked_s:
            self.through(worker, call, "504")
        else:
            self.clock.wait(
                call.upload_s,
                lambda: self.application(worker, call.attempt, lambda: self.through(worker, call, "served")),
            )

    def through(self, worker: Worker, call: Call, status: str) -> None:
        """The group's worker is free (and takes the next), then the front goes on."""
        self.release(worker, served=True)
        self.respond(call, status)

    def respond(self, call: Call, status: str) -> None:
        """The front hears of the first of: an answer, socket-timeout, no connection."""
        self.clock.cancel(call.timer)
        if not call.answered:
            call.answered = True
            call.answer(status)

    def stays(self, process: Process, served: bool) -> bool:
        """maximum-requests: from then on until nothing runs in it, at most graceful-timeout."""
        limit = self.pool.max_connections_per_child
        process.accepted += served
        if not 0 < limit <= process.accepted:
            return True
        if process.accepted == limit and served:
            timeout_s = self.pool.options.get("graceful-timeout", GRACEFUL_TIMEOUT_S)
            self.clock.at(self.clock.now_s + timeout_s, PHASE, lambda: self.retire(process))
        return process.count(BUSY) > 0
