"""Ask the installed httpd whether it accepts a configuration (``httpd -t``).

httpd reads the configuration and loads its modules for this, but opens no log, starts no piped program,
listens on no port and starts no child (manual: programs/httpd; main.c leaves before open_logs).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from poolwise.model import InputError, ServerError

NAMES = ("apache2", "httpd")
PLACES = "/usr/sbin:/usr/local/sbin:/usr/local/apache2/bin:/usr/bin"
PATIENCE_S = 30


def find_httpd() -> str:
    """The path of the installed httpd, "" when there is none to be seen."""
    for name in NAMES:
        found = shutil.which(name) or shutil.which(name, path=PLACES)
        if found:
            return found
    return ""


def configtest(
    httpd: str,
    conf: str | Path,
    *,
    server_root: str = "",
    environment: Mapping[str, str] | None = None,
    defines: Mapping[str, str] | None = None,
) -> tuple[bool, str]:
    """Whether ``httpd -t`` accepts the file ``conf``, and what it said.

    ``server_root``: httpd's ``-d``, by default the file's directory. ``environment``: what httpd sees as
    its environment, by default the system's PATH only. ``defines``: ``-D`` names, and values for
    ``${NAME}``. Raises InputError when ``httpd`` cannot be run, ServerError when it does not come back.
    """
    file = Path(conf).resolve()
    command = [httpd, "-t", "-d", server_root or str(file.parent), "-f", str(file)]
    for name, value in (defines or {}).items():
        command += ["-C", f'Define {name} "{value}"'] if value else ["-D", name]
    try:
        done = subprocess.run(
            command,
            env={"PATH": PLACES, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerError(f"{httpd} -t on {file} did not end within {PATIENCE_S} s") from error
    except OSError as error:
        raise InputError(f"cannot run {httpd}: {error.strerror or error}") from error
    return done.returncode == 0, (done.stderr + done.stdout).strip()
