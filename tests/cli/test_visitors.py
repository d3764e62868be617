"""How clients behave and what happens meanwhile, from options to the run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from poolwise.cli import main

SITE = "examples/site"
TRAFFIC = ["--traffic", "poisson:10", "--duration", "1min", "--service", "fixed:0.2"]


@pytest.fixture(autouse=True)
def in_the_checkout(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def run_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["simulate", SITE, *arguments, *TRAFFIC, "--format", "json"]) == 0
    run: dict[str, Any] = json.loads(capsys.readouterr().out)["runs"][0]
    return run


def test_connections_hold_workers_of_prefork(capsys: pytest.CaptureFixture[str]) -> None:
    plain = run_of([], capsys)
    kept = run_of(["--keep-alive", "think=3s,requests=5"], capsys)
    assert kept["totals"]["requests"] == plain["totals"]["requests"]
    assert kept["measures"]["idle_connections_mean"] > 10
    assert kept["measures"]["processes_mean"] > plain["measures"]["processes_mean"] + 10
    assert any("5 requests with pauses of 3 s" in words for words in kept["assumptions"])


def test_slow_links_hold_workers(capsys: pytest.CaptureFixture[str]) -> None:
    slow = run_of(["--upload", "fixed:1", "--download", "exponential:1"], capsys)
    assert sum(slow["series"]["busy"][20:]) / 40 == pytest.approx(10 * 2.2, rel=0.3)


def test_the_seed_decides_the_clients(capsys: pytest.CaptureFixture[str]) -> None:
    one, same, other = (
        run_of(["--download", "exponential:1", "--seed", seed], capsys) for seed in ("1", "1", "2")
    )
    assert one == same != other


def test_impatient_clients_leave_and_come_again(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--set", "MaxRequestWorkers=1", "--patience", "3s"]
    run = run_of(small, capsys)
    assert run["totals"]["gave_up"] > 50
    assert run["totals"]["retried"] == 0
    assert run_of([*small, "--retries", "2"], capsys)["totals"]["retried"] > 50


def test_what_happens_meanwhile(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of(["--graceful", "every=20s", "--crash", "50s,count=2"], capsys)
    assert run["totals"]["crashed"] == 2
    restarts = [line for line in run["messages"] if line["id"] in ("AH00171", "AH00493", "AH00173")]
    assert sum(line["count"] for line in restarts) == 2  # at 20 s and 40 s
    hard = run_of(["--restart", "30s"], capsys)
    assert hard["totals"]["restarted"] >= 5


def test_restarts_are_apaches(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [SITE, "--graceful", "30s", "--compare", "gunicorn_sync:workers=4", *TRAFFIC]
    assert main(["simulate", *asked, "--format", "json"]) == 0
    apache, other = json.loads(capsys.readouterr().out)["runs"]
    assert any("happen to Apache only" in words for words in other["assumptions"])
    assert not any("happen to Apache only" in words for words in apache["assumptions"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--keep-alive", "5s"], "requests is missing"),
        (["--keep-alive", "think=5s,requests=0"], "requests must be 1 to"),
        (["--upload", "sometimes"], "--upload law 'sometimes'"),
        (["--download", "fixed:nan"], "--download law 'fixed:nan'"),
        (["--patience", "0"], "--patience 0 makes no sense"),
        (["--patience", "nan"], "--patience"),
        (["--retries", "21"], "0<=x<=20"),
        (["--graceful", "1h"], "--graceful 1h: the traffic is over after 60 s"),
        (["--graceful", "every=100ms"], "at most once a second"),
        (["--graceful", "10s,count=2"], "only --crash takes a count"),
        (["--crash", "10s,count=0"], "count must be at least 1"),
        (["--crash", "soon"], "--crash"),
    ],
)
def test_wrong_clients_and_events_are_told(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", SITE, *arguments, *TRAFFIC]) == 2
    out, err = capsys.readouterr()
    assert said in err and out == ""
