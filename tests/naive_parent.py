"""Apache's parent in the naive twin: sleep, one maintenance pass, reap everything, sleep again.

See docs/explanation/how-the-pool-works.md ("The pass"). The decisions themselves are the pure functions of
``poolwise.servers``; what they are told is counted here, process by process.
"""

from __future__ import annotations

from collections.abc import Sequence

from naive_clock import PARENT, Clock
from naive_processes import GONE, IDLE, LIVE, Slot, Stage
from poolwise.servers import event_maintain, prefork_maintain, worker_maintain
from poolwise.simulation import Timing


class Parent:
    """Keeps the front's size, and replaces processes of mod_wsgi's daemon groups (rule 14)."""

    def __init__(self, clock: Clock, front: Stage, groups: Sequence[Stage], timing: Timing) -> None:
        self.clock, self.front, self.groups, self.timing = clock, front, groups, timing
        self.rate, self.holdoff = 1, 0

    def start(self) -> None:
        """t = 0 is the instant at which the parent enters its first sleep."""
        self.clock.at(self.timing.sleep_s, PARENT, self.wake)

    def wake(self) -> None:
        """The end of the sleep: one pass, which takes as long as its forks."""
        self.clock.at(self.maintain(), PARENT, self.reap)

    def maintain(self) -> float:
        front, pool = self.front, self.front.pool
        idle = front.idle_in_the_parents_eyes()
        free = front.free_slots(self.rate) if idle < pool.min_spare else []
        state = (idle, len(free), self.rate, self.holdoff, pool.min_spare, pool.max_spare)
        up = front.busy() + sum(process.count(IDLE) for process in front.live())
        if pool.architecture == "prefork":
            spawn, kill, self.rate, self.holdoff, _ = prefork_maintain(*state)
        elif pool.architecture == "worker":
            spawn, kill, self.rate, self.holdoff, _ = worker_maintain(*state, up, pool.max_workers)
        else:
            unreaped = [slot.present for slot in front.slots if slot.present is not None]
            active = sum(process.state == LIVE for process in unreaped)
            limits = (pool.process_limit, pool.server_limit, _old_kill_rule(pool.httpd_version))
            spawn, kill, self.rate, self.holdoff, _ = event_maintain(
                *state, up, pool.max_workers, active, len(unreaped), *limits
            )
        if kill:
            front.kill_one()
        return front.fork_batch(free[:spawn], self.clock.wanting())

    def reap(self) -> None:
        """Every process that has exited gives its slot back; those of a daemon group are forked anew."""
        now_s = done_s = self.clock.now_s
        wanting = self.clock.wanting()
        _ = _reaped(self.front, now_s)
        forks = 0
        for group in self.groups:  # one after another
            slots = _reaped(group, done_s)
            times = self.clock.forking(done_s, self.timing.fork_s, len(slots), wanting, forks)
            forks += len(slots)
            for slot, born_s, forked_s in zip(slots, times, times[1:], strict=False):
                group.fork(slot, born_s, forked_s)
            done_s = times[-1]
        self.clock.at(done_s + self.timing.sleep_s, PARENT, self.wake)


def _reaped(stage: Stage, now_s: float) -> list[Slot]:
    """The slots that the reaped processes leave."""
    slots = []
    for slot in stage.slots:
        process = slot.present
        if process is not None and process.state == GONE and process.exit_s <= now_s:
            slot.present = None
            slots.append(slot)
    return slots


def _old_kill_rule(version: str) -> bool:
    """event 2.4.24 to 2.4.51."""
    return (2, 4, 24) <= tuple(int(part) for part in version.split(".")) < (2, 4, 52)
