"""One stage of the naive twin: its slots, processes and workers, its queue, and who serves it.

Rule numbers are those of docs/explanation/the-model.md; births and deaths of Apache's processes follow
docs/explanation/how-the-pool-works.md. Counts are never kept: they are counted when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from naive_clock import BOOT, NEVER, PARENT, START, Action, Clock
from poolwise.model import App, Pool
from poolwise.servers import event_accepts

LIVE, GOING, GONE = "live", "told to go", "gone, not yet reaped"
BLOCKED, STARTING, IDLE, BUSY, ENDED = "place taken", "starting", "idle", "busy", "ended"


@dataclass(eq=False)
class Worker:
    """One thread; ``place``: its index in the process."""

    process: Process
    place: int
    state: str = STARTING
    not_before_s: float = -NEVER


@dataclass(eq=False)
class Process:
    """A process, from its fork to its reaping."""

    slot: Slot
    born_s: float
    order: int
    state: str = LIVE
    exit_s: float = NEVER
    booted: bool = False
    killed: bool = False
    turn: int = 0  # grows with the time since which it waits for a request (rule 2)
    workers: list[Worker] = field(default_factory=list)
    accepted: int = 0  # connections counted for MaxConnectionsPerChild
    accepting: bool = True  # event: what event_accepts said last
    connections: list[Any] = field(default_factory=list)  # event: the open ones
    loaded: bool = False
    loading: bool = False
    waiting_for_load: list[Action] = field(default_factory=list)

    def count(self, *states: str) -> int:
        """Workers in one of these states."""
        return sum(worker.state in states for worker in self.workers)


@dataclass(eq=False)
class Slot:
    """A place of the scoreboard; with the worker MPM earlier processes may still finish requests in it."""

    present: Process | None = None
    earlier: list[Process] = field(default_factory=list)

    def processes(self) -> list[Process]:
        return [*self.earlier, *([self.present] if self.present else [])]

    def busy(self) -> int:
        """Busy workers, those of earlier processes included."""
        return sum(process.count(BUSY) for process in self.processes())


class Stage:
    """A pool: a queue in front of workers. ``begin`` is told which worker takes which item of the queue."""

    def __init__(self, clock: Clock, pool: Pool, app: App, runs_application: bool, fork_s: float) -> None:
        self.clock, self.pool, self.app, self.fork_s = clock, pool, app, fork_s
        self.runs_application = runs_application
        self.die_s = 0.0
        self.slots = [
            Slot() for _ in range(pool.server_limit if pool.architecture == "event" else pool.process_limit)
        ]
        self.queue: list[Any] = []
        self.begin: Callable[[Worker, Any], None]
        self.close_parked: Callable[[Process], None] = lambda process: None
        self.death_notices = 0  # prefork: in the pipe, not yet read
        self.forks: list[float] = []
        self.readied_s: list[float] = []
        self.turns = 0
        self.serving = False

    # what can be counted

    def processes(self) -> Iterator[Process]:
        for slot in self.slots:
            yield from slot.processes()

    def live(self) -> list[Process]:
        return [process for process in self.processes() if process.state == LIVE]

    def busy(self) -> int:
        return sum(process.count(BUSY) for process in self.processes())

    def alive(self) -> int:
        """Processes that have something left to do (or to wait for)."""
        return sum(process.state in (LIVE, GOING) for process in self.processes())

    def idle_in_the_parents_eyes(self) -> int:
        """Workers ready or starting in processes not told to go; none where event accepts none (rule 9)."""
        self.look_at_connections()
        idle = 0
        for process in self.live():
            idle += self.pool.threads - process.slot.busy()
            if not process.accepting:
                idle -= process.count(IDLE)
        return idle

    # births

    def cold_start(self) -> None:
        """Fork the initial processes, one after another, so that the last is forked at 0."""
        count = min(self.pool.start, self.pool.process_limit)
        at_s = -sum(self.fork_s * max(1.0, i / self.clock.cores) for i in range(1, count + 1))
        self.clock.at(at_s, PARENT, lambda: self.fork_batch(self.free_slots(count), 0))

    def free_slots(self, most: int) -> list[Slot]:
        """Up to ``most`` slots that can be forked into, in httpd's order."""
        clean, shared = [], []
        for slot in self.slots:
            present = slot.present
            shares = self.pool.architecture == "worker"
            starting = present.count(STARTING) if present else 0
            if (present is None or (shares and present.state == GONE)) and slot.busy() == 0:
                clean.append(slot)
            elif (
                shares
                and (present is None or present.state != LIVE)
                and (starting == 0 and 0 < slot.busy() < self.pool.threads)
            ):
                shared.append(slot)
        return (clean + shared)[:most]

    def fork_batch(self, slots: list[Slot], wanting: int) -> float:
        """Fork into ``slots`` one after another while ``wanting`` others compute; return the end."""
        times = self.clock.forking(self.clock.now_s, self.fork_s, len(slots), wanting)
        for slot, born_s, forked_s in zip(slots, times, times[1:], strict=False):
            self.fork(slot, born_s, forked_s)
        return times[-1]

    def fork(self, slot: Slot, born_s: float, forked_s: float) -> None:
        if slot.present is not None and slot.present.state == GOING:  # its busy threads finish beside
            slot.earlier.append(slot.present)
        process = Process(slot, born_s, len(self.forks))
        self.forks.append(born_s)
        taken = {w.place for earlier in slot.earlier for w in earlier.workers if w.state == BUSY}
        process.workers = [
            Worker(process, place, BLOCKED if place in taken else STARTING)
            for place in range(self.pool.threads)
        ]
        slot.present = process
        self.clock.at(forked_s, BOOT, lambda: self.boot(process))

    def boot(self, process: Process) -> None:
        """Rule 7: a starting process waits, then works; rule 12: with the import where that belongs to it."""
        app = self.app
        imports = self.runs_application and app.loads == "start"
        process.loaded = not self.runs_application or app.loads != "first request"
        self.clock.wait(
            app.startup_wait_s + (app.import_wait_s if imports else 0.0),
            lambda: self.clock.work(
                app.startup_cpu_s + (app.import_cpu_s if imports else 0.0),
                (START, process),
                lambda: self.ready(process),
            ),
            BOOT,
        )

    def ready(self, process: Process) -> None:
        process.booted = True
        self.readied_s.append(self.clock.now_s)
        for worker in process.workers:
            self.thread_starts(worker)

    def thread_starts(self, worker: Worker) -> None:
        """A thread is there as soon as its process has started and its own time has come."""
        if worker.state == STARTING and worker.process.booted and self.clock.now_s >= worker.not_before_s:
            self.release(worker, served=False)

    # deaths

    def retire(self, process: Process) -> None:
        """Rule 13: it takes no new request and ends when its last one is answered."""
        if process.state != LIVE:
            return
        process.state = GOING
        for worker in process.workers:
            if worker.state in (IDLE, BLOCKED):
                worker.state = ENDED
        self.close_parked(process)
        self.end_if_over(process)

    def end_if_over(self, process: Process) -> None:
        if process.state == GOING and process.count(BUSY, STARTING) == 0:
            process.state = GONE
            process.exit_s = self.clock.now_s + self.die_s

    def kill_one(self) -> None:
        """The death notice: prefork, to who is idle longest or next to finish; else to the oldest process."""
        if self.pool.architecture != "prefork":
            if self.live():
                self.retire(min(self.live(), key=lambda process: process.order))
            return
        worker = self.next_worker()
        if worker is None:
            self.death_notices += 1
        else:
            self.retire(worker.process)

    # service

    def look_at_connections(self) -> None:
        """Rule 9: whether each process of event takes another connection; one that does again waits anew."""
        if self.pool.architecture != "event":
            return
        factor = max(int(self.pool.options.get("AsyncRequestWorkerFactor", 2)), 1)
        for process in self.live():
            before = process.accepting
            process.accepting = event_accepts(
                len(process.connections), process.count(IDLE), self.pool.threads, factor, before
            )
            if process.accepting and not before:
                self.waits_from_now(process)

    def waits_from_now(self, process: Process) -> None:
        self.turns += 1
        process.turn = self.turns

    def next_worker(self) -> Worker | None:
        """Rule 2: a worker of the process that has waited longest takes the next request."""
        self.look_at_connections()
        waiting = [p for p in self.live() if p.accepting and p.count(IDLE) > 0]
        if not waiting:
            return None
        process = min(waiting, key=lambda process: process.turn)
        return next(worker for worker in process.workers if worker.state == IDLE)

    def serve(self) -> None:
        """While somebody waits and a worker is idle, the first in the queue is taken."""
        if self.serving:
            return
        self.serving = True
        while self.queue and (worker := self.next_worker()) is not None:
            self.take(worker, self.queue.pop(0))
        self.serving = False

    def take(self, worker: Worker, item: Any) -> None:
        self.occupy(worker)
        self.begin(worker, item)

    def occupy(self, worker: Worker) -> None:
        """A worker has a request now; its process waits anew."""
        worker.state = BUSY
        self.waits_from_now(worker.process)

    def release(self, worker: Worker, *, served: bool) -> None:
        """A worker has finished a connection (``served``) or its start; the queue is looked at."""
        self.free(worker, served=served)
        self.serve()

    def free(self, worker: Worker, *, served: bool) -> None:
        """A worker has nothing to do now, or ends with its process."""
        process = worker.process
        if process is not process.slot.present:
            self.release_beside(worker)
            return
        if process.count(IDLE) == 0:
            self.waits_from_now(process)
        worker.state = IDLE
        if process.state == LIVE and not self.stays(process, served):
            self.retire(process)
        if process.state != LIVE:
            worker.state = ENDED
            self.end_if_over(process)

    def release_beside(self, worker: Worker) -> None:
        """A thread of a slot's earlier process ends; the present one looks for free places each second."""
        process, slot = worker.process, worker.process.slot
        worker.state = ENDED
        if process.count(BUSY) == 0:
            process.state = GONE
            slot.earlier.remove(process)
        present = slot.present
        if present is None or present.state != LIVE:
            return
        successor = present.workers[worker.place]
        successor.state = STARTING
        successor.not_before_s = present.born_s + int(self.clock.now_s - present.born_s) + 1
        self.clock.at(successor.not_before_s, BOOT, lambda: self.thread_starts(successor))

    def stays(self, process: Process, served: bool) -> bool:
        """Whether a process goes on after a worker came free (MaxConnectionsPerChild, death notices)."""
        limit = self.pool.max_connections_per_child
        if self.pool.architecture == "event":
            return True  # it counts, and is told to go, when it takes a connection
        process.accepted += served
        if 0 < limit <= process.accepted:
            return False
        if self.death_notices and (served or not self.queue):
            self.death_notices -= 1
            return False
        return True
