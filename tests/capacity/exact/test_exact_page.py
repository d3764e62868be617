"""The figures of docs/explanation/queueing-formulas.md are what the functions say."""

from __future__ import annotations

from pathlib import Path

import poolwise.capacity
from poolwise.capacity import (
    exact_threads,
    mmc,
    mmck,
    mmpp_queue,
    pollaczek_khinchine,
    prefork_chain,
    processor_sharing,
    python_pool,
)
from sample_pools import prefork


def page(root: Path) -> str:
    """The page as one line."""
    return " ".join((root / "docs/explanation/queueing-formulas.md").read_text("utf-8").split())


def test_fixed_and_changing_pools(root: Path) -> None:
    text = page(root)
    pool, fixed = prefork_chain(prefork(5, 5, 10, 256), 20, 0.2, 0.5), mmc(20, 0.2, 12)
    assert f"keep {pool.processes:.1f} processes" in text
    assert f"start one every {1 / pool.created_rps:.1f} s" in text
    assert (
        f"wait {1e6 * fixed.mean_wait_s:.0f} µs on average, prefork's {1e6 * pool.mean_wait_s:.0f} µs" in text
    )
    bursts = mmpp_queue(10, 70, 50, 10, 0.2, 12)
    assert (bursts.rate_rps, round(bursts.mean_wait_s)) == (20.0, 1)
    assert f"{fixed.wait_probability:.1%}".replace("%", " %") + " of the requests wait" in text
    assert f"{bursts.wait_probability:.0%}".replace("%", " %") + " do, for a second" in text


def test_laws_cores_and_overload(root: Path) -> None:
    text = page(root)
    waits = [f"{pollaczek_khinchine(4, 0.2, cv2):.1f} s" for cv2 in (0, 1, 4)]
    assert (
        f"{waits[0]} for requests of equal length, {waits[1]} for exponential ones, {waits[2]} with" in text
    )
    slow, slower = (processor_sharing(rate, 0.02, 4).slowdown for rate in (160, 190))
    assert f"take {slow:.1f} times as long as one alone, 190 a second {slower:.1f} times" in text
    over = mmck(60, 0.2, 10, 511)
    assert f"waits {over.mean_wait_s:.1f} s, one in {1 / over.refused:.0f}".replace("in 6", "in six") in text


def test_the_table_of_the_gil(root: Path) -> None:
    text = page(root)
    for processes, threads, rate in (
        (1, 5, 60),
        (1, 5, 75),
        (1, 15, 80),
        (4, 5, 250),
        (4, 5, 320),
        (8, 3, 320),
    ):
        pool = python_pool(rate, processes, threads, 0.01, 0.04, 4)
        multiplied, busy = f"{pool.naive_busy_share:.0%}", f"{pool.queue.busy_share:.1%}"
        row = f"| {processes} × {threads}, {rate} | {multiplied} | {busy} |".replace("%", " %")
        assert row in text
        if (processes, rate) == (4, 320):
            assert f"the capacity is {pool.capacity_rps:.1f} a second" in text
    rough = python_pool(75, 1, 5, 0.01, 0.04, 4, 60).queue.mean_response_s
    exact = exact_threads(75, 5, 0.01, 0.04, 1, 60).mean_response_s
    assert f"it says {1000 * rough:.0f} ms" in text
    assert f"gives {1000 * exact:.0f} ms" in text


def test_every_formula_has_its_place_in_the_page(root: Path) -> None:
    text = page(root).replace("covariance_…", "covariance_")
    functions = [
        name for name in poolwise.capacity.__all__ if name.islower() and name not in ("search", "tune")
    ]
    missing = [name for name in functions if name not in text and not name.startswith("covariance_")]
    assert missing == []
