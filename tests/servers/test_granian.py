"""granian's threads follow from its backlog, as its own code derives them."""

import pytest

from poolwise.model import InputError
from poolwise.servers import peer_pool


@pytest.mark.parametrize(
    ("asked", "threads", "taken"),
    [({}, 512, 1024), ({"workers": 2}, 256, 512), ({"workers": 4, "backlog": 2048}, 256, 512),
     ({"backpressure": 64}, 32, 64), ({"blocking-threads": 3}, 3, 1024), ({"backpressure": 1}, 1, 1)],
)  # fmt: skip
def test_threads(asked: dict[str, float | str], threads: int, taken: int) -> None:
    made = peer_pool("granian", asked)
    assert (made.threads, made.options["backpressure"]) == (threads, taken)


def test_a_lifetime_that_granian_refuses() -> None:
    assert peer_pool("granian", {"workers-lifetime": 60}).options["workers-lifetime"] == 60.0
    with pytest.raises(InputError, match="workers-lifetime must be 0 or at least 60, not 59"):
        peer_pool("granian", {"workers-lifetime": 59})
