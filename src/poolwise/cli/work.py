"""The options that say what a request and the loading of the application cost, beside their time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from poolwise.cli.inputs import Verb, by_hand, options
from poolwise.cli.quantities import REQUEST_CPU, SECONDS, SIZE, Cpu
from poolwise.model import App, InputError

if TYPE_CHECKING:
    from poolwise.model import Workload

NO_CPU = Cpu()
WORK_OPTIONS = {
    "cpu": "request_cpu",
    "bursts": "bursts",
    "import_cpu_s": "import_cpu",
    "import_wait_s": "import_wait",
    "loads": "loads",
    "gil": "gil",
    "leak_bytes": "leak",
    "response_bytes": "response_memory",
    "bare_bytes": "bare_memory",
}
LOADS = {"start": "start", "first-request": "first request", "preload": "preload"}


@dataclass(frozen=True, slots=True)
class Work:
    """What was said about the application's work; ``loads`` is "" where the configuration decides."""

    cpu: Cpu = NO_CPU
    bursts: int = 1
    import_cpu_s: float = 0.0
    import_wait_s: float = 0.0
    loads: str = ""
    gil: str = "shared"
    leak_bytes: int = 0
    response_bytes: int = 0
    bare_bytes: int = App().bare_bytes

    @property
    def said(self) -> bool:
        """Whether anything was said: then a worker held for a time is not the whole story."""
        return self != Work()

    @property
    def imports(self) -> bool:
        """Whether loading the application costs anything."""
        return self.import_cpu_s > 0 or self.import_wait_s > 0

    def of(self, app: App, loads: str, interpreters: int = 1) -> App:
        """``app`` with this work, where its server loads it at ``loads`` unless the user said otherwise."""
        said: dict[str, Any] = {
            "cpu_share": self.cpu.share,
            "bursts": self.bursts,
            "import_cpu_s": self.import_cpu_s,
            "import_wait_s": self.import_wait_s,
            "loads": self.loads or (loads if self.imports else "start"),
            "gil": self.gil,
            "interpreters": interpreters,
            "leak_bytes": self.leak_bytes,
            "pool_bytes": self.response_bytes,
            "bare_bytes": self.bare_bytes,
        }
        return replace(app, **said)

    def in_requests(self, workload: Workload) -> Workload:
        """The workload with its CPU, where that was given as a time."""
        from poolwise.traffic import with_cpu

        return workload if self.cpu.seconds is None else with_cpu(workload, self.cpu.seconds)


def describes_work(verb: Verb) -> Verb:
    """Add the options of CPU, loading and growth; the verb gets ``work``."""

    @options(
        click.option(
            "--request-cpu",
            type=REQUEST_CPU,
            metavar="SHARE|TIME",
            help="CPU of a request: a share of its time (30%) or a time (20ms); the rest of it waits.  "
            "[default: requests do not share the processor]",
        ),
        click.option(
            "--bursts",
            type=click.IntRange(1, 1000),
            default=1,
            show_default=True,
            help="A request works and waits in turns, so many times.",
        ),
        click.option(
            "--gil",
            type=click.Choice(["shared", "per-interpreter", "free-threaded"]),
            default="shared",
            show_default=True,
            help="Whether the threads of a process share one GIL, have one for each application, or none.",
        ),
        click.option(
            "--import-cpu", type=SECONDS, default="0s", help="Loading the application once: CPU ..."
        ),
        click.option("--import-wait", type=SECONDS, default="0s", help="... and waiting (disk, database)."),
        click.option(
            "--loads",
            type=click.Choice(list(LOADS)),
            help="When a process does that: in its start, in its first request, or never, as a copy of one "
            "that has.  [default: as the configuration says]",
        ),
        click.option("--leak", type=SIZE, default="0", help="Growth of a process with each request, as 10k."),
        click.option(
            "--response-memory", type=SIZE, default="0", help="What a worker that has served keeps allocated."
        ),
        click.option(
            "--bare-memory",
            type=SIZE,
            default="5M",
            show_default=True,
            help="Memory of a process that has not loaded the application.",
        ),
    )
    @wraps(verb)
    def run(**given: Any) -> Any:
        values = {field: given.pop(option) for field, option in WORK_OPTIONS.items()}
        if click.get_current_context().params.get("app_file"):
            measured = _measured(given["app"])
            values |= {field: measured[field] for field in measured if not by_hand(WORK_OPTIONS[field])}
        if values["bursts"] > 1 and values["cpu"] is None:
            raise InputError("--bursts cuts the CPU of a request in pieces: say how much with --request-cpu")
        values |= {"cpu": values["cpu"] or NO_CPU, "loads": LOADS.get(values["loads"], "")}
        return verb(work=Work(**values), **given)

    return run


def loaded_at_start(app: App) -> App:
    """The application in a pool where a request just holds a worker: loading it is part of each start."""
    return Work().of(
        replace(
            app,
            startup_cpu_s=app.startup_cpu_s + app.import_cpu_s,
            startup_wait_s=app.startup_wait_s + app.import_wait_s,
        ),
        "start",
    )


def _measured(app: App) -> dict[str, Any]:
    """The fields of ``Work`` of an application from a file; the configuration says when it is loaded."""
    return {
        "cpu": Cpu(share=app.cpu_share) if app.cpu_share else None,
        "response_bytes": app.pool_bytes,
        **{name: getattr(app, name) for name in ("bursts", "import_cpu_s", "import_wait_s")},
        **{name: getattr(app, name) for name in ("gil", "leak_bytes", "bare_bytes")},
    }
