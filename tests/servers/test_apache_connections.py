"""The settings of connections and memory that travel with an Apache pool."""

import pytest

from poolwise.model import Value, Where
from poolwise.servers import connection_options, pool, settle


def options(architecture: str, version: str, **asked: float | bool) -> dict[str, float]:
    values = {name: Value(name, value, "", Where("httpd.conf", 1)) for name, value in asked.items()}
    return dict(pool(architecture, settle(architecture, values, version), version).options)


COMMON = {"Timeout": 60, "KeepAlive": 1, "KeepAliveTimeout": 5, "MaxKeepAliveRequests": 100,
          "MaxMemFree": 2048}  # fmt: skip


@pytest.mark.parametrize(
    ("architecture", "version", "expected"),
    [("prefork", "2.4.71", COMMON), ("worker", "2.4.71", COMMON), ("winnt", "2.4.71", COMMON),
     ("event", "2.4.71", {**COMMON, "AsyncRequestWorkerFactor": 2}),
     ("prefork", "2.2.34", {**COMMON, "Timeout": 300, "MaxMemFree": 0})],
)  # fmt: skip
def test_compiled_in(architecture: str, version: str, expected: dict[str, float]) -> None:
    assert options(architecture, version) == expected


def test_as_set() -> None:
    assert options("event", "2.4.71", KeepAlive=False)["KeepAlive"] == 0.0
    assert options("event", "2.4.71", KeepAliveTimeout=0.25)["KeepAliveTimeout"] == 0.25
    assert options("event", "2.4.71", MaxMemFree=64)["MaxMemFree"] == 64.0


def test_the_factor_as_it_is_used() -> None:
    assert options("event", "2.4.71", AsyncRequestWorkerFactor=3.9)["AsyncRequestWorkerFactor"] == 3.0
    assert options("event", "2.4.29", AsyncRequestWorkerFactor=1.5)["AsyncRequestWorkerFactor"] == 1.5
    unsettled = {"AsyncRequestWorkerFactor": Value("AsyncRequestWorkerFactor", 0.5, "", Where())}
    assert connection_options(unsettled, "2.4.71") == {"AsyncRequestWorkerFactor": 1.0}
