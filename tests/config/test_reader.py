"""The lossless layer: every byte comes back, lines and words are cut as httpd cuts them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.config.lines import first_word, logical_lines, words
from poolwise.config.reader import decode, encode, parse, read_file, source
from poolwise.model import ConfigError, Where

DATA = Path(__file__).parent.parent / "data/conf"
FILES = sorted(path for path in DATA.rglob("*") if path.is_file())

LINES = st.lists(
    st.sampled_from(
        [
            "<A x>",
            "</A>",
            "</a>",
            "</B>",
            "<Macro m>",
            "</Macro>",
            "Foo bar",
            "  Foo 'b\"",
            "# c",
            "# c \\",
            "x \\",
            "\\",
            "",
            "\0",
            "<",
            "</",
            "<A",
            "é\u0085",
        ]
    )
)


@given(st.binary(max_size=200))
def test_any_bytes_come_back(data: bytes) -> None:
    assert encode(source(parse(decode(data), "f"))) == data


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\n", "\\"]))
def test_any_nesting_comes_back(lines: list[str], end: str, last: str) -> None:
    text = end.join(lines) + last
    assert source(parse(text, "f")) == text


@given(LINES)
def test_every_physical_line_is_in_one_logical_line(lines: list[str]) -> None:
    text = "\n".join(lines)
    numbers = [n for line in logical_lines(text) for n in range(line.line, line.end_line + 1)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) - (text.count("\n") + (text[-1:] not in ("", "\n"))) in (0, 1)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DATA)))
def test_files_come_back(path: Path) -> None:
    data = path.read_bytes()
    assert encode(source(parse(read_file(str(path)), str(path)))) == data


def test_the_tree() -> None:
    text = "# top\n\nStartServers \\\n 5\r\n<VirtualHost *:80>\n  <Directory /x>\n  </DIRECTORY>\n"
    text += "</VirtualHost>\n"
    comment, blank, sizing, host = parse(text, "f.conf")
    assert (comment.kind, blank.kind, sizing.kind, host.kind) == ("comment", "blank", "directive", "section")
    assert (sizing.name, sizing.argline, sizing.line, sizing.end_line) == ("StartServers", "5", 3, 4)
    assert sizing.raw == "StartServers \\\n 5\r\n"
    assert (host.name, host.argline, host.line, host.close_line) == ("<VirtualHost", "*:80>", 5, 8)
    (directory,) = host.children
    assert (directory.name, directory.close_raw, directory.file) == (
        "<Directory",
        "  </DIRECTORY>\n",
        "f.conf",
    )


def test_a_macro_body_is_not_nested() -> None:
    (macro, after) = parse("<Macro m>\n<Directory /x>\n</Macro>\nFoo\n", "f")
    assert [child.name for child in macro.children] == ["<Directory"]
    assert macro.close_raw == "</Macro>\n"
    assert after.name == "Foo"


def test_an_unclosed_section_is_kept_and_marked() -> None:
    (section,) = parse("<Directory /x>\nFoo\n", "f")
    assert (section.close_line, section.close_raw, len(section.children)) == (0, "", 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", ["a b"]),
        ("a \\\nb", ["a b"]),
        ("a \\\r\nb", ["a b"]),
        ("a \\ \nb", ["a \\", "b"]),
        ("a\\\\\nb", ["a\\b"]),
        ("# a \\\nb\nc", ["# a b", "c"]),
        (" \t a \v\f\r\n", ["a"]),
        ("a\0b \\\nc", ["a", "c"]),
        ("a \\", ["a \\"]),
        ("a \\\n", ["a"]),
        ("\u00a0a\u0085", ["\u00a0a\u0085"]),
    ],
)
def test_logical_lines(text: str, expected: list[str]) -> None:
    assert [line.text for line in logical_lines(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b\tc", ("a", "b", "c")),
        ("\"a b\" 'c d'", ("a b", "c d")),
        ('"a"b', ("a", "b")),
        ('a"b c"', ('a"b', 'c"')),
        (r'"a\"b\\c\n"', (r'a"b\c\n',)),
        (r"'a\'b' \"", ("a'b", r"\"")),
        (r'"it\'s"', (r"it\'s",)),
        (r"a\\b\c", (r"a\b\c",)),
        ('"open to the end ', ("open to the end ",)),
        ('""', ("",)),
        ('"a\\', ("a\\",)),
        ("a # b", ("a", "#", "b")),
    ],
)
def test_words(text: str, expected: tuple[str, ...]) -> None:
    assert words(text) == expected


def test_first_word_leaves_the_rest_untouched() -> None:
    assert first_word("  Timeout   '60'  x ") == ("Timeout", "'60'  x ")


@pytest.mark.parametrize("kind", ["directory", "fifo", "device", "missing", "loop", "name with NUL"])
def test_only_regular_files_are_opened(kind: str, tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    if kind == "directory":
        os.mkdir(path)  # noqa: PTH102
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = "/dev/zero"
    elif kind == "loop":
        os.symlink(path, path)  # noqa: PTH211
    elif kind == "name with NUL":
        path += "\0"
    with pytest.raises(ConfigError) as caught:
        read_file(path, Where("main.conf", 7))
    assert str(caught.value).startswith("main.conf:7: ")


def test_dev_null_is_empty() -> None:
    assert read_file("/dev/null") == ""


def test_a_huge_file_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.conf"
    with path.open("wb") as file:
        file.truncate(100_000_000_000)
    with pytest.raises(ConfigError, match="too large for a configuration"):
        read_file(str(path))
