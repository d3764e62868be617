"""Edits of the user's own files: the new values are in force, and nothing else has changed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from poolwise.config.edit import FileEdit, edit
from poolwise.config.evaluator import evaluate
from poolwise.config.reader import decode, encode
from poolwise.config.tree import Evaluation
from poolwise.config.world import World
from poolwise.model import ConfigError

WORLD = World(mpm="prefork")


def edited(text: str, **changes: int | str) -> str:
    edits = edit(evaluate("-", WORLD, text), changes)
    assert [change.path for change in edits] == ["-"]
    assert edits[0].before == text
    return edits[0].after


def shown(evaluation: Evaluation) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(d.key, d.args, tuple(s.name for s in d.context)) for d in evaluation.directives]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("StartServers 3\n", "StartServers 8\n"),
        ("StartServers 3", "StartServers 8"),
        ("\tstartservers   3  \r\n", "\tstartservers   8  \r\n"),
        ('StartServers "3"\n', 'StartServers "8"\n'),
        ("StartServers '3'", "StartServers '8'"),
        ("StartServers \\\n   3\nKeepAlive On\n", "StartServers \\\n   8\nKeepAlive On\n"),
        ("StartServers \\\n  \\\r\n   3 \\\n  \n#x\n", "StartServers \\\n  \\\r\n   8 \\\n  \n#x\n"),
        (
            "StartServers 1\nStartServers 2\n# StartServers 3\n",
            "StartServers 1\nStartServers 8\n# StartServers 3\n",
        ),
        (
            "StartServers 3\n<IfDefine X>\nStartServers 4\n</IfDefine>",
            "StartServers 8\n<IfDefine X>\nStartServers 4\n</IfDefine>",
        ),
        (
            "<IfModule prefork.c>\n\n    StartServers 3\n</IfModule>\n",
            "<IfModule prefork.c>\n\n    StartServers 8\n</IfModule>\n",
        ),
        ("Define N 3\n  StartServers ${N}\n", "Define N 3\n  StartServers 8\n"),
        ("Define D StartServers\n ${D} 3\r\n", "Define D StartServers\n StartServers 8\r\n"),
        ("Start\\\nServers 3\n", "StartServers 8\n"),
        ('"StartServers" 3\n', "StartServers 8\n"),
        ("StartServers\v3\n", "StartServers\v8\n"),
        ("# caf\udce9\nStartServers 3", "# caf\udce9\nStartServers 8"),
    ],
)
def test_the_argument_alone_is_replaced(before: str, after: str) -> None:
    assert edited(before, StartServers=8) == after
    values = [d.args for d in evaluate("-", WORLD, after).directives if d.key == "startservers"]
    assert values[-1] == ("8",)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("MaxClients 5\n", "MaxClients 9\n"),
        ("MaxRequestWorkers 5\nMaxClients 6\n", "MaxRequestWorkers 5\nMaxClients 9\n"),
        ("MaxClients 6\nMaxRequestWorkers 5\n", "MaxClients 6\nMaxRequestWorkers 9\n"),
    ],
)
def test_old_names_stay_and_the_last_one_counts(before: str, after: str) -> None:
    assert edited(before, MaxRequestWorkers=9) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "MaxSpareServers 9\n"),
        ("# x", "# x\nMaxSpareServers 9\n"),
        ("Listen 80\r\n", "Listen 80\r\nMaxSpareServers 9\r\n"),
        ("  StartServers 3\nListen 80\n", "  StartServers 3\n  MaxSpareServers 9\nListen 80\n"),
        ("StartServers 3\nServerLimit 5", "StartServers 3\nServerLimit 5\nMaxSpareServers 9\n"),
        ("StartServers \\\n 3\nListen 80\n", "StartServers \\\n 3\nMaxSpareServers 9\nListen 80\n"),
        ("\t\tStartServers 3\r\n", "\t\tStartServers 3\r\n\t\tMaxSpareServers 9\r\n"),
        (
            "<IfDefine X>\nMaxSpareServers 3\n</IfDefine>\n",
            "<IfDefine X>\nMaxSpareServers 3\n</IfDefine>\nMaxSpareServers 9\n",
        ),
    ],
)
def test_what_is_missing_is_inserted(before: str, after: str) -> None:
    assert edited(before, MaxSpareServers=9) == after
    assert shown(evaluate("-", WORLD, after)).count(("maxspareservers", ("9",), ())) == 1


def test_several_insertions_keep_their_order() -> None:
    assert edited("StartServers 3\nListen 80\n", MinSpareServers=1, StartServers=4, MaxSpareServers=2) == (
        "StartServers 4\nMinSpareServers 1\nMaxSpareServers 2\nListen 80\n"
    )
    assert (
        edited("Listen 80", MinSpareServers=1, MaxSpareServers=2)
        == "Listen 80\nMinSpareServers 1\nMaxSpareServers 2\n"
    )


def test_settings_of_virtual_hosts_are_left_alone() -> None:
    before = "KeepAliveTimeout 5\n<VirtualHost *:80>\nKeepAliveTimeout 3\n</VirtualHost>\n"
    assert edited(before, KeepAliveTimeout=2) == before.replace("Timeout 5", "Timeout 2")
    assert edited("KeepAlive On # why\n", KeepAlive="Off") == "KeepAlive Off # why\n"


def test_nothing_to_do_is_nothing() -> None:
    assert edit(evaluate("-", WORLD, "StartServers 8\n"), {"StartServers": 8}) == ()


def test_the_body_of_a_macro_is_not_edited() -> None:
    text = "LoadModule macro_module m.so\n<Macro M $n>\nStartServers $n\n</Macro>\nUse M 3\n"
    evaluation = evaluate("-", WORLD, text)
    with pytest.raises(ConfigError, match="set by the body of a macro") as caught:
        edit(evaluation, {"StartServers": 8})
    assert (caught.value.where.file, caught.value.where.line) == ("-", 3)
    (change,) = edit(evaluation, {"ServerLimit": 8})
    assert change.after == text + "ServerLimit 8\n"


def test_a_file_that_ends_in_a_backslash_is_refused() -> None:
    with pytest.raises(ConfigError, match="ends in a backslash"):
        edit(evaluate("-", WORLD, "Listen 80 \\"), {"StartServers": 8})


def test_a_continuation_at_the_end_is_ended_first() -> None:
    assert edited("ServerAdmin a \\\n", StartServers=8) == "ServerAdmin a \\\n\nStartServers 8\n"


@pytest.mark.parametrize(
    "text", ["<IfDefine !X>\nListen 80\n", "<IfModule prefork.c>\n# x\n</IfModule>\n<IfFile />"]
)
def test_nothing_is_added_inside_a_section_left_open(text: str) -> None:
    with pytest.raises(ConfigError, match="the file ends inside <If"):
        edit(evaluate("-", WORLD, text), {"StartServers": 8})


def test_edits_reach_the_included_file_and_only_that(tmp_path: Path) -> None:
    (tmp_path / "apache2.conf").write_text("Include mpm.conf\nInclude other.conf\n")
    (tmp_path / "mpm.conf").write_bytes(b"# caf\xe9\nStartServers 3\n  MaxRequestWorkers 10\n")
    (tmp_path / "other.conf").write_text("Timeout 3\n")
    before = evaluate(tmp_path, WORLD)
    edits = edit(before, {"StartServers": 8, "MinSpareServers": 4})
    assert [change.path for change in edits] == [str(tmp_path / "mpm.conf")]
    write(edits)
    assert (tmp_path / "mpm.conf").read_bytes() == (
        b"# caf\xe9\nStartServers 8\n  MaxRequestWorkers 10\n  MinSpareServers 4\n"
    )
    after = shown(evaluate(tmp_path, WORLD))
    expected = shown(before)
    expected[0] = ("startservers", ("8",), ())
    expected.insert(2, ("minspareservers", ("4",), ()))
    assert after == expected


def dead(evaluation: Evaluation) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(inactive.section, inactive.reason, inactive.directives) for inactive in evaluation.inactive]


def write(edits: tuple[FileEdit, ...]) -> None:
    for change in edits:
        path = Path(change.path)
        assert decode(path.read_bytes()) == change.before
        path.write_bytes(encode(change.after))


CONFIGURATIONS = sorted((Path(__file__).parent.parent / "data/conf/dump").glob("*.conf"))


@pytest.mark.parametrize("conf", CONFIGURATIONS, ids=lambda path: path.stem)
def test_every_construct_survives_an_edit(conf: Path, tmp_path: Path) -> None:
    root = tmp_path / "dump"
    shutil.copytree(conf.parent, root)
    world = World(environment={"MODULES": "/m", "PATCH": "71", "FROM_ENVIRONMENT": "x"})
    before = evaluate(root / conf.name, world)
    changes = {"StartServers": 11, "MaxRequestWorkers": 99, "ServerLimit": 77}
    if conf.stem == "24_unclosed_condition":
        with pytest.raises(ConfigError, match="ends inside <IfModule>"):
            edit(before, changes)
        return
    write(edit(before, changes))
    after = evaluate(root / conf.name, world)
    names = {"startservers", "maxrequestworkers", "maxclients", "serverlimit"}
    for name, value in changes.items():
        spellings = {name.lower(), "maxclients"} if name == "MaxRequestWorkers" else {name.lower()}
        assert [d.args for d in after.directives if d.key in spellings][-1] == (str(value),)
    assert [d for d in shown(after) if d[0] not in names] == [d for d in shown(before) if d[0] not in names]
    assert dead(after) == dead(before)


@pytest.mark.skipif(not shutil.which("patch"), reason="patch is not installed")
@pytest.mark.parametrize(
    "text", ["a\nStartServers 3\nb\nc\n", "StartServers 3", "x\n" * 20 + "StartServers 3\r\n" + "y\n" * 9]
)
def test_the_diff_can_be_applied(text: str, tmp_path: Path) -> None:
    path = tmp_path / "apache2.conf"
    path.write_bytes(text.encode())
    text = re.sub("(?m)^([a-z])$", r"# \1", text)
    path.write_bytes(text.encode())
    (change,) = edit(evaluate(path, WORLD), {"StartServers": 8})
    assert change.diff().startswith(f"--- {path}\n+++ {path}\n@@ ")
    command = ["patch", "--binary", str(path)]
    subprocess.run(command, input=encode(change.diff()), check=True, capture_output=True)
    assert path.read_bytes() == text.encode().replace(b"rs 3", b"rs 8")
