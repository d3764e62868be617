"""Writes what the documentation takes from the program: reference pages, and the output of commands.

``docs/reference/*.md`` are made whole. In every other page a ``console`` block that starts with
``$ poolwise ...`` holds what that command really prints; the rest of the page is left alone. The examples'
``.out`` files and README's picture are made as well. Run as ``scripts/docs``; with ``--check`` nothing is
written, and what is out of step is named. ``docs/explanation/recordings.md`` is made by ``recordings_page``,
``docs/explanation/which-back-end.md`` by ``back_ends_page``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from poolwise.cli import VERBS, poolwise
from poolwise.servers import (
    ARCHITECTURES,
    EMBEDDED_OPTIONS,
    HOLDS,
    NGINX_OPTIONS,
    PEERS,
    Option,
    Parameter,
    parameters,
)
from poolwise.traffic import FORMATS, LAWS, SHAPES

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "docs"))

import back_ends_page  # noqa: E402
import recordings_page  # noqa: E402

NEWEST, OLD = "2.4.71", "2.2.34"
PICTURE = (
    "poolwise simulate examples/site --traffic burst:base=5,peak=60,at=20,length=10 --duration 2min "
    "--service fixed:0.3 --png pool.png"
)
BLOCK = re.compile(r"^```console\n\$ (poolwise [^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MADE = "<!-- made by scripts/docs; change the program, not this page -->\n"


def cli_page() -> str:
    """Every verb's help, as the program prints it."""
    parts = [
        f"# The command line\n\n{MADE}\n",
        "Exit codes: 0 fine, 1 something was found, 2 your input is wrong (the file and line are named), "
        "3 a server that poolwise ran failed.\n",
    ]
    context = click.Context(
        poolwise, info_name="poolwise", terminal_width=100, help_option_names=["-h", "--help"]
    )
    parts.append(f"\n## poolwise\n\n```text\n{poolwise.get_help(context)}\n```\n")
    for verb in VERBS:
        command = poolwise.get_command(context, verb)
        assert command is not None
        inner = click.Context(command, parent=context, info_name=verb, terminal_width=100)
        parts.append(f"\n## poolwise {verb}\n\n```text\n{command.get_help(inner)}\n```\n")
    return "".join(parts)


def servers_page() -> str:
    """Every setting that poolwise knows, for each MPM and each other server: default, range, source."""
    parts = [
        f"# What each server can be told\n\n{MADE}\n",
        "The compiled-in default is what counts where no file sets the directive; a distribution's own files "
        "often do. Outside its range httpd changes a value or refuses to start. `poolwise show` says what "
        "becomes of yours.\n",
    ]
    for architecture in ARCHITECTURES:
        old = {row.name: row for row in parameters(architecture, OLD)}
        parts.append(
            f"\n## {architecture}\n\n| directive | default | range | unit | where | what it does |\n"
        )
        parts.append("|---|---|---|---|---|---|\n")
        parts.extend(_row(row, old.get(row.name)) for row in parameters(architecture, NEWEST))
    parts.append(
        "\n## Other servers\n\nWhat keeps a worker (a process, or a thread of one) from the next request, "
        "besides the application:\n\n"
        "| architecture | server | upload | download | idle connection | how it works |\n"
        "|---|---|---|---|---|---|\n"
    )
    for architecture, facts in HOLDS.items():
        idle = _yes(facts.holds_idle) if facts.keeps_alive else "keeps none"
        held = f"{_yes(facts.holds_upload)} | {_yes(facts.holds_download)} | {idle}"
        parts.append(f"| `{architecture}` | {facts.name} | {held} | {facts.summary} ({facts.source}) |\n")
    for architecture, peer in PEERS.items():
        parts.append(f"\n## {architecture}\n\n{peer.name}, described up to {peer.newest}.\n\n")
        parts.append(_options(peer.parameters))
    parts.append("\n## mod_wsgi in Apache's own workers\n\nThe pool is the MPM's.\n\n")
    parts.append(_options(EMBEDDED_OPTIONS))
    parts.append("\n## nginx in front\n\n" + _options(NGINX_OPTIONS))
    return "".join(parts)


def _options(rows: tuple[Option, ...]) -> str:
    """The table of a server's settings; a setting that changed has a line for each range of versions."""
    lines = ["| setting | default | range | unit | what it does |\n|---|---|---|---|---|\n"]
    for row in rows:
        name = f"`{row.name}`" + (f" (`{'`, `'.join(row.aliases)}`)" if row.aliases else "")
        name += f" (since {row.since})" if row.since else ""
        name += f" (before {row.until})" if row.until else ""
        lines.append(f"| {name} | {row.shown} | {row.range} | {row.unit} | {row.summary} ({row.source}) |\n")
    return "".join(lines)


def _yes(held: bool) -> str:
    return "holds it" if held else "no"


