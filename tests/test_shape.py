"""The shape of the source: who imports whom, where effects live, how large a file may be.

The tables at the top are the law; ``docs/design.md`` says why. Each law is a function from one parsed
file to its violations, tried below on a sample that breaks it before it is trusted with the source.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "poolwise"

# A package may import what stands on a later line; never its own line, never an earlier one.
LAYERS = (
    {"cli"},
    {"web"},
    {"report", "deploy"},
    {"rules", "capacity", "observe"},
    {"config", "traffic", "simulation"},
    {"servers"},
    {"model"},
)

# Effect -> where it is allowed: packages, or single files.
MODULE_EFFECTS = {
    "numba": {"simulation"},
    "subprocess": {"deploy", "config/crosscheck.py"},
    "multiprocessing": {"capacity", "deploy"},
    "socket": {"observe", "deploy", "web"},
    "sqlite3": {"observe"},
    "duckdb": {"traffic"},
    "time": {"observe", "deploy", "web", "cli"},
}
PROC = {"observe"}
CLOCK = {"observe", "deploy", "web", "cli"}
# compiled.py keeps its own cache of machine code, folder.py the trees and the state of servers that we run
WRITING = {"cli", "simulation/compiled.py", "deploy/folder.py"}
PROCESSES = {"deploy"}

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "core", "common", "manager", "base", "misc"}
MARKS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
FILE_LINES = 400
FUNCTION_LINES = 50
LONG_FUNCTIONS = {"simulation"}  # kernels: one plain loop that is compiled as a whole
HEAVY = ("numba", "numpy", "vl_convert", "jinja2", "duckdb", "scipy")


@dataclass(frozen=True)
class Module:
    """One source file: where it stands below ``src/poolwise`` and what it says."""

    path: str  # "config/tree.py"
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def package(self) -> str:
        return Path(self.path).parts[0].removesuffix(".py")

    def may(self, allowed: set[str]) -> bool:
        return self.package in allowed or self.path in allowed


def imports(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Every import as ``(line, module, name)``; ``name`` is "" for ``import module``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, module, alias.name) for alias in node.names)


def level(package: str) -> int:
    """The line of ``LAYERS`` that holds the package; -1 for an unknown one."""
    return next((i for i, layer in enumerate(LAYERS) if package in layer), -1)


def layer_violations(module: Module) -> Iterator[str]:
    if module.package == "__init__":
        return
    if level(module.package) < 0:
        yield f"1: package {module.package!r} is in no layer"
    for line, name, _ in imports(module.tree):
        parts = name.split(".")
        if name.startswith("."):
            yield f"{line}: relative import; write the absolute one"
        elif name == "poolwise" or parts[0] != "poolwise" or parts[1] == module.package:
            continue
        elif level(parts[1]) <= level(module.package):
            yield f"{line}: {module.package} may not import {parts[1]}"


def submodules(package: str) -> set[str]:
    """Modules of a package that its door does not replace by a function of the same name."""
    door = SOURCE / package / "__init__.py"
    opened = {name for _, _, name in imports(ast.parse(door.read_text("utf-8")))} if door.is_file() else set()
    return {path.stem for path in (SOURCE / package).glob("*.py")} - opened


def door_violations(module: Module) -> Iterator[str]:
    for line, name, imported in imports(module.tree):
        parts = name.split(".")
        if parts[0] != "poolwise" or len(parts) < 2 or parts[1] == module.package:
            continue
        if len(parts) > 2 or imported in submodules(parts[1]):
            yield f"{line}: past the door of {parts[1]}; import from poolwise.{parts[1]}"


def effect_violations(module: Module) -> Iterator[str]:
    for line, name, _ in imports(module.tree):
        top = name.split(".")[0]
        if top in MODULE_EFFECTS and not module.may(MODULE_EFFECTS[top]):
            yield f"{line}: {top} belongs to {sorted(MODULE_EFFECTS[top])}"
    tree = module.tree  # one parse: docstrings are recognised by identity
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings and not module.may(PROC):
            if isinstance(node.value, str) and node.value.startswith("/proc"):
                yield f"{node.lineno}: /proc belongs to {sorted(PROC)}"
        elif isinstance(node, ast.Call):
            yield from call_violations(module, node)


def call_violations(module: Module, call: ast.Call) -> Iterator[str]:
    """Effects that are calls: the clock, printing, writing, starting a process."""
    name = ast.unparse(call.func)
    last = name.rsplit(".", 1)[-1]
    writes = last in ("write_text", "write_bytes", "unlink", "mkdir", "touch") or opens_for_writing(
        call, last
    )
    found = {
        "printing": (name == "print" or name.startswith(("sys.stdout.", "sys.stderr.")), WRITING),
        "writing files": (writes, WRITING),
        "the clock": (re.search(r"\bdate(time)?\.(now|utcnow|today)$", name), CLOCK),
        "starting processes": (re.fullmatch(r"os\.(system|popen|fork|spawn\w+|exec\w+)", name), PROCESSES),
    }
    for effect, (present, allowed) in found.items():
        if present and not module.may(allowed):
            yield f"{call.lineno}: {effect} belongs to {sorted(allowed)}"


def opens_for_writing(call: ast.Call, last: str) -> bool:
    """Whether the call is an ``open`` with a mode that writes."""
    if last != "open":
        return False
    texts = [a.value for a in [*call.args, *(k.value for k in call.keywords)] if isinstance(a, ast.Constant)]
    return any(isinstance(t, str) and re.fullmatch(r"[rbt]*[wax+][bt+]*", t) for t in texts)


def size_violations(module: Module) -> Iterator[str]:
    lines = module.text.count("\n")
    if lines > FILE_LINES:
        yield f"1: {lines} lines; {FILE_LINES} at most"
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.FunctionDef) or module.may(LONG_FUNCTIONS):
            continue
        first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
        length = (node.end_lineno or 0) - first.lineno + 1
        if length > FUNCTION_LINES:
            yield f"{node.lineno}: {node.name} has {length} lines; {FUNCTION_LINES} at most"


def prose_violations(module: Module) -> Iterator[str]:
    if not ast.get_docstring(module.tree):
        yield "1: no module docstring"
    if Path(module.path).stem in FORBIDDEN_NAMES:
        yield "1: this name says nothing; name the module after the one thing it holds"
    for number, line in enumerate(module.text.splitlines(), 1):
        if MARKS.search(line):
            yield f"{number}: unfinished work is an issue, not a comment"


def import_time_violations(module: Module) -> Iterator[str]:
    """Statements at the top level that do something when the module is imported."""
    for node in module.tree.body:
        quiet = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
        if isinstance(node, quiet) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'"):
            continue
        if isinstance(node, ast.Try) and all(isinstance(n, quiet) for n in node.body):
            continue
        yield f"{node.lineno}: something happens at import"


LAWS = (
    layer_violations,
    door_violations,
    effect_violations,
    size_violations,
    prose_violations,
    import_time_violations,
)


def violations(module: Module) -> list[str]:
    """Every law's complaints about one file, as ``path:line: complaint``."""
    return [f"src/poolwise/{module.path}:{complaint}" for law in LAWS for complaint in law(module)]


