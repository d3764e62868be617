"""``poolwise show`` on the example site, on standard input, and beside a real httpd."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from poolwise.cli import main
from poolwise.deploy import find_httpd


@pytest.fixture
def site(root: Path) -> str:
    return str(root / "examples/site")


def test_the_effective_settings_with_their_origins(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", site]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    line = next(line for line in out.splitlines() if line.split()[:1] == ["MaxRequestWorkers"])
    assert "256 processes" in line
    assert "mpm_prefork.conf:8" in line
    assert "asked for 400, became 256 (AH00180)" in out
    assert "runs embedded: WSGIDaemonProcess shop" in out
    assert "15.5 GB" in out


def test_the_applications_size_is_what_the_memory_rests_on(
    site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", site, "--app-memory", "120M"]) == 0
    assert "120 MB a process" in capsys.readouterr().out


def test_json(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", site, "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert "MaxRequestWorkers" in json.dumps(shown)


def test_standard_input_a_built_in_mpm_and_defines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        "<IfDefine BIG>\n  ThreadsPerChild 50\n  MaxRequestWorkers 400\n</IfDefine>\nStartServers ${FIRST}\n"
    )
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["show", "-", "--mpm", "event", "-D", "BIG", "-D", "FIRST=4"]) == 0
    out = capsys.readouterr().out
    assert "MPM event" in out
    lines = {line.split()[0]: line for line in out.splitlines() if line.split()}
    assert lines["ThreadsPerChild"].split()[1] == "50"
    assert lines["StartServers"].split()[1] == "4"


def test_a_broken_configuration_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = tmp_path / "httpd.conf"
    conf.write_text("Listen 80\nInclude missing.conf\n")
    assert main(["show", str(conf), "--mpm", "prefork"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{conf}:2" in err
    assert err.count("\n") == 1


@pytest.mark.server
def test_the_installed_httpd_reads_the_example_site_in_the_same_way(
    site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    httpd = find_httpd() or pytest.skip("no httpd is installed")
    code = main(["show", site, "--with-httpd", httpd])
    assert code == 0, capsys.readouterr().err


def test_an_httpd_that_is_not_there(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", site, "--with-httpd", "/no/such/httpd"]) == 3
    assert "/no/such/httpd" in capsys.readouterr().err
