"""The door: verbs, help, exit codes, and errors of one line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from poolwise import __version__
from poolwise.cli import VERBS, main

SITE = "examples/site"


@pytest.fixture(autouse=True)
def in_the_checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def poolwise(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "poolwise.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_help_lists_every_verb_without_importing_any(capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import sys; from poolwise.cli import main; main(['--help']); "
        "sys.exit(any(name.startswith('poolwise.cli.') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for verb, line in VERBS.items():
        assert f"{verb} " in done.stdout
        assert line.split(",")[0] in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Examples:" in text
    assert f"  poolwise {verb} " in text.split("Examples:")[1]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["show"], "Missing argument 'CONF'"),
        (["show", SITE, "--app-memory", "lots"], "'lots' is not a size"),
        (["show", SITE, "--app-memory=-1M"], "'-1M' is not a size"),
        (["show", SITE, "--format", "xml"], "'xml' is not one of"),
        (["show", "no/such/place"], "no/such/place"),
        (["simulate", SITE], "--traffic SHAPE or --log FILE"),
        (["simulate", SITE, "--traffic", "poisson:1", "--log", "x"], "not both"),
        (["simulate", SITE, "--traffic", "poisson:1", "--scale", "0"], "--scale 0"),
        (["simulate", SITE, "--traffic", "poisson:1", "--set", "StartServers"], "Directive=number"),
        (["simulate", SITE, "--traffic", "poisson:1", "--set", "ThreadsPerChild=5"], "ThreadsPerChild"),
        (["simulate", SITE, "--traffic", "sawtooth:1"], "sawtooth"),
        (["simulate", SITE, "--log", "no/such.log"], "no/such.log"),
        (["simulate", SITE, "--traffic", "poisson:1", "--duration", "32d"], "at most 31 days"),
        (["show", ""], "the name of the configuration is empty"),
        (["tune", SITE, "--traffic", "poisson:1", "--quantile", "1.5"], "--quantile"),
        (["tune", SITE, "--traffic", "poisson:1", "--report", "docs"], "docs is a directory"),
    ],
)
def test_your_mistake_is_told_in_a_line_and_exits_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_bytes_that_are_no_text_and_a_terminal_without_our_characters() -> None:
    conf = "Listen 80\nErrorLog logs/caf\udce9.log\n".encode("utf-8", "surrogateescape")
    done = subprocess.run(
        [sys.executable, "-m", "poolwise.cli", "show", "-", "--mpm", "prefork"],
        input=conf,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert rb"\u2500" in done.stdout  # a line of the drawing


def test_progress_is_shown_on_a_terminal_only() -> None:
    arguments = ["simulate", SITE, "--traffic", "poisson:5", "--duration", "10s"]
    terminal, stderr = os.openpty()
    try:
        command = [sys.executable, "-m", "poolwise.cli", *arguments]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=stderr, check=True, timeout=60)
        assert b"simulating" in os.read(terminal, 4096)
    finally:
        os.close(stderr)
        os.close(terminal)
    quiet = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True, timeout=60)
    assert quiet.stderr == b""


def test_a_closed_pipe_is_quiet() -> None:
    process = poolwise("show", SITE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(30) == 141
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("arguments", [["show", SITE], ["--help"]])
def test_output_that_cannot_be_written_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "poolwise.cli", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "poolwise: cannot write the output: No space left on device\n"


@pytest.mark.parametrize(("closed", "conf", "code"), [(">&-", SITE, 0), ("<&-", "-", 2)])
def test_streams_that_the_shell_closed(closed: str, conf: str, code: int) -> None:
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "poolwise.cli", "show", conf]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert ("standard input is closed" in done.stderr) == (code == 2)


def test_a_file_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(tmp_path / "\x1b[31m.conf")]) == 2
    file = tmp_path / "red.conf"
    file.write_text('LoadModule mpm_event_module x\nListen 80\n<IfModule none>\nX "\x1b[31m"\n</IfModule>\n')
    assert main(["show", str(file)]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "\\x1b[31m" in out
    assert "\\x1b[31m.conf" in err


def test_control_c_says_so_and_exits_130() -> None:
    code = "import sys; from poolwise.cli import main; print('up', flush=True); sys.exit(main(['show', '-']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,  # nothing ever comes: the verb waits for it
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert "interrupted" in err
    assert "Traceback" not in err
    assert process.returncode == 130


def test_control_c_during_a_simulation_says_how_far_it_had_come() -> None:
    long = ["--traffic", "constant:50", "--duration", "55s", "--request-cpu", "50%", "--bursts", "1000"]
    process = poolwise("simulate", SITE, *long)
    time.sleep(6)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert re.search(r"interrupted at \d+% of the simulated time: [\d,]+ of 2,750 requests answered", err)
    assert "Traceback" not in err
    assert out == ""
    assert process.returncode == 130
