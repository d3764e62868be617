"""A measurement in words and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from poolwise.model import App, Cost, Figure, Measured
from poolwise.report import app_json, app_text

FIGURES = {
    "ready_s": Figure(0.5, 0.45, 0.6),
    "startup_cpu_s": Figure(0.02, 0.02, 0.02),
    "startup_wait_s": Figure(0.0, 0.0, 0.0),
    "import_cpu_s": Figure(0.3, 0.29, 0.31),
    "import_wait_s": Figure(0.0, 0.0, 0.004),
    "process_bytes": Figure(50e6, 49e6, 51e6),
    "bare_bytes": Figure(7e6, 7e6, 7e6),
    "thread_bytes": Figure(2e5, 1e5, 4e5),
    "shared_bytes": Figure(9e6, 9e6, 9e6),
    "front_bytes": Figure(4e6, 4e6, 4e6),
    "leak_bytes": Figure(0.0, 0.0, 0.0),
    "request_cpu_s": Figure(0.006, 0.0055, 0.0065),
    "application_cpu_s": Figure(0.005, 0.005, 0.005),
    "request_wait_s": Figure(0.024, 0.024, 0.025),
    "service_s": Figure(0.03, 0.03, 0.03),
    "front_cpu_s": Figure(0.0002, 0.0002, 0.0002),
    "parallel_cores": Figure(0.98, 0.97, 0.99),
    "gil_wait_s": Figure(0.002, 0.001, 0.003),
}
APP = App("shop:app", process_bytes=50_000_000, thread_bytes=200_000, shared_bytes=9_000_000, cpu_share=0.2)
MEASURED = Measured(
    APP, FIGURES, "mod_wsgi 6.1.1 on Apache 2.4.71", "3.11.2", "shop:app",
    (Cost("/", 0.03, 0.006, {200: 900}),),
    rounds=3, requests=4500, threads=8, notes=("growth of less than 200 bytes a request would not be seen",),
)  # fmt: skip


def lines_of(measured: Measured) -> list[str]:
    return [" ".join(line.split()) for line in app_text(measured).splitlines()]


def test_the_screen() -> None:
    lines = lines_of(MEASURED)
    for line in (
        "shop:app, measured in mod_wsgi 6.1.1 on Apache 2.4.71, Python 3.11.2",
        "4,500 requests one after the other, in 3 fresh servers: the median, and the range",
        "Start loaded after 500 ms 450 ms to 600 ms",
        "CPU before loading 20 ms",
        "Memory each process 50 MB 49 MB to 51 MB",
        "each thread 200 kB 100 kB to 400 kB ?",
        "growth with each request none seen",
        "A request time in the process 30 ms",
        "8 processes with 5 threads each take 417 MB, and the server's other processes 4 MB.",
        "One core serves about 160 requests/s.",
        "A request computes for 20 % of its time: 5 threads can keep a core busy.",
        "Two threads of a process compute 1.0 times as much as one: they share the GIL.",
        "With 8 requests at a time, mod_wsgi itself waited 2 ms for the GIL in each.",
        "Every process that is started costs 320 ms of a core before it is of use.",
        "growth of less than 200 bytes a request would not be seen",
        "servers disagree (?) about: each thread; --repeat, or a quieter machine, tells more",
    ):
        assert line in lines
    assert max(map(len, app_text(MEASURED).splitlines())) <= 100


def test_what_threads_do_is_said_as_it_was_seen() -> None:
    def said(app: App = APP, **figures: Figure | None) -> str:
        merged = {name: figure for name, figure in {**FIGURES, **figures}.items() if figure}
        return "\n".join(lines_of(replace(MEASURED, app=app, figures=merged)))

    parallel: dict[str, Figure | None] = {"parallel_cores": Figure(1.8, 1.7, 1.9)}
    assert "have computed on 1.8 cores at once: some is outside the GIL" in said(APP, **parallel)
    free = said(replace(APP, gil="free-threaded"), **parallel)
    assert "on 1.8 cores at once: it runs without the GIL" in free and "mod_wsgi itself waited" not in free
    assert "share the GIL" not in said(parallel_cores=None)
    assert "what it waits for decides, not the processor" in said(replace(APP, cpu_share=0.001))
    assert "1 thread can keep a core busy" in said(replace(APP, cpu_share=1.0))


def test_one_server_has_no_range_and_several_requests_have_a_table() -> None:
    costs = (Cost("/", 0.03, 0.006, {200: 9}), Cost("POST /orders", 0.2, 0.01, {201: 8, 0: 1}))
    lines = lines_of(replace(MEASURED, rounds=1, costs=costs))
    assert "Start loaded after 500 ms" in lines
    place = lines.index("request time CPU answers")
    assert lines[place + 1 : place + 3] == [
        "POST /orders 200 ms 10 ms 8 × 201, 1 × none",
        "/ 30 ms 6 ms 9 × 200",
    ]
    many = tuple(Cost(f"/{number}", 0.01, 0.01, {200: 1}) for number in range(25))
    assert "and 5 more, that take less" in lines_of(replace(MEASURED, costs=many))


def test_the_json_holds_all_of_it() -> None:
    document = json.loads(app_json(MEASURED))
    assert document["schema"] == "poolwise.app/1"
    assert document["app"] == asdict(APP)
    measured = document["measured"]
    assert measured["figures"]["thread_bytes"] == {"median": 2e5, "low": 1e5, "high": 4e5, "doubtful": True}
    assert measured["figures"]["import_wait_s"]["doubtful"] is False  # 4 ms of a start matter to nobody
    assert measured["costs"] == [
        {"request": "/", "service_s": 0.03, "cpu_s": 0.006, "statuses": {"200": 900}}
    ]
    assert {measured[name] for name in ("server", "python", "target", "rounds", "requests", "threads")} == {
        "mod_wsgi 6.1.1 on Apache 2.4.71", "3.11.2", "shop:app", 3, 4500, 8,
    }  # fmt: skip
    assert measured["notes"] == list(MEASURED.notes)
