"""``httpd -t`` through our one door to it: a real httpd says yes and no."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from poolwise.deploy import configtest, find_httpd
from poolwise.deploy import validate as module
from poolwise.model import InputError, ServerError

ENVIRONMENT = {
    "APACHE_RUN_USER": "nobody",
    "APACHE_RUN_GROUP": "nogroup",
    "APACHE_PID_FILE": "/tmp/poolwise-test.pid",
    "APACHE_RUN_DIR": "/tmp",
    "APACHE_LOG_DIR": "/tmp",
}


@pytest.fixture
def httpd() -> str:
    return find_httpd() or pytest.skip("no httpd is installed")


@pytest.mark.server
def test_httpd_accepts_the_example_site_and_says_what_it_changes(httpd: str, root: Path) -> None:
    accepted, said = configtest(httpd, root / "examples/site/apache2.conf", environment=ENVIRONMENT)
    assert accepted, said
    assert "AH00180" in said  # MaxRequestWorkers 400 exceeds ServerLimit


@pytest.mark.server
def test_httpd_refuses_and_names_the_line(httpd: str, root: Path, tmp_path: Path) -> None:
    conf = tmp_path / "httpd.conf"
    conf.write_text(f"Include {root}/examples/site/mods-available/mpm_prefork.load\nMaxRequestWorker 5\n")
    accepted, said = configtest(httpd, conf)
    assert not accepted
    assert f"line 2 of {conf}" in said


@pytest.mark.server
def test_defines_reach_httpd(httpd: str, root: Path, tmp_path: Path) -> None:
    conf = tmp_path / "httpd.conf"
    conf.write_text(
        f"Include {root}/examples/site/mods-available/mpm_prefork.load\n"
        f"User nobody\nErrorLog {tmp_path}/error.log\n"
        "<IfDefine STAGING>\n  Nonsense\n</IfDefine>\nListen ${PORT}0\n"
    )
    assert "'Nonsense'" in configtest(httpd, conf, defines={"STAGING": "", "PORT": "808"})[1]
    accepted, said = configtest(httpd, conf, defines={"PORT": "808"})
    assert accepted, said


def test_what_cannot_be_run_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot run"):
        configtest(str(tmp_path / "httpd"), tmp_path / "httpd.conf")


def test_a_server_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = tmp_path / "httpd"
    stuck.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    stuck.chmod(0o755)
    monkeypatch.setattr(module, "PATIENCE_S", 0.5)
    with pytest.raises(ServerError, match="did not end"):
        configtest(str(stuck), tmp_path / "httpd.conf")
