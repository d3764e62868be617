"""Every value is read back as it was by the program that it was written for, or it is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting import Hosting, free_port
from poolwise.config import World, evaluate
from poolwise.deploy import find_apache, find_httpd
from poolwise.deploy.finding.ask import which
from poolwise.deploy.rendering import quoting
from poolwise.model import InputError

HOSTILE = (
    "plain",
    "with space",
    " lead",
    'double"quote',
    "single'quote",
    "both\"'",
    "back\\slash",
    "two\\\\slashes",
    'quote\\"after',
    "end\\",
    "end\\\\",
    "$",
    "$x",
    "${",
    "$(HOME)",
    "$$",
    "%h",
    "%%",
    "%{GLOBAL}",
    "100%",
    "<x>",
    "#hash",
    "semi;colon",
    "{brace}",
    "{{ jinja }}",
    "{% raw %}",
    "ünïcode",
    "日本語",
    os.fsdecode(b"bytes\xff\xfe"),
    "`tick`",
    "star*",
    "what?",
    "[abc]",
    "[a",
    "a]",
    "~tilde",
    "a|b",
    "&and",
    "!bang",
    "-dash",
    "a=b",
    "@(file)",
    "e:v:i:l",
    'x" Require all granted "',
)
NEVER = ("a\nb", "a\r", "\0", "\x1b[31m", "\x7f", "\ud800", "")


def written(write: Callable[[str], str], values: tuple[str, ...] = HOSTILE) -> dict[str, str]:
    """What is not refused, value -> text."""
    found = {}
    for value in values:
        try:
            found[value] = str(write(value))
        except InputError as error:
            assert repr(value) in str(error) or not value
    return found


LINES = (quoting.httpd_word, quoting.httpd_folder, quoting.nginx_word, quoting.uwsgi_value,
         quoting.systemd_setting, quoting.systemd_path)  # fmt: skip


@pytest.mark.parametrize("write", LINES)
def test_line_ends_control_characters_and_what_is_no_text_are_refused(write: Callable[[str], str]) -> None:
    assert written(write, NEVER) == {}


def test_what_each_language_cannot_hold_is_refused() -> None:
    refused = {
        write.__name__: {value for value in HOSTILE if value not in written(write)}
        for write in (quoting.httpd_word, quoting.nginx_word, quoting.uwsgi_value, quoting.systemd_word)
    }
    assert refused["httpd_word"] == {"${"}
    assert refused["nginx_word"] == {value for value in HOSTILE if "$" in value}
    assert refused["uwsgi_value"] == {v for v in HOSTILE if re.search(r"[%$]|@\(", v) or v != v.strip()}
    assert refused["systemd_word"] == {os.fsdecode(b"bytes\xff\xfe")}


@given(st.text(st.characters(codec="utf-8")) | st.text("\\\"'${} \t#<>%"))
def test_our_own_reader_reads_every_word_of_httpd_back(value: str) -> None:
    try:
        word = quoting.httpd_word(value)
    except InputError:
        assert not value or "${" in value or re.search(r"[\x00-\x1f\x7f]", value)
        return
    text = f"Before\nServerAdmin {word}\nAfter {word} {word}\n<Directory {word}>\n</Directory>\n"
    read = evaluate("x.conf", World(mpm="event"), text).directives
    assert [each.name for each in read] == ["Before", "ServerAdmin", "After", "<Directory"]
    assert read[1].args == (value,)
    assert read[2].args == (value, value)


@given(st.text())
def test_a_comment_stays_one(value: str) -> None:
    try:
        text = f"# {quoting.comment(value)}\nServerAdmin me\n"
        read = evaluate("x.conf", World(mpm="event"), text).directives
    except UnicodeEncodeError:
        return
    assert [each.args for each in read] == [("me",)]
    assert len(text.splitlines()) == 2 or not text.isascii()


@pytest.mark.server
def test_httpd_finds_every_folder_and_only_that(site_folder: Path) -> None:
    """One Alias and one <Directory> for each folder: its file comes from it, its neighbour's does not."""
    values = [value for value in written(quoting.httpd_folder) if "/" not in value]
    port = free_port()
    lines = ["<Directory />", "Require all denied", "</Directory>"]
    for number, value in enumerate(values):
        folder = site_folder / str(number) / value
        folder.mkdir(parents=True)
        (folder / "file").write_text(f"file {number}")
        neighbour = folder.parent / re.sub(r"[*?]", "x", value).replace("[abc]", "a")
        if neighbour != folder:
            neighbour.mkdir()
            (neighbour / "file").write_text("not this")
        lines += [
            f"Alias /{number} {quoting.httpd_word(str(folder))}",
            f"Alias /n{number} {quoting.httpd_word(str(neighbour))}",
            f"<Directory {quoting.httpd_folder(str(folder))}>",
            "Require all granted",
            "</Directory>",
        ]
    with apache(site_folder, port, lines):
        for number, value in enumerate(values):
            assert fetch(port, f"/{number}/file") == (200, f"file {number}".encode()), value
            if re.search(r"[*?]|\[abc\]", value):
                assert fetch(port, f"/n{number}/file")[0] == 403, value
    assert "$" in values and "[abc]" in values


