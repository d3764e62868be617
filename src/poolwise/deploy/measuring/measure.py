"""Measure what an application costs, in a real server, and make an App of it."""

from __future__ import annotations

import grp
import pwd
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from poolwise.deploy.finding.preflight import preflight
from poolwise.deploy.measuring.doubts import accept, doubts, refuse_errors
from poolwise.deploy.measuring.figures import app_of, costs, figures
from poolwise.deploy.measuring.requests import Request
from poolwise.deploy.measuring.round import Effort, measure_round
from poolwise.deploy.measuring.sample import Sample
from poolwise.deploy.measuring.subject import Server, Subject
from poolwise.deploy.plan import Hosted, Interpreter
from poolwise.model import Measured

PLAIN = Effort()
ONE = (Request(),)
Progress = Callable[[float, float], None]


def measure(
    application: Hosted,
    interpreter: Interpreter,
    server: Server,
    requests: Sequence[Request] = ONE,
    *,
    user: str = "",
    effort: Effort = PLAIN,
    repeat: int = 5,
    accept_errors: bool = False,
    progress: Progress = lambda done, total: None,
) -> Measured:
    """What the application costs: medians over ``repeat`` fresh servers, with their spread.

    Of ``application`` counts what it is, not how many processes there shall be. ``user``: whom root gives it
    to, "" when we are not root. Everything that is started is gone at the end, also when we are interrupted
    or killed. Raises InputError for an application that cannot be loaded, for answers that are errors (unless
    ``accept_errors``) or do not end; ServerError, with the end of its log, when the server or the application
    in it fails.
    """
    subject = Subject(
        application.target,
        application.folder,
        interpreter,
        application.python_path,
        application.environment,
        user,
        grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name if user else "",
    )
    samples: list[Sample] = []
    with interruptible():
        preflight(
            interpreter,
            application.target,
            application.folder,
            python_path=application.python_path,
            environment=application.environment,
            user=user,
            patience_s=effort.patience_s,
            ask=False,
        )
        check = accept if accept_errors else refuse_errors
        for number in range(repeat):

            def advance(share: float, number: int = number) -> None:
                progress(number + min(share, 1.0), repeat)

            samples.append(measure_round(subject, server, requests, effort, check, advance))
    return _measured(subject, server, [str(request) for request in requests], effort, samples)


def _measured(
    subject: Subject, server: Server, names: Sequence[str], effort: Effort, samples: Sequence[Sample]
) -> Measured:
    found = figures(samples)
    return Measured(
        app=app_of(subject.target, found, samples[0].free_threaded),
        figures=found,
        server=server.words,
        python=samples[0].python,
        target=subject.target,
        costs=costs(samples, names),
        rounds=len(samples),
        requests=sum(batch.requests for sample in samples for batch in sample.batches),
        threads=effort.threads,
        notes=tuple(doubts(samples, found)),
    )


@contextmanager
def interruptible() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP are a KeyboardInterrupt, so that what was started is stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)  # we are ending already
        raise KeyboardInterrupt(f"ended by {signal.Signals(number).name}")

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
