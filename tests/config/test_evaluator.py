"""What a configuration says, read without an httpd at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from poolwise.config.evaluator import evaluate
from poolwise.config.modules import source_file
from poolwise.config.tree import Evaluation
from poolwise.config.world import World

DUMP = Path(__file__).parent.parent / "data/conf/dump"


def read(text: str, **world: Any) -> Evaluation:
    return evaluate("-", World(**world), text)


def shown(evaluation: Evaluation) -> list[str]:
    return [" ".join((directive.name, *directive.args)) for directive in evaluation.directives]


def notes(evaluation: Evaluation) -> str:
    return "\n".join(map(str, evaluation.notes))


def test_directives_know_file_line_and_sections() -> None:
    evaluation = read(
        '<VirtualHost *:80>\n<Directory "/a b">\nOptions \\\n None\n</Directory>\n</VirtualHost>'
    )
    host, directory, options = evaluation.directives
    assert (host.name, host.args, host.context) == ("<VirtualHost", ("*:80",), ())
    assert directory.args == ("/a b",)
    assert (options.key, options.where.file, options.where.line) == ("options", "-", 4)
    assert [(section.name, section.where.line) for section in options.context] == [
        ("virtualhost", 1),
        ("directory", 2),
    ]


def test_dead_branches_stay_visible_with_the_reason() -> None:
    evaluation = read(
        "<IfModule mpm_worker_module>\n# c\nStartServers 2\n<IfDefine X>\nFoo\n</IfDefine>\n</IfModule>\n"
        "<IfDefine !Y>\nKeepAlive On\n</IfDefine>\n<IfDefine !Z>\nKeepAlive Off\n</IfDefine>\n"
        "<IfVersion < 2.4>\nNameVirtualHost *\n</IfVersion>\n<IfFile /nonexistent/x>\nTimeout 5\n</IfFile>\n",
        defines={"Z": ""},
    )
    assert shown(evaluation) == ["KeepAlive On"]
    found = [(dead.where.line, dead.section, dead.reason, dead.directives) for dead in evaluation.inactive]
    assert found == [
        (
            1,
            "<IfModule mpm_worker_module>",
            "module mpm_worker_module is not loaded",
            ("StartServers 2", "<IfDefine X>", "Foo", "</IfDefine>"),
        ),
        (11, "<IfDefine !Z>", "Z is defined", ("KeepAlive Off",)),
        (14, "<IfVersion < 2.4>", "httpd is 2.4.71", ("NameVirtualHost *",)),
        (17, "<IfFile /nonexistent/x>", "/nonexistent/x does not exist", ("Timeout 5",)),
    ]


def test_the_version_asked_for_decides_ifversion() -> None:
    text = "<IfVersion >= 2.4>\nMaxRequestWorkers 5\n</IfVersion>\n"
    text += "<IfVersion < 2.4>\nMaxClients 5\n</IfVersion>\n"
    assert shown(read(text)) == ["MaxRequestWorkers 5"]
    assert shown(read(text, httpd_version="2.2.15")) == ["MaxClients 5"]
    assert shown(read(text, httpd_version="2.2")) == ["MaxClients 5"]


def test_loadmodule_order_decides_ifmodule() -> None:
    evaluation = read(
        "<IfModule mod_wsgi.c>\nTimeout 1\n</IfModule>\nLoadModule wsgi_module modules/mod_wsgi.so\n"
        "<IfModule mod_wsgi.c>\nTimeout 2\n</IfModule>\n<IfModule wsgi_module>\nTimeout 3\n</IfModule>\n"
    )
    assert shown(evaluation) == ["Timeout 2", "Timeout 3"]
    module = evaluation.modules[-1]
    assert (module.name, module.path, module.where.line) == ("wsgi_module", "modules/mod_wsgi.so", 4)


def test_a_static_mpm_of_the_world() -> None:
    text = "<IfModule prefork.c>\nStartServers 3\n</IfModule>\n"
    text += "<IfModule !mpm_worker_module>\nTimeout 3\n</IfModule>"
    evaluation = read(text, mpm="prefork")
    assert shown(evaluation) == ["StartServers 3", "Timeout 3"]
    assert ("mpm_prefork_module", "built into httpd") in [(m.name, str(m.where)) for m in evaluation.modules]


def test_a_module_loaded_twice_is_loaded_once() -> None:
    evaluation = read("LoadModule x_module a.so\nLoadModule x_module b.so\nLoadModule unixd_module u.so\n")
    assert [(m.name, m.path) for m in evaluation.modules if m.path] == [
        ("x_module", "a.so"),
        ("unixd_module", "u.so"),
    ]
    assert "-:2: warning: module x_module is already loaded (-:1), skipping (AH01574)" in notes(evaluation)


def test_source_files_of_modules() -> None:
    assert [
        source_file(f"{name}_module") for name in ("ssl", "mpm_prefork", "mpm_event", "core", "http", "ldap")
    ] == [
        "mod_ssl.c",
        "prefork.c",
        "event.c",
        "core.c",
        "http_core.c",
        "util_ldap.c",
    ]


LOAD_FILES = sorted(Path("/etc/apache2/mods-available").glob("*.load"))


@pytest.mark.server
@pytest.mark.skipif(not LOAD_FILES, reason="no Debian modules in /etc/apache2/mods-available")
def test_source_files_are_those_compiled_into_the_installed_modules() -> None:
    checked = 0
    for load in LOAD_FILES:
        for module in evaluate(load, World()).modules:
            if module.path and Path(module.path).is_file():
                assert source_file(module.name).encode() + b"\0" in Path(module.path).read_bytes(), module
                checked += 1
    assert checked > 80


def test_variables_are_expanded_in_reading_order_before_words_are_cut() -> None:
    evaluation = read(
        "Define A 'x y'\nServerAdmin ${A}\nServerAdmin \"${a}\"\nDefine A z\n"
        "ServerAdmin ${A}${B}${HOME}\nDefine B b\n",
        environment={"HOME": "/h"},
    )
    assert shown(evaluation) == ["ServerAdmin x y", "ServerAdmin x y", "ServerAdmin z${B}/h"]
    assert [directive.args for directive in evaluation.directives[:2]] == [("x", "y"), ("x y",)]
    assert notes(evaluation) == "-:5: warning: ${B} is not defined and stays as it is (AH00111)"
    assert evaluation.defines == {"A": "z", "B": "b"}


def test_defines_of_the_command_line() -> None:
    text = "<IfDefine SSL>\nListen 443\n</IfDefine>\nListen ${PORT}\n"
    assert shown(read(text, defines={"SSL": "", "PORT": "8080"})) == ["Listen 443", "Listen 8080"]


def test_includes_are_sorted_and_their_files_listed() -> None:
    evaluation = evaluate(DUMP / "19_includes.conf", World(mpm="event", environment={"MODULES": "m"}))
    names = [
        Path(file).relative_to(DUMP).as_posix() if file != "/dev/null" else file for file in evaluation.files
    ]
    assert names == [
        "19_includes.conf",
        "base/event.conf",
        *(f"parts/{name}.conf" for name in ("10", "9", "B", "a", "b", "c")),
        "parts/sub/.dot",
        "parts/sub/deep/x.conf",
        "parts/sub/z",
        "parts/sub/deep/x.conf",
        "parts/sub/z",
        "with space/a.conf",
        "parts/b.conf",
        "/dev/null",
        "parts/sub/deep/x.conf",
        *(f"parts/{name}.conf" for name in ("9", "B", "b", "c")),
    ]
    assert set(evaluation.nodes) == set(evaluation.files)


def test_a_macro_line_says_where_it_stands_and_who_used_it() -> None:
    text = "LoadModule macro_module m.so\n<Macro Host $n>\n# c\nServerName $n\n</Macro>\n\nUse Host www\n"
    (directive,) = read(text).directives
    assert directive.args == ("www",)
    assert (directive.where.file, directive.where.line) == ("-", 4)
    assert directive.where.note == "line 1 of macro 'host' used at -:7"


def test_macro_and_version_without_their_modules_are_read_with_a_warning() -> None:
    text = "<Macro m>\nTimeout 3\n</Macro>\nUse m\n<IfVersion >= 2.4>\nTimeout 4\n</IfVersion>\n"
    evaluation = read(text, static_modules=())
    assert shown(evaluation) == ["Timeout 3", "Timeout 4"]
    assert "-:1: warning: <Macro needs macro_module" in notes(evaluation)
    assert "-:5: warning: <IfVersion needs version_module" in notes(evaluation)


def test_an_open_condition_at_the_end_is_read_with_a_warning() -> None:
    evaluation = read("<IfDefine !X>\nTimeout 3\n")
    assert shown(evaluation) == ["Timeout 3"]
    assert notes(evaluation).startswith("-:1: warning: </ifdefine> is missing")


def test_nul_bytes_cut_the_line_and_are_told() -> None:
    evaluation = read("Timeout 3\0garbage\nKeepAlive On\n")
    assert shown(evaluation) == ["Timeout 3", "KeepAlive On"]
    assert notes(evaluation).startswith("-:1: warning: a NUL byte")


def test_nothing_found_in_a_configuration_is_executed(tmp_path: Path) -> None:
    made = tmp_path / "made"
    text = f'CustomLog "|/usr/bin/touch {made}" x\nDefine A "`touch {made}`"\nServerAdmin $(touch {made})\n'
    (tmp_path / "envvars").write_text(f"export A=$(touch {made})\nexport B=`touch {made}`\ntouch {made}\n")
    (tmp_path / "apache2.conf").write_text(text)
    evaluation = evaluate(tmp_path, World())
    assert len(evaluation.directives) == 2
    assert not made.exists()


def test_debian_configuration_of_the_repository_has_each_sizing_directive_once() -> None:
    evaluation = evaluate(DUMP / "27_worker_many.conf", World(environment={"MODULES": "m"}))
    assert [d.args[0] for d in evaluation.directives if d.key == "startservers"] == ["2", "3"]
    assert [d.context[-1].name for d in evaluation.directives if d.context] == ["virtualhost"] * 2
