"""A WSGI application around another one, that tells from inside its process what it costs.

The file is copied beside the server that is to be observed and runs on the application's own Python (3.8 or
newer), where poolwise need not be installed; it imports only what Python has loaded before any application.
Around each request it reads three clocks of the thread: the wall, its CPU, and how long it was ready to run
without a processor (the second number of schedstat, see the kernel's scheduler/sched-stats): that is neither
work nor waiting of the application, but the machine's other load. All of it costs some 5 us a request.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import get_ident
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

TOGETHER = "HTTP_POOLWISE_TOGETHER"
PATIENCE_S = 5.0


def probe_source() -> str:
    """The text of this file, to be written where the observed server can read it."""
    from pathlib import Path

    return Path(__file__).read_text("utf-8")


class Inside:
    """The WSGI application ``target``, with marks around its loading and each of its requests.

    ``target``: ``"package.module:name"``, or the path of a script that defines ``application``. ``begun``:
    since when its server has been at the script (CLOCK_BOOTTIME), and the CPU of the process until then.
    ``lazy``: load the application at the first request rather than now. Below the path ``/word/`` the
    probe answers itself, with the repr of a dict (times in seconds):

    - ``info``: ``pid version gil begun loaded``; ``begun`` with the delay until then, ``loaded`` the wall,
      CPU and delay of loading, None before;
    - ``rows``: the requests since the last time it was asked, each ``[begin, end, CPU, delay]`` in
      nanoseconds, and ``children``, the CPU of all processes that this one has started and waited for;
    - ``gil``: ``gil_wait``, the mean time in which mod_wsgi itself waited for the GIL for a request since
      the last time it was asked, None before that or where mod_wsgi (6 and newer) does not count it.

    A request with the header ``Poolwise-Together: N`` begins when N of them have come.
    """

    def __init__(self, target: str, word: str, begun: tuple[float, float], lazy: bool) -> None:
        self.target, self.prefix = target, f"/{word}/"
        self.delays: dict[int, int] = {}  # thread -> its open schedstat
        self.rows: list[list[int]] = []
        self.barriers: dict[int, Any] = {}
        self.application: Any = None
        self.info: dict[str, Any] = {
            "pid": os.getpid(),
            "version": sys.version.split()[0],
            "begun": [*begun, self.delay() / 1e9],
            "loaded": None,
        }
        if not lazy:
            self.load()

    def load(self) -> None:
        """Load the application; whatever its module raises is left to the server."""
        begin, cpu, delay = time.perf_counter(), time.process_time(), self.delay()
        self.application = _load(self.target)
        spent = (time.perf_counter() - begin, time.process_time() - cpu, (self.delay() - delay) / 1e9)
        self.info["loaded"] = list(spent)

    def delay(self) -> int:
        """Nanoseconds that this thread was ready without a processor, 0 where the system does not say."""
        me = get_ident()
        try:
            if me not in self.delays:
                self.delays[me] = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
            return int(os.pread(self.delays[me], 64, 0).split()[1])
        except OSError:  # no such file, or that of a thread that ended and had the same number
            self.delays.pop(me, None)
            return 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a question of the observer, or let the application answer between two marks."""
        path = environ.get("PATH_INFO", "")
        if path.startswith(self.prefix):
            return self.answer(path[len(self.prefix) :], start_response)
        if TOGETHER in environ:
            self.meet(int(environ[TOGETHER]))
        if self.application is None:
            self.load()
        row = [time.perf_counter_ns(), 0, -time.thread_time_ns(), -self.delay()]
        try:
            body: Iterable[bytes] = self.application(environ, start_response)
        except BaseException:
            self.finish(row)
            raise
        if isinstance(body, (list, tuple)) or type(body) is environ.get("wsgi.file_wrapper"):
            self.finish(row)  # nothing of the application runs any more
            return body
        return Rest(body, lambda: self.finish(row))

    def finish(self, row: list[int]) -> None:
        """The request is over: complete its row."""
        row[1] = time.perf_counter_ns()
        row[2] += time.thread_time_ns()
        row[3] += self.delay()
        self.rows.append(row)

    def answer(self, question: str, start_response: Any) -> list[bytes]:
        """What the observer asks."""
        if question == "rows":
            self.rows, rows = [], self.rows
            text = repr({"rows": rows, "children": _children_s()})
        else:
            gil = getattr(sys, "_is_gil_enabled", lambda: True)()  # a module may have switched it on
            text = repr({"gil_wait": _gil_wait()} if question == "gil" else {**self.info, "gil": gil})
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
        return [text.encode("ascii", "backslashreplace")]

    def meet(self, number: int) -> None:
        """Wait until ``number`` requests are here; after a while go on without them."""
        from threading import Barrier, BrokenBarrierError  # not before the application is loaded

        barrier = self.barriers.setdefault(number, Barrier(number))
        try:
            barrier.wait(PATIENCE_S)
        except BrokenBarrierError:
            self.barriers.pop(number, None)


class Rest:
    """The body of an answer that is still being made; ``done`` is called when the server closes it."""

    def __init__(self, body: Any, done: Callable[[], None]) -> None:
        self.body, self.done = body, done

    def __iter__(self) -> Iterator[bytes]:
        """The application's own iterator."""
        return iter(self.body)

    def close(self) -> None:
        """Close the application's body, as the server would."""
        try:
            if hasattr(self.body, "close"):
                self.body.close()
        finally:
            self.done()


def _children_s() -> float:
    """CPU of the processes that this one has started and waited for."""
    from resource import RUSAGE_CHILDREN, getrusage  # not before the application is loaded

    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _gil_wait() -> float | None:
    """Let mod_wsgi count if it can; the mean GIL wait that it has counted since the last call."""
    try:
        from mod_wsgi import (  # type: ignore[import-not-found,unused-ignore]
            request_metrics,
            start_recording_metrics,
        )
    except ImportError:
        return None
    start_recording_metrics()
    counted = request_metrics() or {}
    return counted["gil_wait_time"] if counted.get("request_count") else None


def _load(target: str) -> Any:
    """The application of a module or of a script file."""
    if target.startswith("/"):
        from types import ModuleType

        module = ModuleType("poolwise_measured")
        module.__file__ = target
        sys.modules[module.__name__] = module
        with open(target, "rb") as file:  # noqa: PTH123 (pathlib is not loaded before the application)
            exec(compile(file.read(), target, "exec"), module.__dict__)
        return module.__dict__["application"]
    name, _, attribute = target.partition(":")
    found = import_module(name)
    for part in (attribute or "application").split("."):
        found = getattr(found, part)
    return found
