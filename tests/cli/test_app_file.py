"""The file of an application: read back, checked, and taken as defaults by the verbs that describe one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from poolwise.cli import main
from poolwise.cli.app_file import measured_target, read_app
from poolwise.cli.work import loaded_at_start
from poolwise.model import App, InputError

SITE = "examples/site"
TRAFFIC = ["--traffic", "poisson:10", "--duration", "30s", "--service", "fixed:0.2"]
MEASURED = App(
    "shop:app", startup_cpu_s=0.01, shared_bytes=9_000_000, process_bytes=30_000_000, thread_bytes=100_000,
    import_cpu_s=0.5, import_wait_s=0.1, cpu_share=0.25, bare_bytes=6_000_000, leak_bytes=1000,
)  # fmt: skip


@pytest.fixture(autouse=True)
def in_the_checkout(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "app.json"
    document = {"schema": "poolwise.app/1", "app": asdict(MEASURED), "measured": {"target": "shop:app"}}
    path.write_text(json.dumps(document))
    return str(path)


def run_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["simulate", SITE, *arguments, *TRAFFIC, "--format", "json"]) == 0
    run: dict[str, Any] = json.loads(capsys.readouterr().out)["runs"][0]
    return run


def test_a_file_is_read_back_and_a_short_one_has_defaults(file: str, tmp_path: Path) -> None:
    assert read_app(file) == MEASURED
    assert measured_target(file) == "shop:app"
    short = tmp_path / "short.json"
    short.write_text('{"schema": "poolwise.app/1", "app": {"process_bytes": 5}}')
    assert read_app(str(short)) == App(process_bytes=5)
    assert measured_target(str(short)) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1", "is not JSON"),
        ("[]", "is no application file"),
        ('{"schema": "poolwise.run/1"}', "is no application file of poolwise .* poolwise measure makes one"),
        ('{"schema": "poolwise.app/1"}', "'app' is missing"),
        ('{"schema": "poolwise.app/1", "app": {"size": 1}}', "app.size is not known; there are name, "),
        (
            '{"schema": "poolwise.app/1", "app": {"process_bytes": 1.5}}',
            "app.process_bytes = 1.5 must be a whole",
        ),
        ('{"schema": "poolwise.app/1", "app": {"bursts": true}}', "app.bursts = True"),
        (
            '{"schema": "poolwise.app/1", "app": {"import_cpu_s": -1}}',
            "app.import_cpu_s = -1 must be a number",
        ),
        ('{"schema": "poolwise.app/1", "app": {"import_cpu_s": NaN}}', "app.import_cpu_s = nan"),
        (
            '{"schema": "poolwise.app/1", "app": {"gil": "none"}}',
            "app.gil = 'none' must be one of shared, per-",
        ),
        ('{"schema": "poolwise.app/1", "app": {"name": 3}}', "app.name = 3 must be a text"),
    ],
)
def test_a_file_that_is_none_names_itself_and_the_field(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "app.json"
    path.write_text(text)
    with pytest.raises(InputError, match=f"{path}.*{said}|{said}"):
        read_app(str(path))
    with pytest.raises(InputError, match="cannot read"):
        read_app(str(tmp_path / "none.json"))


def test_simulate_takes_all_of_it(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--app-memory", "30M", "--startup-cpu", "10ms", "--request-cpu", "25%", "--import-cpu", "0.5s"]
    given += ["--import-wait", "0.1s", "--bare-memory", "6M", "--leak", "1000"]
    measured, by_hand = run_of(["--app", file], capsys), run_of(given, capsys)
    for name in ("cpu_s", "imports", "served"):
        assert measured["totals"][name] == by_hand["totals"][name]
    assert measured["measures"]["processes_mean"] == by_hand["measures"]["processes_mean"]
    threads, shared = 200_000, 1_000_000  # of the defaults, which no option gives
    processes = by_hand["measures"]["processes_mean"]
    difference = by_hand["measures"]["memory_mean_bytes"] - measured["measures"]["memory_mean_bytes"]
    assert difference == pytest.approx(shared + threads * processes, rel=0.01)


def test_what_is_given_by_hand_goes_before_the_file(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of(["--app", file, "--request-cpu", "50%", "--import-cpu", "0s", "--import-wait", "0s"], capsys)
    assert run["totals"]["imports"] == 0
    assert (
        run["totals"]["cpu_s"]
        > 2 * run_of(["--app", file, "--import-cpu", "0s"], capsys)["totals"]["cpu_s"] * 0.8
    )
    assert main(["show", SITE, "--app", file, "--app-memory", "60M", "--format", "json"]) == 0
    app = json.loads(capsys.readouterr().out)["app"]
    assert (app["process_bytes"], app["thread_bytes"], app["name"]) == (60_000_000, 100_000, "shop:app")


def test_where_requests_only_hold_workers_loading_is_part_of_the_start() -> None:
    app = loaded_at_start(MEASURED)
    assert (app.startup_cpu_s, app.startup_wait_s) == (0.51, 0.1)
    assert (app.import_cpu_s, app.import_wait_s, app.cpu_share, app.leak_bytes) == (0, 0, 0, 0)
    assert (app.process_bytes, app.thread_bytes, app.name) == (30_000_000, 100_000, "shop:app")


def test_show_and_tune_take_it(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", SITE, "--app", file]) == 0
    assert (
        "Memory assumes that shop:app costs 30 MB a process, 100 kB a thread, 9 MB shared."
        in capsys.readouterr().out
    )
    report = ["--report", str(tmp_path / "report.html")]
    assert main(["tune", SITE, "--app", file, *TRAFFIC, *report, "--target-wait", "1s"]) in (0, 1)
    assert "Memory assumes 30 MB private to each process" in capsys.readouterr().out


def test_a_wrong_file_ends_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", SITE, "--app", str(tmp_path / "none.json")]) == 2
    assert "cannot read" in capsys.readouterr().err
