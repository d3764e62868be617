"""Who listens on a port."""

from __future__ import annotations

import os
import socket
from contextlib import closing

from hosting import free_port
from poolwise.observe import listener


def test_we_do_and_then_nobody() -> None:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        found = listener(port)
        assert found
        assert found.pid == os.getpid()
    assert listener(port) is None
    assert listener(free_port()) is None


def test_a_port_that_is_only_connected_to_is_nobodys() -> None:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with closing(socket.create_connection(listening.getsockname())) as client:
            assert listener(client.getsockname()[1]) is None
