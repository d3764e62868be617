"""``settle`` against the real httpd: the same settings, the same warnings, word for word."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from poolwise.model import ConfigError, Value, Where
from poolwise.servers import parameters, pool, read_value, release, settle

HTTPD = shutil.which("apache2") or shutil.which("httpd") or "/usr/sbin/apache2"
MODULES = Path("/usr/lib/apache2/modules")

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        not Path(HTTPD).exists() or not MODULES.is_dir(),
        reason="needs Apache httpd (apt-get install apache2)",
    ),
]

PREFORK = [
    "ServerLimit 0", "ServerLimit -7", "ServerLimit 200001", "ServerLimit abc", "ServerLimit 99999999999",
    "MaxRequestWorkers 257", "MaxRequestWorkers 0", "MaxRequestWorkers -1", "MaxRequestWorkers abc",
    "MaxClients 300", "MaxClients 300; MaxRequestWorkers 100", "MaxRequestWorkers 100; MaxClients 300",
    "ServerLimit 10; MaxRequestWorkers 20", "MaxRequestWorkers 20; ServerLimit 10", "ServerLimit 5",
    "StartServers 0", "StartServers -2", "StartServers 99999999999999999999", "StartServers 1k",
    "MinSpareServers 0", "MinSpareServers x; MaxSpareServers 0", "MaxSpareServers 3",
    "ServerLimit 0; MaxRequestWorkers 0; StartServers 0; MinSpareServers 0",
    "MinSpareServers 50; MaxRequestWorkers 10", "MaxConnectionsPerChild -5", "MaxRequestsPerChild ten",
    "KeepAliveTimeout 5m", "KeepAliveTimeout 0", "ListenBacklog 0", "MaxMemFree -1", "MaxMemFree 0x10",
    "StartServers 5 6", 'StartServers ""', "KeepAlive perhaps", "KeepAlive Off here",
]  # fmt: skip
THREADED = [
    "ServerLimit 0", "ServerLimit 20001", "ServerLimit -1; MaxRequestWorkers 0", "ServerLimit x",
    "ThreadLimit 0", "ThreadLimit -4; ThreadsPerChild 1", "ThreadLimit 100001", "ThreadLimit 20001",
    "ThreadLimit 20000; ThreadsPerChild 100; MaxRequestWorkers 1000",
    "ThreadsPerChild 65", "ThreadsPerChild 64", "ThreadsPerChild 0",
    "ThreadsPerChild -1; MaxRequestWorkers 7",
    "ThreadsPerChild 100; ThreadLimit 100; MaxRequestWorkers 1600",
    "MaxRequestWorkers 10", "MaxRequestWorkers 0", "MaxRequestWorkers -5", "MaxRequestWorkers 401",
    "MaxRequestWorkers 425", "MaxRequestWorkers 430", "MaxClients 430; ServerLimit 17",
    "ServerLimit 2; ThreadsPerChild 5; MaxRequestWorkers 50", "ServerLimit 40", "ServerLimit 4",
    "StartServers 0", "StartServers -1", "StartServers 30", "MinSpareThreads 0", "MinSpareThreads -3",
    "MinSpareThreads 0; MaxSpareThreads 0; StartServers 0; ServerLimit 0; ThreadLimit 0; MaxRequestWorkers 0",
    "MaxSpareThreads 10", "MaxRequestWorkers 99999999999", "ThreadStackSize -1", "ThreadStackSize 1k",
]  # fmt: skip
EVENT = [
    "AsyncRequestWorkerFactor 0", "AsyncRequestWorkerFactor 1.5", "AsyncRequestWorkerFactor many",
    "AsyncRequestWorkerFactor 0x2", "AsyncRequestWorkerFactor -1", "AsyncRequestWorkerFactor 1e2",
    "ListenCoresBucketsRatio 0",
]  # fmt: skip
OF_OTHERS = [
    ("prefork", "ThreadsPerChild 5"), ("prefork", "MinSpareThreads 5"), ("prefork", "LockFile x"),
    ("worker", "MinSpareServers 5"), ("worker", "AsyncRequestWorkerFactor 2"), ("event", "MaxSpareServers 5"),
]  # fmt: skip
CASES = [
    *(("prefork", case) for case in PREFORK),
    *(("worker", case) for case in THREADED),
    *(("event", case) for case in THREADED + EVENT),
    *OF_OTHERS,
]


def version() -> str:
    said = subprocess.run([HTTPD, "-v"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Apache/(\S+)", said)
    assert found
    return found[1]


def said_by_httpd(folder: Path, architecture: str, lines: list[str]) -> tuple[list[tuple[str, str]], bool]:
    """The warnings (id and text) of ``httpd -t``, and whether it would start."""
    conf = folder / "httpd.conf"
    head = [
        "ErrorLog /dev/stderr",
        "ServerName localhost",
        f"LoadModule mpm_{architecture}_module {MODULES}/mod_mpm_{architecture}.so",
        "Listen 127.0.0.1:1",
    ]
    conf.write_text("\n".join(head + lines) + "\n")
    run = subprocess.run(
        [HTTPD, "-t", "-d", str(folder), "-f", str(conf)], capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "LANG": "C"},
    )  # fmt: skip
    return re.findall(r"^(AH\d+): WARNING: (.*)$", run.stderr, re.MULTILINE), run.returncode == 0


def predicted(architecture: str, lines: list[str], now: str) -> tuple[list[tuple[str, str]], bool]:
    """The same from what we know."""
    rows = {name.lower(): row for row in parameters(architecture, now) for name in row.spellings}
    asked: dict[str, Value] = {}
    for number, line in enumerate(lines, 1):
        name, *words = line.replace('""', "").split()
        row = rows.get(name.lower())
        if row is None:
            return [], False
        try:
            asked[row.name] = read_value(row, tuple(words), Where("httpd.conf", number), now)
        except ConfigError:
            return [], False
    changes = [change for value in settle(architecture, asked, now).values() for change in value.changes]
    return [
        (change.message_id, change.text.removeprefix("WARNING: ")) for change in changes if not change.silent
    ], True


def test_there_are_twenty_bad_settings_for_each_family() -> None:
    assert len(PREFORK) >= 20 and len(THREADED) >= 20


@pytest.mark.parametrize(("architecture", "case"), CASES)
def test_same_warnings_as_httpd(architecture: str, case: str, tmp_path: Path) -> None:
    now = version()
    assert release(now) >= (2, 4, 54), "the texts compared here are those of a current httpd"
    lines = case.split("; ")
    warnings, starts = said_by_httpd(tmp_path, architecture, lines)
    expected, accepted = predicted(architecture, lines, now)
    assert accepted == starts
    assert sorted(expected) == sorted(warnings)


RUNNING = [
    ("prefork", {"MaxRequestWorkers": 300}, 256),
    ("worker", {"MaxRequestWorkers": 90}, 75),
    ("event", {"ServerLimit": 2, "ThreadsPerChild": 5, "MaxRequestWorkers": 50}, 10),
]


@pytest.mark.parametrize(("architecture", "settings", "workers"), RUNNING)
def test_a_running_httpd_has_as_many_workers(
    architecture: str, settings: dict[str, int], workers: int
) -> None:
    """The scoreboard that mod_status shows has one character for each worker in force."""
    asked = {name: Value(name, number, "", Where("httpd.conf", 1)) for name, number in settings.items()}
    assert pool(architecture, settle(architecture, asked, version()), version()).workers == workers
    with tempfile.TemporaryDirectory(prefix="poolwise-") as folder:
        status = scoreboard_of(Path(folder), architecture, [f"{name} {n}" for name, n in settings.items()])
    assert len(status) == workers


def scoreboard_of(folder: Path, architecture: str, lines: list[str]) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    modules = (f"mpm_{architecture}", "authz_core", "status")
    head = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules] + [
        "ErrorLog error.log", f"PidFile {folder}/pid", f"DefaultRuntimeDir {folder}", "ServerName localhost",
        f"Listen 127.0.0.1:{port}", "<Location /status>", "SetHandler server-status", "</Location>",
    ]  # fmt: skip
    conf = folder / "httpd.conf"
    conf.write_text("\n".join(head + lines) + "\n")
    server = subprocess.Popen(  # a session of its own: httpd ends by a signal to its whole process group
        [HTTPD, "-DFOREGROUND", "-d", str(folder), "-f", str(conf)],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        found = re.search(
            r"^Scoreboard: (.*)$", fetched(f"http://127.0.0.1:{port}/status?auto"), re.MULTILINE
        )
        assert found
        return found[1]
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def fetched(url: str) -> str:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
