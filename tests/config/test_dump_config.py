"""Our reading against httpd's own: ``apache2 -t -D DUMP_CONFIG`` of mod_info, directive by directive.

Compared are name, words, file, line and order, for macro lines the whole chain of uses. What httpd
executes while reading (LoadModule, Define, UnDefine, Include, ServerRoot, Macro, Use, If...,
DefaultRuntimeDir) it does not keep in its tree, so neither side has it; openings of sections are
compared without their ``>``, closings have no line in httpd's dump.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from poolwise.config.crosscheck import compare, parse_dump, run_dump
from poolwise.config.evaluator import evaluate
from poolwise.config.modules import source_file
from poolwise.config.tree import Evaluation
from poolwise.config.world import World
from poolwise.model import ConfigError, Where

HTTPD = shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""
MODULES = Path("/usr/lib/apache2/modules")
DEBIAN = Path("/etc/apache2")
CONFIGURATIONS = sorted((Path(__file__).parent.parent / "data/conf/dump").glob("*.conf"))

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not HTTPD, reason="apache2 is not installed"),
]


@pytest.fixture(scope="module")
def world() -> World:
    """The installed httpd, with the variables that the configurations use."""
    said = subprocess.run([HTTPD, "-v"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"Apache/([0-9.]+)", said)
    assert version
    environment = {
        "MODULES": str(MODULES),
        "FROM_ENVIRONMENT": "from the environment",
        "PATCH": version[1].rpartition(".")[2],
    }
    return World(httpd_version=version[1], environment=environment, defines={"DUMP_CONFIG": ""})


def differences(evaluation: Evaluation, world: World) -> list[str]:
    """What httpd reads otherwise, after making sure that it read something."""
    finished = run_dump(evaluation, HTTPD, (), world.environment)
    assert finished.returncode == 0, finished.stderr
    dumped = parse_dump(finished.stdout)
    assert dumped
    notes = compare(evaluation.directives, dumped, Where(evaluation.root))
    return [str(note) for note in notes if note.severity != "note"]


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="not Debian's build")
def test_the_default_world_is_what_debian_builds_in(world: World) -> None:
    said = subprocess.run([HTTPD, "-l"], capture_output=True, text=True, check=True).stdout
    assert sorted(map(source_file, world.static_modules)) == sorted(said.split()[3:])


def test_there_are_enough_configurations() -> None:
    assert len(CONFIGURATIONS) >= 25


@pytest.mark.parametrize("conf", CONFIGURATIONS, ids=lambda path: path.stem)
def test_our_configurations(conf: Path, world: World) -> None:
    assert differences(evaluate(conf, world), world) == []


@pytest.mark.parametrize("mpm", ["prefork", "worker", "event"])
@pytest.mark.skipif(not (DEBIAN / "apache2.conf").is_file(), reason="no Debian configuration in /etc/apache2")
def test_debian_stock_configuration(mpm: str, world: World, tmp_path: Path) -> None:
    root = debian_copy(tmp_path, mpm)
    evaluation = evaluate(root, world)
    assert [module.name for module in evaluation.modules if "mpm" in module.name] == [f"mpm_{mpm}_module"]
    assert len(evaluation.directives) > 200
    assert [note.message for note in evaluation.notes] == [
        f"no ServerRoot is set; relative names are looked for in {root}"
    ]
    assert differences(evaluation, world) == []


def debian_copy(tmp_path: Path, mpm: str) -> Path:
    """A copy of Debian's tree with another MPM switched on."""
    root = tmp_path / "apache2"
    shutil.copytree(DEBIAN, root, symlinks=True)
    for link in (root / "mods-enabled").glob("mpm_*"):
        link.unlink()
    for kind in ("load", "conf"):
        (root / f"mods-enabled/mpm_{mpm}.{kind}").symlink_to(f"../mods-available/mpm_{mpm}.{kind}")
    return root


