"""The knowledge as data: complete, one row a directive, and the defaults of section 1 of the manual pages."""

import pytest

from poolwise.model import Value, Where
from poolwise.servers import ARCHITECTURES, SHIPPED, parameters, settle, shipped_as

VERSIONS = ("2.2.15", "2.2", "2.4.1", "2.4.6", "2.4.17", "2.4.71")

THREADED: dict[str, int | None] = {
    "StartServers": 3, "MinSpareThreads": 75, "MaxSpareThreads": 250, "ThreadsPerChild": 25,
    "ThreadLimit": 64,
    "ServerLimit": 16, "MaxRequestWorkers": 400,
}  # fmt: skip
PREFORK: dict[str, int | None] = {
    "StartServers": 5,
    "MinSpareServers": 5,
    "MaxSpareServers": 10,
    "ServerLimit": 256,
}
DEFAULTS: dict[tuple[str, str], dict[str, int | None]] = {
    ("prefork", "2.2"): {**PREFORK, "MaxRequestWorkers": None, "MaxConnectionsPerChild": 10000,
                         "MaxMemFree": 0, "Timeout": 300, "ListenBacklog": 511},
    ("prefork", "2.4"): {**PREFORK, "MaxRequestWorkers": 256, "MaxConnectionsPerChild": 0, "MaxMemFree": 2048,
                         "Timeout": 60, "KeepAlive": True, "KeepAliveTimeout": 5,
                         "MaxKeepAliveRequests": 100, "ThreadStackSize": None},
    ("worker", "2.2"): {**THREADED, "MaxRequestWorkers": None},
    ("worker", "2.4"): THREADED,
    ("event", "2.4"): {**THREADED, "AsyncRequestWorkerFactor": 2, "ListenCoresBucketsRatio": 0},
    ("winnt", "2.4"): {"ThreadsPerChild": 64, "ThreadLimit": 1920},
}  # fmt: skip


@pytest.mark.parametrize(("architecture", "version"), DEFAULTS)
def test_compiled_in_defaults(architecture: str, version: str) -> None:
    known = {row.name: row.default for row in parameters(architecture, version)}
    expected = DEFAULTS[architecture, version]
    assert {name: known[name] for name in expected} == expected


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_directive_is_described_once_and_sourced(architecture: str, version: str) -> None:
    rows = parameters(architecture, version)
    names = [spelling for row in rows for spelling in row.spellings]
    assert len(names) == len(set(names))
    for row in rows:
        assert row.source and row.summary.endswith(".") and row.contexts[0] == "server config"
        if isinstance(row.default, int) and row.name != "ListenCoresBucketsRatio":  # 0 cannot be written
            assert row.minimum is None or row.minimum <= row.default


def test_old_names_are_the_only_names_of_22() -> None:
    spellings = {
        version: {s for row in parameters("prefork", version) for s in row.spellings} for version in VERSIONS
    }
    for version, known in spellings.items():
        assert "MaxClients" in known
        assert ("MaxRequestWorkers" in known) == version.startswith("2.4")
    assert "ListenCoresBucketsRatio" not in spellings["2.4.6"]


def test_what_is_shipped_is_accepted_as_it_stands() -> None:
    for row in SHIPPED:
        asked = {name: Value(name, number, "", Where("x", 1)) for name, number in row.values.items()}
        values = settle(row.architecture, asked, row.series)
        assert {name: values[name].value for name in row.values} == row.values
        assert not [value for value in values.values() if value.changes]


def test_the_trap_of_the_upstream_file() -> None:
    trap = next(row for row in SHIPPED if row.distribution == "upstream" and row.architecture == "prefork")
    assert not trap.included and "not included" in trap.remark
    compiled_in = settle("prefork", {}, "2.4")["MaxRequestWorkers"].value
    assert (trap.values["MaxRequestWorkers"], compiled_in) == (250, 256)


def test_untouched_settings_are_recognised() -> None:
    debian = {"StartServers": 5, "MinSpareServers": 5, "MaxSpareServers": 10, "MaxRequestWorkers": 150,
              "MaxConnectionsPerChild": 0}  # fmt: skip
    assert {row.distribution for row in shipped_as("prefork", debian)} == {"Debian", "upstream"}
    assert shipped_as("prefork", {**debian, "MaxRequestWorkers": 151}) == ()
