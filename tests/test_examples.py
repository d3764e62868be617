"""The newcomer's ladder: every example runs, and prints what its committed output says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SCRIPTS = sorted(EXAMPLES.glob("[0-9][0-9]_*.py"))


def test_the_ladder_has_no_gap_and_every_step_its_output() -> None:
    assert [int(script.name[:2]) for script in SCRIPTS] == list(range(1, len(SCRIPTS) + 1))
    assert [script.with_suffix(".out").name for script in SCRIPTS] == sorted(
        path.name for path in EXAMPLES.glob("*.out")
    )
    assert len(SCRIPTS) >= 6


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_example_prints_what_its_output_file_says(script: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == script.with_suffix(".out").read_text("utf-8")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_example_says_what_it_teaches_and_uses_only_doors(script: Path) -> None:
    text = script.read_text("utf-8")
    assert text.startswith('"""')
    assert not re.search(r"from poolwise\.\w+\.\w+ import", text)
