"""The compiled twin: the very functions of the plain loop, compiled by numba into machine code.

Nothing is written twice. The functions of the kernel's modules are taken as they are, given one common set of
globals, and compiled there; the plain ones stay as they were. The machine code is cached in the user's
cache folder under a digest of the sources, so that a changed kernel never meets old code.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import types
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from poolwise.simulation.state import Plan

KERNEL = (
    "poolwise.servers.scaling_messages",
    "poolwise.servers.scaling_prefork",
    "poolwise.servers.scaling_worker",
    "poolwise.servers.scaling_event",
    "poolwise.simulation.state",
    "poolwise.simulation.buckets",
    "poolwise.simulation.calendar",
    "poolwise.simulation.processes",
    "poolwise.simulation.cruise",
    "poolwise.simulation.parent",
    "poolwise.simulation.loop",
)


def available() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


def loaded() -> bool:
    """Whether the compiled twin is already in this process."""
    return compiled_run.cache_info().currsize > 0


def must_compile() -> bool:
    """Whether the first use of the compiled twin will have to compile it (once a machine, half a minute)."""
    if not available() or loaded():
        return False
    import numba

    folder = _cache_folder(_modules(), numba.__version__)
    return folder is None or not any(folder.rglob("*.nbi"))


@cache
def compiled_run() -> Callable[..., None]:
    """The compiled twin of ``loop.run``. Raises ImportError when numba is missing."""
    import numba

    modules = _modules()
    folder = _cache_folder(modules, numba.__version__)
    config: Any = numba.config
    before = config.CACHE_DIR
    if folder is not None:
        config.CACHE_DIR = str(folder)
    try:
        twins = _twins(modules, numba.njit(cache=folder is not None, error_model="numpy"))
    finally:
        config.CACHE_DIR = before
    run: Callable[..., None] = twins["run"]
    return run


def _modules() -> list[types.ModuleType]:
    return [importlib.import_module(name) for name in KERNEL]


def record(plan: Plan) -> Any:
    """The plan as one numpy record: the compiler handles a pointer faster than sixty arguments."""
    return np.array([tuple(plan)], _record_type())[0]


@cache
def _record_type() -> np.dtype[np.void]:
    kinds = get_type_hints(Plan)
    return np.dtype([(name, np.float64 if kinds[name] is float else np.int64) for name in Plan._fields])


def _twins(modules: list[types.ModuleType], compile_: Callable[..., Any]) -> dict[str, Any]:
    """One namespace with the constants of all modules and the compiled form of their functions."""
    names: dict[str, Any] = {"__builtins__": __builtins__, "__name__": "poolwise.simulation.loop"}
    for module in modules:
        for name, item in vars(module).items():
            if isinstance(item, types.FunctionType) and item.__module__ == module.__name__:
                twin = types.FunctionType(item.__code__, names, name, item.__defaults__)
                twin.__module__, twin.__qualname__ = item.__module__, item.__qualname__
                names[name] = compile_(twin)
            elif not name.startswith("__"):
                names.setdefault(name, item)
    names["bucket_of"] = names["bucket_of_bits"]
    return names


def _cache_folder(modules: list[types.ModuleType], version: str) -> Path | None:
    """A folder for the machine code of exactly these sources; None when none can be written."""
    digest = hashlib.sha256(version.encode())
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    folder = home / "poolwise" / "kernel" / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.parent.iterdir():
            if old != folder:
                shutil.rmtree(old, ignore_errors=True)
    except (OSError, RuntimeError):
        return None
    return folder if os.access(folder, os.W_OK) else None
