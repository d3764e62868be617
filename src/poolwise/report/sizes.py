"""How many processes a site can have, and the memory they take: at start, at rest, at the limit, at worst.

Sources: ``prefork_run``, ``perform_idle_server_maintenance`` (server/mpm/*): an idle pool shrinks to
MaxSpare, not below; event counts processes that finish their last requests outside MaxRequestWorkers and
bounds all of them by ServerLimit; worker gives the slot of a finishing process to a new one.
"""

from __future__ import annotations

from dataclasses import dataclass

from poolwise.model import App, Pool, Site


@dataclass(frozen=True, slots=True)
class Size:
    """A number of processes that the pool can have, when it has it, and its memory in bytes."""

    name: str
    processes: int
    threads: int  # of each process
    memory_bytes: float
    when: str

    @property
    def workers(self) -> int:
        """Requests that can be served at once."""
        return self.processes * self.threads


def sizes(site: Site, pool: Pool, app: App) -> tuple[Size, ...]:
    """The five sizes ``start minimum floor maximum worst`` with the memory of httpd and the application."""
    numbers = (
        ("start", pool.initial, "right after start and after every graceful restart"),
        ("minimum", pool.minimum, "the least that leaves enough idle workers without any load"),
        ("floor", pool.floor, "where the decay stops after a peak"),
        ("maximum", pool.maximum, "every worker that may exist, under load"),
        ("worst", *worst_case(pool)),
    )
    return tuple(Size(name, n, pool.threads, memory(site, pool, app, n), when) for name, n, when in numbers)


def worst_case(pool: Pool) -> tuple[int, str]:
    """Most processes alive at once, finishing ones included, and why."""
    if pool.architecture == "event" and pool.server_limit > pool.process_limit:
        return pool.server_limit, "ServerLimit: processes that finish old requests do not count as active"
    if pool.architecture == "worker":
        return (
            2 * pool.process_limit,
            "old processes may still finish requests while new ones have their slots",
        )
    return pool.process_limit, "finishing processes keep their slot: never more than the maximum"


def embedded(site: Site) -> bool:
    """Whether httpd's own processes carry an application (true when no application was seen at all)."""
    return not site.applications or any(app.runs == "embedded" for app in site.applications)


def daemon_memory(site: Site, app: App) -> float:
    """Memory in bytes of the daemon groups in which an application runs, each taken to cost ``app``."""
    groups = [group for group in site.daemon_groups if group.selected]
    return sum(app.memory_bytes(group.processes, group.threads) for group in groups)


def memory(site: Site, pool: Pool, app: App, processes: int) -> float:
    """Memory in bytes of the applications with that many httpd processes.

    Without an embedded application httpd's processes are not counted: each has a few megabytes of its own.
    """
    own = app.memory_bytes(processes, pool.threads) if embedded(site) else 0.0
    return own + daemon_memory(site, app)
