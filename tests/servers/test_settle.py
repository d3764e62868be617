"""Start-up changes: a table worked out by hand from the order in which httpd checks."""

import pytest

from poolwise.model import InputError, Value, Where
from poolwise.servers import ARCHITECTURES, parameters, pool, settle


def asked(**settings: float) -> dict[str, Value]:
    return {name: Value(name, value, "", Where("httpd.conf", 1)) for name, value in settings.items()}


def in_force(architecture: str, version: str, buckets: int = 1, **settings: float) -> dict[str, Value]:
    return settle(architecture, asked(**settings), version, buckets)


# architecture, version, asked, in force, message ids of the changes in the order of the names ("" silent)
CASES = [
    # prefork: the logged checks
    ("prefork", "2.4", {"ServerLimit": 200001}, {"ServerLimit": 200000}, ["AH00175"]),
    ("prefork", "2.4", {"ServerLimit": 0}, {"ServerLimit": 1, "MaxRequestWorkers": 1, "StartServers": 1},
        ["AH00177", "AH00180", ""]),
    ("prefork", "2.4", {"MaxRequestWorkers": 300}, {"MaxRequestWorkers": 256}, ["AH00180"]),
    (
        "prefork", "2.4", {"ServerLimit": 300, "MaxRequestWorkers": 300},
        {"ServerLimit": 300, "MaxRequestWorkers": 300}, [],
    ),
    ("prefork", "2.4", {"ServerLimit": 300}, {"MaxRequestWorkers": 256}, []),
    ("prefork", "2.4", {"MaxRequestWorkers": 0}, {"StartServers": 1}, ["AH00182", ""]),
    ("prefork", "2.4", {"StartServers": 0}, {"StartServers": 1}, ["AH00184"]),
    ("prefork", "2.4", {"MinSpareServers": -3}, {"MinSpareServers": 1}, ["AH00186"]),
    # prefork: the silent ones
    ("prefork", "2.4", {"MaxSpareServers": 3}, {"MaxSpareServers": 6}, [""]),
    ("prefork", "2.4", {"MinSpareServers": 10}, {"MaxSpareServers": 11}, [""]),
    ("prefork", "2.4", {"MinSpareServers": 0, "MaxSpareServers": 0}, {"MaxSpareServers": 2}, ["AH00186", ""]),
    ("prefork", "2.4", {"StartServers": 50, "MaxRequestWorkers": 20}, {"StartServers": 20}, [""]),
    (
        "prefork", "2.4", {"MinSpareServers": 50, "MaxRequestWorkers": 10},
        {"MinSpareServers": 50, "MaxSpareServers": 51}, [""],
    ),
    ("prefork", "2.4", {"MaxConnectionsPerChild": -5}, {"MaxConnectionsPerChild": -5}, []),
    # worker and event
    ("event", "2.4", {"ServerLimit": 20001}, {"ServerLimit": 20000}, ["AH00497"]),
    ("worker", "2.4", {"ServerLimit": 20001}, {"ServerLimit": 20000}, ["AH00300"]),
    ("event", "2.4", {"ThreadLimit": 100000}, {"ThreadLimit": 100000}, []),
    ("event", "2.4", {"ThreadLimit": 100001}, {"ThreadLimit": 100000}, ["AH00502"]),
    ("worker", "2.4", {"ThreadLimit": 20001}, {"ThreadLimit": 20000}, ["AH00305"]),
    (
        "event", "2.4", {"ThreadsPerChild": 65}, {"ThreadsPerChild": 64, "MaxRequestWorkers": 384},
        ["AH00513", "AH00507"],
    ),
    ("event", "2.4", {"ThreadsPerChild": 64}, {"MaxRequestWorkers": 384}, ["AH00513"]),
    ("worker", "2.4", {"MaxRequestWorkers": 10}, {"MaxRequestWorkers": 25}, ["AH00314", ""]),
    ("worker", "2.4", {"MaxRequestWorkers": 90}, {"MaxRequestWorkers": 75}, ["AH00316"]),
    ("worker", "2.4", {"MaxRequestWorkers": 425}, {"MaxRequestWorkers": 400}, ["AH00318"]),
    ("event", "2.4", {"MaxRequestWorkers": 430}, {"MaxRequestWorkers": 400}, ["AH00513", "AH00515"]),
    ("event", "2.4", {"StartServers": -1}, {"StartServers": 1}, ["AH00517"]),
    (
        "event", "2.4", {"MinSpareThreads": 0, "MaxSpareThreads": 0},
        {"MinSpareThreads": 1, "MaxSpareThreads": 27}, ["", "AH00519"],
    ),
    ("event", "2.4", {"StartServers": 30}, {"StartServers": 16}, [""]),
    ("event", "2.4", {"AsyncRequestWorkerFactor": 1.9}, {"AsyncRequestWorkerFactor": 1}, [""]),
    ("event", "2.4", {"AsyncRequestWorkerFactor": 0.1}, {"AsyncRequestWorkerFactor": 1}, [""]),
    ("event", "2.4.29", {"AsyncRequestWorkerFactor": 1.9}, {"AsyncRequestWorkerFactor": 1.875}, [""]),
    ("event", "2.4.29", {"AsyncRequestWorkerFactor": 1.5}, {"AsyncRequestWorkerFactor": 1.5}, []),
    # the spare floors moved between releases
    ("event", "2.4.6", {"MaxSpareThreads": 75}, {"MaxSpareThreads": 100}, [""]),
    ("event", "2.4.17", {"MaxSpareThreads": 75}, {"MaxSpareThreads": 100}, [""]),
    ("event", "2.4.22", {"MaxSpareThreads": 75}, {"MaxSpareThreads": 100}, [""]),
    ("event", "2.4.23", {"MaxSpareThreads": 75}, {"MaxSpareThreads": 101}, [""]),
    ("worker", "2.4.16", {"MinSpareThreads": 5}, {"MinSpareThreads": 5}, []),
    ("worker", "2.4.17", {"MinSpareThreads": 5}, {"MinSpareThreads": 25}, [""]),
    ("worker", "2.4.20", {"MinSpareThreads": 5}, {"MinSpareThreads": 25}, [""]),
    ("worker", "2.4.21", {"MinSpareThreads": 5}, {"MinSpareThreads": 5}, []),
    # winnt
    ("winnt", "2.4", {"ThreadLimit": 15001}, {"ThreadLimit": 15000}, ["AH00439"]),
    ("winnt", "2.4", {"ThreadsPerChild": 1921}, {"ThreadsPerChild": 1920}, ["AH00444"]),
    ("winnt", "2.4", {"ThreadLimit": 0}, {"ThreadLimit": 1, "ThreadsPerChild": 1}, ["AH00441", "AH00444"]),
    # 2.2
    ("prefork", "2.2", {"ServerLimit": 400}, {"MaxRequestWorkers": 400, "MaxConnectionsPerChild": 10000}, []),
    ("prefork", "2.2", {"MaxRequestWorkers": 300}, {"MaxRequestWorkers": 256}, ["WARNING"]),
    ("prefork", "2.2", {"StartServers": 0}, {"StartServers": 0}, []),
    ("prefork", "2.2", {"StartServers": -1}, {"StartServers": 256}, [""]),
    ("worker", "2.2", {"ServerLimit": 8}, {"MaxRequestWorkers": 200}, []),
    ("worker", "2.2", {"MaxSpareThreads": 75}, {"MaxSpareThreads": 100}, [""]),
    ("worker", "2.2", {"MaxRequestWorkers": 430}, {"MaxRequestWorkers": 400}, ["WARNING", "WARNING"]),
]  # fmt: skip


