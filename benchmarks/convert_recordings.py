"""Makes the compact recordings of ``tests/data/traces`` from the raw ones of the recorder.

    python benchmarks/convert_recordings.py RAW [TARGET]

``RAW`` holds ``CASE/runN/{case.json,arrivals.csv.gz,ticks.csv.gz,procs.csv.gz,samples.csv.gz}``: one row a
request, a maintenance pass, a process, and a sample of the scoreboard every 0.1 s. What the compact files
hold is told in ``tests/data/traces/README.md``. The same input gives the same bytes.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, str]
TARGET = Path(__file__).resolve().parent.parent / "tests" / "data" / "traces"
SECOND = 0.5  # states are taken at the middle of each second


def main(raw: Path, target: Path) -> None:
    """Convert every run below ``raw``."""
    size = 0
    for folder in sorted(path.parent for path in raw.glob("*/*/case.json")):
        recording = converted(folder)
        content = json.dumps(recording, separators=(",", ":")).encode()
        path = target / f"{recording['case']}.{recording['run']}.json.gz"
        path.write_bytes(gzip.compress(content, 9, mtime=0))
        size += path.stat().st_size
        print(f"{path.name:40}{len(recording['connected_s']):7} requests{path.stat().st_size:9} bytes")
    print(f"{size} bytes in all")


def converted(folder: Path) -> dict[str, Any]:
    """One run, as its compact file holds it."""
    about = json.loads((folder / "case.json").read_text("utf-8"))
    requests = sorted(rows(folder / "arrivals.csv.gz"), key=lambda row: float(row["connected"]))
    processes = rows(folder / "procs.csv.gz")
    passes = rows(folder / "ticks.csv.gz")
    most = int(about["directives"]["MaxConnectionsPerChild"])
    return {
        **described(about, folder.name),
        **_requests(requests, [row["pid"] for row in processes], "On" in about["keepalive"][0]),
        **_seconds(rows(folder / "samples.csv.gz"), requests, processes, about),
        "forks": sum(row["kind"] == "mpm" for row in processes),
        **_passes(passes),
        "processes": [_process(row, most) for row in processes],
    }


def rows(path: Path) -> list[Row]:
    """The rows of a compressed table."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def described(about: dict[str, Any], run: str) -> dict[str, Any]:
    """What was set and what was sent, in the words of the case."""
    version = re.search(r"Apache/([\d.]+)", about["version"])
    assert version is not None
    return {
        "case": about["case"],
        "run": run,
        "mpm": about["mpm"],
        "version": version[1],
        "mod_wsgi": about["mod_wsgi"],
        "script": about["script"],
        "directives": about["directives"],
        "keepalive": _keep_alive(about["keepalive"]),
        "daemon": _daemon(about["wsgi"]),
        "at_import": about["at_import"],
        "preload": about["preload"],
        "duration_s": about["duration"],
    }


def _keep_alive(lines: list[str]) -> dict[str, int]:
    """``["KeepAlive On", "KeepAliveTimeout 5"]`` as ``{"KeepAlive": 1, "KeepAliveTimeout": 5}``."""
    words = {"On": 1, "Off": 0}
    pairs = [line.split() for line in lines]
    return {name: words[value] if value in words else int(value) for name, value in pairs}


def _daemon(lines: list[str]) -> dict[str, Any] | None:
    """Name and options of the one WSGIDaemonProcess, None when the application is embedded."""
    if not lines:
        return None
    (line,) = lines
    _, name, *options = line.split()
    pairs = [option.split("=") for option in options]
    return {"name": name, **{option: int(value) for option, value in pairs}}


def _requests(requests: list[Row], pids: list[str], keep_alive: bool) -> dict[str, Any]:
    kinds = {row["kind"] for row in requests}
    assert len(kinds) <= 1, kinds
    first = [(i, float(row["import_s"] or 0)) for i, row in enumerate(requests)]
    table: dict[str, Any] = {
        "kind": kinds.pop() if kinds else "sleep",
        "connected_s": [_number(row["connected"], 5) for row in requests],
        "service_s": [_number(row["service"], 6) for row in requests],
        "wait_s": [_difference(row["app_start"], row["connected"], 4) for row in requests],
        "app_start_s": [_number(row["app_start"], 4) for row in requests],
        "app_end_s": [_number(row["app_end"], 4) for row in requests],
        "finished_s": [_number(row["finished"], 4) for row in requests],
        "process": [pids.index(row["pid"]) if row["pid"] in pids else None for row in requests],
        "import_s": [[i, round(seconds, 4)] for i, seconds in first if seconds > 0.001],
    }
    if keep_alive:
        table["connection"] = connections(requests)
    return table


