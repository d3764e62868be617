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
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np

from poolwise.simulation.pointers import pointers

POLICIES = (
    "poolwise.servers.scaling_messages",
    "poolwise.servers.scaling_prefork",
    "poolwise.servers.scaling_worker",
    "poolwise.servers.scaling_event",
)
POOL = (
    *POLICIES,
    "poolwise.simulation.state",
    "poolwise.simulation.buckets",
    "poolwise.simulation.calendar",
    "poolwise.simulation.ring",
    "poolwise.simulation.processes",
    "poolwise.simulation.pool.cruise",
    "poolwise.simulation.pool.cruise_turns",
    "poolwise.simulation.parent",
    "poolwise.simulation.pool.loop",
    "poolwise.simulation.pool.envelope_load",
    "poolwise.simulation.pool.envelope",
    "poolwise.simulation.pool.hybrid",
)
CHAIN = (
    *POLICIES,
    "poolwise.servers.gunicorn",
    "poolwise.servers.uwsgi",
    "poolwise.servers.nginx_unit",
    "poolwise.servers.passenger",
    "poolwise.simulation.state",
    "poolwise.simulation.buckets",
    "poolwise.simulation.calendar",
    "poolwise.simulation.ring",
    "poolwise.simulation.processes",
    "poolwise.simulation.parent",
    "poolwise.simulation.chain.memory",
    "poolwise.simulation.chain.timers",
    "poolwise.simulation.chain.processor",
    "poolwise.simulation.chain.workers",
    "poolwise.simulation.chain.clients",
    "poolwise.simulation.chain.queues",
    "poolwise.simulation.chain.flow",
    "poolwise.simulation.chain.demand",
    "poolwise.simulation.chain.masters",
    "poolwise.simulation.chain.happenings",
    "poolwise.simulation.chain.loop",
    "poolwise.simulation.chain.entry",
)
ENTRIES = ("run", "load", "run_envelope", "run_rates", "enter")


def available() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


def loaded() -> bool:
    """Whether the compiled twin of the single pool is already in this process."""
    return compiled_run.cache_info().currsize > 0


def chain_loaded() -> bool:
    """Whether the compiled twin of the chain is already in this process."""
    return compiled_chain.cache_info().currsize > 0


def must_compile(chain: bool = False, entry: str = "") -> bool:
    """Whether the first use of a compiled twin will have to compile it (once a machine, half a minute)."""
    if not available() or (chain_loaded() if chain else loaded() and not entry):
        return False
    import numba

    kernel, modules = ("chain", CHAIN) if chain else ("pool", POOL)
    folder = _cache_folder(kernel, _modules(modules), numba.__version__)
    return folder is None or not any(folder.rglob(f"*.{entry}-*.nbi" if entry else "*.nbi"))


@cache
def compiled_run() -> Callable[..., bool]:
    """The compiled twin of ``loop.run``. Raises ImportError when numba is missing."""
    run: Callable[..., bool] = _pool()["run"]
    return run


@cache
def compiled_envelope() -> tuple[Callable[..., int], Callable[..., bool]]:
    """The compiled twins of ``envelope_load.load`` and ``envelope.run_envelope``."""
    return _pool()["load"], _pool()["run_envelope"]


@cache
def compiled_rates() -> Callable[..., bool]:
    """The compiled twin of ``hybrid.run_rates``."""
    run: Callable[..., bool] = _pool()["run_rates"]
    return run


@cache
def compiled_chain() -> Callable[..., bool]:
    """The compiled twin of ``chain.entry.enter``. Raises ImportError when numba is missing."""
    run: Callable[..., bool] = _compiled("chain", CHAIN)["enter"]
    return run


@cache
def _pool() -> dict[str, Any]:
    return _compiled("pool", POOL)


def _compiled(kernel: str, modules: Sequence[str]) -> dict[str, Any]:
    """Every function of the modules, ready to be compiled when it is called, or read from the cache."""
    import numba

    sources = _modules(modules)
    folder = _cache_folder(kernel, sources, numba.__version__)
    config: Any = numba.config
    before = config.CACHE_DIR
    if folder is not None:
        config.CACHE_DIR = str(folder)
    try:
        return _twins(sources, folder is not None)
    finally:
        config.CACHE_DIR = before


def _modules(names: Sequence[str]) -> list[types.ModuleType]:
    return [importlib.import_module(name) for name in names]


def record(plan: NamedTuple) -> Any:
    """The plan as one numpy record: the compiler handles a pointer faster than sixty arguments."""
    return records([plan])[0]


def records(plans: Sequence[NamedTuple]) -> Any:
    """Several plans of one kind as an array of records."""
    return np.array([tuple(plan) for plan in plans], _record_type(type(plans[0])))


@cache
def _record_type(kind: type) -> np.dtype[np.void]:
    hints = get_type_hints(kind)
    return np.dtype([(name, np.float64 if hints[name] is float else np.int64) for name in hints])


def _twins(modules: list[types.ModuleType], cached: bool) -> dict[str, Any]:
    """One namespace with the constants of all modules and the compiled form of their functions.

    Only the functions that Python calls are cached: their machine code holds that of all the others.
    """
    import numba

    names: dict[str, Any] = {"__builtins__": __builtins__, "__name__": "poolwise.simulation.pool.loop"}
    for module in modules:
        for name, item in vars(module).items():
            if isinstance(item, types.FunctionType) and item.__module__ == module.__name__:
                twin = types.FunctionType(item.__code__, names, name, item.__defaults__)
                twin.__module__, twin.__qualname__ = item.__module__, item.__qualname__
                cache_it = cached and name in ENTRIES
                names[name] = numba.njit(cache=cache_it, error_model="numpy")(twin)
            elif not name.startswith("__"):
                names.setdefault(name, item)
    names["bucket_of"] = names["bucket_of_bits"]
    if "records_at" in names:
        names |= pointers()
    return names


def _cache_folder(kernel: str, modules: list[types.ModuleType], version: str) -> Path | None:
    """A folder for the machine code of exactly these sources; None when none can be written."""
    digest = hashlib.sha256(version.encode())
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    folder = home / "poolwise" / kernel / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.parent.iterdir():
            if old != folder:
                shutil.rmtree(old, ignore_errors=True)
    except (OSError, RuntimeError):
        return None
    return folder if os.access(folder, os.W_OK) else None
