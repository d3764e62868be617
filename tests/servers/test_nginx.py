"""The proxy that nginx's settings make."""

import pytest

from poolwise.model import InputError, Proxy
from poolwise.servers import NGINX_OPTIONS, nginx_proxy, valid_options


def test_proxies() -> None:
    assert nginx_proxy() == Proxy("nginx", 0)
    assert nginx_proxy({"keepalive": 32}) == Proxy("nginx", 32)
    with pytest.raises(InputError, match="nginx: proxy_buffering must be on"):
        nginx_proxy({"proxy_buffering": "off"})
    with pytest.raises(InputError, match="keepalive must be a whole number"):
        nginx_proxy({"keepalive": -1})


@pytest.mark.parametrize(("version", "often"), [("1.18.0", 100), ("1.19.10", 1000), ("1.28", 1000)])
def test_requests_of_a_connection_by_version(version: str, often: int) -> None:
    rows = {row.name: row.default for row in valid_options(NGINX_OPTIONS, version)}
    assert rows["keepalive_requests"] == often
