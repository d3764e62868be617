"""Which lines of httpd's error log become messages of the run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from poolwise.deploy.rehearsal.errorlog import messages

LOG = """\
[2026-11-24 18:00:43.453553] [mpm_prefork:notice] [pid 5] AH00163: Apache/2.4.71 configured -- resuming normal operations
[2026-11-24 18:00:43.453609] [core:notice] [pid 5] AH00094: Command line: 'apache2'
[2026-11-24 18:00:44.463663] [wsgi:info] [pid 8] mod_wsgi (pid=8): Attach interpreter ''.
[2026-11-24 18:00:47.453553] [mpm_prefork:info] [pid 5] AH00162: server seems busy, spawning 8 children
[2026-11-24 18:00:48.453553] [mpm_prefork:error] [pid 5] AH00161: server reached MaxRequestWorkers setting
[2026-11-24 18:00:49.453553] [wsgi:info] [pid 9] mod_wsgi (pid=9): Maximum requests reached, triggering immediate shutdown 'shop'.
[2026-11-24 18:00:50.453553] [wsgi:error] [pid 9] [remote 127.0.0.1:5] mod_wsgi (pid=9): Target WSGI script failed
[2026-11-24 18:00:50.453553] [wsgi:error] [pid 9] WSGI0084: Queue timeout expired
  a line that httpd did not begin
[2026-11-24 18:00:58.453553] [mpm_prefork:notice] [pid 5] AH00169: caught SIGTERM, shutting down
"""  # noqa: E501


def test_what_the_pool_says_and_all_that_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "error.log"
    file.write_text(LOG)
    found = messages(file, datetime(2026, 11, 24, 18, 0, 43, 453553), 10.0)
    assert [(round(line.time_s, 3), line.id, line.level) for line in found] == [
        (4.0, "AH00162", "info"),
        (5.0, "AH00161", "error"),
        (6.0, "mod_wsgi", "info"),
        (7.0, "mod_wsgi", "error"),
        (7.0, "WSGI0084", "error"),
    ]
    assert found[1].text == "server reached MaxRequestWorkers setting"
    assert found[2].text == "Maximum requests reached, triggering immediate shutdown 'shop'."
    assert found[4].text == "Queue timeout expired"
