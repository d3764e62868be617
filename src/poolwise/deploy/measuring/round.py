"""One fresh server, from its start to its end: what is asked of it in which order, and what is read when.

Two processes run the application at the same time, so that what processes share is shared, as in a pool. The
*threaded* one is seen without the application first, then with all its threads at work. The *single* one has
one thread; it is left alone meanwhile, and then answers one request after the other.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from poolwise.deploy.folder import scratch
from poolwise.deploy.measuring.asked import Asked
from poolwise.deploy.measuring.growth import leak_bytes
from poolwise.deploy.measuring.pinned import pinned
from poolwise.deploy.measuring.requests import Request
from poolwise.deploy.measuring.running import free_ports, running
from poolwise.deploy.measuring.sample import Batch, Memory, Row, Sample
from poolwise.deploy.measuring.subject import Place, Server, Subject
from poolwise.observe import memory, process, tree

BATCHES = 20
WARM_REQUESTS, WARM_S = 300, 0.6  # memory settles within
MEETINGS, MEETINGS_S = 12, 0.6  # at most; at least one
SETTLE_S = 0.2

Advance = Callable[[float], None]  # told how much of the round is done, 0 to 1
Check = Callable[[Mapping[str, Counter[int]]], None]  # raises for answers that make no measurement


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is asked, and how long it may take."""

    requests: int = 1500  # one after the other, of each fresh server
    seconds: float = 2.0  # ... for at most so long
    threads: int = 8  # of the threaded process
    patience_s: float = 60.0  # for one answer
    host: str = ""  # of the Host header


def measure_round(
    subject: Subject,
    server: Server,
    requests: Sequence[Request],
    effort: Effort,
    check: Check,
    advance: Advance,
) -> Sample:
    """Start the server, ask it, stop it. Raises ServerError when it fails, and what ``check`` raises."""
    word = secrets.token_hex(8)
    first, second = free_ports(2)
    places = (Place("single", first, 1, lazy=False), Place("threaded", second, effort.threads, lazy=True))
    with scratch("measure") as folder:
        layout = server.layout(subject, folder, places, word)
        with (
            running(layout, folder, places) as children,
            closing(Asked(first, word, effort.host, effort.patience_s)) as single,
            closing(Asked(second, word, effort.host, effort.patience_s)) as threaded,
        ):
            plan = _Plan(single, threaded, requests, effort, [child.pid for child in children])
            return plan.sample(check, advance)


