"""A daemon group of the naive twin: rule 14 of docs/explanation/the-model.md without request-timeout."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from naive_clients import Attempt
from naive_clock import PHASE, Action, Clock, Timer
from naive_processes import BUSY, ENDED, GOING, Process, Stage, Worker
from poolwise.model import App, Pool

CONNECT_TIMEOUT_S = GRACEFUL_TIMEOUT_S = 15.0


@dataclass(eq=False)
class Call:
    """What a front's worker asks of the group, and how it goes on with the answer."""

    attempt: Attempt
    answer: Callable[[str], None]
    upload_s: float
    asked_s: float
    answered: bool = False
    timer: Timer | None = None  # socket-timeout


class Group(Stage):
    """Daemon processes; ``application`` runs an attempt in a worker (rules 7 and 12)."""

    application: Callable[[Worker, Attempt, Action], None]

    def __init__(self, clock: Clock, pool: Pool, app: App, fork_s: float) -> None:
        super().__init__(clock, pool, app, True, fork_s)
        self.begin = self.picks_up
        self.running: dict[Worker, Call] = {}
        self.apaches_timeout_s = 60.0
        self.late_s = -1.0  # when queue-timeout last struck

    def ask(self, attempt: Attempt, upload_s: float, answer: Callable[[str], None]) -> None:
        """Rules 3 and 4: the request joins the queue at once; ``answer`` is told how it ended.

        listen-backlog: still beyond it after connect-timeout is 503. socket-timeout: no answer yet is 504.
        """
        call = Call(attempt, answer, upload_s, self.clock.now_s)
        options = self.pool.options
        self.queue.append(call)
        self.serve()
        timeout_s = options.get("socket-timeout", 0) or self.apaches_timeout_s
        if timeout_s > 0 and not call.answered:
            call.timer = self.clock.at(self.clock.now_s + timeout_s, PHASE, lambda: self.too_late(call))
        if self.beyond(call):
            connect_s = options.get("connect-timeout", CONNECT_TIMEOUT_S)
            self.clock.wait(connect_s, lambda: self.no_room(call))

    def beyond(self, call: Call) -> bool:
        """Whether a call is not among those that the backlog has room for."""
        return call in self.queue[self.pool.backlog :]

    def no_room(self, call: Call) -> None:
        """connect-timeout is over."""
        if self.beyond(call):
            self.queue.remove(call)
            self.respond(call, "503")

    def too_late(self, call: Call) -> None:
        """socket-timeout is over; what has got into the backlog is worked on all the same."""
        if self.beyond(call):
            self.queue.remove(call)
        self.respond(call, "504")

    def picks_up(self, worker: Worker, call: Call) -> None:
        """queue-timeout: looked at now, by the worker that takes the request. Rule 3: then the upload."""
        self.running[worker] = call
        timeout_s = self.pool.options.get("queue-timeout", 0)
        if 0 < timeout_s < self.clock.now_s - call.asked_s:
            self.clock.tied = self.clock.tied or self.late_s == self.clock.now_s  # two at one instant
            self.late_s = self.clock.now_s
            self.through(worker, call, "504", ran=False)
        else:
            self.clock.wait(
                call.upload_s,
                lambda: self.application(worker, call.attempt, lambda: self.through(worker, call, "served")),
            )

    def through(self, worker: Worker, call: Call, status: str, ran: bool = True) -> None:
        """The group's worker is free, the front has its answer and goes on, then the queue is looked at."""
        self.free(worker, served=ran)
        self.respond(call, status)
        self.serve()

    def respond(self, call: Call, status: str) -> None:
        """The front hears of the first of: an answer, socket-timeout, no connection."""
        self.clock.cancel(call.timer)
        if not call.answered:
            call.answered = True
            call.answer(status)

    def stays(self, process: Process, served: bool) -> bool:
        """maximum-requests: from then on until nothing runs in it, at most graceful-timeout.

        Then it takes nothing new, and what still runs after shutdown-timeout is lost.
        """
        limit = self.pool.max_connections_per_child
        process.accepted += served
        if not 0 < limit <= process.accepted:
            return True
        if process.accepted == limit and served:
            timeout_s = self.pool.options.get("graceful-timeout", GRACEFUL_TIMEOUT_S)
            late_s = self.clock.now_s + timeout_s
            looked_at_s = math.ceil(late_s - 0.5) + 0.5  # once a second
            self.clock.at(looked_at_s, PHASE, lambda: self.stop(process))
        return process.count(BUSY) > 0

    def stop(self, process: Process) -> None:
        """graceful-timeout is over."""
        self.retire(process)
        if process.state == GOING:
            timeout_s = self.pool.options.get("shutdown-timeout", 0)
            self.clock.at(self.clock.now_s + timeout_s, PHASE, lambda: self.kill(process))

    def kill(self, process: Process) -> None:
        """shutdown-timeout is over: the process ends, its requests are lost and the front hears of it."""
        if process.state != GOING:
            return
        process.killed = True
        self.clock.forget(process)
        lost = [(worker, self.running[worker]) for worker in process.workers if worker.state == BUSY]
        self.clock.tied = self.clock.tied or len(lost) > 1  # the rules do not say who hears of it first
        for worker, _ in lost:
            worker.state = ENDED
        self.end_if_over(process)
        process.exit_s = self.clock.now_s
        for _, call in lost:
            self.respond(call, "lost")
