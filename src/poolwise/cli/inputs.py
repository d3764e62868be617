"""From options to nouns: decorators that give a verb its configuration, App and Machine, ready made.

Each decorator adds its options to the command and replaces them by the value that they describe, so that
a verb's function reads nouns and every verb that takes an option takes it under the same name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from poolwise.cli.app_file import read_app
from poolwise.cli.quantities import SECONDS, SIZE
from poolwise.cli.visible import visible
from poolwise.config import Configuration, load
from poolwise.model import App, InputError, Machine, Note, Pool, Site, Value, Where
from poolwise.servers import parameters, pool, settle

if TYPE_CHECKING:
    from poolwise.model import Setting

Verb = Callable[..., Any]
MOST_INPUT_BYTES = 100_000_000
SIMULATED = ("prefork", "worker", "event")
# option -> field of App
APP_FIELDS = {
    "app_memory": "process_bytes",
    "startup_cpu": "startup_cpu_s",
    "startup_wait": "startup_wait_s",
}


def options(*decorators: Callable[[Verb], Verb]) -> Callable[[Verb], Verb]:
    """Several click options as one decorator, in the order in which ``--help`` shall list them."""

    def decorate(verb: Verb) -> Verb:
        for decorator in reversed(decorators):
            verb = decorator(verb)
        return verb

    return decorate


WHERE_IT_LIVES = options(
    click.option(
        "--folder", default="", help="The application's working directory.  [default: its file's, or this]"
    ),
    click.option("--python", default="", help="The Python, or the folder of a virtual environment."),
    click.option("--python-path", multiple=True, metavar="FOLDER", help="One more folder to import from."),
)


@dataclass(frozen=True)
class Reading:
    """A configuration that was read, with what is needed to read it once more."""

    configuration: Configuration
    defines: Mapping[str, str]
    again: Callable[[], Configuration]


def reads_configuration(verb: Verb) -> Verb:
    """Add CONF and the options that describe the httpd that reads it; the verb gets a ``reading``."""
    return _reads(verb, required=True)


def may_read_configuration(verb: Verb) -> Verb:
    """The same where CONF may be left out; then ``reading`` is None."""
    return _reads(verb, required=False)


def _reads(verb: Verb, required: bool) -> Verb:
    @options(
        click.argument("conf", required=required),
        click.option("--mpm", default="", help="The MPM built into httpd, where no LoadModule chooses one."),
        click.option("--httpd-version", default="", metavar="VERSION", help="For example 2.4.57 or 2.2.34."),
        click.option(
            "-D",
            "--define",
            "defines",
            multiple=True,
            metavar="NAME[=VALUE]",
            help="As httpd's own -D: what <IfDefine NAME> asks for.",
        ),
    )
    @wraps(verb)
    def run(conf: str | None, mpm: str, httpd_version: str, defines: tuple[str, ...], **rest: Any) -> Any:
        if conf is None:
            return verb(reading=None, **rest)
        given = {name: value for name, _, value in (text.partition("=") for text in defines)}
        text = _standard_input() if conf == "-" else None
        read = partial(load, conf, mpm=mpm, httpd_version=httpd_version, defines=given, text=text)
        return verb(reading=Reading(read(), given, read), **rest)

    return run


def _standard_input() -> str:
    """All of standard input, whatever its bytes; InputError when it has no end."""
    if sys.stdin is None:
        raise InputError("standard input is closed; give a file or a directory")
    data = sys.stdin.buffer.read(MOST_INPUT_BYTES + 1)
    if len(data) > MOST_INPUT_BYTES:
        raise InputError(
            f"standard input is longer than {MOST_INPUT_BYTES:,} bytes; that is no configuration"
        )
    return data.decode("utf-8", "surrogateescape")


def describes_application(verb: Verb) -> Verb:
    """Add the options that say what the application costs; the verb gets ``app``."""

    @options(
        click.option(
            "--app",
            "app_file",
            metavar="FILE",
            help="What poolwise measure --output wrote: the defaults of all that describes the application.",
        ),
        click.option(
            "--app-memory",
            type=SIZE,
            default="60M",
            show_default=True,
            help="Memory of one process with the application loaded, without what processes share.",
        ),
        click.option(
            "--startup-cpu",
            type=SECONDS,
            default="20ms",
            show_default=True,
            help="CPU from fork until a process can serve. An application loaded at start: its import.",
        ),
        click.option(
            "--startup-wait",
            type=SECONDS,
            default="0s",
            show_default=True,
            help="Time in which a starting process waits for something else than CPU.",
        ),
    )
    @wraps(verb)
    def run(app_file: str | None, **given: Any) -> Any:
        values = {name: given.pop(name) for name in APP_FIELDS}
        said = {APP_FIELDS[name]: value for name, value in values.items() if not app_file or by_hand(name)}
        return verb(app=replace(read_app(app_file) if app_file else App(), **said), **given)

    return run


def by_hand(option: str) -> bool:
    """Whether the option was given, and is not just at its default."""
    source = click.get_current_context().get_parameter_source(option)
    return source not in (None, ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)


def describes_machine(verb: Verb) -> Verb:
    """Add the options that describe the host; the verb gets ``machine``."""

    @options(
        click.option(
            "--cores", type=click.IntRange(1, 4096), default=2, show_default=True, help="Of the host."
        ),
        click.option(
            "--memory", type=SIZE, default="0", help="What the pool may take, as 2G.  [default: no ceiling]"
        ),
    )
    @wraps(verb)
    def run(cores: int, memory: int, **rest: Any) -> Any:
        return verb(machine=Machine(cores=cores, memory_bytes=memory), **rest)

    return run


def say_notes(notes: Iterable[Note]) -> None:
    """Tell on standard error what was wrong with an input; mere remarks are left to ``poolwise show``."""
    for note in notes:
        if note.severity != "note":
            click.echo(visible(str(note)), err=True)


def pool_of(site: Site) -> Pool:
    """The site's front pool with the values in force."""
    return pool(site.mpm, site.values, site.httpd_version)


def simulated_pool(site: Site, values: Mapping[str, Value]) -> Pool:
    """The site's front pool with these values; InputError where the MPM cannot be simulated."""
    if site.mpm not in SIMULATED:
        raise InputError(f"the {site.mpm} MPM does not scale its processes; there is nothing to simulate")
    return pool(site.mpm, values, site.httpd_version)


def values_with(site: Site, changes: Mapping[str, Setting], origin: str) -> dict[str, Value]:
    """The site's values with ``changes`` asked for as well, settled as httpd does at start-up.

    Names may be old ones and in any case. Raises InputError for a directive that the MPM does not have.
    """
    known = {
        spelling.lower(): parameter.name
        for parameter in parameters(site.mpm, site.httpd_version)
        for spelling in (parameter.name, *parameter.aliases)
    }
    asked = dict(site.values)
    for spelling, setting in changes.items():
        name = known.get(spelling.lower())
        if name is None:
            raise InputError(f"{spelling}: the {site.mpm} MPM has no such directive")
        asked[name] = Value(name, setting, where=Where(note=origin))
    return settle(site.mpm, asked, site.httpd_version)