REFUSED = {
    "unclosed section": ("<Directory /tmp>\nOptions None\n", 3),
    "unclosed dead branch": ("<IfModule nope>\nTimeout 5\n", 3),
    "stray close": ("Timeout 5\n</Directory>\n", 4),
    "wrong close": ("<Directory /tmp>\n</Location>\n", 4),
    "close without bracket": ("<Directory /tmp>\n</Directory\n", 4),
    "crossed": ("<IfModule event.c>\n<Directory /tmp>\n</IfModule>\n</Directory>\n", 5),
    "words after an active close": ("<IfModule event.c>\n</IfModule> # end\n", 4),
    "open without bracket": ("<Directory /tmp\n</Directory>\n", 3),
    "condition without bracket": ("<IfModule event.c\n</IfModule>\n", 3),
    "condition without argument": ("<IfModule>\n</IfModule>\n", 3),
    "empty condition": ('<IfDefine "">\n</IfDefine>\n', 3),
    "missing include": ("Timeout 5\nInclude nope.conf\n", 4),
    "missing include directory": ("Include nope/*.conf\n", 3),
    "no match": ("Include *.nope\n", 3),
    "include without argument": ("Include\n", 3),
    "include with two": ("Include a b\n", 3),
    "include of a device": ("Include /dev/zero\n", 3),
    "recursive include": ("Include t.conf\n", 3),
    "sizing in a host": ("<VirtualHost *:80>\nStartServers 3\n</VirtualHost>\n", 4),
    "sizing in a directory": ("<Directory /tmp>\nStartServers 3\n</Directory>\n", 4),
    "sizing in a location": ("<Location />\nMaxRequestWorkers 3\n</Location>\n", 4),
    "keep-alive in a directory": ("<Directory /tmp>\nKeepAlive Off\n</Directory>\n", 4),
    "listen in a host": ("<VirtualHost *:80>\nListen 18998\n</VirtualHost>\n", 4),
    "Error": ("Error stop here\n", 3),
    "define with colon": ("Define a:b c\n", 3),
    "undefine of two": ("UnDefine a b\n", 3),
    "unknown macro": ("Use nope\n", 3),
    "macro uses itself": ("<Macro m>\nUse m\n</Macro>\nUse m\n", 4),
    "macro arguments": ("<Macro m $a>\nTimeout $a\n</Macro>\nUse m 1 2\n", 6),
    "macro not closed": ("<Macro m>\nTimeout 5\n", 3),
    "macro parameters alike": ("<Macro m $a $a>\n</Macro>\n", 3),
    "undefmacro": ("UndefMacro m\n", 3),
    "version without bracket": ("<IfVersion 2.4\n</IfVersion>\n", 3),
    "version operator": ("<IfVersion => 2.4>\n</IfVersion>\n", 3),
    "version number": ("<IfVersion > 2.x>\n</IfVersion>\n", 3),
    "version regex": ("<IfVersion = /2.4>\n</IfVersion>\n", 3),
    "version bad regex": ("<IfVersion ~ (>\n</IfVersion>\n", 3),
    "version not": ("<IfVersion !2.4>\n</IfVersion>\n", 3),
    "version lone not": ("<IfVersion ! 2.4>\n</IfVersion>\n", 3),
    "garbage": ("\x01\x02\x7fELF garbage\n", 3),
}


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse(name: str, world: World, tmp_path: Path) -> None:
    text, line = REFUSED[name]
    conf = tmp_path / "t.conf"
    base = CONFIGURATIONS[0].parent / "base/event.conf"
    macro = f"LoadModule macro_module {MODULES}/mod_macro.so\n"
    conf.write_text(f"Include {base}\n{macro}{text}")
    with pytest.raises(ConfigError) as caught:
        evaluate(conf, world)
    assert caught.value.where.line == line
    command = [HTTPD, "-d", str(tmp_path), "-f", str(conf), "-t"]
    finished = subprocess.run(command, env=dict(world.environment), capture_output=True, check=False)
    assert finished.returncode != 0
    assert re.search(rb"line \d+ of .*(t\.conf|macro 'm')", finished.stderr), "httpd must mind the line too"
