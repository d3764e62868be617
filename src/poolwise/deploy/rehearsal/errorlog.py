"""httpd's error log as the messages of a run: what its pool and mod_wsgi's groups had to say, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from poolwise.deploy.rehearsal.server import SAID, STAMP
from poolwise.model import LogLine
from poolwise.servers import MESSAGES

LOUD = ("warn", "error", "crit", "alert", "emerg")
SETTLED_S = 0.01  # what is said of the start itself is over by then
_ID = re.compile(r"^(AH\d{5}|WSGI\d{4}): ")
_OF_PROCESS = re.compile(r"^mod_wsgi \(pid=\d+(?:, [^)]*)?\): ")


def messages(log: Path, origin: datetime, until_s: float) -> tuple[LogLine, ...]:
    """The lines of a run of that length that a simulation would know of, and all warnings and errors."""
    return tuple(_lines(log, origin, until_s))


def _lines(log: Path, origin: datetime, until_s: float) -> Iterator[LogLine]:
    expected = {line[0] for table in MESSAGES.values() for line in table.values()}
    groups = [line[2].partition("{")[0] for line in MESSAGES["mod_wsgi_daemon"].values()]
    for raw in log.read_text("utf-8", "replace").splitlines():
        found = SAID.match(raw)
        if not found:
            continue
        time_s = (datetime.strptime(found["stamp"], STAMP) - origin).total_seconds()
        text = _OF_PROCESS.sub("", found["text"])
        name = _ID.match(text)
        spoken = found["level"] in LOUD or (name and name[1] in expected) or text.startswith(tuple(groups))
        if spoken and SETTLED_S < time_s <= until_s:
            own = "mod_wsgi" if found["module"] == "wsgi" else ""
            yield LogLine(time_s, name[1] if name else own, found["level"], _ID.sub("", text))
