"""What is being served right now, as ``serve`` announces it and ``status`` finds it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """The processes of one application: how many there should be, and those in which it has loaded."""

    name: str
    target: str  # "shop.wsgi:application"
    mount: str  # "/"
    backend: str  # "daemon", "embedded", "uwsgi", "gunicorn" or "granian"
    processes: int
    threads: int  # of each
    pids: tuple[int, ...] = ()
    memory_bytes: int = 0  # of these processes, shared pages split among those who share them


@dataclass(frozen=True, slots=True)
class Serving:
    """A site and the servers that run it, at one instant.

    ``troubles``: what is not as it should be, a sentence each; with none, all is well.
    """

    name: str
    folder: str
    addresses: tuple[str, ...]  # URLs
    phase: str  # "starting", "running", "reloading", "stopping" or "gone"
    pid: int  # of poolwise
    uptime_s: float
    generation: str
    groups: tuple[Group, ...]
    servers: tuple[tuple[str, int], ...] = ()  # "httpd" or "nginx", and the process id of its first process
    finishing: tuple[int, ...] = ()  # first processes of servers that were replaced and finish their requests
    connections: int = 0  # that can be in a request at once
    front_bytes: int = 0  # memory of Apache and nginx, without the applications' processes
    poolwise_bytes: int = 0  # memory of poolwise itself, 0 where it is not counted
    exact: bool = True  # False: memory of another user's processes, counted too high
    software: tuple[str, ...] = ()  # names and versions of what runs it
    logs: tuple[str, ...] = ()  # files
    reasons: tuple[str, ...] = ()  # why the sizes are what they are
    reloads: int = 0
    last_reload: str = ""  # how the last one went, in words
    last_error: str = ""  # the last line of the error log that tells of an error
    troubles: tuple[str, ...] = ()

    @property
    def memory_bytes(self) -> int:
        """Memory of everything together."""
        own = self.front_bytes + self.poolwise_bytes
        return own + sum(group.memory_bytes for group in self.groups)