MODULES = [
    Module(path.relative_to(SOURCE).as_posix(), path.read_text("utf-8"))
    for path in sorted(SOURCE.rglob("*.py"))
]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.path)
def test_the_source_obeys_every_law(module: Module) -> None:
    assert violations(module) == []


CLEAN = '''"""Reads."""\n\nfrom __future__ import annotations\n\nfrom poolwise.servers import settle\n'''
SAMPLES = {
    "upward": ("config/a.py", "from poolwise.report import png\n", "may not import report"),
    "sibling": ("config/a.py", "def f():\n    from poolwise.traffic import x\n", "may not import traffic"),
    "model": ("model.py", "import poolwise.servers\n", "may not import servers"),
    "stranger": ("magic/a.py", "", "in no layer"),
    "relative": ("config/a.py", "from .tree import Node\n", "relative import"),
    "deep": ("cli/a.py", "from poolwise.servers.scaling_event import x\n", "past the door of servers"),
    "submodule": ("cli/a.py", "from poolwise.servers import scaling_event\n", "past the door of servers"),
    "numba": ("capacity/a.py", "from numba import njit\n", "numba belongs"),
    "process": ("config/a.py", "import subprocess\n", "subprocess belongs"),
    "os process": ("cli/a.py", "import os\ndef f():\n    os.system('ls')\n", "starting processes"),
    "socket": ("report/a.py", "import socket\n", "socket belongs"),
    "duckdb": ("cli/a.py", "import duckdb\n", "duckdb belongs"),
    "proc": ("report/a.py", "P = '/proc/stat'\n", "/proc belongs"),
    "clock": ("traffic/a.py", "def f(datetime):\n    return datetime.now()\n", "the clock belongs"),
    "time": ("simulation/a.py", "import time\n", "time belongs"),
    "print": ("report/a.py", "def f():\n    print('x')\n", "printing belongs"),
    "open": ("report/a.py", "def f(p):\n    return p.open('wb')\n", "writing files"),
    "write": ("deploy/a.py", "def f(p):\n    p.write_text('x')\n", "writing files"),
    "long file": ("cli/a.py", "\n" * (FILE_LINES + 1), "400 at most"),
    "long function": ("cli/a.py", "def f():\n" + "    x = 1\n" * (FUNCTION_LINES + 1), "f has 51 lines"),
    "name": ("cli/helpers.py", "", "says nothing"),
    "mark": ("cli/a.py", "# TO" + "DO later\n", "unfinished"),
    "at import": ("cli/a.py", "setup()\n", "happens at import"),
    "loop at import": ("cli/a.py", "for x in (1, 2):\n    y = x\n", "happens at import"),
}


@pytest.mark.parametrize(("path", "text", "complaint"), SAMPLES.values(), ids=SAMPLES.keys())
def test_a_sample_that_breaks_one_law_is_caught_by_it_alone(path: str, text: str, complaint: str) -> None:
    found = violations(Module(path, f'"""A sample."""\n{text}'))
    assert len(found) == 1
    assert complaint in found[0]


def test_clean_samples_are_left_alone() -> None:
    assert violations(Module("config/a.py", CLEAN)) == []
    assert violations(Module("cli/a.py", '"""Prints."""\nimport time\n\n\ndef f():\n    print(1)\n')) == []
    assert violations(Module("simulation/a.py", '"""Doc of /proc."""\nimport numba\n')) == []
    assert violations(Module("config/crosscheck.py", '"""Asks httpd."""\nimport subprocess\n')) == []


def test_a_missing_docstring_is_caught() -> None:
    assert violations(Module("cli/a.py", "x = 1\n")) == ["src/poolwise/cli/a.py:1: no module docstring"]


def test_show_imports_nothing_heavy() -> None:
    script = (
        "import sys; from poolwise.cli import main; code = main(['show', 'examples/site']);"
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.splitlines()[-1] == "0 []", done.stderr
    assert "MaxRequestWorkers" in done.stdout
