"""Where a configuration begins: main file, ServerRoot of a copied tree, Debian's envvars."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from poolwise.config.evaluator import evaluate
from poolwise.config.places import envvars, main_file
from poolwise.config.world import World
from poolwise.model import ConfigError, InputError

ENVVARS = """\
# comment
unset HOME
if [ "${APACHE_CONFDIR##/etc/apache2-}" != "${APACHE_CONFDIR}" ] ; then
\tSUFFIX="-${APACHE_CONFDIR##/etc/apache2-}"
else
\tSUFFIX=
fi
export APACHE_RUN_USER=www-data
export APACHE_LOG_DIR=/var/log/apache2$SUFFIX
export QUOTED="${APACHE_RUN_USER} and 'more'" # why
export SINGLE='$APACHE_RUN_USER'
export DEFAULTED=${UNSET:-fallback}
. /etc/default/locale
export COMMAND=$(date)
export TICKS=`date`
export LANG
PLAIN=1
#export OFF=1
"""


def test_envvars_without_a_shell(tmp_path: Path) -> None:
    folder = tmp_path / "apache2"
    folder.mkdir()
    (folder / "envvars").write_text(ENVVARS)
    assert envvars(str(folder)) == {
        "APACHE_CONFDIR": str(folder),
        "SUFFIX": "",
        "APACHE_RUN_USER": "www-data",
        "APACHE_LOG_DIR": "/var/log/apache2",
        "QUOTED": "www-data and 'more'",
        "SINGLE": "$APACHE_RUN_USER",
        "DEFAULTED": "fallback",
        "PLAIN": "1",
    }


def test_a_second_debian_instance_has_its_suffix(tmp_path: Path) -> None:
    folder = tmp_path / "apache2-second"
    folder.mkdir()
    (folder / "envvars").write_text(ENVVARS)
    assert envvars(str(folder))["APACHE_LOG_DIR"] == "/var/log/apache2-second"


def test_the_given_environment_wins_over_envvars(tmp_path: Path) -> None:
    (tmp_path / "envvars").write_text("export A=file\nexport B=file\n")
    (tmp_path / "apache2.conf").write_text("ServerAdmin ${A}${B}\n")
    (directive,) = evaluate(tmp_path, World(environment={"A": "given"})).directives
    assert directive.args == ("givenfile",)


@pytest.mark.parametrize(
    "name",
    [
        "apache2.conf",
        "httpd.conf",
        "conf/httpd.conf",
        "etc/apache2/apache2.conf",
        "etc/httpd/conf/httpd.conf",
    ],
)
def test_a_directory_stands_for_its_main_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("Timeout 3\n")
    assert main_file(tmp_path) == main_file(path) == str(path)
    assert evaluate(tmp_path, World()).root == str(path)


def test_relative_includes_follow_the_layout(tmp_path: Path) -> None:
    (tmp_path / "conf/extra").mkdir(parents=True)
    (tmp_path / "conf/httpd.conf").write_text("Include conf/extra/mpm.conf\n")
    (tmp_path / "conf/extra/mpm.conf").write_text("StartServers 3\n")
    evaluation = evaluate(tmp_path, World())
    assert evaluation.server_root == str(tmp_path)
    assert len(evaluation.directives) == 1
    (note,) = evaluation.notes
    assert (note.severity, note.where.line) == ("note", 1)
    assert note.message.endswith(f"relative names are looked for in {tmp_path}")


def test_a_copied_tree_stands_in_for_a_server_root_that_is_not_here(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf/httpd.conf").write_text(
        'ServerRoot "/nonexistent/httpd/"\nInclude conf.d/a.conf\nInclude /nonexistent/httpd/conf.d/*.conf\n'
    )
    (tmp_path / "conf.d/a.conf").write_text("Timeout 3\n")
    evaluation = evaluate(tmp_path, World())
    assert [d.name for d in evaluation.directives] == ["Timeout", "Timeout"]
    (note,) = evaluation.notes
    assert (note.severity, note.where.line) == ("warning", 1)
    assert f"/nonexistent/httpd does not exist here; {tmp_path} is taken for it" in note.message


def test_server_root_of_the_world_and_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for name in "ab":
        (tmp_path / name / "x.conf").write_text(f"ServerAdmin {name}\n")
    text = f"Include x.conf\nServerRoot {tmp_path}/b\nInclude x.conf\n"
    evaluation = evaluate("-", World(server_root=f"{tmp_path}/a"), text)
    assert [d.args for d in evaluation.directives] == [("a",), ("b",)]
    assert evaluation.server_root == f"{tmp_path}/b"
    assert not evaluation.notes


def test_an_empty_name_is_not_the_current_directory() -> None:
    with pytest.raises(InputError, match="the name of the configuration is empty"):
        main_file("")


def test_a_directory_that_may_not_be_entered(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root")
    (tmp_path / "locked").mkdir(mode=0o700)
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent, tmp_path.parent.parent.parent):
        if "pytest" in path.name or "popen" in path.name or path == tmp_path:
            path.chmod(0o755)
    os.seteuid(65534)
    try:
        for conf in (tmp_path / "locked", tmp_path / "locked" / "a.conf"):
            with pytest.raises(InputError, match=f"{conf}: cannot be read: Permission denied"):
                main_file(conf)
    finally:
        os.seteuid(0)


def test_an_optional_directory_that_only_root_may_read_is_not_taken_for_empty(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root")
    (tmp_path / "mods").mkdir(mode=0o700)
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent, tmp_path.parent.parent.parent):
        if "pytest" in path.name or "popen" in path.name or path == tmp_path:
            path.chmod(0o755)
    (tmp_path / "httpd.conf").write_text(f"IncludeOptional {tmp_path}/mods/*.conf\n")
    os.seteuid(65534)
    try:
        with pytest.raises(ConfigError, match=r"httpd.conf:1: could not open directory .*Permission denied"):
            evaluate(tmp_path / "httpd.conf", World())
    finally:
        os.seteuid(0)
