"""A progress bar on standard error, only where a person is looking at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[float, float], None]


@contextmanager
def progress(what: str) -> Iterator[Advance]:
    """Show ``what`` with a bar while the block runs; the block calls what it is given with (done, total)."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def say_compiling(requests: int, chain: bool = False) -> None:
    """Tell, before it happens, that simulating so many requests first compiles the kernel.

    ``chain``: the kernel of chained stages, which is twice as large.
    """
    from poolwise.simulation import needs_compiling

    if needs_compiling(requests, chain):
        long = "about a minute" if chain else "about half a minute"
        print(f"compiling the simulation for this machine (once; {long}) ...", file=sys.stderr)
