"""Time for the naive twin: timers and CPU work, both kept in plain lists that every event scans whole.

Rule numbers are those of docs/explanation/the-model.md. Nothing here is fast, and nothing is clever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass

NEVER, NAN = float("inf"), float("nan")

# what comes first at equal times (the preamble of the rules); a sample sees what was before its instant
PARENT, SAMPLE, BOOT, PHASE, ARRIVAL = 0, 1, 2, 3, 4
START = "start"  # in the payer of the work of a starting process

Action = Callable[[], object]


@dataclass(eq=False)
class Timer:
    """Something that happens at ``time_s``."""

    time_s: float
    rank: int
    number: int
    action: Action


@dataclass(eq=False)
class Job:
    """CPU work: what is left of it, and whose share it is paid from."""

    left_s: float
    payer: tuple[Hashable, ...]  # a process, or a part of it, that counts as one of ``R`` in rule 7
    number: int
    action: Action


class Clock:
    """The only source of time: ``step`` goes to the next thing that happens and lets it happen."""

    def __init__(self, cores: int) -> None:
        self.cores = cores
        self.now_s = -NEVER
        self.timers: list[Timer] = []
        self.jobs: list[Job] = []
        self.numbers = 0
        self.last_s = {PHASE: NAN, ARRIVAL: NAN}
        self.tied = (
            False  # whether two requests ended a phase, or came, at one instant: the rules give no order
        )

    def at(self, time_s: float, rank: int, action: Action) -> Timer:
        """Let ``action`` happen at ``time_s``."""
        self.numbers += 1
        timer = Timer(max(time_s, self.now_s), rank, self.numbers, action)
        self.timers.append(timer)
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Let it not happen."""
        if timer is not None and timer in self.timers:
            self.timers.remove(timer)

    def wait(self, seconds: float, action: Action, rank: int = PHASE) -> None:
        """A phase of that length without CPU; one of no length is skipped."""
        if seconds > 0:
            self.at(self.now_s + seconds, rank, action)
        else:
            action()

    def work(self, cpu_s: float, payer: tuple[Hashable, ...], action: Action) -> None:
        """A phase of that much CPU work; one of no length is skipped."""
        if cpu_s > 0:
            self.numbers += 1
            self.jobs.append(Job(cpu_s, payer, self.numbers, action))
        else:
            action()

    def forget(self, process: Hashable) -> None:
        """The work of a process that is no more."""
        self.jobs = [job for job in self.jobs if process not in job.payer]

    def wanting(self) -> int:
        """``R`` of rule 7."""
        return len({job.payer for job in self.jobs})

    def forking(self, at_s: float, fork_s: float, count: int, wanting: int, before: int = 0) -> list[float]:
        """Rule 7: the instants at which the parent begins ``count`` forks one after another, and the end.

        They begin at ``at_s``, after ``before`` others; ``wanting``: ``R`` at the beginning.
        """
        times = [at_s]
        for i in range(before + 1, before + count + 1):
            at_s += fork_s * max(1.0, (i + wanting) / self.cores)
            times.append(at_s)
        return times

    def rate(self, job: Job) -> float:
        """Rule 7: each of ``R`` payers proceeds at min(1, n/R), shared equally by its own jobs."""
        jobs_of = Counter(other.payer for other in self.jobs)
        return min(1.0, self.cores / self.wanting()) / jobs_of[job.payer]

    def step(self) -> bool:
        """Go to the next event and let it happen; False when there is none."""
        rates = [self.rate(job) for job in self.jobs]
        ends = [self.now_s + job.left_s / rate for job, rate in zip(self.jobs, rates, strict=True)]
        finished = min(zip(ends, self.jobs, strict=True), key=lambda e: (e[0], e[1].number), default=None)
        timer = min(self.timers, key=lambda t: (t.time_s, t.rank, t.number), default=None)
        if finished is None and timer is None:
            return False
        job_next = finished is not None and (
            timer is None
            or (finished[0], PHASE, finished[1].number) < (timer.time_s, timer.rank, timer.number)
        )
        next_s = finished[0] if finished is not None and job_next else timer.time_s if timer else NEVER
        for job, rate in zip(self.jobs, rates, strict=True):
            job.left_s = max(job.left_s - (next_s - self.now_s) * rate, 0.0)
        self.now_s = next_s
        if finished is not None and job_next:
            self.jobs.remove(finished[1])
            self.notice_tie(BOOT if START in finished[1].payer else PHASE)
            finished[1].action()
        elif timer is not None:
            self.timers.remove(timer)
            self.notice_tie(timer.rank)
            timer.action()
        return True

    def notice_tie(self, rank: int) -> None:
        if rank in self.last_s:
            self.tied = self.tied or abs(self.now_s - self.last_s[rank]) < 1e-9
            self.last_s[rank] = self.now_s
