"""The drawing of a request's way."""

from __future__ import annotations

from dataclasses import replace

from report_samples import TODAY, sample_site

from poolwise.report.topology import topology


def test_everything_a_request_can_meet_is_drawn_in_order() -> None:
    text = "\n".join(topology(sample_site(), TODAY))
    stations = [
        "clients",
        "nginx",
        "511 connections",
        "Apache httpd 2.4.71, prefork",
        "150 workers",
        "daemon group api",
    ]
    places = [text.index(station) for station in [*stations, "back end http://127.0.0.1:9000/"]]
    assert places == sorted(places)
    assert "group old" not in text


def test_boxes_are_closed() -> None:
    lines = topology(sample_site(), TODAY)
    for number, line in enumerate(lines):
        if line.startswith("┌"):
            width = len(line)
            assert len(lines[number + 1]) == width
    assert sum(line.startswith("┌") for line in lines) == sum(line.startswith("└") for line in lines) == 2


def test_a_bare_site() -> None:
    site = replace(sample_site(), front="", applications=(), daemon_groups=())
    text = "\n".join(topology(site, TODAY))
    assert "no WSGI application was seen" in text
    assert "front end" not in text