def traffic_page() -> str:
    """Every shape of traffic and every law of service times, with its parameters and ranges."""
    parts = [
        f"# Traffic: shapes, laws and log formats\n\n{MADE}\n",
        "A shape or a law is written `name:key=value,key=value`. A bare value belongs to the first "
        "parameter; times may carry a unit (`200ms`, `90s`, `15m`, `2h`, `1d`).\n",
    ]
    for title, kinds in (("Shapes (`--traffic`)", SHAPES), ("Laws (`--service`)", LAWS)):
        parts.append(f"\n## {title}\n")
        parts.extend(
            f"\n### {name}\n\n```text\n{kind.example}\n\n{kind.document}\n```\n"
            for name, kind in kinds.items()
        )
    parts.append(
        "\n## Log formats (`--log-format`)\n\nA LogFormat as Apache writes it, or one of these names:\n\n"
    )
    parts.extend(f"- {name}: `{form}`\n" for name, form in FORMATS.items())
    return "".join(parts)


def _row(row: Parameter, old: Parameter | None) -> str:
    """One directive as a line of the table, with what was different in httpd 2.2."""
    name = f"`{row.name}`" + (f" (old: {', '.join(f'`{a}`' for a in row.aliases)})" if row.aliases else "")
    default = _setting(row.default)
    if old and old.default != row.default:
        default += f" (2.2: {_setting(old.default)})"
    if not old:
        default += " (not in 2.2)"
    low, high = row.minimum, row.maximum
    limits = (
        ""
        if low is None and high is None
        else f"{'' if low is None else low} … {'' if high is None else high}"
    )
    where = ", ".join(row.contexts)
    summary = f"{row.summary} ({row.source})".replace("|", "\\|")
    return f"| {name} | {default} | {limits} | {row.unit} | {where} | {summary} |\n"


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "On" if value else "Off"
    return "none" if value is None else str(value)


def refreshed(text: str) -> str:
    """The page with the output of each of its ``$ poolwise`` commands as it is now."""
    return BLOCK.sub(lambda found: f"```console\n$ {found[1]}\n{output_of(found[1])}```", text)


def output_of(command: str) -> str:
    """What the command prints. Trailing blanks and the place where it ran are left out."""
    return run(command)[0]


def run(command: str, made: str = "") -> tuple[str, bytes]:
    """Output of the command, and the content of the file ``made`` that it writes.

    It runs in a scratch directory that holds nothing but the examples, so that paths are the same everywhere.
    """
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "examples").symlink_to(ROOT / "examples")
        program = f"{sys.executable} -m poolwise.cli"
        done = subprocess.run(
            ["sh", "-c", re.sub(r"^poolwise", program, command)],
            cwd=scratch,
            env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 1):
            raise SystemExit(f"$ {command}\n{done.stderr}")
        content = Path(scratch, made).read_bytes() if made else b""
        shown = done.stdout.replace(f"{Path(scratch).resolve()}/", "")
    return re.sub(r"[ \t]+$", "", shown, flags=re.MULTILINE).rstrip("\n") + "\n", content


def written_pages() -> list[Path]:
    """The pages that people write: README, CONTRIBUTING, docs outside reference/, and the examples'."""
    docs = [path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "reference"]
    return sorted([*ROOT.glob("*.md"), *docs, *(ROOT / "examples").rglob("*.md")])


def pages() -> Iterator[tuple[Path, str]]:
    """Every page that holds something made here, with the content that it should have."""
    yield ROOT / "docs/reference/cli.md", cli_page()
    yield ROOT / "docs/reference/servers.md", servers_page()
    yield ROOT / "docs/reference/traffic.md", traffic_page()
    yield recordings_page.PAGE, recordings_page.recordings_page()
    yield back_ends_page.PAGE, back_ends_page.back_ends_page()
    for path in written_pages():
        text = path.read_text("utf-8")
        if BLOCK.search(text):
            yield path, refreshed(text)


def main(check: bool) -> int:
    """Write the pages, or with ``check`` name those that are out of step; return the exit code."""
    stale = [(path, text) for path, text in pages() if not path.exists() or path.read_text("utf-8") != text]
    for path, text in stale:
        print(f"{path.relative_to(ROOT)} {'is out of step; run scripts/docs' if check else 'written'}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    if not check:
        write_results()
    return 1 if check and stale else 0


def write_results() -> None:
    """Make README's picture, those of the recordings and the examples' output anew.

    The outputs are compared by ``tests/test_examples.py``; pictures are not, fonts differ between machines.
    """
    (ROOT / "docs/pool.png").write_bytes(run(PICTURE, made="pool.png")[1])
    for path, picture in recordings_page.pictures():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
    for script in sorted((ROOT / "examples").glob("[0-9][0-9]_*.py")):
        done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, check=True)
        script.with_suffix(".out").write_bytes(done.stdout)


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
