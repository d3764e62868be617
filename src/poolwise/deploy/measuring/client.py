"""A client with one connection, which asks a server that we run one thing after the other."""

from __future__ import annotations

import ast
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

from poolwise.deploy.measuring.requests import Request
from poolwise.model import InputError, ServerError

BLOCK = 1 << 16
NO_ANSWER = 0


@dataclass(slots=True)
class Client:
    """Keeps its connection open for as long as the server does. ``host``: of the Host header."""

    port: int
    host: str
    patience_s: float
    _connection: HTTPConnection | None = field(default=None, repr=False)

    def ask(self, request: Request, together: int = 0) -> int:
        """Send a request and read all of the answer; its status, or ``NO_ANSWER`` when there was none.

        ``together``: the application begins with it when so many are there. Raises InputError when the
        answer does not end within ``patience_s``.
        """
        try:
            return self._twice(request, together)[0]
        except TimeoutError:
            self.close()
            raise InputError(
                f"{request}: the answer did not end within {self.patience_s:g} s; choose others with --url"
            ) from None
        except (OSError, HTTPException):
            self.close()
            return NO_ANSWER

    def probe(self, path: str) -> dict[str, Any]:
        """What the probe inside the server answers. Raises ServerError when it does not."""
        try:
            status, text = self._twice(Request(path), keep=True)
        except (OSError, HTTPException) as error:
            self.close()
            raise ServerError(f"the server does not answer ({error or type(error).__name__})") from error
        if status != 200:
            raise ServerError(f"the server cannot load the application (status {status})")
        answer: dict[str, Any] = ast.literal_eval(text.decode("ascii"))
        return answer

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _twice(self, request: Request, together: int = 0, keep: bool = False) -> tuple[int, bytes]:
        """Once more on a new connection when the server has closed the old one before it was asked."""
        if self._connection:
            try:
                return self._exchange(self._connection, request, together, keep)
            except (ConnectionError, HTTPException):
                self.close()
        self._connection = HTTPConnection("127.0.0.1", self.port, timeout=self.patience_s)
        return self._exchange(self._connection, request, together, keep)

    def _exchange(
        self, connection: HTTPConnection, request: Request, together: int, keep: bool
    ) -> tuple[int, bytes]:
        """Status and body; of the body only a beginning unless ``keep``."""
        until_s = time.monotonic() + self.patience_s
        connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
        headers = [("Host", self.host or request.host or f"localhost:{self.port}"), *request.headers]
        headers += [("Poolwise-Together", str(together))] if together else []
        for name, value in headers:
            connection.putheader(name, value)
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body or None)
        with connection.getresponse() as response:
            kept = part = response.read1(BLOCK)
            while part:
                part = response.read1(BLOCK)
                kept += part if keep else b""
                if time.monotonic() > until_s:
                    raise TimeoutError
            return response.status, kept
