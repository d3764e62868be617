"""Processes and memory at the five sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from report_samples import APP, EVENT, TODAY, sample_site

from poolwise.model import Pool
from poolwise.report.sizes import daemon_memory, memory, sizes, worst_case

WORKER = Pool("front", "worker", 25, 3, 75, 250, 16, 16, 400)


def test_numbers_of_processes() -> None:
    found = {each.name: each.processes for each in sizes(sample_site(), TODAY, APP)}
    assert found == {"start": 5, "minimum": 5, "floor": 10, "maximum": 150, "worst": 150}


@pytest.mark.parametrize(
    ("pool", "processes"),
    [(TODAY, 150), (EVENT, 20), (replace(EVENT, server_limit=16), 16), (WORKER, 32)],
)
def test_worst_case(pool: Any, processes: Any) -> None:
    assert worst_case(pool)[0] == processes


def test_embedded_and_daemon_memory_add_up() -> None:
    site = sample_site()
    group = APP.memory_bytes(2, 15)  # the group that is never selected is not counted
    assert daemon_memory(site, APP) == group
    assert memory(site, TODAY, APP, 10) == APP.memory_bytes(10, 1) + group


def test_without_an_embedded_application_only_the_groups_count() -> None:
    site = sample_site()
    site = replace(site, applications=tuple(app for app in site.applications if app.runs != "embedded"))
    assert {each.memory_bytes for each in sizes(site, TODAY, APP)} == {APP.memory_bytes(2, 15)}


def test_without_any_application_every_process_counts() -> None:
    site = replace(sample_site(), applications=(), daemon_groups=())
    assert memory(site, TODAY, APP, 7) == APP.memory_bytes(7, 1)
