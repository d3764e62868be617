"""The frame of the pages: escaping, and scripts allowed by hash only."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from jinja2 import UndefinedError

from poolwise.report.pages import page, script_json


def test_json_in_a_script_element_cannot_end_it() -> None:
    value = {"a": "</script><!--<script>", "b": "&amp; \u2028"}
    text = script_json(value)
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == value


def test_json_refuses_what_a_browser_cannot_read() -> None:
    with pytest.raises(ValueError):
        script_json([float("nan")])


def test_policy_names_the_hash_of_each_script() -> None:
    bundle = "window.vegaEmbed = 1;"
    text = page("figure.html.j2", title="t", specs="[]", bundle=bundle, still="<svg></svg>")
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 2 and scripts[0] == bundle
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"sha256-{digest}".replace("+", "&#43;") in text or f"sha256-{digest}" in text


def test_text_is_escaped_and_drawings_are_not() -> None:
    text = page("figure.html.j2", title="<b>&", specs="[]", bundle="", still="<svg></svg>")
    assert "<title>&lt;b&gt;&amp;</title>" in text
    assert "<svg></svg>" in text


def test_a_forgotten_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        page("figure.html.j2", title="t", bundle="")
