"""The screen of ``serve`` and the words of ``status``, from values alone."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from poolwise.model import Group, Serving
from poolwise.report import serving_text, status_json, status_text

WELL = Serving(
    name="shop",
    folder="/run/poolwise/shop",
    addresses=("https://shop.example/", "https://www.shop.example/"),
    phase="running",
    pid=10,
    uptime_s=3725.0,
    generation="a",
    groups=(
        Group("shop", "shop.wsgi:application", "/", "daemon", 2, 5, (12, 13), 40_000_000),
        Group("api", "api:app", "/api", "gunicorn", 1, 1, (14,), 20_000_000),
    ),
    servers=(("httpd", 11),),
    connections=100,
    front_bytes=4_000_000,
    software=("Apache httpd 2.4.71", "mod_wsgi 6.1.1", "Python 3.11.2"),
    logs=("/run/poolwise/shop/log/error.log", "/run/poolwise/shop/log/access.log"),
    reasons=("2 processes: one for each core",),
)


def test_the_screen() -> None:
    assert serving_text(WELL) == (
        "shop is served at https://shop.example/ and https://www.shop.example/\n"
        "by Apache httpd 2.4.71, mod_wsgi 6.1.1, Python 3.11.2\n"
        "\n"
        "            at    runs in                    processes      memory\n"
        "  shop      /     mod_wsgi daemon processes  2 × 5 threads   40 MB\n"
        "  api       /api  gunicorn, behind Apache    1 × 1 thread    20 MB\n"
        "  Apache          100 connections                             4 MB\n"
        "  together                                                   64 MB\n"
        "\n"
        "  Memory is PSS: pages that processes share are counted once.\n"
        "\n"
        "  2 processes: one for each core\n"
        "\n"
        "  files   /run/poolwise/shop\n"
        "  logs    /run/poolwise/shop/log: error.log, access.log\n"
        "  reload  poolwise reload shop\n"
        "  status  poolwise status shop\n"
        "  stop    Ctrl-C here, or: poolwise stop shop\n"
    )


def test_the_status_of_one_that_is_well() -> None:
    text = status_text([WELL])
    assert text.startswith(
        "shop at https://shop.example/ and https://www.shop.example/, running for 1 h 2 min\n"
    )
    assert "  pids        poolwise 10, httpd 11\n" in text
    assert "reloads" not in text
    assert "!" not in text


def test_the_status_of_one_that_is_not() -> None:
    short = replace(WELL.groups[0], pids=(12,))
    ill = replace(
        WELL,
        groups=(short,),
        exact=False,
        troubles=("shop has loaded in 1 of 2 processes",),
        reloads=3,
        poolwise_bytes=6_000_000,
        last_reload="not done: it does not load",
        last_error="[wsgi:error] no",
        finishing=(9,),
    )
    text = status_text([ill])
    assert "  ! shop has loaded in 1 of 2 processes\n" in text
    assert "1 of 2 × 5 threads" in text
    assert re.search(r"poolwise +6 MB\n  together +50 MB\n", text)
    assert "Memory is RSS where the system shows no more" in text
    assert "  finishing   9 (before the last reload)\n" in text
    assert "  reloads     3, the last: not done: it does not load\n" in text
    assert "  last error  [wsgi:error] no\n" in text
    gone = status_text([replace(WELL, phase="gone", troubles=("poolwise (pid 10) was killed",))])
    assert gone == "shop is not served\n\n  ! poolwise (pid 10) was killed\n\n"
    assert status_text([]) == "Nothing is served.\n"


def test_the_status_for_programs() -> None:
    document = json.loads(status_json([WELL, replace(WELL, troubles=("no",))]))
    assert document["schema"] == "poolwise.status/1"
    assert [site["well"] for site in document["sites"]] == [True, False]
    assert document["sites"][0]["memory_bytes"] == 64_000_000
    assert document["sites"][0]["groups"][1]["pids"] == [14]
