"""Health checks against a small server whose answers the test chooses."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from hosting import free_port
from poolwise.deploy.plan import Front, Hosted, Tls
from poolwise.deploy.running.health import Health, ailment, health_from, health_of, pause
from poolwise.model import InputError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Answering:
    """A server that answers each connection with the next of ``answers``, and the last one for ever."""

    def __init__(self, *answers: bytes, context: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._context = context
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            client, _ = self._socket.accept()
            with client, suppress(OSError):
                if self._context:
                    client = self._context.wrap_socket(client, server_side=True)
                asked = client.recv(4096)
                if not asked:
                    return
                self.asked.append(asked)
                client.sendall(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
                client.close()

    def close(self) -> None:
        self._context = None
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._socket.close()


@pytest.fixture
def answering() -> Iterator[type[Answering]]:
    started: list[Answering] = []

    class Kept(Answering):
        def __init__(self, *answers: bytes, context: ssl.SSLContext | None = None) -> None:
            super().__init__(*answers, context=context)
            started.append(self)

    yield Kept
    for each in started:
        each.close()


def test_as_many_good_answers_as_were_asked_for(answering: type[Answering]) -> None:
    server = answering(OK)
    health = Health("127.0.0.1", server.port, "/health?full=1", "shop.example", requests=4)
    assert ailment(health, pause) is None
    assert len(server.asked) == 4
    assert server.asked[0].startswith(b"GET /health?full=1 HTTP/1.1\r\nHost: shop.example\r\n")


@pytest.mark.parametrize(
    ("answer", "statuses", "status"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", frozenset[int](), None),
        (b"HTTP/1.1 500 Oh\r\n\r\n", frozenset[int](), 500),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", frozenset({200}), 404),
        (b"HTTP/1.1 503 Later\r\n\r\n", frozenset({503}), None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", frozenset[int](), 0),
        (b"", frozenset[int](), 0),
    ],
)
def test_what_is_a_good_answer(
    answering: type[Answering], answer: bytes, statuses: frozenset[int], status: int | None
) -> None:
    bad = ailment(Health("127.0.0.1", answering(answer).port, statuses=statuses), pause)
    assert (bad.status if bad else None) == status


def test_the_second_answer_counts_as_well(answering: type[Answering]) -> None:
    server = answering(OK, b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
    bad = ailment(Health("127.0.0.1", server.port), pause)
    assert str(bad) == f"http://127.0.0.1:{server.port}/ answered 502"


def test_nobody_there_and_nobody_answering() -> None:
    port = free_port()
    assert str(ailment(Health("127.0.0.1", port), pause)) == (
        f"http://127.0.0.1:{port}/ did not answer (Connection refused)"
    )
    with socket.create_server(("127.0.0.1", port)):
        begun = time.monotonic()
        bad = ailment(Health("127.0.0.1", port, patience_s=0.3), pause)
        assert str(bad) == f"http://127.0.0.1:{port}/ did not answer (no answer in time)"
        assert time.monotonic() - begun < 20


def test_over_tls_with_a_certificate_that_nobody_signed(answering: type[Answering], tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=shop.example",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    health = Health("127.0.0.1", answering(OK, context=context).port, tls=True, requests=1)
    assert ailment(health, pause) is None
    assert ailment(replace(health, tls=False), pause) is not None


def test_the_check_of_a_front() -> None:
    shop = Hosted("shop", "shop.wsgi", "/srv/shop", "/shop", health="/health")
    assert str(health_of(Front(), shop)) == "http://127.0.0.1:8000/shop/health"
    everywhere = Front(host="[::]", port=80, names=("shop.example",))
    assert health_of(everywhere, shop) == Health("::1", 80, "/shop/health", "shop.example")
    tls = Front(host="0.0.0.0", tls=Tls("c", "k", 443))
    assert str(health_of(tls, shop)) == "https://127.0.0.1:443/shop/health"
    assert (
        str(health_of(replace(tls, tls=Tls("c", "k", only=False)), shop))
        == "http://127.0.0.1:8000/shop/health"
    )


def test_a_url_as_people_write_it() -> None:
    assert health_from("127.0.0.1:8000") == Health("127.0.0.1", 8000, "/")
    assert health_from("http://localhost/a?b=c", "x") == Health("localhost", 80, "/a?b=c", "x")
    assert health_from("https://[::1]/") == Health("::1", 443, "/", "", tls=True)
    for wrong in (
        "ftp://127.0.0.1/",
        "http://",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:99999/",
        "http://a b/",
    ):
        with pytest.raises(InputError, match="write it as"):
            health_from(wrong)
