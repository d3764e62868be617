"""Documented or failing: every verb, option, directive and public name has its words, and they are true."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

import poolwise
from poolwise.cli import VERBS
from poolwise.cli import poolwise as program
from poolwise.cli.traffic import TRAFFIC_HELP
from poolwise.servers import ARCHITECTURES, parameters
from poolwise.traffic import LAWS, SHAPES

ROOT = Path(__file__).resolve().parent.parent
DOORS = sorted(
    f"poolwise.{info.name}"
    for info in pkgutil.iter_modules(poolwise.__path__)
    if info.ispkg and info.name != "cli"
)


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs/generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


GENERATE = generator()
REFERENCE = {
    "cli": GENERATE.cli_page,
    "servers": GENERATE.servers_page,
    "traffic": GENERATE.traffic_page,
}
WRITTEN = GENERATE.written_pages()
PAGES = [*WRITTEN, *sorted((ROOT / "docs/reference").glob("*.md"))]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def command_of(verb: str) -> click.Command:
    command = program.get_command(click.Context(program), verb)
    assert command is not None
    return command


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_and_option_says_what_it_is_for(verb: str) -> None:
    command = command_of(verb)
    assert command.help and len(command.help) > 200
    silent = [
        option.opts[0] for option in command.params if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_module_and_its_section(verb: str) -> None:
    assert (ROOT / f"src/poolwise/cli/{verb}.py").is_file()
    assert f"\n## poolwise {verb}\n" in (ROOT / "docs/reference/cli.md").read_text("utf-8")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_directive_has_its_line(architecture: str) -> None:
    page = (ROOT / "docs/reference/servers.md").read_text("utf-8")
    section = page.split(f"\n## {architecture}\n")[1].split("\n## ")[0]
    missing = [row.name for row in parameters(architecture, "2.4.71") if f"\n| `{row.name}`" not in section]
    assert missing == []


def test_every_shape_and_law_is_in_the_page_and_in_the_help() -> None:
    page = (ROOT / "docs/reference/traffic.md").read_text("utf-8")
    for name in (*SHAPES, *LAWS):
        assert f"\n### {name}\n" in page
        assert f"{name}:" in TRAFFIC_HELP


def made_pages() -> list[Any]:
    return [
        *(ROOT / f"docs/reference/{name}.md" for name in REFERENCE),
        *(page for page in WRITTEN if GENERATE.BLOCK.search(page.read_text("utf-8"))),
    ]


@pytest.mark.parametrize("page", made_pages(), ids=relative)
def test_what_the_page_takes_from_the_program_is_in_step(page: Path) -> None:
    text = page.read_text("utf-8")
    if page.parent.name == "reference":
        assert text == REFERENCE[page.stem]()
    else:
        assert text == GENERATE.refreshed(text), "run scripts/docs"


def test_a_page_out_of_step_would_be_noticed() -> None:
    page = "Before\n```console\n$ poolwise --version\nwrong\n```\nafter\n"
    assert GENERATE.refreshed(page) == page.replace("wrong", f"poolwise, version {poolwise.__version__}")


@pytest.mark.parametrize("door", DOORS)
def test_every_public_name_of_a_door_has_a_docstring(door: str) -> None:
    module = importlib.import_module(door)
    assert module.__doc__
    silent = []
    for name in module.__all__:
        value = getattr(module, name)
        if (inspect.isclass(value) or inspect.isfunction(value)) and not inspect.getdoc(value):
            silent.append(name)
    assert silent == []


def anchors(text: str) -> set[str]:
    """The anchors that a forge makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    prose = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"https?:|mailto:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


def test_the_readme_shows_the_command_its_output_and_a_picture_at_once() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    command = next(
        number for number, line in enumerate(lines, 1) if "scripts/demo" in line or "$ poolwise" in line
    )
    output = next(number for number, line in enumerate(lines, 1) if line.startswith("$ poolwise")) + 1
    assert command <= 10
    assert output <= 20
    pictures = re.findall(r"!\[[^\]]+\]\((docs/[^)]+\.png)\)", "\n".join(lines))
    assert len(pictures) == 1
    assert (ROOT / pictures[0]).read_bytes().startswith(b"\x89PNG")


def test_the_readme_maps_every_package() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    packages = [path.name for path in (ROOT / "src/poolwise").iterdir() if (path / "__init__.py").exists()]
    assert [name for name in packages if f"{name}/" not in text] == []


def test_the_changelog_has_the_version_that_this_is() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## {re.escape(poolwise.__version__)}\b", text, re.MULTILINE)


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        seen.add(page)
        for link in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text("utf-8")):
            target = (page.parent / link).resolve()
            if target.exists() and target not in seen:
                todo.append(target)
    assert [relative(page) for page in PAGES if page not in seen] == []
