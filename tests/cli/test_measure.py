"""``poolwise measure`` from the command line: the Flask example measured, written and used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hosting import Hosting
from poolwise.cli import main
from poolwise.cli.app_file import read_app
from poolwise.cli.measure import hosted
from poolwise.model import InputError

SHORT = ["--requests", "60", "--seconds", "0.5", "--repeat", "2", "--threads", "3"]


@pytest.mark.server
def test_the_flask_example_is_measured_and_simulated(
    root: Path, hosting: Hosting, site_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(
        root / "examples/flask_shop", site_folder / "shop", ignore=shutil.ignore_patterns("__pycache__")
    )
    output = tmp_path / "app.json"
    command = ["measure", "shop:app", "--folder", str(site_folder / "shop"), "--python", hosting.python]
    asked = ["--url", "/teas?q=green", "--url", "/teas/3", "--env", "COLOUR=green", "--output", str(output)]
    assert main([*command, *asked, *SHORT]) == 0
    said = capsys.readouterr().out
    for words in ("shop:app, measured in mod_wsgi", "/teas?q=green", "8 processes with 5 threads each take",
                  f"Use it: poolwise simulate CONF --app {output} --service fixed:0.0"):  # fmt: skip
        assert words in said
    app = read_app(str(output))
    assert (
        app.name == "shop:app"
        and 5e6 < app.bare_bytes < app.process_bytes < 200e6
        and app.import_cpu_s > 0.01
    )
    simulate = ["simulate", str(root / "examples/site"), "--app", str(output), "--traffic", "poisson:10"]
    assert main([*simulate, "--duration", "20s", "--service", "fixed:0.01", "--format", "json"]) == 0
    totals = json.loads(capsys.readouterr().out)["runs"][0]["totals"]
    assert totals["imports"] > 0 and totals["cpu_s"] > 0
    assert (
        main([*command, *SHORT, "--url", "/nothing", "--output", str(output)]) == 2
    )  # may be measured again
    assert "/nothing was answered with status 404" in capsys.readouterr().err


def test_a_file_that_is_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    assert main(["measure", "shop:app", "--output", str(other)]) == 2
    assert f"{other} is no earlier measurement of shop:app; --write replaces it" in capsys.readouterr().err
    urls = tmp_path / "urls.txt"
    urls.write_text("/\n")
    assert main(["measure", "shop:app", "--urls", str(urls), "--output", str(urls), "--write"]) == 2
    assert "is read by this command" in capsys.readouterr().err
    assert (other.read_text(), urls.read_text()) == ("mine", "/\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shop:app", "--urls", "/nowhere/urls.txt"], "cannot read /nowhere/urls.txt"),
        (["shop:app", "--url", "teas"], "--url teas: 'teas' is no path"),
        (["shop:app", "--env", "COLOUR"], "--env COLOUR: write NAME=VALUE"),
        (["/shop=shop:app"], "/shop=shop:app: an application is measured at /"),
        (["shop:app", "--python", "/nowhere/python"], "--python /nowhere/python: there is no such Python"),
        (["shop:app", "--output", "/nowhere/app.json"], "there is no directory /nowhere"),
        (["shop:app", "--repeat", "0"], "--repeat"),
    ],
)
def test_what_is_asked_wrongly(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_urls_that_are_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    urls = tmp_path / "urls.txt"
    urls.write_bytes(b"/\xff\n")
    assert main(["measure", "shop:app", "--urls", str(urls)]) == 2
    assert "it is no UTF-8" in capsys.readouterr().err


def test_targets_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plain = hosted("shop:app", "", ("lib",), ("A=1", "B=x=y"))
    assert (plain.target, plain.folder, plain.python_path) == (
        "shop:app",
        str(tmp_path),
        (str(tmp_path / "lib"),),
    )
    assert plain.environment == {"A": "1", "B": "x=y"}
    script = hosted("site/app.wsgi", "", (), ())
    assert (script.target, script.folder) == (str(tmp_path / "site/app.wsgi"), str(tmp_path / "site"))
    assert hosted("site/app.wsgi", "elsewhere", (), ()).folder == str(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="neither module:callable"):
        hosted("site/app", "", (), ())
