"""The naive twin of the simulation: every rule of docs/explanation/the-model.md told once more, slowly.

Written from the rules alone, to be compared with the kernel request by request. Plain objects and lists; each
event scans everything. The parts: ``naive_clock`` (rule 7), ``naive_clients`` (1, 8, 10, 11),
``naive_processes`` and ``naive_parent`` (2, 9, 13, how the pool works), ``naive_groups`` (14), and here the
way of a request (3 to 6, 8, 12). Memory (15) and a group's request-timeout (14) are not told here.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, field

from naive_clients import Attempt, Clients, Connection
from naive_clock import PHASE, SAMPLE, Action, Clock
from naive_groups import Group
from naive_parent import Parent
from naive_processes import IDLE, LIVE, Process, Stage, Worker
from poolwise.model import App, Machine, Topology, Workload
from poolwise.simulation import Timing

DRAIN_S = 3600.0  # how long after the traffic's end the last requests may take
LINGER_S = 2.0


@dataclass
class Series:
    """What a stage looked like at the middle of each second, and when it forked."""

    busy: list[int] = field(default_factory=list)
    queued: list[int] = field(default_factory=list)
    total: list[int] = field(default_factory=list)
    forks_s: list[float] = field(default_factory=list)


@dataclass
class Result:
    """Per request: when it came, ``start_s`` (-1 refused, NaN never), ``end_s`` (client has all), its status.

    Of a request that came several times: the attempt that was answered, or the last one, as it was when that
    was decided (``decided_s``): answered, refused or given up.
    """

    came_s: list[float]
    start_s: list[float]
    decided_s: list[float]
    status: list[str]
    stages: list[Series]  # the front, then the groups
    tied: bool  # two things of one kind happened at one instant: the rules do not say which came first

    @property
    def end_s(self) -> list[float]:
        """When the client had everything."""
        answered = [status not in ("refused", "gave up") for status in self.status]
        return [at if yes else math.nan for at, yes in zip(self.decided_s, answered, strict=True)]


def naive(topology: Topology, load: Workload, app: App, machine: Machine, timing: Timing) -> Result:
    """Simulate until every request is decided and the observed period is over."""
    return System(topology, load, app, machine, timing).run()


class System:
    """Front, groups, clients and clock of one run."""

    def __init__(
        self, topology: Topology, load: Workload, app: App, machine: Machine, timing: Timing
    ) -> None:
        self.topology, self.load, self.app = topology, load, app
        self.clock = Clock(machine.cores)
        in_front = not topology.groups or -1 in topology.routes
        self.front = Stage(self.clock, topology.front, app, in_front, timing.fork_s)
        self.front.begin = self.front_takes
        self.front.close_parked = self.close_parked
        self.groups = [Group(self.clock, pool, app, timing.fork_s) for pool in topology.groups]
        for group in self.groups:
            group.application = self.application
            group.apaches_timeout_s = topology.front.options.get("Timeout", 60.0)
        self.stages = [self.front, *self.groups]
        for stage in self.stages:
            usual_s = 0.006 if stage.pool.architecture in ("worker", "event") else 0.005
            stage.die_s = usual_s if timing.die_s is None else timing.die_s
        self.behind_proxy = topology.proxy is not None
        self.clients = Clients(self.clock, load, topology.proxy, True, self.reaches_front, self.client_closes)
        self.parent = Parent(self.clock, self.front, self.groups, timing)
        self.series = [Series() for _ in self.stages]

    def run(self) -> Result:
        seconds = max(math.ceil(self.load.duration_s), 1)
        for stage in self.stages:
            stage.cold_start()
        self.parent.start()
        self.clients.start()
        for second in range(seconds):
            self.clock.at(second + 0.5, SAMPLE, self.sample)
        while self.clock.step():
            self.front.look_at_connections()
            over = self.clients.undecided == 0 and self.clients.inside == 0 and self.clock.now_s >= seconds
            if over or self.clock.now_s >= seconds + DRAIN_S:
                break
        for series, stage in zip(self.series, self.stages, strict=True):
            series.forks_s = [born_s for born_s in stage.forks if born_s < seconds]
        attempts = [self.clients.attempts.get(i, Attempt(i, 0, math.nan)) for i in range(len(self.load))]
        return Result(
            [attempt.came_s for attempt in attempts],
            [attempt.decided_start_s for attempt in attempts],
            [attempt.decided_s for attempt in attempts],
            [attempt.status for attempt in attempts],
            self.series,
            self.clock.tied or self.ready_together(),
        )

    def ready_together(self) -> bool:
        """Whether processes of front and group were ready at one instant while requests may have waited."""
        first_s = float(self.load.arrivals_s[0]) if len(self.load) else math.inf
        return any(
            abs(one_s - other_s) < 1e-9 and one_s > first_s
            for one_s in self.front.readied_s
            for group in self.groups
            for other_s in group.readied_s
        )

    def sample(self) -> None:
        for series, stage in zip(self.series, self.stages, strict=True):
            series.busy.append(stage.busy())
            series.queued.append(len(stage.queue))
            series.total.append(stage.alive())

    # the front

    @property
    def keep_alive_s(self) -> float:
        options = self.front.pool.options
        return options.get("KeepAliveTimeout", math.inf) if options.get("KeepAlive", 1) else 0.0

    def reaches_front(self, attempt: Attempt) -> None:
        """Rule 8 for a connection that is open, rule 2 for a new one."""
        connection = attempt.connection
        if not connection.idle:
            self.opens(attempt)
            return
        self.clock.cancel(connection.timer)
        connection.idle = False
        if isinstance(connection.holder, Worker):  # prefork, worker: at once in the worker that was held
            self.connection_carries(connection.holder, attempt)
            return
        process: Process = connection.holder
        idle = [worker for worker in process.workers if worker.state == IDLE]
        if idle:
            self.front.occupy(idle[0])
            self.connection_carries(idle[0], attempt)
        else:
            self.close(connection)
            self.clients.connect(attempt)  # a new one; the proxy tries its next idle one first

    def opens(self, attempt: Attempt) -> None:
        """Rule 2: an idle worker, a place in the queue, or refused."""
        worker = self.front.next_worker()
        if worker is not None and not self.front.queue:
            self.front.take(worker, attempt)
        elif len(self.front.queue) < self.front.pool.backlog:
            self.front.queue.append(attempt)
        else:
            attempt.connection.open = False
            self.clients.refused(attempt)

    def front_takes(self, worker: Worker, attempt: Attempt) -> None:
        """A worker accepts the connection; event counts it, and may have to go (MaxConnectionsPerChild)."""
        process = worker.process
        if self.front.pool.architecture == "event":
            process.connections.append(attempt.connection)
            process.accepted += 1
            if process.accepted == self.front.pool.max_connections_per_child:
                self.front.retire(process)
            self.front.look_at_connections()
        self.connection_carries(worker, attempt)

    def connection_carries(self, worker: Worker, attempt: Attempt) -> None:
        """Rules 3 and 4: the upload and the application, here or in a group."""
        attempt.connection.carried += 1
        upload_s = 0.0 if self.behind_proxy else self.clients.value("upload_s", attempt.index)
        route = self.topology.route(self.kind(attempt))
        if route < 0:
            self.clock.wait(
                upload_s,
                lambda: self.application(worker, attempt, lambda: self.responds(worker, attempt)),
            )
        else:
            self.groups[route].ask(
                attempt, upload_s, lambda status: self.group_answers(worker, attempt, status)
            )

    def group_answers(self, worker: Worker, attempt: Attempt, status: str) -> None:
        """Rule 4: the front's worker was held until now."""
        attempt.answer = status
        self.responds(worker, attempt)

    def kind(self, attempt: Attempt) -> int:
        return 0 if self.load.kind is None else int(self.load.kind[attempt.index])

    def responds(self, worker: Worker, attempt: Attempt) -> None:
        """Rule 5: the download, held or not; an error needs none (rule 14)."""
        download_s = self.clients.value("download_s", attempt.index) if attempt.answer == "served" else 0.0
        if self.behind_proxy:
            self.worker_is_through(worker, attempt)
            self.clock.wait(download_s, lambda: self.clients.answered(attempt))
        else:
            self.clock.wait(download_s, lambda: self.sent(worker, attempt))

    def sent(self, worker: Worker, attempt: Attempt) -> None:
        self.worker_is_through(worker, attempt)
        self.clients.answered(attempt)

    def worker_is_through(self, worker: Worker, attempt: Attempt) -> None:
        """Rule 8: whether the connection stays open, and who holds it then."""
        connection, process = attempt.connection, worker.process
        limit = self.front.pool.options.get("MaxKeepAliveRequests", 0)
        stays = (
            connection.kept_by is not None
            and self.keep_alive_s > 0
            and not 0 < limit <= connection.carried
            and process.state == LIVE
            and not attempt.decided  # the client gave up, and its connection with it
        )
        if not stays:
            self.close(connection, process)
            self.front.release(worker, served=True)
            return
        connection.idle = True
        parks = self.front.pool.architecture == "event"
        connection.holder = process if parks else worker
        connection.timer = self.clock.at(
            self.clock.now_s + self.keep_alive_s, PHASE, lambda: self.keep_alive_is_over(connection)
        )
        if parks:
            self.front.free(worker, served=True)
            self.front.look_at_connections()
        self.clients.idles(connection)
        self.front.serve()

    def keep_alive_is_over(self, connection: Connection) -> None:
        """Rule 8: closed by the server; a client that does not close its side holds a worker for longer."""
        worker = connection.holder
        self.close(connection)
        if isinstance(worker, Worker):
            lingers = not (self.load.clients.closes or self.behind_proxy)
            self.clock.wait(LINGER_S if lingers else 0.0, lambda: self.front.release(worker, served=True))
        else:
            self.front.serve()

    def client_closes(self, connection: Connection) -> None:
        """Rule 10: the proxy closes an idle connection."""
        worker = connection.holder
        self.clock.cancel(connection.timer)
        self.close(connection)
        if isinstance(worker, Worker):
            self.front.release(worker, served=True)
        else:
            self.front.serve()

    def close(self, connection: Connection, process: Process | None = None) -> None:
        """A connection is no more; event counts one less."""
        at = connection.holder if process is None else process
        if isinstance(at, Process) and connection in at.connections:
            at.connections.remove(connection)
        connection.open = connection.idle = False
        self.clients.closed(connection)

    def close_parked(self, process: Process) -> None:
        """Rule 8: a process told to go closes its parked connections at once."""
        for connection in [connection for connection in process.connections if connection.idle]:
            self.clock.cancel(connection.timer)
            self.close(connection)

    # the application

    def application(self, worker: Worker, attempt: Attempt, then: Action) -> None:
        """Rule 12: the first request that begins in a process loads it; others wait in their workers."""
        process, app = worker.process, self.app
        payer = self.payer(worker, attempt)
        if process.loaded or process.killed:
            self.runs(worker, attempt, then)
            return
        process.waiting_for_load.append(lambda: self.runs(worker, attempt, then))
        if process.loading:
            return
        process.loading = True
        self.clock.wait(
            app.import_wait_s,
            lambda: self.work(app.import_cpu_s, process, payer, lambda: self.loaded(process)),
        )

    def loaded(self, process: Process) -> None:
        process.loaded = True
        for begin in process.waiting_for_load:
            begin()

    def payer(self, worker: Worker, attempt: Attempt) -> tuple[Hashable, ...]:
        """Rule 7: what counts as one of those that share the cores."""
        if self.app.gil == "free-threaded":
            return worker.process, worker
        if self.app.gil == "per-interpreter":
            return worker.process, self.kind(attempt) % self.app.interpreters
        return (worker.process,)

    def work(self, cpu_s: float, process: Process, payer: tuple[Hashable, ...], then: Action) -> None:
        """CPU work, unless the process has been killed."""
        if not process.killed:
            self.clock.work(cpu_s, payer, then)

    def runs(self, worker: Worker, attempt: Attempt, then: Action) -> None:
        """Rule 7: ``bursts`` times CPU work, then waiting."""
        if worker.process.killed:
            return
        attempt.start_s = self.clock.now_s
        service_s = float(self.load.service_s[attempt.index])
        cpu_s = (
            self.app.cpu_share * service_s
            if self.load.cpu_s is None
            else float(self.load.cpu_s[attempt.index])
        )
        work_s, wait_s = cpu_s / self.app.bursts, (service_s - cpu_s) / self.app.bursts
        process, payer = worker.process, self.payer(worker, attempt)

        def burst(left: int) -> None:
            if left > 0:
                self.work(work_s, process, payer, lambda: self.clock.wait(wait_s, lambda: burst(left - 1)))
            elif not process.killed:
                then()

        burst(self.app.bursts)
