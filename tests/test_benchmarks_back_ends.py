"""The clients of ``benchmarks/back_ends.py`` count what a server does to them, no more and no less."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))

from back_ends_load import Load, keep_alive, read_wrk

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
HALF = ANSWER[:-1]
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


@contextmanager
def server(answers: list[bytes], reset: bool = False) -> Iterator[int]:
    """A server that gives each connection these answers, then closes it; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening, answers, reset))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listening: socket.socket, answers: list[bytes], reset: bool) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection, suppress(OSError):  # the clients go when their time is over
            for answer in answers:
                if not connection.recv(4096):
                    break
                connection.sendall(answer)
            if reset:
                connection.recv(4096)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def test_a_server_that_keeps_connections_loses_no_request() -> None:
    with server([ANSWER] * 100_000) as port:
        seen = keep_alive(port, "/", clients=1, duration_s=0.3)
    assert seen.answers > 10
    assert (seen.lost, seen.announced, seen.errors, seen.connections) == (0, 0, 0, 1)


def test_a_close_that_was_announced_is_no_loss() -> None:
    with server([ANSWER, CLOSING]) as port:
        seen = keep_alive(port, "/", clients=1, duration_s=0.3)
    assert seen.lost == 0
    assert seen.announced == seen.connections - 1 or seen.announced == seen.connections
    assert seen.answers >= 2 * seen.announced


@pytest.mark.parametrize(("answers", "reset"), [([ANSWER], False), ([HALF], False), ([ANSWER], True)])
def test_a_connection_that_ends_while_an_answer_is_owed_is_a_loss(answers: list[bytes], reset: bool) -> None:
    with server(answers, reset) as port:
        seen = keep_alive(port, "/", clients=1, duration_s=0.3)
    assert seen.lost >= 1
    assert seen.lost in (seen.connections, seen.connections - 1)
    assert seen.announced == 0


def test_an_error_is_an_answer_and_is_counted() -> None:
    with server([ANSWER.replace(b"200 OK", b"503 Busy")] * 100_000) as port:
        seen = keep_alive(port, "/", clients=1, duration_s=0.2)
    assert seen.errors == seen.answers > 0
    assert seen.lost == 0


def test_nobody_who_listens_is_refused() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        seen = keep_alive(bound.getsockname()[1], "/", clients=2, duration_s=5)
    assert (seen.refused, seen.answers) == (6, 0)


PRINTED = """Running 5s test @ http://127.0.0.1:18110/
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.11ms    1.33ms  21.40ms   87.90%
    Req/Sec     5.22k   512.22     6.33k    68.00%
  Latency Distribution
     50%  850.00us
     75%    3.51ms
     90%    4.32ms
     99%    1.02s
  25977 requests in 5.00s, 12.41MB read
  Socket errors: connect 0, read 12, write 1, timeout 2
  Non-2xx or 3xx responses: 3
Requests/sec:   5194.12
Transfer/sec:      2.48MB
"""


def test_what_wrk_prints_is_read() -> None:
    assert read_wrk(PRINTED) == Load(25977, 5194.12, 0.85, 1020.0, 18)
