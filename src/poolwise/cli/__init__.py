"""The command line: a table of verbs, each a module that is imported only when its verb runs.

Exit codes: 0 fine, 1 something was found, 2 your input is wrong, 3 a server that we ran failed.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import click

from poolwise import __version__
from poolwise.model import PoolwiseError

#: verb -> its line in ``poolwise --help``; its module is ``poolwise.cli.<verb>``, its function ``command``
VERBS = {
    "show": "the settings really in force in a configuration, each with its origin",
    "simulate": "what the worker pool does under a traffic, second by second",
    "tune": "the settings that need the least memory within a target, and the proof",
    "rehearse": "the same traffic on a real httpd of this machine, beside the simulation",
    "measure": "what an application costs, in a real server: start, memory, a request",
    "render": "the files of a site on Apache, to be owned",
    "serve": "an application on Apache, well sized, until it is told to stop",
    "reload": "new code and settings for what runs, without dropping a request",
    "status": "what is served, by which processes, and whether it is well",
    "stop": "end what is served, after its last requests",
}

INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
PIPE_CLOSED = 141  # 128 + SIGPIPE


class Verbs(click.Group):
    """A click group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, imported now; None for an unknown verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"poolwise.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; end quietly when the reader of our output has gone, as in ``| head``."""
        try:
            code = super().invoke(ctx)
            if sys.stdout:  # None when the shell closed it
                sys.stdout.flush()
            return code
        except BrokenPipeError:
            _drop_output()
            ctx.exit(PIPE_CLOSED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table, without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    name="poolwise",
    cls=Verbs,
    subcommand_metavar="VERB ...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="'poolwise VERB --help' explains a verb, with examples.",
)
@click.version_option(__version__, prog_name="poolwise")
def poolwise() -> None:
    """Make Apache good at hosting Python web applications.

    poolwise reads an Apache configuration the way httpd does, simulates what its pool of processes does
    under a traffic, and finds settings that do better. It needs no Apache, and changes nothing of yours
    unless you say --write.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code. ``argv``: the arguments, by default the process's own."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what the terminal's character set lacks is escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _say_warning
            code: Any = poolwise.main(
                list(argv) if argv is not None else None, "poolwise", standalone_mode=False
            )
        return int(code or 0)
    except click.ClickException as error:  # a wrong option: click says which, and how to get help
        error.show()
        return error.exit_code
    except PoolwiseError as error:
        _say_error(error)
        return error.exit_code
    except OSError as error:
        _say_error(error if error.filename else f"cannot write the output: {error.strerror}")
        _drop_output()
        return PoolwiseError.exit_code
    except MemoryError:
        _say_error("the memory of this machine does not suffice; give a shorter time or less traffic")
        return PoolwiseError.exit_code
    except (click.Abort, KeyboardInterrupt) as error:  # click wraps the latter in the former
        said = str(error.__cause__ or error) or "interrupted"
        click.echo(f"poolwise: {said}; nothing half written was left behind", err=True)
        return INTERRUPTED


def _say_error(error: object) -> None:
    """Print an error as ours."""
    from poolwise.cli.visible import visible

    click.echo(f"{click.style('poolwise:', fg='red')} {visible(str(error))}", err=True)


def _drop_output() -> None:
    """Let what is still buffered for standard output go nowhere, so that Python's exit is quiet."""
    if sys.stdout:
        with suppress(io.UnsupportedOperation):  # not a file: a test, or another program, took its place
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as one line of ours."""
    click.echo(f"poolwise: {message}", err=True)
