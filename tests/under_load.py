"""Clients that ask a server again and again, each time on a new connection, and keep what came of it."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from itertools import pairwise
from threading import Event, Thread
from types import TracebackType
from typing import Self


class Load:
    """Clients of one port, from the beginning of the ``with`` block to its end."""

    def __init__(self, port: int, *paths: str, patience_s: float = 30.0) -> None:
        self.port = port
        self.patience_s = patience_s
        self.failed: list[str] = []
        self.answers: Counter[str] = Counter()  # the first word of each answer
        self._ended: list[float] = []
        self._stop = Event()
        self._clients = [Thread(target=self._again, args=(path,)) for path in paths]
        self._single: list[Thread] = []

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for client in (*self._clients, *self._single):
            client.join()

    def once(self, path: str) -> None:
        """One more request beside the others; it has to end before the block does."""
        self._single.append(Thread(target=self._ask, args=(path,)))
        self._single[-1].start()

    @property
    def longest_gap_s(self) -> float:
        """The longest time between two good answers."""
        return max(later - earlier for earlier, later in pairwise(sorted(self._ended)))

    def _again(self, path: str) -> None:
        while not self._stop.is_set():
            self._ask(path)

    def _ask(self, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience_s)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.failed.append(f"{path}: {error!r}")
            return
        finally:
            connection.close()
        if answer.status != 200:
            self.failed.append(f"{path}: {answer.status}")
            return
        self.answers[text.split()[0]] += 1
        self._ended.append(time.monotonic())
