"""Clients: what is drawn has the law's mean, connections are chains in time, seeds give the same again."""

from __future__ import annotations

import numpy as np
import pytest

from poolwise.model import Clients, InputError
from poolwise.traffic import (
    KeepAlive,
    divided,
    generate,
    parse_keep_alive,
    parse_law,
    with_clients,
    with_cpu,
)

TRAFFIC = generate("poisson:50", parse_law("exponential:0.2"), 600.0, seed=3)
READERS = KeepAlive(think_s=4.0, requests=5.0)


def test_links_have_the_means_of_their_laws_and_nothing_else_changes() -> None:
    made = with_clients(TRAFFIC, upload=parse_law("fixed:2"), download=parse_law("exponential:0.5"), seed=1)
    assert made.upload_s is not None and made.download_s is not None
    assert made.upload_s.tolist() == [2.0] * len(TRAFFIC)
    assert made.download_s.mean() == pytest.approx(0.5, rel=0.03)
    assert made.arrivals_s is TRAFFIC.arrivals_s and made.service_s is TRAFFIC.service_s
    assert made.connection is None
    assert "uploads are drawn from fixed:2 (seed 1)" in made.assumptions


def test_links_are_independent_of_each_other() -> None:
    law = parse_law("exponential:1")
    made = with_clients(TRAFFIC, upload=law, download=law, seed=1)
    assert made.upload_s is not None and made.download_s is not None
    assert abs(np.corrcoef(made.upload_s, made.download_s)[0, 1]) < 0.03


def test_connections_carry_so_many_requests_with_such_pauses() -> None:
    made = with_clients(TRAFFIC, keep_alive=READERS, seed=1)
    assert made.connection is not None and made.think_s is not None
    later = np.isfinite(made.think_s)
    settled = made.arrivals_s > 60.0  # at first nobody is there who could come again
    assert settled.sum() / (settled & ~later).sum() == pytest.approx(5.0, rel=0.08)
    assert made.think_s[later].min() >= 0
    assert made.think_s[later].mean() == pytest.approx(4.0, rel=0.1)


def test_a_connection_is_a_chain_in_time() -> None:
    made = with_clients(TRAFFIC, keep_alive=READERS, download=parse_law("fixed:0.3"), seed=2)
    assert made.connection is not None and made.think_s is not None and made.download_s is not None
    ends_s = made.arrivals_s + made.service_s + made.download_s
    last: dict[int, int] = {}
    for i, number in enumerate(made.connection.tolist()):
        before = last.get(number)
        if before is None:
            assert np.isnan(made.think_s[i])
        else:
            assert made.arrivals_s[i] == pytest.approx(ends_s[before] + made.think_s[i])
        last[number] = i


def test_one_request_a_connection_is_no_chain() -> None:
    made = with_clients(TRAFFIC, keep_alive=KeepAlive(1.0, 1.0), seed=2)
    assert made.connection is not None and made.think_s is not None
    assert made.connection.tolist() == list(range(len(TRAFFIC)))
    assert np.isnan(made.think_s).all()


def test_equal_seeds_give_equal_clients() -> None:
    made = [with_clients(TRAFFIC, keep_alive=READERS, seed=seed).connection for seed in (1, 1, 2)]
    assert made[0] is not None and made[1] is not None and made[2] is not None
    assert (made[0] == made[1]).all()
    assert (made[0] != made[2]).any()


def test_patience_is_handed_on() -> None:
    clients = Clients(patience_s=10.0, retries=2)
    assert with_clients(TRAFFIC, clients=clients).clients is clients


def test_cpu_is_never_more_than_the_service_time() -> None:
    made = with_cpu(TRAFFIC, 0.05)
    assert made.cpu_s is not None
    assert (made.cpu_s <= made.service_s).all()
    assert made.cpu_s.max() == 0.05


def test_shares_divide_the_traffic() -> None:
    kind = divided(TRAFFIC, [0.2, 0.0, 0.8], seed=1).kind
    assert kind is not None
    counts = np.bincount(kind, minlength=3) / len(kind)
    assert counts[1] == 0
    assert counts[0] == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("shares", [[], [0.5], [0.5, 0.6], [-0.5, 1.5], [float("nan"), 1.0]])
def test_impossible_shares_are_refused(shares: list[float]) -> None:
    with pytest.raises(InputError, match="shares"):
        divided(TRAFFIC, shares)


def test_the_text_of_a_connection() -> None:
    assert parse_keep_alive("think=500ms,requests=3") == KeepAlive(0.5, 3.0)
    assert parse_keep_alive("requests=3, think=2m") == KeepAlive(120.0, 3.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "think is missing"),
        ("think=5s", "requests is missing"),
        ("think=5s,requests=0.5", "requests must be 1 to 1000000"),
        ("think=-1,requests=3", "think must be 0 to 86400 s"),
        ("think=nan,requests=3", "think must be"),
        ("think=5s,requests=3,requests=4", "requests is given twice"),
        ("think=5s,size=3", "'size' is not one of think, requests"),
    ],
)
def test_a_wrong_text_says_what_and_gives_an_example(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_keep_alive(text)
    assert said in str(caught.value)
    assert "Example: think=5s,requests=6" in str(caught.value)
