"""``poolwise reload`` as people call it: what is served, and an Apache of somebody else's."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from apache_by_hand import ByHand, daemons, until
from hosting import Hosting, Program, fetched, free_port
from poolwise.cli import main
from poolwise.deploy import find_httpd

pytestmark = pytest.mark.server
POOLWISE = [sys.executable, "-m", "poolwise.cli"]


def test_what_is_served_is_rolled_taken_over_or_left_alone(
    hosting: Hosting,
    start: Callable[..., Program],
    site_folder: Path,
    shop: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not find_httpd():
        pytest.skip("no httpd is installed")
    state, port, code = str(site_folder / "state"), free_port(), shop / "shop" / "wsgi.py"
    program = start(
        [*POOLWISE, "serve", "shop.wsgi:application", "--folder", str(shop), "--python", hosting.python,
         "--state", state, "--port", str(port), "--processes", "2"]
    )  # fmt: skip
    program.until(lambda: any("Ctrl-C" in line for line in program.out))

    code.write_text(code.read_text().replace("<h1>Shop</h1>", "<h1>New shop</h1>"))
    assert main(["reload", state]) == 0
    said = capsys.readouterr().out
    step = r"\n +\d+\.\d s  shop {}/2: \d+ drained in [\d.]+ s, \d+ loaded in [\d.]+ s, healthy\n"
    assert re.search(step.format(1), said), said
    assert re.search(step.format(2), said), said
    assert re.search(r"\nshop: every process was exchanged in [\d.]+ s\n$", said), said
    assert "<h1>New shop</h1>" in fetched(port, "/")

    assert main(["reload", state, "--takeover"]) == 0
    assert re.search(r"\nshop: the new server took over in [\d.]+ s\n$", capsys.readouterr().out)

    good = code.read_text()
    code.write_text("import no_such_module\n")
    assert main(["reload", state]) == 3
    assert "poolwise: shop was not reloaded: " in (error := capsys.readouterr().err)
    assert "no_such_module" in error
    assert "<h1>New shop</h1>" in fetched(port, "/")
    code.write_text(good)

    assert main(["reload", state, "--pid", "1", "--accept-gap"]) == 2
    assert "--pid, --accept-gap: for a configuration only" in capsys.readouterr().err


def test_what_nobody_serves(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["reload", "no-such-site"]) == 2
    assert "nothing called no-such-site is served" in capsys.readouterr().err
    assert main(["reload", str(tmp_path / "nowhere")]) == 2
    assert f"nothing is served in {tmp_path}/nowhere" in capsys.readouterr().err


def test_an_apache_of_somebody_elses(by_hand: ByHand, capsys: pytest.CaptureFixture[str]) -> None:
    conf = by_hand.configuration()
    with by_hand.running(conf) as server:
        before = daemons(server)
        asked = ["--health", f"127.0.0.1:{by_hand.port}/", "--pid", str(server)]
        assert main(["reload", str(conf), *asked]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert not set(before) & set(daemons(server))
        assert re.fullmatch(r" +\d+\.\d s  shop: 2 processes exchanged in [\d.]+ s", lines[-1])
        assert main(["reload", str(conf), "--takeover"]) == 2
        assert "only what 'poolwise serve' runs can be taken over" in capsys.readouterr().err
        assert main(["reload", str(conf), "--health", "127.0.0.1:1"]) == 2
        assert "without a health check that works no process is exchanged" in capsys.readouterr().err


def test_interrupted(by_hand: ByHand, start: Callable[..., Program]) -> None:
    conf = by_hand.configuration()
    with by_hand.running(conf) as server:
        before = daemons(server)
        by_hand.application("2", load_s=4)
        program = start([*POOLWISE, "reload", str(conf), "--no-try"])
        until(lambda: set(before) - set(daemons(server)))
        program.popen.send_signal(signal.SIGINT)
        assert program.over() == 130
        assert (
            "interrupted; 1 process of shop with the old code, 0 with the new; reload again" in program.said
        )
