"""Record a real uWSGI again: the same settings under the same load as a recording in tests/data/peers.

Needs a uwsgi executable (``pip install uwsgi``; 2.0.31 made the recordings). It is started on two free ports
of 127.0.0.1 with an application that sleeps, and stopped by its process id; a run takes a second for each row
of the recording. Writes ``NAME.json`` in the format of tests/data/peers/README.md into ``--out``, and prints
in how many seconds the workers are as many as in the recording that is there.

    .venv/bin/python benchmarks/record_uwsgi.py spare steady --out /tmp/again --uwsgi path/to/uwsgi
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).resolve().parent.parent / "tests/data/peers"
ASK_S = 0.502  # between two questions: every second one falls into a new second of the clock
SENT_S = 0.2  # after the first question of a second
START_S, STOP_S, REQUEST_S = 3.0, 20.0, 120.0
APP = """import time


def application(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"] or 0))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
"""

Sample = tuple[float, dict[str, Any]]
Log = list[tuple[float, str]]


def main() -> int:
    """Record what the command line names."""
    known = sorted(path.stem for path in RECORDINGS.glob("*.json"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="+", choices=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--out", type=Path, default=Path("recordings"), help="folder for the files")
    parser.add_argument("--uwsgi", default=shutil.which("uwsgi"), help="the executable")
    asked = parser.parse_args()
    if not asked.uwsgi:
        parser.error("no uwsgi here: pip install uwsgi, or give --uwsgi")
    version = subprocess.run([asked.uwsgi, "--version"], capture_output=True, text=True, check=True).stdout
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.names:
        before = json.loads((RECORDINGS / f"{name}.json").read_text("utf-8"))
        found = record(asked.uwsgi, before) | {"server": f"uWSGI {version.strip()}"}
        (asked.out / f"{name}.json").write_text(written(found), "utf-8")
        pairs = zip(found["rows"], before["rows"], strict=False)
        equal = sum(now[0] == then[0] and now[4] == then[4] for now, then in pairs)
        print(f"{name}: {equal} of {len(before['rows'])} seconds with as many workers as recorded before")
    return 0


def record(uwsgi: str, before: dict[str, Any]) -> dict[str, Any]:
    """One run with the settings and the load of ``before``, as many rows long."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "app.py").write_text(APP, "utf-8")
        port, asked = free_port(), free_port()
        command = [
            uwsgi, "--master", "--need-app", "--http-socket", f"127.0.0.1:{port}", "--wsgi-file", "app.py",
            "--stats", f"127.0.0.1:{asked}", "--cheaper-algo", before["algorithm"], "--disable-logging",
            "--die-on-term", "--enable-threads", "--socket-timeout", "60",
        ]  # fmt: skip
        if before["algorithm"] == "busyness":
            command.append("--cheaper-busyness-verbose")
        for option, value in before["settings"].items():
            command += [f"--{option}", str(value)]
        log: Log = []
        server = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        threading.Thread(target=listen, args=(server, log), daemon=True).start()
        try:
            samples = watch(port, asked, before)
        finally:
            server.terminate()
            try:
                server.wait(STOP_S)
            except subprocess.TimeoutExpired:
                server.kill()
    kept = {name: before[name] for name in ("algorithm", "settings", "load", "columns")}
    return kept | read(samples, log, before["algorithm"] == "busyness")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listen(server: subprocess.Popen[str], log: Log) -> None:
    """Keep what the server says, with the time."""
    for line in server.stderr or ():
        log.append((time.time(), line.rstrip()))


def watch(port: int, asked: int, before: dict[str, Any]) -> list[Sample]:
    """Ask twice a second, and send the load a little after the first question of each."""
    time.sleep(START_S)
    while not 0.10 <= time.time() % 1 <= 0.11:
        time.sleep(0.002)
    begin_s, samples = time.time(), []
    pending = sorted(before["load"])
    for i in range(2 * len(before["rows"])):
        time.sleep(max(begin_s + i * ASK_S - time.time(), 0.0))
        samples.append((time.time(), stats(asked)))
        while i % 2 == 0 and pending and pending[0][0] <= i // 2:
            _, count, length_s, pause_s = pending.pop(0)
            threading.Thread(target=send, args=(port, count, length_s, pause_s), daemon=True).start()
    return samples


def stats(port: int) -> dict[str, Any]:
    """What the stats server says."""
    parts = []
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        while part := connection.recv(65536):
            parts.append(part)
    answer: dict[str, Any] = json.loads(b"".join(parts))
    return answer


def send(port: int, count: int, length_s: float, pause_s: float) -> None:
    """A line of the load: ``count`` requests, each from a client of its own."""
    time.sleep(SENT_S)
    for _ in range(count):
        threading.Thread(target=request, args=(port, length_s), daemon=True).start()
        time.sleep(pause_s)


def request(port: int, length_s: float) -> None:
    """One request, until its connection is closed."""
    try:
        with socket.create_connection(("127.0.0.1", port), REQUEST_S) as connection:
            connection.sendall(f"GET /?{length_s} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            while connection.recv(4096):
                pass
    except OSError as error:
        print("a request failed:", error, file=sys.stderr)


def running(sample: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Workers that were started and not told to stop, by number."""
    return {w["id"]: w for w in sample["workers"] if w["status"] != "cheap" and w["pid"] > 0}


def is_busy(worker: dict[str, Any]) -> bool:
    """Whether one of its threads has a request."""
    return any(thread["in_request"] for thread in worker["cores"])


def read(samples: list[Sample], log: Log, with_busyness: bool) -> dict[str, Any]:
    """The rows, and for busyness the windows, that pairs of samples show."""
    rows: list[list[int]] = []
    windows: list[list[int]] = []
    used: dict[int, int] = {}
    seen: dict[int, int] = {}
    for (at_s, before), (_, after) in zip(samples[::2], samples[1::2], strict=True):
        live = running(before)
        ending = sum(w["status"] == "cheap" and w["pid"] > 0 for w in before["workers"])
        busy, change = sum(map(is_busy, live.values())), len(running(after)) - len(live)
        row = [len(live), busy, after["listen_queue"], change, ending]
        if with_busyness:
            for number, worker in live.items():
                seen[number] = seen.get(number, 0) + is_busy(worker)
            said = [line for said_s, line in log if at_s - 0.01 <= said_s < at_s + 0.4]
            mean = numbers(said, r"average busyness of (\d+) worker\(s\) is at (\d+)%")
            row.append(mean[0][1] if mean else -1)
            if mean:
                for number, percent in numbers(said, r"worker nr (\d+) \d+s average busyness is at (\d+)%"):
                    if number in live:
                        spent = live[number]["running_time"] - used.get(number, 0)
                        windows.append([spent, seen.get(number, 0), percent])
                used = {w["id"]: w["running_time"] for w in before["workers"]}
                seen = {}
        rows.append(row)
    return {"rows": rows, **({"windows": windows} if windows else {})}


def numbers(lines: list[str], pattern: str) -> list[tuple[int, int]]:
    """The two numbers of every line that has them."""
    found = (re.search(pattern, line) for line in lines)
    return [(int(match[1]), int(match[2])) for match in found if match]


def written(found: dict[str, Any]) -> str:
    """As the recordings are written: a line for each row."""
    names = ("server", "algorithm", "settings", "load", "columns")
    parts = [f' "{name}": {json.dumps(found[name])}' for name in names]
    rows = ",\n".join(f"  {json.dumps(row)}" for row in found["rows"])
    parts.append(f' "rows": [\n{rows}\n ]')
    if "windows" in found:
        parts.append(f' "windows": {json.dumps(found["windows"])}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
