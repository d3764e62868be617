"""What cannot be rehearsed is said before anything is started, with what to do."""

from __future__ import annotations

import resource
from dataclasses import replace

import numpy as np
import pytest

from poolwise.config import load
from poolwise.deploy import check_room, check_site, check_traffic
from poolwise.deploy.rehearsal import limits
from poolwise.model import InputError
from rehearsals import pool_text, rehearsing, traffic


def test_another_server_than_apache_2_4_on_linux() -> None:
    winnt = load("-", text="ThreadsPerChild 64\n", mpm="winnt").site
    with pytest.raises(InputError, match="the winnt MPM cannot be rehearsed"):
        check_site(winnt)
    old = load("-", text="StartServers 5\n", mpm="prefork", httpd_version="2.2").site
    with pytest.raises(InputError, match=r"--httpd-version 2\.4"):
        check_site(old)
    check_site(load("-", text="StartServers 5\n", mpm="prefork").site)


def test_clients_that_one_process_cannot_play() -> None:
    check_traffic(traffic(60, np.linspace(0, 59, 500), 0.1))
    with pytest.raises(InputError, match="--upload"):
        check_traffic(replace(traffic(5, [1.0], 0.1), upload_s=np.ones(1)))
    with pytest.raises(InputError, match=r"3,000 requests come within one second.*--scale"):
        check_traffic(traffic(60, np.linspace(3.0, 3.9, 3000), 0.1))
    with pytest.raises(InputError, match="--limit"):
        check_traffic(traffic(1000, np.linspace(0, 999, 300_000), 0.1))


@pytest.mark.server
def test_room_for_what_the_simulation_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"StartServers": 40, "MaxRequestWorkers": 60}
    case = rehearsing(pool_text("prefork", asked), traffic(3, [1.0] * 50, 1.0))
    plan, expected = case.plan(), case.expected()
    check_room(plan, expected)
    monkeypatch.setattr(limits, "MOST_FILES", 90)
    with pytest.raises(InputError, match=r"50 connections and 4\d processes"):
        check_room(plan, expected)
    monkeypatch.setattr(limits, "PROCESS_BYTES", 10**13)
    with pytest.raises(InputError, match="this machine has memory for about 0 such processes"):
        check_room(plan, expected)


@pytest.mark.server
def test_what_is_missing_or_asked_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = rehearsing(pool_text("worker", {}), traffic(3, [1.0], 1.0)).plan()
    limits.check_plan(plan)
    with pytest.raises(InputError, match=r"--cores 5000: this machine has \d+"):
        limits.check_plan(replace(plan, cores=5000))
    elsewhere = replace(plan.httpd, modules="/nowhere", built_in=frozenset())
    with pytest.raises(InputError, match=r"the worker MPM is missing.*/nowhere/mod_mpm_worker.so"):
        limits.check_plan(replace(plan, httpd=elsewhere))
    limits.check_plan(replace(plan, httpd=replace(elsewhere, built_in=frozenset({"worker.c"}))))
    monkeypatch.setattr("tempfile.tempdir", "/tmp/" + "x" * 80)
    with pytest.raises(InputError, match="TMPDIR"):
        limits.check_plan(plan)


def test_open_files_are_allowed_up_to_what_the_system_permits() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        limits.raise_open_files()
        now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert before[0] <= now
        assert now >= min(limits.MOST_FILES, most) or most == resource.RLIM_INFINITY
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