@pytest.mark.parametrize(("architecture", "version", "settings", "expected", "ids"), CASES)
def test_start_up_changes(
    architecture: str, version: str, settings: dict[str, int], expected: dict[str, int], ids: list[str]
) -> None:
    values = in_force(architecture, version, **settings)
    assert {name: values[name].value for name in expected} == expected
    changes = [change for name in sorted(values) for change in values[name].changes]
    assert sorted(change.message_id for change in changes) == sorted(ids)
    assert all(change.silent == (change.message_id == "") and change.text for change in changes)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("version", ["2.2", "2.4"])
def test_nothing_asked_changes_nothing(architecture: str, version: str) -> None:
    values = settle(architecture, {}, version)
    assert not [value for value in values.values() if value.changes]
    assert all("compiled-in default of httpd " + version in str(value.where) for value in values.values())


def test_the_text_is_httpds_with_its_numbers() -> None:
    change = in_force("event", "2.4", MaxRequestWorkers=430)["MaxRequestWorkers"].changes
    assert (change[0].asked, change[0].became, change[1].asked, change[1].became) == (430, 425, 425, 400)
    assert change[1].text == (
        "WARNING: MaxRequestWorkers of 425 would require 17 servers and would exceed ServerLimit of 16, "
        "decreasing to 400. To increase, please see the ServerLimit directive."
    )


