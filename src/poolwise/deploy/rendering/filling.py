"""Templates and their filters: a template prints numbers and what ``quoting`` has written, nothing else."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from poolwise.deploy.rendering import quoting
from poolwise.deploy.rendering.quoting import Written

if TYPE_CHECKING:
    from jinja2 import Environment


FILTERS = (
    "comment",
    "docker_words",
    "httpd_folder",
    "httpd_options",
    "httpd_word",
    "httpd_words",
    "nginx_word",
    "plain_path",
    "python_value",
    "shell_word",
    "shell_words",
    "systemd_command",
    "systemd_path",
    "systemd_setting",
    "systemd_settings",
    "systemd_word",
    "uwsgi_value",
)


def fill(template: str, **values: Any) -> str:
    """The text of ``templates/TEMPLATE.j2``. InputError for a value that its language cannot hold."""
    return environment().get_template(f"{template}.j2").render(**values)


@cache
def environment() -> Environment:
    """The loaded templates, with one filter for each function of ``quoting``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("poolwise.deploy.rendering"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # no HTML here; ``finalize`` sees to it that every value was quoted
        finalize=_only_written,
    )
    made.filters.update((name, getattr(quoting, name)) for name in FILTERS)
    return made


def _only_written(value: object) -> object:
    """Let nothing pass that would be read as something else than was meant."""
    assert isinstance(value, Written | int), f"{value!r} is printed by a template without being quoted"
    return value
