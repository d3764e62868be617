"""What runs in the application's own Python: import it, call it, tell how it went.

This file is not imported by poolwise: ``preflight`` hands its text to the application's interpreter, which
has no poolwise and may be as old as 3.8. It imports next to nothing before the application does, so that
the memory and the time that are measured are the application's.

Each message is one line, ``repr`` of a tuple, on a socket of its own; standard output is the application's.
After a message that asks to be measured it waits for a byte.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any

MOST_BYTES = 1_000_000  # of one response: a stream has no end
MOST_CALLS = 6
LONG_S = 1.0  # no further calls when those before took longer
LIKELY = ("application", "app", "wsgi", "wsgi_app", "api", "server")
COROUTINE = 0x80  # a code object's flag: CO_COROUTINE
OURS = ("<string>", "<frozen importlib")


class NotWsgi(Exception):
    """What was called does not behave as PEP 3333 asks; the text says how."""


class Talk:
    """The socket to the process that measures us."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = os.getpid()

    def say(self, *message: object) -> None:
        """Send one message; a process that the application forked off says nothing and ends."""
        if os.getpid() != self.pid:
            os._exit(0)
        os.write(self.number, (repr(message) + "\n").encode("ascii", "backslashreplace"))

    def wait(self) -> None:
        """Wait until we have been measured; end when nobody does."""
        if not os.read(self.number, 1):
            os._exit(0)


def main(arguments: list[str]) -> None:
    """Run the trial: sockets, the application, the number of folders, these, and the CGI variables."""
    control, faults, target, name, folders, *rest = arguments
    talk = Talk(int(control))
    faulthandler.enable(int(faults))
    count = int(folders)
    sys.argv[:] = ["mod_wsgi"]
    sys.path[:] = rest[:count] + [place for place in sys.path if place]  # without that of "python -c"
    talk.say("bare")
    talk.wait()
    try:
        application = load(talk, target, name)
        if application is not None and len(rest) > count:
            serve(talk, application, dict(text.split("=", 1) for text in rest[count:]))
    except SystemExit as error:
        talk.say("exit", str(error.code))
    except ModuleNotFoundError as error:
        talk.say("missing", error.name or "", *described(error))
    except BaseException as error:
        talk.say("raised", *described(error))
    os._exit(0)


def load(talk: Talk, target: str, name: str) -> Any:
    """Import the module or execute the script, and take the callable out of it; None when there is none."""
    wall, cpu = time.perf_counter(), time.process_time()
    module = script(target) if target.startswith("/") else imported(target)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            talk.say("no attribute", candidates(module))
            return None
        found = getattr(found, part)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if not callable(found):
        talk.say("not callable", type(found).__name__, candidates(module))
        return None
    talk.say("loaded", wall, cpu)
    talk.wait()
    return found


def imported(name: str) -> ModuleType:
    """The module, as ``import`` finds it."""
    __import__(name)
    return sys.modules[name]


def script(path: str) -> ModuleType:
    """The script executed as a module of its own, as mod_wsgi does."""
    module = type(sys)("_mod_wsgi_script")
    module.__file__ = path
    sys.modules[module.__name__] = module
    with open(path, "rb") as file:  # noqa: PTH123 (pathlib would be an import)
        code = compile(file.read(), path, "exec")
    exec(code, module.__dict__)
    return module


def candidates(module: ModuleType) -> list[str]:
    """Names in the module that could be the application, the likely ones first."""
    named = [name for name, value in list(vars(module).items()) if name[:1] != "_" and takes_request(value)]
    return sorted(named, key=lambda name: (name not in LIKELY, name))


def takes_request(value: Any) -> bool:
    """Whether it is a function, or an object that can be called, with (environ, start_response).

    Only its type is looked at: what stands for the request of a framework refuses to be asked outside of one.
    """
    kind = type(value)
    if issubclass(kind, type) or not callable(value):
        return False
    function = issubclass(kind, type(main))
    code = getattr(value if function else kind.__call__, "__code__", None)
    return code is not None and code.co_argcount == (2 if function else 3)


def serve(talk: Talk, application: Any, variables: dict[str, str]) -> None:
    """Call the application a few times and tell how long each took, and what it answered."""
    times: list[tuple[float, float]] = []
    status = trace = ""
    begun = time.perf_counter()
    while len(times) < MOST_CALLS and (not times or time.perf_counter() - begun < LONG_S):
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            status = call(application, variables)
        except NotWsgi as error:
            talk.say("no wsgi", str(error), is_async(application))
            return
        except (Exception, SystemExit) as error:
            status, trace = "500 raised", described(error)[1]
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    talk.say("asked", status, times, trace)
    talk.wait()


def call(application: Any, variables: dict[str, str]) -> str:
    """One request; the status line of its response. Raises NotWsgi, and what the application raises."""
    answered: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        if not isinstance(status, str) or not status[:3].isdigit():
            raise NotWsgi(f"it calls start_response with the status {status!r}, not with text like '200 OK'")
        answered.append(status)
        return lambda data: None

    try:
        body = application(environ(variables), start_response)
    except TypeError as error:
        if error.__traceback__ and error.__traceback__.tb_next:  # raised within it
            raise
        raise NotWsgi(f"called with (environ, start_response) it says: {error}") from None
    try:
        consume(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    if not answered:
        raise NotWsgi("it has answered without calling start_response")
    return answered[-1]


def consume(body: Iterable[bytes]) -> None:
    """Read the response, the beginning of it when it is long."""
    if not hasattr(body, "__iter__") and not hasattr(body, "__getitem__"):
        raise NotWsgi(f"it returns {article(body)}; that has to be an iterable of bytes")
    size = 0
    for part in body:
        if not isinstance(part, bytes):
            raise NotWsgi(f"its response contains {article(part)}; that has to be bytes")
        size += len(part)
        if size > MOST_BYTES:
            break


def article(value: object) -> str:
    """The value's type in words."""
    return f"an object of type {type(value).__name__}"


def environ(variables: dict[str, str]) -> dict[str, Any]:
    """The request as PEP 3333 has it: a GET without a body."""
    import io

    return {
        **variables,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def is_async(application: Any) -> bool:
    """Whether calling it makes a coroutine, as ASGI applications do."""
    for each in (application, type(application).__call__):
        code = getattr(each, "__code__", None)
        if code is not None and code.co_flags & COROUTINE:
            return True
    return False


def described(error: BaseException) -> tuple[str, str]:
    """The error in one line, and its traceback without the frames that are ours."""
    import traceback

    told = traceback.TracebackException.from_exception(error)
    seen: list[Any] = [told]
    for each in seen:
        frames = list(each.stack)
        while frames and frames[0].filename.startswith(OURS):
            del frames[0]
        each.stack[:] = frames
        seen += [link for link in (each.__cause__, each.__context__) if link is not None]
    line = list(told.format_exception_only())[-1].strip()
    if isinstance(error, SyntaxError):
        line += f" ({error.filename}, line {error.lineno})"
    return line, "".join(told.format()).rstrip()


if __name__ == "__main__":
    main(sys.argv[1:])