@dataclass(frozen=True, slots=True)
class _Plan:
    single: Asked
    threaded: Asked
    requests: Sequence[Request]
    effort: Effort
    servers: Sequence[int]  # the processes that we have started

    def sample(self, check: Check, advance: Advance) -> Sample:
        single, threaded = self.single, self.threaded
        first = single.start()
        threaded.start()
        bare = memory([threaded.pid]).private_bytes
        with pinned([threaded.pid]):
            threaded.ask(self.requests[0])  # loads it
        second = threaded.start()
        advance(0.2)
        pass_s = self._warm(check)
        advance(0.3)
        idle = _Meter(single)
        meetings, gil_wait_s = self._meet()
        used = self._memory()
        idle_cpu = idle.cores()
        advance(0.5)
        with pinned([*single.pids, *self._fronts()]):
            batches = list(self._batches(pass_s, advance))
            if leak_bytes(batches):  # or memory that settles: more requests tell
                batches += self._batches(pass_s, advance)
        last = self._memory()
        check(self._statuses())
        return Sample(
            starts=(first, second),
            bare_bytes=bare,
            threads=self.effort.threads,
            used=used,
            last=last,
            batches=tuple(batches),
            idle_cpu=idle_cpu,
            meetings=meetings,
            gil_wait_s=gil_wait_s,
            free_threaded=single.free_threaded,
            python=single.python,
            statuses=self._statuses(),
        )

    def _warm(self, check: Check) -> float:
        """Some passes over the requests by both; the seconds that a pass takes."""
        most = max(1, min(WARM_REQUESTS, self.effort.requests) // len(self.requests))
        passes, begun_s, spent_s = 0, time.monotonic(), 0.0
        while passes < most and spent_s < WARM_S:
            self._pass(self.single)
            spent_s = time.monotonic() - begun_s
            if not passes:
                check(self._statuses())
            passes += 1
        for _ in range(passes):
            self._pass(self.threaded)
        self.single.rows()
        self.threaded.rows()
        return spent_s / passes

    def _pass(self, asked: Asked) -> None:
        for request in self.requests:
            asked.ask(request)

    def _meet(self) -> tuple[tuple[tuple[Row, ...], ...], float | None]:
        """Requests that run at the same time in the threaded process, one in each thread."""
        number = self.effort.threads
        if number < 2:
            return (), None
        meetings: list[tuple[Row, ...]] = []
        self.threaded.gil_wait_s()
        begun_s = time.monotonic()
        while not meetings or (len(meetings) < MEETINGS and time.monotonic() - begun_s < MEETINGS_S):
            self.threaded.ask(self.requests[len(meetings) % len(self.requests)], number)
            meetings.append(self.threaded.rows())
        return tuple(meetings), self.threaded.gil_wait_s()

    def _batches(self, pass_s: float, advance: Advance) -> Iterator[Batch]:
        """Requests one after the other, in batches of whole passes."""
        wanted = max(1, round(self.effort.requests / len(self.requests)))
        share_s = self.effort.seconds / BATCHES / max(pass_s, 1e-6)
        passes = max(1, min(-(-wanted // BATCHES), int(share_s)))
        count = max(1, wanted // passes)
        begun_s = time.monotonic()
        fronts = self._fronts()
        for number in range(count):
            yield self._batch(passes, fronts)
            spent_s = time.monotonic() - begun_s
            advance(0.5 + 0.5 * max((number + 1) / count, spent_s / self.effort.seconds))
            if spent_s > self.effort.seconds:
                return

    def _batch(self, passes: int, fronts: Sequence[int]) -> Batch:
        single = self.single
        children_s = single.children_s
        meter, front_s = _Meter(single), _cpu_s(fronts)
        for _ in range(passes):
            self._pass(single)
        cpu_s, front_s = meter.cpu_s(), _cpu_s(fronts) - front_s
        wall_s = meter.wall_s()
        rows = single.rows()
        private = memory([single.pid]).private_bytes
        requests = passes * len(self.requests)
        return Batch(requests, rows, cpu_s, single.children_s - children_s, front_s, wall_s, private)

    def _fronts(self) -> list[int]:
        """The server's processes that do not run the application."""
        own = {*self.single.pids, *self.threaded.pids}
        return [each.pid for server in self.servers for each in tree(server) if each.pid not in own]

    def _memory(self) -> Memory:
        time.sleep(SETTLE_S)
        one, many = self.single.pids, self.threaded.pids
        return Memory(
            single_private=memory(one).private_bytes,
            threaded_private=memory(many).private_bytes,
            shared=max((memory([pid]).shared_bytes for pid in (*one, *many)), default=0),
            front_pss=memory(self._fronts()).pss_bytes // len(self.servers),
        )

    def _statuses(self) -> dict[str, Counter[int]]:
        found: dict[str, Counter[int]] = {}
        for asked in (self.single, self.threaded):
            for request, counts in asked.statuses.items():
                found[request] = found.get(request, Counter()) + counts
        return found


class _Meter:
    """CPU and time of a process since the meter was made."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.begun_s, self.before_s = time.monotonic(), asked.cpu_s()

    def cpu_s(self) -> float:
        """CPU since then."""
        return self.asked.cpu_s() - self.before_s

    def wall_s(self) -> float:
        """Time since then."""
        return time.monotonic() - self.begun_s

    def cores(self) -> float:
        """CPU a second."""
        return self.cpu_s() / max(self.wall_s(), 1e-6)


def _cpu_s(pids: Sequence[int]) -> float:
    """CPU of several processes so far; one that has ended counts nothing."""
    found = (process(pid) for pid in pids)
    return sum(each.cpu_s for each in found if each)
