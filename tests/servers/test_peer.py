"""How a peer's settings are read: spellings, ranges, versions."""

import math

import pytest

from poolwise.model import InputError
from poolwise.servers import Option, peer_parameters, peer_pool, valid_options
from poolwise.servers.peer import effective, numbered

ROWS = (
    Option("max_speed", 5, 1, 9, "s", "here", "How fast.", ("v",), until="2.0"),
    Option("max_speed", 7, 1, math.inf, "s", "here", "How fast.", ("v",), since="2.0"),
    Option("algo", 1, 0, 2, "", "here", "Which.", choices=("slow", "fast", "none")),
    Option("flag", 0, 0, 1, "", "here", "Whether.", flag=True),
    Option("pause", 0.5, 0, 1.5, "s", "here", "How long.", whole=False),
)


def read(version: str = "2.1", **asked: float | str) -> dict[str, float]:
    return effective(ROWS, asked, version, "server")


def test_defaults_and_versions() -> None:
    assert read() == {"max_speed": 7, "algo": 1, "flag": 0, "pause": 0.5}
    assert read("1.9.9")["max_speed"] == 5
    assert next(row.default for row in valid_options(ROWS, "2")) == 7
    assert numbered("4.9.4-1+deb12") == (4, 9, 4) and numbered("6.0.0") == numbered("6") < numbered("6.0.1")
    with pytest.raises(InputError, match=r"version 'newest': give numbers with dots"):
        read("newest")


def test_spellings() -> None:
    assert effective(ROWS, {"MAX-Speed": "3"}, "2.1", "server")["max_speed"] == 3
    assert read(v=3, algo="none", flag="On", pause="1e-1") == {
        "max_speed": 3, "algo": 2, "flag": 1, "pause": 0.1,
    }  # fmt: skip
    with pytest.raises(InputError, match="server: max_speed is given twice"):
        read(v=3, max_speed=4)


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"max_speed": 0}, "max_speed must be a whole number, 1 or more, not 0"),
     ({"max_speed": 1.5}, "max_speed must be a whole number, 1 or more, not 1.5"),
     ({"max_speed": ""}, "not ''"), ({"max_speed": "9 m"}, "not '9 m'"),
     ({"algo": "quick"}, "algo must be slow, fast, none, not 'quick'"),
     ({"flag": 2}, "flag must be on, off, not 2"), ({"pause": 2}, "pause must be 0 to 1.5, not 2"),
     ({"pause": "nan"}, "pause must be"), ({"spped": 1}, "spped is not a setting of server 2.1")],
)  # fmt: skip
def test_what_is_refused(asked: dict[str, float | str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        effective(ROWS, asked, "2.1", "server")


def test_what_is_shown() -> None:
    shown = {row.name: (row.shown, row.range) for row in valid_options(ROWS, "1.0")}
    assert shown == {
        "max_speed": ("5", "1 to 9"), "algo": ("fast", "slow, fast, none"), "flag": ("off", "on, off"),
        "pause": ("0.5", "0 to 1.5"),
    }  # fmt: skip
    big = next(row for row in peer_parameters("waitress") if row.name == "outbuf_high_watermark")
    assert big.shown == "16777216"


def test_a_pool_says_what_it_was_made_of() -> None:
    made = peer_pool("gunicorn_gthread", {"workers": 3, "threads": 4, "max-requests": 100}, name="api")
    assert (made.name, made.process_limit, made.threads, made.max_workers) == ("api", 3, 4, 12)
    assert (made.start, made.max_connections_per_child, made.backlog) == (3, 100, 2048)
    assert "workers" not in made.options and made.options["keepalive"] == 2.0