@contextmanager
def apache(folder: Path, port: int, lines: list[str]) -> Iterator[None]:
    """An httpd with these lines."""
    httpd = find_apache(find_httpd() or pytest.skip("no httpd is installed"))
    modules = [
        name
        for name in ("mpm_event", "unixd", "authz_core", "alias")
        if f"mod_{name}.c" not in httpd.built_in
    ]
    conf = folder / "httpd.conf"
    head = [f"LoadModule {name}_module {httpd.modules}/mod_{name}.so" for name in modules]
    user = ["User www-data", "Group www-data"] if os.geteuid() == 0 else []
    own = [f"ServerRoot {folder}", "ServerName localhost", f"Listen 127.0.0.1:{port}", "PidFile httpd.pid",
           "ErrorLog error.log", "DefaultRuntimeDir .", *user]  # fmt: skip
    conf.write_bytes("\n".join([*head, *own, *lines, ""]).encode("utf-8", "surrogateescape"))
    with running(
        [httpd.path, "-d", str(folder), "-f", str(conf), "-DFOREGROUND"], port, folder / "error.log"
    ):
        yield


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[None]:
    """A server that listens, ended and reaped at the end."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while server.poll() is None and time.monotonic() < end:
            try:
                fetch(port, "/")
                break
            except urllib.error.URLError:
                time.sleep(0.02)
        assert server.poll() is None, log.read_text("utf-8", "replace") if log.exists() else command
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def fetch(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.server
def test_nginx_answers_with_every_value(tmp_path: Path) -> None:
    nginx = which("nginx") or pytest.skip("nginx is not installed")
    port = free_port()
    values = written(quoting.nginx_word)
    places = "".join(f"location = /{n} {{ return 200 {text}; }}\n" for n, text in enumerate(values.values()))
    temporary = "".join(
        f"{kind}_temp_path t-{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi", "client_body")
    )
    conf = (
        "daemon off; master_process off; pid nginx.pid; error_log error.log; events {}"
        f"http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port};\n{places} }} }}\n"
    )
    (tmp_path / "nginx.conf").write_bytes(conf.encode("utf-8", "surrogateescape"))
    command = [nginx, "-p", str(tmp_path), "-e", "error.log", "-c", "nginx.conf"]
    with running(command, port, tmp_path / "error.log"):
        for number, value in enumerate(values):
            assert fetch(port, f"/{number}") == (200, os.fsencode(value)), value


def test_uwsgi_prints_every_value(tmp_path: Path, hosting: Hosting) -> None:
    uwsgi = Path(hosting.python).parent / "uwsgi"
    values = written(quoting.uwsgi_value)
    lines = ["[uwsgi]", *(f"print = {text}" for text in values.values()), "no-server = true", ""]
    (tmp_path / "u.ini").write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    done = subprocess.run(
        [str(uwsgi), "--ini", str(tmp_path / "u.ini")], capture_output=True, timeout=30, check=True
    )
    said = (done.stdout + done.stderr).split(b"\n")
    first = said.index(os.fsencode(next(iter(values))))
    assert said[first : first + len(values)] == [os.fsencode(value) for value in values]


def test_python_evaluates_to_every_value() -> None:
    wanted = {"values": [*HOSTILE, *NEVER], "number": 3}
    script = f"import sys; print(ascii({quoting.python_value(wanted)}) == sys.stdin.read())"
    done = subprocess.run(
        [sys.executable, "-c", script], input=ascii(wanted), capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"


def test_a_shell_prints_every_word() -> None:
    values = written(quoting.shell_word, (*HOSTILE, "a\nb", ""))
    script = "printf '%s\\0' " + quoting.shell_words(values)
    done = subprocess.run(["/bin/sh", "-c", os.fsencode(script)], capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == [os.fsencode(value) for value in values]


def test_systemd_makes_a_folder_of_every_value(tmp_path: Path) -> None:
    """tmpfiles.d has the quotes and specifiers that units have, and does something with what it reads."""
    tmpfiles = which("systemd-tmpfiles") or pytest.skip("systemd is not installed")
    values = {value: text for value, text in written(quoting.systemd_setting).items() if "/" not in value}
    lines = [f"d {quoting.systemd_setting(f'/made/{value}')} 0755\n" for value in values]
    (tmp_path / "site.conf").write_text("".join(lines), "utf-8")
    subprocess.run(
        [tmpfiles, "--create", f"--root={tmp_path}", str(tmp_path / "site.conf")], check=True, timeout=30
    )
    assert {path.name for path in (tmp_path / "made").iterdir()} == set(values)


def test_systemd_finds_the_program_of_every_command(tmp_path: Path) -> None:
    analyze = which("systemd-analyze") or pytest.skip("systemd is not installed")
    values = [value for value in written(lambda value: quoting.systemd_command([value])) if "/" not in value]
    assert set(written(quoting.systemd_word)) - set(values) == {
        v for v in HOSTILE if re.search(r"[\"'\\]", v)
    }
    for value in values:
        shutil.copy("/bin/true", tmp_path / value)
    lines = [f"ExecStart={quoting.systemd_command([str(tmp_path / value), value])}" for value in values]
    unit = tmp_path / "hostile-x.service"
    unit.write_text("\n".join(["[Service]", "Type=oneshot", *lines, ""]), "utf-8")
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert [line for line in done.stderr.splitlines() if "hostile-x" in line] == []
    broken = unit.with_name("hostile-y.service")
    broken.write_text(unit.read_text("utf-8").replace("plain", "absent"), "utf-8")
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(broken)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "absent is not executable" in done.stderr


def test_a_dockerfile_holds_words_as_json() -> None:
    values = written(lambda value: quoting.docker_words([value, value]))
    assert all(json.loads(text) == [value, value] for value, text in values.items())


def test_a_plain_path_is_one_that_nobody_could_mistake() -> None:
    assert {value for value in HOSTILE if quoting.plain_path(value)} == {"plain", "-dash", "a=b", "e:v:i:l"}
    assert quoting.plain_path("/srv/shop-2.0/site") == "/srv/shop-2.0/site"
