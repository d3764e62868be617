"""Draws a Vega-Lite specification: PNG, SVG, or an interactive page that needs nothing from the network."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from functools import cache
from typing import Any

from poolwise.report.pages import page, script_json
from poolwise.report.style import Spec


def png(spec: Spec, scale: float = 2.0) -> bytes:
    """The figure as a PNG on white, ``scale`` device pixels to a pixel."""
    import vl_convert

    drawn: bytes = vl_convert.vegalite_to_png(_still(shipped(spec), "white"), scale=scale)
    return drawn


def svg(spec: Spec) -> str:
    """The figure as SVG on a transparent ground; text takes the colour of the page it stands in."""
    import vl_convert

    still = _still(shipped(spec), None)
    drawn: str = vl_convert.vegalite_to_svg(still)
    return _own_names(_two_decimals(drawn), json.dumps(still, sort_keys=True))


def html(spec: Spec, title: str) -> str:
    """One self-contained interactive page with the figure, every script inside (about 1 MB)."""
    return page(
        "figure.html.j2", title=title, specs=script_json([shipped(spec)]), bundle=bundle(), still=svg(spec)
    )


@cache
def bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that sets ``window.vegaEmbed``."""
    import vl_convert

    scripts: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return scripts


def shipped(spec: Spec) -> Spec:
    """The specification under the schema of the newest Vega-Lite that the installed vl-convert has."""
    import vl_convert

    major = max(int(version.split(".")[0]) for version in vl_convert.get_vegalite_versions())
    return {**spec, "$schema": f"https://vega.github.io/schema/vega-lite/v{major}.json"}


def _two_decimals(drawn: str) -> str:
    """Paths to a hundredth of a pixel: half the size."""
    return re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), drawn)


def _own_names(drawn: str, content: str) -> str:
    """Names of clip paths that depend on the content alone, so that several figures can share a page."""
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    names: dict[str, str] = {}
    return re.sub(
        r'((?:id="|url\(#))(clip\d+)(?=["\)])',
        lambda found: found[1] + names.setdefault(found[2], f"clip-{digest}-{len(names) + 1}"),
        drawn,
    )


def _still(spec: Spec, background: str | None) -> Spec:
    """The specification without what only a mouse needs: thousands of invisible points."""
    still = copy.copy(spec)
    still.pop("params", None)
    if "config" in still:
        still["config"] = {**still["config"], "background": background}
    for key in ("hconcat", "vconcat", "layer"):
        if key in still:
            still[key] = [_still(part, background) for part in still[key] if not _only_for_pointer(part)]
    return still


def _only_for_pointer(part: dict[str, Any]) -> bool:
    filters = [step.get("filter") for step in part.get("transform", [])]
    return str(part.get("name", "")).startswith("pointer") or any(
        isinstance(f, dict) and "param" in f for f in filters
    )
