"""An HTTP answer as it arrives: when it is complete, and what its head says."""

from __future__ import annotations

BODILESS = (204, 304)
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Reply:
    """What has come of an answer: its head, and of its body the length and the end."""

    __slots__ = ("body", "end", "head", "headed")

    def __init__(self) -> None:
        self.head, self.headed = b"", False
        self.body, self.end = 0, b""

    def take(self, data: bytes) -> None:
        """More of it."""
        if not self.headed:
            self.head, found, data = (self.head + data).partition(b"\r\n\r\n")
            self.headed = bool(found)
        self.body += len(data)
        self.end = (self.end + data)[-len(LAST_CHUNK) :]

    @property
    def status(self) -> int:
        """Its status, 0 when it has none."""
        words = self.head.split(None, 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    def header(self, name: bytes) -> bytes:
        """The value of a header, b"" without one."""
        for line in self.head.split(b"\r\n")[1:]:
            found, _, value = line.partition(b":")
            if found.strip().lower() == name:
                return value.strip()
        return b""

    @property
    def whole(self) -> bool:
        """Whether this is all of it; one that does not tell its length ends with the connection."""
        if not self.headed:
            return False
        if self.status in BODILESS:
            return True
        length = self.header(b"content-length")
        if length.isdigit():
            return self.body >= int(length)
        return self.header(b"transfer-encoding") != b"" and self.end == LAST_CHUNK
