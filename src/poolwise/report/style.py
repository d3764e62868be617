"""The look of every picture: a palette that colour-blind readers can tell apart, fonts, axes.

The hues are those of Okabe and Ito ("Color Universal Design", 2008). Text and axes are drawn in
``currentColor``, which is black in a PNG and follows the page (also a dark one) in an inline SVG.
"""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]

BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
ORANGE = "#E69F00"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
INK = "currentColor"
SERIES = (VERMILION, BLUE, GREEN, PURPLE, ORANGE, SKY)  # one colour for each run where runs share a picture

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"


def config() -> Spec:
    """Vega-Lite ``config`` shared by all figures."""
    axis = {
        "labelColor": INK,
        "titleColor": INK,
        "titleFontWeight": "normal",
        "titleFontSize": 11,
        "labelFontSize": 11,
        "labelOpacity": 0.8,
        "titleOpacity": 0.8,
        "gridColor": INK,
        "gridOpacity": 0.1,
        "domainColor": INK,
        "domainOpacity": 0.4,
        "tickColor": INK,
        "tickOpacity": 0.4,
        "tickSize": 4,
    }
    return {
        "font": FONT,
        "background": None,
        "aria": False,
        "bar": {"binSpacing": 0},
        "view": {"stroke": None},
        "axis": axis,
        "title": {"color": INK, "fontSize": 14, "anchor": "start", "offset": 10},
        "concat": {"spacing": 34},
    }


def header(title: str, keys: tuple[tuple[str, str], ...]) -> list[Spec]:
    """Title and coloured keys above a panel, as text marks: ``keys`` are (words, colour)."""
    marks = [_words(title, 0.0, INK, bold=True)]
    x = 6.4 * len(title) + 0.7 * max(len(title) - 18, 0) + 14
    for words, colour in keys:
        marks.append(_words(f"■ {words}", x, colour))
        x += 5.6 * (len(words) + 2) + 10
    return marks


def _words(text: str, x: float, colour: str, bold: bool = False) -> Spec:
    mark = {
        "type": "text",
        "align": "left",
        "baseline": "bottom",
        "fontSize": 12 if bold else 11.5,
        "fontWeight": "bold" if bold else "normal",
        "color": colour,
        "clip": False,
        "tooltip": None,
    }
    place = {"x": {"value": x}, "y": {"value": -6}, "text": {"value": text}}
    return {"data": {"values": [{}]}, "mark": mark, "encoding": place}


def rule(value: float, words: str, colour: str, width: int, scale: Spec, nudge: float = 0.0) -> list[Spec]:
    """A dashed line at ``value`` over the whole width, and its words to the right of the picture.

    ``nudge`` moves the words that many pixels down.
    """
    y = {"datum": value, "type": "quantitative", "scale": scale}
    line = {"type": "rule", "color": colour, "strokeDash": [5, 3], "strokeWidth": 1.3, "tooltip": None}
    across = {"y": y, "x": {"value": 0}, "x2": {"value": width}}
    data: Spec = {"values": [{}]}
    return [{"data": data, "mark": line, "encoding": across}, _beside(words, colour, width, y, nudge)]


def _beside(words: str, colour: str, width: int, y: Spec, nudge: float) -> Spec:
    mark = {
        "type": "text",
        "align": "left",
        "baseline": "middle",
        "dx": 4,
        "dy": nudge,
        "clip": False,  # else a figure that can be zoomed cuts it off
        "fontSize": 11,
        "color": colour,
        "tooltip": None,
    }
    return {
        "data": {"values": [{}]},
        "mark": mark,
        "encoding": {"y": y, "x": {"value": width}, "text": {"value": words}},
    }
