"""HTML pages from the templates beside this file: everything escaped, each script allowed by its hash."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any


def page(template: str, **values: Any) -> str:
    """Renders ``templates/<template>``; strings are escaped, missing names are an error.

    ``policy`` in a template is a Content-Security-Policy that lets only the page's own two scripts run and
    nothing be fetched: even text that got past the escaping could not run.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    loader = PackageLoader("poolwise.report", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.lstrip_blocks = True
    sources = loader.get_source
    script = sources(environment, "page.js")[0]
    style = sources(environment, "page.css")[0]
    trusted = {"bundle", "still", "stills", "specs"}  # our own markup: scripts, drawn SVG, escaped JSON
    ready = {name: _mark(value) if name in trusted else value for name, value in values.items()}
    policy = _policy(values["bundle"], script)
    return environment.get_template(template).render(
        **ready, policy=policy, script=Markup(script), style=Markup(style)
    )


def script_json(value: object) -> str:
    """JSON that can stand inside a ``<script>`` element: no ``<``, ``>`` or ``&`` in it."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _mark(value: Any) -> Any:
    from markupsafe import Markup

    return [Markup(part) for part in value] if isinstance(value, list) else Markup(value)


def _policy(*scripts: str) -> str:
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    # Vega compiles its expressions to functions, which needs 'unsafe-eval'.
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'unsafe-eval' {hashes}"


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