def connections(requests: list[Row]) -> list[int]:
    """The connection that carried each request, counted from 0.

    The recorder numbers clients; one that became impatient has two connections. A request that reused one
    used the client's that is served by the same process, the latest if there are several.
    """
    numbers: list[int] = []
    latest: dict[tuple[str, str], int] = {}
    for row in requests:
        key = (row["conn"], row["pid"])
        if row["reused"] != "1" or key not in latest:
            latest[key] = max(numbers, default=-1) + 1
        numbers.append(latest[key])
    return numbers


def _seconds(
    samples: list[Row], requests: list[Row], processes: list[Row], about: dict[str, Any]
) -> dict[str, Any]:
    """States at the middle of each second; ``machine_cpu`` is the mean of the second."""
    seconds = int(about["duration"])
    at = np.arange(seconds) + SECOND
    times = np.array([float(row["t"]) for row in samples])
    nearest = [samples[int(np.abs(times - t).argmin())] for t in at]
    used = np.array([float(row["machine_cpu"] or 0) for row in samples])
    second = [used[(times > k) & (times <= k + 1)] for k in range(seconds)]
    apps = [row for row in requests if row["app_start"]]
    starts, ends = [float(row["app_start"]) for row in apps], [_end(row["app_end"]) for row in apps]
    load_s = [0.0 if about["preload"] else float(row["import_s"] or 0) for row in apps]
    return {
        "alive": _between(processes, "mpm", at),
        "daemons": _between(processes, "other", at),
        "in_app": _inside(starts, ends, at),
        "loading": _inside([t - s for t, s in zip(starts, load_s, strict=True)], starts, at),
        "sb_busy": [sum(int(row[f"sb_{letter}"]) for letter in "RWLG") for row in nearest],
        "sb_keepalive": [int(row["sb_K"]) for row in nearest],
        "sb_closing": [int(row["sb_C"]) for row in nearest],
        "quiescing": [int(row["quiescing"]) for row in nearest],
        "machine_cpu": [round(float(values.mean()), 2) if len(values) else 0.0 for values in second],
    }


def _between(processes: list[Row], kind: str, at: np.ndarray[Any, Any]) -> list[int]:
    chosen = [row for row in processes if row["kind"] == kind]
    return _inside([float(row["fork"]) for row in chosen], [_end(row["exit"]) for row in chosen], at)


def _inside(starts: list[float], ends: list[float], at: np.ndarray[Any, Any]) -> list[int]:
    """How many of the stretches ``[start, end)`` hold each instant."""
    begun, over = np.sort(np.array(starts)), np.sort(np.array(ends))
    counts = np.searchsorted(begun, at, "right") - np.searchsorted(over, at, "right")
    return [int(count) for count in counts]


def _end(text: str) -> float:
    return float(text) if text else float("inf")


def _passes(passes: list[Row]) -> dict[str, Any]:
    return {
        "pass_s": [_number(row["t_wake"], 4) for row in passes],
        "pass_total": [int(row["total"]) for row in passes],
        "pass_idle": [int(row["idle"]) for row in passes],
        "pass_quiescing": [row["slots"].count("q") for row in passes],
        "pass_forks": [int(row["forks"]) for row in passes],
        "pass_kills": [int(row["kills"]) for row in passes],
        "pass_length_s": [round(float(row["pass_ms"]) / 1000, 5) for row in passes],
    }


def _process(row: Row, most: int) -> list[Any]:
    """Kind, fork, ready, exit, reap, requests served, and why it ended."""
    ready = row["poll_created"] or row["ready20ms"]
    times = [_number(text, 4) for text in (row["fork"], ready, row["exit"], row["reap"])]
    served, daemon = int(row["requests"] or 0), row["kind"] == "other"
    fate = "" if not row["exit"] else "expired" if daemon or 0 < most <= served else "killed"
    return ["daemon" if daemon else "front", *times, served, fate]


def _number(text: str, digits: int) -> float | None:
    return round(float(text), digits) if text else None


def _difference(later: str, earlier: str, digits: int) -> float | None:
    return round(float(later) - float(earlier), digits) if later and earlier else None


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else TARGET)