def test_asked_and_origin_survive() -> None:
    value = in_force("prefork", "2.4", MaxRequestWorkers=300)["MaxRequestWorkers"]
    assert (value.asked, value.value, str(value.where)) == (300, 256, "httpd.conf:1")


def test_the_limit_test_of_a_threaded_mpm_keeps_the_uncut_number() -> None:
    values = in_force("event", "2.4", ServerLimit=2, ThreadsPerChild=5, MaxRequestWorkers=50)
    made = pool("event", values, "2.4.71")
    assert (made.process_limit, made.server_limit, made.max_workers, made.workers) == (2, 2, 50, 10)
    old = in_force("worker", "2.2", ServerLimit=2, ThreadsPerChild=5, MaxRequestWorkers=50)
    assert pool("worker", old, "2.2.34").max_workers == 10


def test_pools_of_the_compiled_in_values() -> None:
    prefork = pool("prefork", settle("prefork", {}, "2.4"), "2.4.71")
    assert (prefork.initial, prefork.minimum, prefork.floor, prefork.maximum, prefork.workers) == (
        5, 5, 10, 256, 256,
    )  # fmt: skip
    event = pool("event", settle("event", {}, "2.4"), "2.4.71")
    assert (event.initial, event.minimum, event.floor, event.maximum, event.workers) == (3, 3, 10, 16, 400)
    winnt = pool("winnt", settle("winnt", {}, "2.4"), "2.4.71")
    assert (winnt.initial, winnt.floor, winnt.maximum, winnt.workers) == (1, 1, 1, 64)
    assert prefork.backlog == event.backlog == 511


def test_buckets_raise_silently() -> None:
    prefork = in_force("prefork", "2.4", buckets=4, StartServers=1, MinSpareServers=1, MaxSpareServers=1)
    assert [prefork[n].value for n in ("StartServers", "MinSpareServers", "MaxSpareServers")] == [4, 4, 8]
    event = in_force("event", "2.4", buckets=4, StartServers=1, MinSpareThreads=1, MaxSpareThreads=1)
    # MinT >= 25 x 3 + 4, MaxT >= MinT + 26 x 4
    assert [event[n].value for n in ("StartServers", "MinSpareThreads", "MaxSpareThreads")] == [4, 79, 183]


def test_settling_again_starts_from_what_was_asked() -> None:
    once = in_force("event", "2.4", MaxRequestWorkers=430, ThreadsPerChild=65)
    assert settle("event", once, "2.4") == once
    wider = settle("event", {**once, **asked(ServerLimit=40, ThreadLimit=65)}, "2.4")
    assert (wider["MaxRequestWorkers"].value, wider["ThreadsPerChild"].value) == (390, 65)
    old = settle("prefork", in_force("prefork", "2.2", ServerLimit=100), "2.2")
    assert settle("prefork", {**old, **asked(ServerLimit=50)}, "2.2")["MaxRequestWorkers"].value == 50


@pytest.mark.parametrize(
    ("architecture", "version", "name"),
    [("event", "2.4", "MinSpareServers"), ("prefork", "2.4", "ThreadLimit"), ("winnt", "2.4", "StartServers"),
     ("worker", "2.4", "AsyncRequestWorkerFactor"), ("event", "2.2", "AsyncRequestWorkerFactor")],
)  # fmt: skip
def test_a_directive_of_another_mpm_is_refused(architecture: str, version: str, name: str) -> None:
    with pytest.raises(InputError, match=name):
        settle(architecture, asked(**{name: 5}), version)


@pytest.mark.parametrize("version", ["", "2", "2.3.1", "3.0", "two", "2.4x"])
def test_unknown_versions_and_mpms(version: str) -> None:
    with pytest.raises(InputError, match="httpd version"):
        parameters("event", version)
    with pytest.raises(InputError, match="unknown MPM 'itk'"):
        parameters("itk", "2.4")
