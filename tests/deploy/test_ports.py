"""Ports that cannot be had are refused before anything starts, with what to do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from hosting import free_port, service_account
from poolwise.deploy.plan import Deployment, Front, Httpd, Interpreter
from poolwise.deploy.running.ports import check_port, check_ports, next_free
from poolwise.model import InputError


def deployment(front: Front) -> Deployment:
    return Deployment("shop", "/nowhere", Httpd("", "", ""), Interpreter("", "", "", "", ""), (), front)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which we listen, in the way that lets others listen as well."""
    with closing(socket.socket()) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_free_port_is_fine() -> None:
    check_port("--port", "127.0.0.1", free_port())
    check_ports(deployment(Front(port=free_port())))


def test_a_taken_one_says_by_whom_and_which_is_free(taken: int) -> None:
    with pytest.raises(InputError) as caught:
        check_port("--port", "127.0.0.1", taken)
    said = str(caught.value)
    assert f"port {taken} is in use by" in said
    assert f"(pid {os.getpid()})" in said
    free = next_free("127.0.0.1", taken)
    assert free > taken
    assert said.endswith(f"{free} is free: --port {free}")


def test_every_address_is_taken_too_when_one_is(taken: int) -> None:
    for host in ("", "*", "0.0.0.0"):
        with pytest.raises(InputError, match="in use"):
            check_port("--port", host, taken)


def test_no_address_of_this_machine() -> None:
    with pytest.raises(InputError, match=r"--host 192\.0\.2\.1 is not an address of this machine"):
        check_port("--port", "192.0.2.1", free_port())
    for host in ("no.such.name.invalid", "a..b", "x" * 70):
        with pytest.raises(InputError, match=f"--host {host} is no address"):
            check_port("--port", host, free_port())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try it as somebody else")
def test_a_low_port_as_an_ordinary_user() -> None:
    script = (
        "import encodings.idna, os\n"
        "from poolwise.deploy.running.ports import check_port\n"
        "from poolwise.model import InputError\n"
        "os.setgroups([]); os.setgid({1}); os.setuid({0})\n"
        "try:\n    check_port('--port', '127.0.0.1', 81)\nexcept InputError as error:\n    print(error)\n"
    )
    account = service_account()
    done = subprocess.run(
        [sys.executable, "-c", script.format(account.pw_uid, account.pw_gid)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "81" in done.stdout:
        assert "only root may listen on a port as low as this; take --port 8081" in done.stdout
    else:  # this system lets everybody
        assert (done.stdout, done.stderr) == ("", "")
