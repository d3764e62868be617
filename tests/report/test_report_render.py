"""Figures drawn: real PNG, SVG and pages."""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from report_samples import ADVISED, EVIL, Scripts, sample_run

from poolwise.report import histogram_figure, html, png, pool_figure, svg


@pytest.fixture(scope="module")
def figure() -> Any:
    return pool_figure([sample_run(length=120), sample_run(ADVISED, 120, "advice")])


def test_png_has_the_asked_scale(figure: Any) -> None:
    small, large = png(figure, scale=1.0), png(figure, scale=2.0)
    assert small.startswith(b"\x89PNG\r\n\x1a\n")
    widths = [struct.unpack(">I", data[16:20])[0] for data in (small, large)]
    assert widths[1] == pytest.approx(2 * widths[0], abs=2)
    assert widths[0] > 600


def test_svg_is_well_formed_and_says_what_it_shows(figure: Any) -> None:
    drawn = svg(figure)
    ET.fromstring(drawn)
    for words in ("Requests at once", "limit 150", "floor 10", "time (s)", "requests", "processes"):
        assert words in drawn


def test_svg_is_the_same_each_time_and_its_names_are_its_own(figure: Any) -> None:
    drawn = svg(figure)
    assert svg(figure) == drawn
    other = svg(histogram_figure([sample_run(length=120)]))
    assert not set(re.findall(r'id="([^"]+)"', drawn)) & set(re.findall(r'id="([^"]+)"', other))
    used = set(re.findall(r"url\(#([^)]+)\)", drawn))
    assert used and used <= set(re.findall(r'id="([^"]+)"', drawn))


def test_svg_leaves_out_what_only_a_mouse_needs(figure: Any) -> None:
    assert "pointer0_0" in str(figure)
    assert "pointer0_0" not in svg(figure)


def test_page_fetches_nothing(figure: Any) -> None:
    page = html(figure, "My pool")
    found = Scripts()
    found.feed(page)
    assert found.fetched == []
    assert "@import" not in page.split("</style>")[0]
    assert len(found.scripts) == 3
    assert found.policy.startswith("default-src 'none';")
    assert "http" not in found.policy
    assert "<title>My pool</title>" in page


def test_hostile_labels_do_not_run() -> None:
    figure = pool_figure([sample_run(length=60, label=EVIL), sample_run(length=60, label="b")], title=EVIL)
    page = html(figure, EVIL)
    found = Scripts()
    found.feed(page)
    assert len(found.scripts) == 3
    assert found.handlers == []
    assert "<script>alert" not in page
