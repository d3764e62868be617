"""Real sockets in processes of their own: every connection goes where it was led, and our own apart."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from hosting import free_port
from poolwise.deploy.reloading.steering import NEWER, OLDER, Steering, bound, steering
from poolwise.model import ServerError
from poolwise.observe import listening_sockets

NAMES = """
import socket, sys
name, host = sys.argv[1:3]
port, shared, number = map(int, sys.argv[3:])
made = []
for _ in range(number):
    one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
    one.bind((host, port))
    one.listen(64)
    made.append(one)
print("listening", flush=True)
if name == "lazy":
    sys.stdin.read()
while made:
    client, _ = made[0].accept()
    client.sendall(name.encode())
    client.close()
sys.stdin.read()
"""


@contextmanager
def naming(name: str, host: str, port: int, *, shared: bool = True, number: int = 1) -> Iterator[int]:
    """A process that tells each client its name; its id."""
    argv = [sys.executable, "-c", NAMES, name, host, str(port), str(int(shared)), str(number)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as popen:
        assert popen.stdout
        try:
            assert popen.stdout.readline() == b"listening\n"
            yield popen.pid
        finally:
            popen.kill()


def told(host: str, port: int, ours: socket.socket | None = None) -> str:
    """The name of the process that a connection reached."""
    asking = ours or socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    with closing(asking):
        asking.settimeout(10)
        asking.connect((host, port))
        return asking.recv(100).decode()


@pytest.mark.parametrize(
    ("listens", "asked"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::1", "::1"),
        ("::", "::1"),
        ("::", "127.0.0.1"),
    ],
)
def test_every_connection_goes_where_it_is_led(listens: str, asked: str) -> None:
    port = free_port(listens)
    with naming("older", listens, port) as older, steering(older) as lead:
        assert isinstance(lead, Steering), lead
        lead.all_to(OLDER)
        with naming("newer", listens, port):
            assert listening_sockets(listens, port) == 2
            assert lead.strangers()
            assert {told(asked, port) for _ in range(40)} == {"older"}
            for _ in range(20):
                ours, other = bound(asked), bound(asked)
                lead.to_newer(ours)
                assert (told(asked, port, other), told(asked, port, ours)) == ("older", "newer")
            lead.all_to(NEWER)
            assert {told(asked, port) for _ in range(40)} == {"newer"}
            lead.all_to(OLDER)
            assert {told(asked, port) for _ in range(40)} == {"older"}
        assert {told(asked, port) for _ in range(5)} == {"older"}  # alone again


def test_what_is_left_behind_when_the_older_one_goes_does_no_harm() -> None:
    host, port = "127.0.0.1", free_port()
    with ExitStack() as first:
        older = first.enter_context(naming("first", host, port))
        lead = first.enter_context(steering(older))
        assert isinstance(lead, Steering)
        with naming("second", host, port):
            lead.all_to(NEWER)
            first.close()
            assert listening_sockets(host, port) == 1
            assert {told(host, port) for _ in range(20)} == {"second"}


def test_what_waits_to_be_accepted_is_seen() -> None:
    port = free_port()
    with naming("lazy", "127.0.0.1", port) as pid, steering(pid) as lead:
        assert isinstance(lead, Steering)
        assert lead.waiting() == 0
        with socket.create_connection(("127.0.0.1", port), 10):
            assert lead.waiting() == 1


def test_in_words_why_a_server_cannot_be_led() -> None:
    port = free_port()
    refused = pytest.raises(ServerError, match="opened without SO_REUSEPORT")
    with naming("alone", "127.0.0.1", port, shared=False) as pid, refused, steering(pid):
        pass
    with naming("twice", "127.0.0.1", port, number=2) as pid, steering(pid) as lead:
        assert "several sockets for one port" in str(lead)
    with naming("none", "127.0.0.1", port, number=0) as pid, steering(pid) as lead:
        assert lead == "it listens on no TCP port"
    with steering(pid) as lead:  # it has ended
        assert lead == f"the sockets of process {pid} cannot be reached: No such process"


def test_the_port_is_free_again_when_the_server_has_gone() -> None:
    port = free_port()
    with naming("alone", "127.0.0.1", port) as pid, steering(pid) as lead:
        assert isinstance(lead, Steering)
        assert lead.strangers() == ()
    assert listening_sockets("127.0.0.1", port) == 0


def test_another_users_server() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user for this")
    with naming("mine", "127.0.0.1", free_port()) as pid:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.setresuid(65534, 65534, 65534)
            with steering(pid) as lead:
                os.write(write, str(lead).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(read, 1000).decode() == (
            f"the sockets of process {pid} cannot be reached: "
            "the system does not let us (we are not its parent or root, or a container forbids it)"
        )
        os.close(read)
        os.close(write)
