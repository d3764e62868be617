"""What the application costs: CPU, loading, growth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from poolwise.cli import main
from poolwise.cli.quantities import Cpu
from poolwise.cli.work import Work
from poolwise.model import App

SITE = "examples/site"
TRAFFIC = ["--traffic", "poisson:10", "--duration", "30s", "--service", "fixed:0.2"]


@pytest.fixture(autouse=True)
def in_the_checkout(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def run_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["simulate", SITE, *arguments, *TRAFFIC, "--format", "json"]) == 0
    run: dict[str, Any] = json.loads(capsys.readouterr().out)["runs"][0]
    return run


def test_nothing_said_leaves_the_kernel_of_one_pool(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of([], capsys)
    assert not run["engine"].startswith("chain")
    assert "cpu_cores" not in run["series"]


def test_a_share_and_a_time_are_the_same_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    share, time = (run_of(["--request-cpu", text], capsys) for text in ("30%", "60ms"))
    assert share["totals"]["cpu_s"] == pytest.approx(time["totals"]["cpu_s"])
    assert share["measures"]["cpu_cores_mean"] == pytest.approx(10 * 0.06, rel=0.3)


def test_loading_is_lazy_as_the_configuration_says_unless_told(capsys: pytest.CaptureFixture[str]) -> None:
    lazy = run_of(["--import-wait", "1s"], capsys)
    assert lazy["totals"]["imports"] > 0
    assert any("is loaded in the first request of a process" in words for words in lazy["assumptions"])
    eager = run_of(["--import-wait", "1s", "--loads", "start"], capsys)
    assert eager["totals"]["imports"] == 0
    copied = run_of(["--import-wait", "1s", "--loads", "preload"], capsys)
    assert copied["measures"]["memory_mean_bytes"] < eager["measures"]["memory_mean_bytes"]


def test_a_leak_is_seen_in_memory(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of(["--leak", "1M"], capsys)
    plain = run_of([], capsys)
    grown = run["series"]["memory_bytes"][-1] - plain["series"]["memory_bytes"][-1]
    assert grown == pytest.approx(1e6 * run["totals"]["served"], rel=0.4)


def test_work_becomes_an_app() -> None:
    work = Work(Cpu(0.3), bursts=4, import_cpu_s=1.0, gil="free-threaded", leak_bytes=7)
    app = work.of(App(process_bytes=5), "first request", 2)
    assert (app.cpu_share, app.bursts, app.loads, app.gil) == (0.3, 4, "first request", "free-threaded")
    assert (app.process_bytes, app.leak_bytes, app.interpreters) == (5, 7, 2)
    assert Work().of(App(), "first request") == App()  # nothing to load: nothing is lazy
    assert work.said and not Work().said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--request-cpu", "120%"], "--request-cpu"),
        (["--request-cpu", "nan"], "neither a share nor a time"),
        (["--bursts", "3"], "--request-cpu"),
        (["--bursts", "0", "--request-cpu", "3%"], "1<=x<=1000"),
        (["--loads", "never"], "--loads"),
        (["--gil", "none"], "--gil"),
        (["--import-cpu", "-1s"], "--import-cpu"),
        (["--import-cpu", "300d"], "import_cpu_s"),
        (["--leak", "lots"], "--leak"),
    ],
)
def test_a_wrong_cost_is_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", SITE, *arguments, *TRAFFIC]) == 2
    out, err = capsys.readouterr()
    assert said in err and out == ""
