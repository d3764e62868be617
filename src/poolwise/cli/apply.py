"""``tune --write``: change the user's files, see that the change is in force, or put everything back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from poolwise.cli.files import replaced
from poolwise.model import PoolwiseError, ServerError, Setting

if TYPE_CHECKING:
    from poolwise.cli.inputs import Reading
    from poolwise.config import FileEdit

NO_HTTPD = "none"


@dataclass(frozen=True, slots=True)
class Applied:
    """What was changed: file -> its backup, and what httpd said about the result."""

    backups: Mapping[str, Path]
    verdict: str


def apply(
    reading: Reading, edits: Iterable[FileEdit], wanted: Mapping[str, Setting], with_httpd: str | None = None
) -> Applied:
    """Write all edits, or none of them. ``wanted``: the values that must be in force afterwards.

    ``with_httpd``: the httpd that has to accept the result; None for the installed one, if any, "none"
    for nobody. Raises PoolwiseError, with every file as it was, when a value is not in force afterwards,
    when httpd refuses, or when a file cannot be written.
    """
    contents = {edit.path: (edit.before, edit.after) for edit in edits}
    httpd = _httpd(with_httpd)
    if httpd:
        _accepted_before(reading, httpd)
    with replaced(contents, f"{datetime.now():%Y%m%d-%H%M%S}") as backups:
        _in_force(reading, wanted)
        verdict = _verdict(reading, httpd)
    return Applied(dict(zip(contents, backups, strict=True)), verdict)


def _httpd(asked: str | None) -> str:
    """The httpd to ask: the one given, else the installed one, "" for none."""
    if asked == NO_HTTPD:
        return ""
    if asked:
        return asked
    from poolwise.deploy import find_httpd

    return find_httpd()


def _in_force(reading: Reading, wanted: Mapping[str, Setting]) -> None:
    """Read the changed configuration again; PoolwiseError when an advised value is not in force."""
    values = reading.again().site.values
    for name, value in wanted.items():
        if values[name].value != value:
            raise PoolwiseError(
                f"{name} would be {values[name].value} and not {value}, because of {values[name].where}; "
                f"everything was put back. Apply the diff by hand"
            )


def _ask(reading: Reading, httpd: str) -> tuple[bool, str]:
    """Let httpd check the configuration as it is on disk now."""
    from poolwise.config import envvars
    from poolwise.deploy import configtest

    evaluation = reading.configuration.evaluation
    return configtest(
        httpd,
        evaluation.root,
        server_root=evaluation.server_root,
        environment=envvars(str(Path(evaluation.root).parent)),
        defines=reading.defines,
    )


def _accepted_before(reading: Reading, httpd: str) -> None:
    """ServerError when httpd refuses the configuration even before it is changed: then it cannot judge."""
    accepted, said = _ask(reading, httpd)
    if not accepted:
        raise ServerError(
            f"{httpd} -t refuses the configuration as it is, so nothing was written: {said}\n"
            f"(--with-httpd names another httpd, --with-httpd none asks nobody)"
        )


def _verdict(reading: Reading, httpd: str) -> str:
    """What httpd says about the changed configuration; ServerError when it refuses it."""
    if not httpd:
        return "No httpd was asked to check it; do so before you restart the server."
    accepted, said = _ask(reading, httpd)
    if not accepted:
        raise ServerError(f"{httpd} -t refuses the change, so everything was put back: {said}")
    return f"{httpd} -t accepts it. Restart the server when it suits you."
