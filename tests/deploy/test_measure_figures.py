"""The arithmetic from what servers showed to what the application costs, on servers made up here."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from poolwise.deploy.measuring.doubts import doubts, refuse_errors
from poolwise.deploy.measuring.figures import app_of, costs, figures, parallel_cores
from poolwise.deploy.measuring.growth import leak_bytes
from poolwise.deploy.measuring.sample import Batch, Memory, Row, Sample, Start
from poolwise.model import App, Figure, InputError, ServerError


def row(cpu_s: float, wait_s: float = 0.0, begin_s: float = 0.0, delay_s: float = 0.0) -> Row:
    return Row(begin_s, begin_s + cpu_s + wait_s + delay_s, cpu_s, delay_s)


def batch(cpu_s: float = 0.006, private: int = 50_000_000, delay_s: float = 0.0) -> Batch:
    """Ten requests: 5 ms of CPU in the application, 20 ms of waiting, and ``cpu_s`` of the process."""
    rows = tuple(row(0.005, 0.020, delay_s=delay_s) for _ in range(10))
    return Batch(10, rows, cpu_s * 10, 0.0, 0.001 * 10, 0.3, private)


SAMPLE = Sample(
    starts=(Start(0.10, 0.03, 0.0, 0.50, 0.30, 0.05), Start(0.05, 0.02, 0.015, 0.60, 0.32, 0.08)),
    bare_bytes=7_000_000,
    threads=5,
    used=Memory(49_000_000, 50_000_000, 9_000_000, 4_000_000),
    last=Memory(50_250_000, 50_000_000, 9_000_000, 4_000_000),
    batches=tuple(batch() for _ in range(20)),
    idle_cpu=0.0,
    meetings=(tuple(row(0.01, 0.0, begin_s=0.01 * place) for place in range(5)),),
    gil_wait_s=0.002,
    free_threaded=False,
    python="3.11.2",
    statuses={"/": {200: 200}},
)


def middle(*samples: Sample) -> dict[str, float]:
    return {name: figure.median for name, figure in figures(samples).items()}


def test_each_figure_by_hand() -> None:
    found = middle(SAMPLE)
    assert found == pytest.approx(
        {
            "ready_s": 0.55,  # the second needed 0.035 + 0.52 s without the delays
            "startup_cpu_s": 0.02,
            "startup_wait_s": 0.0,  # 15 ms are within the doubt of the clock
            "import_cpu_s": 0.30,
            "import_wait_s": 0.15,
            "bare_bytes": 7e6,
            "thread_bytes": 250_000,  # 1 MB more for four more threads
            "process_bytes": 50e6,
            "shared_bytes": 9e6,
            "front_bytes": 4e6,
            "leak_bytes": 0.0,
            "request_cpu_s": 0.006,
            "application_cpu_s": 0.005,
            "request_wait_s": 0.020,
            "service_s": 0.026,
            "front_cpu_s": 0.001,
            "parallel_cores": 1.0,
            "gil_wait_s": 0.002,
        }
    )


def test_the_app_is_made_of_the_medians() -> None:
    servers = [replace(SAMPLE, bare_bytes=size) for size in (7_000_000, 9_000_000, 8_000_000)]
    found = figures(servers)
    assert found["bare_bytes"] == Figure(8e6, 7e6, 9e6)
    app = app_of("shop:app", found, free_threaded=True)
    assert (app.name, app.bare_bytes, app.process_bytes, app.gil) == (
        "shop:app",
        8_000_000,
        50_000_000,
        "free-threaded",
    )
    assert app.cpu_share == pytest.approx(6 / 26)
    assert app.memory_bytes(2, 4) == 9_000_000 + 2 * (50_000_000 + 4 * 250_000)


def test_other_load_changes_neither_cpu_nor_waiting() -> None:
    disturbed = [batch(0.012, delay_s=0.1) if place % 3 else batch() for place in range(20)]
    found = middle(replace(SAMPLE, batches=tuple(disturbed)))
    assert found["request_cpu_s"] == pytest.approx(0.006)
    assert found["request_wait_s"] == pytest.approx(0.020)


def test_idle_cpu_and_children_are_told_apart_from_requests() -> None:
    asleep = replace(SAMPLE, idle_cpu=0.1)  # 0.3 s a batch: 3 ms of each request are not its own
    assert middle(asleep)["request_cpu_s"] == pytest.approx(0.003)
    working = replace(SAMPLE, batches=tuple(replace(each, children_s=0.1) for each in SAMPLE.batches))
    found = middle(working)
    assert found["request_cpu_s"] == pytest.approx(0.016)
    assert found["request_wait_s"] == pytest.approx(0.010)  # the rest of the wait was the child's work


def test_what_one_server_could_not_tell_is_absent() -> None:
    found = figures([SAMPLE, replace(SAMPLE, meetings=(), gil_wait_s=None)])
    assert not {"parallel_cores", "gil_wait_s"} & found.keys()
    alone = middle(replace(SAMPLE, threads=1, meetings=()))
    assert "thread_bytes" not in alone and alone["process_bytes"] == 50_250_000
    assert (
        app_of("x", figures([replace(SAMPLE, threads=1, meetings=())]), False).thread_bytes
        == App().thread_bytes
    )


def together(count: int, cpu_s: float, wait_s: float, gil: bool, delay_s: float = 0.0) -> tuple[Row, ...]:
    """Requests that begin at once: with a GIL each computes when those before it have."""
    return tuple(
        Row(0.0, (place + 1 if gil else 1) * cpu_s + wait_s + delay_s, cpu_s, delay_s)
        for place in range(count)
    )


def test_threads_side_by_side() -> None:
    assert parallel_cores([together(8, 0.01, 0.0, gil=True)]) == pytest.approx(1.0)
    assert parallel_cores([together(8, 0.01, 0.0, gil=False)]) == pytest.approx(8.0)
    assert parallel_cores([together(8, 0.01, 0.02, gil=True)]) == pytest.approx(0.8)
    busy = [together(8, 0.01, 0.0, gil=False, delay_s=0.08), together(8, 0.01, 0.0, gil=False, delay_s=0.03)]
    assert parallel_cores(busy) == pytest.approx(2.0)  # what was seen once is true
    assert parallel_cores(busy[:1]) is None  # one core's worth, while others had the cores
    assert parallel_cores([together(8, 0.001, 0.1, gil=True)]) is None  # they wait
    assert parallel_cores([together(8, 0.00001, 0.0, gil=True)]) is None  # they do too little
    assert parallel_cores([]) is None


def growing(sizes: Sequence[float]) -> tuple[Batch, ...]:
    return tuple(batch(private=round(size)) for size in sizes)


def test_growth_beyond_doubt() -> None:
    steady = [50e6 + 10 * place * 5000 for place in range(20)]
    assert leak_bytes(growing(steady)) == pytest.approx(5000)
    noise = random.Random(1)
    uneven = [size + noise.uniform(-40e3, 40e3) for size in steady]
    assert leak_bytes(growing(uneven)) == pytest.approx(5000, rel=0.1)
    assert leak_bytes(growing([50e6] * 20)) == 0
    assert leak_bytes(growing([50e6] * 12 + [51e6] * 8)) == 0  # one step of an allocator
    assert leak_bytes(growing([50e6 - 20e6 / (place + 1) for place in range(20)])) == 0  # it settles
    assert leak_bytes(growing([50e6 + place * 100 for place in range(20)])) == 0  # too little to tell
    assert leak_bytes(growing(steady[:8])) is None


def test_requests_in_turn_get_their_own_costs() -> None:
    rows = tuple(row(0.001 if place % 2 else 0.004, 0.010) for place in range(10))
    mixed = replace(batch(0.0035), rows=rows)
    found = costs(
        [replace(SAMPLE, batches=(mixed,) * 20, statuses={"/a": {200: 5}, "/b": {302: 5}})], ["/a", "/b"]
    )
    assert [cost.request for cost in found] == ["/a", "/b"]
    own = 0.0035 - 0.0025
    assert [cost.cpu_s for cost in found] == pytest.approx([0.004 + own, 0.001 + own])
    assert [cost.service_s for cost in found] == pytest.approx([0.014 + own, 0.011 + own])
    assert found[1].statuses == {302: 5}
    unseen = replace(mixed, rows=rows[:-1])  # an answer that its server did not close: nobody knows whose
    assert costs([replace(SAMPLE, batches=(unseen,))], ["/"])[0].cpu_s == 0


def test_doubts_in_words() -> None:
    def said(sample: Sample) -> str:
        return "\n".join(doubts([sample], figures([sample])))

    assert said(SAMPLE) == "growth of less than 1,971 bytes a request would not be seen"
    few = replace(
        SAMPLE, batches=SAMPLE.batches[:1], statuses={"/": {200: 5, 302: 4, 404: 1, 0: 2}}, meetings=()
    )
    for words in (
        "no more than 10",
        "too few requests",
        "4 of 12 answers were redirects (302)",
        "1 of 12 answers had status 404",
        "2 of 12 answers had status none",
        "side by side was not seen",
    ):
        assert words in said(few)
    assert "with one thread" in said(replace(SAMPLE, threads=1, meetings=()))
    unseen = replace(SAMPLE, batches=tuple(replace(each, rows=each.rows[:-1]) for each in SAMPLE.batches))
    assert "20 requests did not end inside the application" in said(unseen)


def test_errors_say_whose_they_are() -> None:
    refuse_errors({"/": {200: 5, 304: 1}})
    with pytest.raises(InputError, match=r"/x was answered with status 404 \(1 of 6 times\)"):
        refuse_errors({"/": {200: 5}, "/x": {200: 5, 404: 1}})
    with pytest.raises(ServerError, match="status 503"):
        refuse_errors({"/": {503: 1}})
    with pytest.raises(ServerError, match="got no answer"):
        refuse_errors({"/": {0: 1}})
