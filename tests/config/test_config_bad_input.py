"""Bad configurations end in one error or warning that names file and line, never in a hang or a crash."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.config.evaluator import evaluate
from poolwise.config.world import World
from poolwise.model import ConfigError, InputError


def refused(text: str, conf: str | Path = "-") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        evaluate(conf, World(), text)
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n<Directory /x>\n", "-:2: <directory> was not closed"),
        ("<IfModule no>\n<Files x>\n", "-:2: <Files> was not closed"),
        ("Timeout 3\n</Directory>\n", "-:2: </Directory> without matching"),
        ("<Files a>\n</Directory>\n", "-:2: expected </files> (-:1) but saw </Directory>"),
        ("<IfDefine no>\n<Files a>\n</IfDefine>\n", "-:3: expected </Files> (-:2) but saw </IfDefine>"),
        (
            "<IfDefine !no>\n</IfDefine> # x\n",
            "-:2: </IfDefine> without matching <IfDefine> section; </ifdefine>",
        ),
        ("<Directory /x\n</Directory>\n", "-:1: <Directory> directive missing closing '>'"),
        (
            "<VirtualHost *>\nStartServers 3\n</VirtualHost>",
            "-:2: StartServers cannot occur within <virtualhost>",
        ),
        ("<Location />\nMaxClients 3\n</Location>", "-:2: MaxClients cannot occur within <location> (-:1)"),
        ("<Directory />\nKeepAlive On\n</Directory>", "-:2: KeepAlive cannot occur within <directory> (-:1)"),
        ('Error stop "right here"', '-:1: the configuration itself asks to stop: stop "right here"'),
        ("Include nope/x.conf", "-:1: could not open configuration file"),
        ("LoadModule x", "-:1: LoadModule takes 2 argument(s), not 1"),
        ("Define", "-:1: Define takes 1 or 2 argument(s), not 0"),
        ("Use", "-:1: macro '' is not defined here; defined so far: none"),
        ("{{ template }} 3", "-:1: invalid command '{{': this is not the name of a directive"),
        ("<<<<<<< HEAD", "-:1: invalid command '<<<<<<<'"),
        ("\x7fELF\x02\x01", r"-:1: invalid command '\x7fELF\x02\x01'"),
        ("\udcff\udcfe", r"-:1: invalid command '\udcff\udcfe'"),
    ],
)
def test_messages(text: str, said: str) -> None:
    assert str(refused(text)).startswith(said)


def test_the_server_is_not_found() -> None:
    with pytest.raises(InputError, match="no such file"):
        evaluate("/nonexistent/apache2.conf", World())


def test_a_directory_without_a_configuration(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no apache2\.conf"):
        evaluate(tmp_path, World())


@pytest.mark.parametrize("include", ["Include", "IncludeOptional"])
@pytest.mark.parametrize("kind", ["fifo", "socket", "device", "directory with a fifo"])
def test_special_files_are_refused_and_never_block(kind: str, include: str, tmp_path: Path) -> None:
    target = tmp_path / "x"
    if kind == "fifo":
        os.mkfifo(target)
    elif kind == "socket":
        os.mknod(target, 0o140600)
    elif kind == "device":
        target.symlink_to("/dev/zero")
    else:
        target.mkdir()
        os.mkfifo(target / "fifo")
    error = refused(f"Timeout 3\n{include} {target}\n")
    assert error.where.line == 2
    assert "not a regular file" in error.message
    assert "AH00554" in error.message


def test_the_main_file_may_be_special_too(tmp_path: Path) -> None:
    fifo = tmp_path / "apache2.conf"
    os.mkfifo(fifo)
    with pytest.raises(ConfigError) as caught:
        evaluate(fifo, World())
    assert str(caught.value) == f"{fifo}: not a regular file; httpd refuses it (AH00554)"


@pytest.mark.parametrize("cycle", [1, 2, 3])
def test_recursive_includes_name_the_file(cycle: int, tmp_path: Path) -> None:
    for i in range(cycle):
        (tmp_path / f"{i}.conf").write_text(f"\nInclude {(i + 1) % cycle}.conf\n")
    with pytest.raises(ConfigError, match="maximum include depth of 128") as caught:
        evaluate(tmp_path / "0.conf", World())
    assert caught.value.where.line == 2
    assert caught.value.where.file.startswith(str(tmp_path))


def test_a_directory_that_contains_itself(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/again").symlink_to(".")
    (tmp_path / "d/x").write_text("Timeout 3\n")
    error = refused("Include d\n", tmp_path / "apache2.conf")
    assert "nested deeper than 20 levels" in error.message
    assert error.where.line == 1


@pytest.mark.parametrize(
    "text",
    [
        "Include x\n" * 30,
        "Define A " + "x" * 100 + "\n" + "Define A ${A}${A}\n" * 60,
        "".join(f"<Macro m{i}>\n" + f"Use m{i + 1}\n" * 20 + "</Macro>\n" for i in range(10))
        + "<Macro m10>\nTimeout 3\n</Macro>\nUse m0\n",
    ],
    ids=["files", "variables", "macros"],
)
def test_exponential_expansion_is_stopped(text: str, tmp_path: Path) -> None:
    for i in range(10):
        name = "x" + "x" * i
        (tmp_path / name).write_text(f"# {'long ' * 5000}\n" + f"Include x{name}\n" * 10)
    (tmp_path / ("x" * 11)).write_text("Timeout 3\n")
    started = time.monotonic()
    error = refused(text, tmp_path / "apache2.conf")
    assert "larger than 32 MiB when everything is included" in error.message or "16 MiB" in error.message
    assert error.where.line
    assert time.monotonic() - started < 30


def test_deep_nesting_of_every_kind() -> None:
    depth = 5000
    text = "<IfDefine !X>\n" * depth + "Timeout 3\n" + "</IfDefine>\n" * depth
    assert len(evaluate("-", World(), text).directives) == 1
    text = "<IfDefine X>\n" * depth + "Timeout 3\n" + "</IfDefine>\n" * depth
    assert evaluate("-", World(), text).directives == ()
    assert "nested deeper than 100" in refused("<Directory /x>\n" * depth).message
    assert "nested deeper than 100" in refused("<IfDefine !X>\n<Directory /x>\n" * depth).message


def test_a_hundred_megabytes_of_garbage(tmp_path: Path) -> None:
    path = tmp_path / "apache2.conf"
    path.write_bytes(random.Random(1).randbytes(1_000_000) * 100)
    with pytest.raises(ConfigError, match="too large for a configuration"):
        evaluate(path, World())


@pytest.mark.parametrize("data", ["random", "one long line", "blank lines", "one long comment", "brackets"])
def test_megabytes_of_garbage(data: str, tmp_path: Path) -> None:
    path = tmp_path / "apache2.conf"
    size = 1_000_000
    path.write_bytes(
        {
            "random": random.Random(2).randbytes(size),
            "one long line": b"Timeout " + b'"' * size,
            "blank lines": b"\n" * size,
            "one long comment": b"# \\\n" * (size // 4),
            "brackets": b"<" * size,
        }[data]
    )
    started = time.monotonic()
    try:
        evaluation = evaluate(path, World())
    except ConfigError as error:
        assert error.where.line
        assert len(str(error)) < 500
        assert data in ("random", "brackets")
    else:
        assert len(evaluation.directives) == (data == "one long line")
    assert time.monotonic() - started < 20


WORDS = [
    "<IfModule a>",
    "</IfModule>",
    "<IfDefine !A>",
    "</IfDefine>",
    "<Files x>",
    "</Files>",
    "<Macro m $a>",
]
WORDS += [
    "</Macro>",
    "Use m ${A}",
    "Use m",
    "Define A $a",
    "UnDefine A",
    "Include -",
    "x \\",
    '"',
    "'",
    "\0",
    "${A}",
]
WORDS += [
    "IncludeOptional *",
    "<IfVersion 2>",
    "<",
    ">",
    "</",
    "StartServers",
    "5",
    "#",
    "\n",
    "\n",
    "\n",
    "LoadModule",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_any_text_is_read_or_refused_with_its_line(text: str) -> None:
    try:
        evaluation = evaluate("x/-", World(), text)
    except ConfigError as error:
        assert error.where.file == "x/-"
        assert 0 < error.where.line <= text.count("\n") + 2
    else:
        assert evaluation.root == "x/-"
