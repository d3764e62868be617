"""``poolwise tune``: the report, the diff, and above all what it does with the user's own files."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from poolwise.cli import main
from poolwise.config import load
from poolwise.deploy import find_httpd

BURSTS = "mmpp:low=2,high=30,low_s=30,high_s=10"
TRAFFIC = [
    "--traffic",
    BURSTS,
    "--duration",
    "5min",
    "--service",
    "exponential:0.2",
    "--startup-cpu",
    "300ms",
]


@pytest.fixture
def site(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example site that may be changed, and a place for the report."""
    copy = tmp_path / "apache2"
    shutil.copytree(root / "examples/site", copy, symlinks=True)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return copy


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def script(path: Path, text: str) -> str:
    path.write_text(f"#!{sys.executable}\nimport pathlib, sys\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_report_and_diff_and_nothing_else(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(site)
    assert main(["tune", str(site), *TRAFFIC, "--diff", "pool.diff"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "The report: report.html"
    assert contents(site) == before
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["pool.diff", "report.html"]
    diff = Path("pool.diff").read_text()
    assert "\n-MaxConnectionsPerChild  200\n" in diff
    assert diff.strip() in out
    report = Path("report.html").read_text()
    assert "MaxConnectionsPerChild" in report
    assert "https://" not in report.split("<body")[0].replace("https://vega.github.io/schema", "")


def test_a_target_out_of_reach_exits_1_and_still_reports(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", str(site), *TRAFFIC, "--memory", "200M", "--target-wait", "1ms"]) == 1
    assert Path("report.html").exists()


def test_write_changes_the_files_keeps_backups_and_is_in_force(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(site)
    assert main(["tune", str(site), *TRAFFIC, "--write", "--with-httpd", "none"]) == 0
    out = capsys.readouterr().out
    after = contents(site)
    backups = [name for name in after if name not in before]
    changed = [name for name in before if after[name] != before[name]]
    assert changed == ["mods-available/mpm_prefork.conf"] or "mods-available/mpm_prefork.conf" in changed
    assert (site / "mods-enabled/mpm_prefork.conf").is_symlink()
    (backup,) = backups
    assert backup.startswith("mods-available/mpm_prefork.conf.poolwise-")
    assert after[backup] == before["mods-available/mpm_prefork.conf"]
    assert str(site / backup) in out
    assert load(site).site.number("MaxConnectionsPerChild") > 200
    assert main(["tune", str(site), *TRAFFIC]) == 0


def test_the_advice_as_a_file_makes_a_tuned_copy(site: Path) -> None:
    before = contents(site)
    assert main(["tune", str(site), *TRAFFIC, "--advice", "advice.json"]) == 0
    assert main(["render", "--from", str(site), "--advice", "advice.json", "--output", "tuned"]) == 0
    advice = json.loads(Path("advice.json").read_text())
    assert advice["met"] and advice["configuration"] == str(site / "apache2.conf")
    change = advice["directives"]["MaxConnectionsPerChild"]
    assert change["today"] == 200 and change["reason"]
    assert load("tuned").site.number("MaxConnectionsPerChild") == change["value"]
    assert contents(site) == before


@pytest.mark.server
def test_the_installed_httpd_has_to_accept_what_was_written(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    httpd = find_httpd() or pytest.skip("no httpd is installed")
    assert main(["tune", str(site), *TRAFFIC, "--write"]) == 0, capsys.readouterr().err
    assert f"{httpd} -t accepts it" in capsys.readouterr().out


def test_everything_is_put_back_when_httpd_refuses_the_change(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An httpd that dislikes our values: it sees them on disk, refuses, and they are gone again."""
    before = contents(site)
    picky = script(
        site.parent / "httpd",
        f"text = pathlib.Path({str(site / 'mods-available/mpm_prefork.conf')!r}).read_text()\n"
        "sys.exit('seen' if 'MaxConnectionsPerChild  200' not in text else 0)",
    )
    assert main(["tune", str(site), *TRAFFIC, "--write", "--with-httpd", picky]) == 3
    err = capsys.readouterr().err
    assert "everything was put back: seen" in err
    assert contents(site) == before


def test_nothing_is_written_when_httpd_refuses_the_configuration_as_it_is(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(site)
    broken = script(site.parent / "httpd", "sys.exit('No such module')")
    assert main(["tune", str(site), *TRAFFIC, "--write", "--with-httpd", broken]) == 3
    assert "nothing was written: No such module" in capsys.readouterr().err
    assert contents(site) == before


def test_a_backup_that_would_be_included_is_noticed_and_everything_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``Include conf.d/*`` takes the backup too; it comes later in the alphabet, and the old value wins."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/pool").write_text("MaxConnectionsPerChild 20\n")
    (tmp_path / "httpd.conf").write_text("Listen 80\nInclude conf.d/*\n")
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    arguments = ["tune", "httpd.conf", "--mpm", "prefork", *TRAFFIC, "--write", "--with-httpd", "none"]
    assert main(arguments) == 2
    assert "everything was put back" in capsys.readouterr().err
    assert {name: text for name, text in contents(tmp_path).items() if name != "report.html"} == before


@pytest.mark.parametrize("output", ["--report", "--diff", "--advice"])
def test_an_input_is_never_overwritten_by_an_output(
    site: Path, root: Path, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(site)
    assert main(["tune", str(site), *TRAFFIC, output, str(site / "mods-enabled/mpm_prefork.conf")]) == 2
    log = root / "examples/data/elastic_apache_logs.log.gz"
    assert main(["tune", str(site), "--log", str(log), "--service", "fixed:0.1", output, str(log)]) == 2
    assert capsys.readouterr().err.count("is read by this command") == 2
    assert contents(site) == before


def test_standard_input_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"StartServers 5\n")))
    assert main(["tune", "-", "--mpm", "prefork", *TRAFFIC, "--write"]) == 2
    assert "standard input" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_applications_behind_the_tuned_pool_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: Path
) -> None:
    conf = str(root / "examples/daemons.conf")
    site = str(root / "examples/site")
    monkeypatch.chdir(tmp_path)
    traffic = ["--traffic", "constant:1", "--duration", "20s"]
    assert main(["tune", conf, *traffic]) in (0, 1)
    assert "run in daemon groups (shop, api); tune looks at Apache's own pool" in capsys.readouterr().err
    assert main(["tune", site, *traffic]) in (0, 1)
    assert "daemon groups" not in capsys.readouterr().err
