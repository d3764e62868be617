"""``poolwise simulate``: figures, files, what-ifs, and the same answer every time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from poolwise.cli import main

BURST = ["--traffic", "burst:base=5,peak=60,at=10,length=5", "--duration", "1min", "--service", "fixed:0.3"]


@pytest.fixture
def site(root: Path) -> str:
    return str(root / "examples/site")


def runs_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert main(["simulate", *arguments, "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    runs: list[dict[str, Any]] = shown["runs"] if isinstance(shown, dict) else shown
    return runs


def test_a_burst_grows_the_pool_and_the_same_seed_gives_the_same_run(
    site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = runs_of([site, *BURST], capsys)
    again = runs_of([site, *BURST], capsys)
    other = runs_of([site, *BURST, "--seed", "2"], capsys)
    assert len(first) == 1
    assert first == again != other
    assert first[0]["totals"]["peak_total"] > 20


def test_what_ifs_stand_side_by_side(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    runs = runs_of(
        [site, *BURST, "--set", "maxspareservers=20", "--compare", "StartServers=40,MinSpareServers=30"],
        capsys,
    )
    assert [run["label"] for run in runs] == ["maxspareservers 20", "StartServers 40, MinSpareServers 30"]
    assert runs[0]["pool"]["max_spare"] == 20
    assert runs[1]["pool"]["max_spare"] == 31  # 20 is below MinSpareServers: httpd raises it silently
    assert runs[1]["totals"]["waited"] < runs[0]["totals"]["waited"]


def test_pictures_are_written_where_asked(
    site: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {kind: tmp_path / f"run.{kind}" for kind in ("png", "svg", "html")}
    asked = [part for kind, file in files.items() for part in (f"--{kind}", str(file))]
    assert main(["simulate", site, *BURST, *asked]) == 0
    out, err = capsys.readouterr()
    assert "as configured" in out
    assert [line.removeprefix("wrote ") for line in err.splitlines()] == [
        str(file) for file in files.values()
    ]
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    assert files["svg"].read_text().startswith("<svg")
    page = files["html"].read_text()
    assert page.lstrip().lower().startswith("<!doctype html")
    assert len(list(tmp_path.iterdir())) == 3


def test_nothing_is_computed_when_a_picture_cannot_be_written(
    site: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", site, *BURST, "--png", str(tmp_path)]) == 2
    assert capsys.readouterr().out == ""


def test_a_real_log_and_its_scale(site: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = ["--log", str(root / "examples/data/elastic_apache_logs.log.gz"), "--service", "fixed:0.1"]
    once = runs_of([site, *log], capsys)
    twice = runs_of([site, *log, "--scale", "2"], capsys)
    assert once[0]["totals"]["requests"] == 9999
    assert twice[0]["totals"]["requests"] == 2 * 9999


def test_a_log_without_durations_asks_for_a_law(
    site: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", site, "--log", str(root / "examples/data/elastic_apache_logs.log.gz")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "no durations" in err


def test_winnt_has_nothing_to_simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = tmp_path / "httpd.conf"
    conf.write_text("Listen 80\n")
    assert main(["simulate", str(conf), "--mpm", "winnt", *BURST]) == 2
    assert "winnt" in capsys.readouterr().err


def test_more_memory_than_there_is_is_said(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["simulate", site, "--traffic", "constant:1", "--duration", "20s", "--memory"]
    assert main([*arguments, "200M"]) == 0
    assert "as configured: takes up to 372 MB, more than --memory 200 MB" in capsys.readouterr().err
    assert main([*arguments, "2G"]) == 0
    assert "--memory" not in capsys.readouterr().err
