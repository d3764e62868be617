"""waitress is one process."""

from poolwise.servers import peer_pool


def test_the_pool() -> None:
    made = peer_pool("waitress", {"threads": 8})
    assert (made.process_limit, made.threads, made.workers, made.backlog) == (1, 8, 8, 1024)
    assert made.options["connection_limit"] == 100.0
