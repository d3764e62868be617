"""What the clients of a rehearsal read, and what is made of their record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from poolwise.deploy.rehearsal.answers import answers, as_sent, import_costs
from poolwise.deploy.rehearsal.outcome import histogram, inside
from poolwise.deploy.rehearsal.reply import Reply
from rehearsals import traffic

HEAD = b"HTTP/1.1 200 OK\r\nX-Rehearsed: 12 1 2\r\nContent-Length: 3\r\n\r\n"
ORIGIN_S = 1000.0


@pytest.mark.parametrize(
    ("data", "complete"),
    [
        (HEAD + b"ok\n", True),
        (HEAD + b"ok", False),
        (HEAD[:-2], False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", False),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", True),
        (b"", False),
    ],
)
def test_whether_an_answer_is_all_there(data: bytes, complete: bool) -> None:
    assert read(data).whole is complete
    byte_by_byte = Reply()
    for k in range(len(data)):
        byte_by_byte.take(data[k : k + 1])
    assert byte_by_byte.whole is complete


def read(data: bytes) -> Reply:
    answer = Reply()
    answer.take(data)
    return answer


def test_status_and_headers_of_an_answer() -> None:
    assert (read(HEAD).status, read(HEAD).header(b"x-rehearsed")) == (200, b"12 1 2")
    assert (read(b"HTTP/1.1 503 Busy\r\n\r\n").status, read(HEAD).header(b"via")) == (503, b"")
    assert read(b"garbage").status == 0


def record(**columns: list[Any]) -> dict[str, list[Any]]:
    """A client's record; what is left out is as if nothing had happened."""
    rows = len(columns["request"])
    empty = {"attempt": 0, "due_s": 0.0, "sent_s": 0.0, "connected_s": 0.0, "finished_s": 0.0, "note": "",
             "state": "open", "fresh": True}  # fmt: skip
    return {"idle_s": [], **{name: [value] * rows for name, value in empty.items()}, **columns}


def note(pid: int, begun: float, ended: float, loaded: float = 0.0) -> str:
    since = ORIGIN_S + begun
    loading = (since - loaded, since, loaded / 2) if loaded else (ORIGIN_S - 5, ORIGIN_S - 4, 0.1)
    times = (since - loaded - 0.01, 0.0, since, ORIGIN_S + ended, 0.05, *loading)
    return f"{pid} " + " ".join(f"{each:.6f}" for each in times)


def test_a_record_as_seconds_of_the_run() -> None:
    load = traffic(10, [1.0, 2.0, 3.0], 0.5)
    seen = answers(
        load,
        record(
            request=[0, 1, 1],
            attempt=[0, 0, 1],
            due_s=[1001.0, 1002.0, 1002.5],
            sent_s=[1001.002, 1002.0, 1002.5],
            connected_s=[1001.003, 0.0, 1002.501],
            finished_s=[1001.6, 0.0, 0.0],
            note=[note(7, 1.1, 1.6, loaded=0.05), "", ""],
            state=["served", "refused", "open"],
        ),
        ORIGIN_S,
    )
    assert seen.state == ("served", "open", "open")
    assert seen.start_s[0] == pytest.approx(1.1)
    assert seen.apache_s[0] == pytest.approx(1.04)
    assert seen.loading_s[0] == pytest.approx(1.05)
    assert np.isnan(seen.start_s[1:]).all()
    assert seen.late_s == pytest.approx([0.002, 0.0, 0.0], abs=1e-9)
    assert (seen.retried, len(seen.refused_s)) == (1, 1)
    assert seen.connections == {7: 1}
    assert import_costs(seen) == pytest.approx((0.05, 0.025))
    sent = as_sent(load, seen, measured=False)
    assert sent.arrivals_s == pytest.approx([1.002, 2.0, 3.0])


def test_only_the_first_request_of_a_process_loads() -> None:
    load = traffic(10, [1.0, 2.0], 0.5)
    seen = answers(
        load,
        record(
            request=[0, 1], connected_s=[1001.0, 1002.0], note=[note(7, 1.1, 1.6), note(8, 2.1, 2.6, 0.05)]
        ),
        ORIGIN_S,
    )
    assert np.isfinite(seen.loading_s).tolist() == [False, True]  # the other had loaded before


def test_measured_durations_take_the_place_of_those_told() -> None:
    load = traffic(10, [1.0, 2.0], 0.5)
    columns = record(request=[0, 1], sent_s=[1001.0, 1002.0], note=[note(7, 1.1, 1.4), note(7, 2.1, 2.5)])
    sent = as_sent(load, answers(load, columns, ORIGIN_S), measured=True)
    assert sent.service_s == pytest.approx([0.3011, 0.4011])
    assert sent.cpu_s == pytest.approx([0.05, 0.05])


def test_requests_come_in_the_order_in_which_they_were_sent() -> None:
    load = traffic(10, [1.0, 2.0], 0.5)
    columns = record(request=[0, 1], connected_s=[1002.5, 1002.0], sent_s=[1001.0, 1002.0])
    load.service_s[:] = [0.1, 0.2]
    sent = as_sent(load, answers(load, columns, ORIGIN_S), measured=False)
    assert sent.arrivals_s == pytest.approx([2.0, 2.5])
    assert sent.service_s == pytest.approx([0.2011, 0.1011])


def test_stretches_and_durations_are_counted() -> None:
    starts, ends = np.array([0.0, 1.0, np.nan]), np.array([2.0, np.nan, 3.0])
    assert inside(starts, ends, np.array([0.5, 1.5, 2.5])).tolist() == [1, 2, 1]
    counted = histogram(np.array([0.0, 0.25, np.nan, -0.001]))
    assert (counted.total, counted.max_s, counted.counts[0]) == (3, 0.25, 2)
    assert counted.quantile_s(1.0) == 0.25
