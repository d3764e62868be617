"""Paths, files of paths and HAR files as requests; and what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from poolwise.deploy import Request, requests_of
from poolwise.model import InputError


def har(*requests: Any) -> str:
    return json.dumps({"log": {"entries": [{"request": request} for request in requests]}})


def test_paths_and_files_of_paths() -> None:
    assert requests_of((), "", "") == (Request("/"),)
    assert requests_of(["/a?b=c&d=%20", "/é x"], "", "") == (Request("/a?b=c&d=%20"), Request("/%C3%A9%20x"))
    text = "# what people look at\n/\n\n  /teas?q=green  \nhttp://shop.example/basket#top\n"
    assert [str(each) for each in requests_of(["/first"], "u.txt", text)] == [
        "/first",
        "/",
        "/teas?q=green",
        "/basket",
    ]


def test_what_a_browser_recorded() -> None:
    text = har(
        {"method": "get", "url": "https://shop.example/?q=1", "headers": [{"name": ":path", "value": "/"},
            {"name": "Cookie", "value": "a=1"}, {"name": "Host", "value": "shop.example"}]},
        {"method": "POST", "url": "https://shop.example/o", "postData": {"text": "a=é"}},
        {"method": "POST", "url": "https://shop.example/o",
         "postData": {"text": "AAE=", "encoding": "base64"}},
        {"method": "GET", "url": "https://elsewhere.example/counter"},
        {"method": "POST", "url": "https://shop.example/o",
         "postData": {"params": [{"name": "a b", "value": "é"}]}},
    )  # fmt: skip
    first, second, third, fourth = requests_of((), "s.har", text)
    assert first == Request("/?q=1", "GET", (("Cookie", "a=1"),), host="shop.example")
    assert second == Request("/o", "POST", (), "a=é".encode(), "shop.example")
    assert (third.body, fourth.body) == (b"\x00\x01", b"a+b=%C3%A9")
    assert str(second) == "POST /o"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense here\n", r"u.txt:1: 'nonsense here' is no path"),
        ("/fine\nftp://x/y\n", r"u.txt:2: "),
        ("# nothing\n", "u.txt holds no request"),
        ("{not json", "neither a list of paths nor a HAR file"),
        ('{"log": {"entries": 5}}', "neither a list of paths nor a HAR file"),
        (har(), "u.txt holds no request"),
        (har({"method": "GET"}), "u.txt, entry 1 is no request"),
        (har({"method": "GET", "url": "/a"}, 7), "u.txt, entry 2 is no request"),
        (har({"method": "G T", "url": "/a"}), "entry 1 is no request"),
        (har({"method": "GET", "url": "/a", "headers": 5}), "entry 1 is no request"),
        (har({"method": "GET", "url": "/a", "headers": [{"name": "X", "value": "a\r\nb"}]}), "entry 1"),
        (har({"method": "GET", "url": "/a", "headers": [{"name": "X Y", "value": "a"}]}), "entry 1"),
        (har({"method": "POST", "url": "/a", "postData": {"text": "?", "encoding": "base64"}}), "entry 1"),
        (har({"method": "POST", "url": "/a", "postData": 5}), "entry 1"),
    ],
)
def test_what_is_no_request_is_named(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        requests_of((), "u.txt", text)


def test_a_path_of_the_command_line_is_named() -> None:
    with pytest.raises(InputError, match="--url teas: 'teas' is no path"):
        requests_of(["teas"], "", "")
