"""The comparison with an installed httpd, its own words included."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from poolwise.config.crosscheck import Dumped, compare, crosscheck, parse_dump
from poolwise.config.evaluator import evaluate
from poolwise.config.site import Configuration, load
from poolwise.config.world import World
from poolwise.model import ServerError, Where

HTTPD = shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""
MODULES = "/usr/lib/apache2/modules"
needs_httpd = pytest.mark.skipif(not HTTPD, reason="apache2 is not installed")

DUMP = """\
# In file: -c/-C directives
#   1:
ServerName x
# In file: /t.conf
#   2:
<VirtualHost *:80>
# In file: macro 'a' (defined on line 1 of "/m.conf") used on line 3 of "/t.conf"
  #   1:
  ServerName "x y"
# In file: /t.conf
</VirtualHost>
# 120:
Timeout 5
"""


def test_the_dump_is_read() -> None:
    macro = 'macro \'a\' (defined on line 1 of "/m.conf") used on line 3 of "/t.conf"'
    assert parse_dump(DUMP) == [
        Dumped("<VirtualHost", "*:80>", "/t.conf", 2),
        Dumped("ServerName", '"x y"', macro, 1),
        Dumped("Timeout", "5", "/t.conf", 120),
    ]


@pytest.mark.parametrize(
    "theirs",
    [
        [],
        [Dumped("Timeout", "6", "-", 1), Dumped("KeepAlive", "On", "-", 2)],
        [Dumped("Timeout", "5", "-", 2), Dumped("KeepAlive", "On", "-", 2)],
        [Dumped("Timeout", "5", "x", 1), Dumped("KeepAlive", "On", "-", 2)],
        [Dumped("Timeouts", "5", "-", 1), Dumped("KeepAlive", "On", "-", 2)],
        [Dumped("Timeout", "5", "-", 1)],
        [Dumped("Timeout", "5", "-", 1), Dumped("KeepAlive", "On", "-", 2), Dumped("A", "b", "-", 3)],
    ],
)
def test_each_kind_of_difference_is_told(theirs: list[Dumped]) -> None:
    ours = evaluate("-", World(), "Timeout 5\nKeepAlive On\n").directives
    assert all(note.severity == "warning" for note in compare(ours, theirs, Where("-")))


def site(tmp_path: Path, text: str, **arguments: Any) -> Configuration:
    conf = tmp_path / "apache2.conf"
    module = f"LoadModule mpm_event_module {MODULES}/mod_mpm_event.so"
    conf.write_text(f"{module}\nErrorLog /dev/null\nListen 127.0.0.1:18999\n{text}")
    return load(conf, **arguments)


@pytest.mark.server
@needs_httpd
def test_agreement_is_said(tmp_path: Path) -> None:
    (note,) = crosscheck(site(tmp_path, "StartServers 3\n"), HTTPD)
    assert (note.severity, note.message) == ("note", "httpd reads the same 3 directives at the same lines")


@pytest.mark.server
@needs_httpd
def test_a_difference_is_found_when_the_file_changes_after_reading(tmp_path: Path) -> None:
    configuration = site(tmp_path, "StartServers 3\n")
    site(tmp_path, "StartServers 4\n")
    (note,) = crosscheck(configuration, HTTPD)
    assert str(note) == f"{tmp_path}/apache2.conf:4: warning: here StartServers 3, httpd has StartServers 4"


@pytest.mark.server
@needs_httpd
def test_defines_environment_and_envvars_reach_httpd(tmp_path: Path) -> None:
    (tmp_path / "envvars").write_text("export FROM_FILE=b@example.org\n")
    text = "<IfDefine X>\nServerAdmin ${FROM_FILE}\n</IfDefine>\nServerAdmin ${GIVEN}\n"
    given = {"GIVEN": "c@example.org"}
    configuration = site(tmp_path, text, defines={"X": ""}, environment=given)
    (note,) = crosscheck(configuration, HTTPD, defines=("X",), environment=given)
    assert note.message == "httpd reads the same 4 directives at the same lines"


@pytest.mark.server
@needs_httpd
def test_a_configuration_that_httpd_refuses(tmp_path: Path) -> None:
    (note,) = crosscheck(site(tmp_path, "UnknownDirective 3\n"), HTTPD)
    assert note.severity == "error"
    assert "Invalid command 'UnknownDirective'" in note.message


@pytest.mark.parametrize("httpd", ["/nonexistent/httpd", "/etc/passwd"])
def test_an_httpd_that_cannot_be_run(httpd: str, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="could not be run"):
        crosscheck(site(tmp_path, ""), httpd)


def test_standard_input_cannot_be_compared() -> None:
    configuration = load("-", text="StartServers 3\n", mpm="event")
    (note,) = crosscheck(configuration, "/bin/false")
    assert "only a configuration in a file" in note.message


def test_an_httpd_without_output(tmp_path: Path) -> None:
    (note,) = crosscheck(site(tmp_path, ""), "/bin/true")
    assert "printed no configuration" in note.message
