"""A small shop in Flask: a JSON list, a page made from a template, a search, and an order to be sent.

It is there to be measured and hosted: ``poolwise measure shop:app --folder examples/flask_shop``.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, jsonify, render_template_string, request

app = Flask(__name__)

TEAS = [
    {"id": number, "name": f"{kind} from {place}", "price": 4 + number % 7}
    for number, (kind, place) in enumerate(
        (kind, place)
        for kind in ("Green tea", "Black tea", "Oolong", "White tea")
        for place in ("Assam", "Darjeeling", "Fujian", "Kyoto", "Nilgiri")
    )
]
PAGE = """<!doctype html><title>Tea</title><h1>{{ teas|length }} teas</h1>
<ul>
{% for tea in teas %}<li><a href="/teas/{{ tea.id }}">{{ tea.name }}</a>, {{ tea.price }} EUR</li>
{% endfor %}</ul>
"""


@app.get("/")
def home() -> str:
    """All teas as a page."""
    return render_template_string(PAGE, teas=TEAS)


@app.get("/teas")
def teas() -> Any:
    """All teas, or those whose name has the word ``q``, as JSON."""
    word = request.args.get("q", "").lower()
    return jsonify([tea for tea in TEAS if word in tea["name"].lower()])


@app.get("/teas/<int:number>")
def tea(number: int) -> Any:
    """One tea as JSON."""
    return jsonify(TEAS[number]) if number < len(TEAS) else abort(404)


@app.post("/orders")
def order() -> Any:
    """What an order of ``{"id": 3, "number": 2}`` costs."""
    asked = request.get_json()
    return jsonify({"total": TEAS[asked["id"]]["price"] * asked["number"]}), 201


application = app
