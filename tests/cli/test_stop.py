"""``poolwise stop``: gently, at once, and after poolwise itself was killed (see also test_status)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from test_serve import Site, children

from hosting import Hosting, Program, fetched
from poolwise.cli import main
from poolwise.deploy import find_httpd, read_state
from poolwise.observe import session

pytestmark = pytest.mark.server


@pytest.fixture
def site(hosting: Hosting, start: Callable[..., Program], site_folder: Path, shop: Path) -> Site:
    if not find_httpd():
        pytest.skip("no httpd is installed")
    return Site(hosting, start, site_folder, shop)


def test_requests_finish(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    program = site.serve()
    leaders = children(site.state)
    answers: list[str] = []
    request = Thread(target=lambda: answers.append(fetched(site.port, "/slow?s=1")))
    request.start()
    time.sleep(0.3)
    assert main(["stop", str(site.state)]) == 0
    assert "shop has ended after" in capsys.readouterr().out
    request.join()
    assert answers == ["waited 1 s"]
    assert program.over() == 0
    assert not any(session(leader) for leader in leaders)
    assert read_state(site.state) is None


def cut_off(site: Site) -> None:
    with pytest.raises(OSError):
        fetched(site.port, "/slow?s=30")


def test_at_once(site: Site) -> None:
    program = site.serve()
    request = Thread(target=cut_off, args=(site,))
    request.start()
    time.sleep(0.3)
    assert main(["stop", "--now", str(site.state)]) == 0
    assert program.over() == 0
    request.join()


def test_a_grace_that_is_over(site: Site) -> None:
    program = site.serve("--grace", "200ms")
    request = Thread(target=cut_off, args=(site,))
    request.start()
    time.sleep(0.3)
    assert main(["stop", str(site.state)]) == 0
    assert program.over() == 0
    request.join()


def test_nothing_to_stop(site_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop", str(site_folder)]) == 2
    assert f"nothing is served in {site_folder}" in capsys.readouterr().err
