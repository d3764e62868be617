"""What runs: one small file in each served folder, for ``stop``, ``status`` and ``reload``.

``FOLDER/state/`` (0700) holds ``state.json`` (0600) and the lock that the serving process keeps. Every
process in it is named by its id and its start time, so that another one that got the id later is never
taken for it.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from poolwise.deploy.folder import PRIVATE, make_folder, remove_file, replace_file
from poolwise.deploy.plan import Deployment
from poolwise.model import InputError
from poolwise.observe import alive

SCHEMA = "poolwise.state/1"
PRIVATE_FILE = 0o600
MOST_BYTES = 4_000_000

Phase = Literal["starting", "running", "reloading", "stopping"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Started:
    """A process that was started: the serving poolwise itself, or the first process of a server."""

    role: str  # "poolwise", "httpd", "nginx", or the name of an application with a server of its own
    pid: int
    started: int  # clock ticks after the machine's start
    generation: str = ""

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return alive(self.pid, self.started)


@dataclass(frozen=True, slots=True)
class Reload:
    """The last reload: when it ended (seconds since 1970), whether the new version serves, and in words."""

    number: int = 0  # how many there have been, this one included
    ended_s: float = 0.0
    done: bool = True
    said: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """A served folder as its poolwise last wrote it down."""

    deployment: Deployment
    phase: Phase
    poolwise: Started
    children: tuple[Started, ...] = ()
    since_s: float = 0.0  # when it was started, in seconds since 1970
    stop_s: float = 30.0  # how long requests get to end when it is stopped
    reload: Reload = Reload()

    @property
    def alive(self) -> bool:
        """Whether the poolwise that wrote it still runs."""
        return self.poolwise.alive


def state_folder(folder: str | Path) -> Path:
    """Where the state of a served folder lies, made private when absent. Raises InputError."""
    return make_folder(Path(folder) / "state", PRIVATE)


def lock_file(folder: str | Path) -> Path:
    """The file that the serving process keeps locked."""
    return state_folder(folder) / "lock"


def write_state(state: State) -> None:
    """Put the state in its place, whole. Raises InputError when it cannot be written."""
    text = json.dumps({"schema": SCHEMA, **asdict(state)}, default=sorted, indent=1)
    replace_file(state_folder(state.deployment.folder) / "state.json", text + "\n", PRIVATE_FILE)


def read_state(folder: str | Path) -> State | None:
    """The state of a served folder; None when nothing was served there, or it was ended in order.

    Raises InputError when it is not ours to believe: a link, another user's file, or not what we write.
    """
    path = Path(folder) / "state" / "state.json"
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    with os.fdopen(number, "rb") as file:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in (0, os.geteuid(), _owner(folder)):
            raise InputError(f"{path} was not written by the owner of {folder}; it is not believed")
        data = file.read(MOST_BYTES)
    try:
        plain = json.loads(data)
        if plain.pop("schema") != SCHEMA:
            raise ValueError("another version's")
        state: State = _restored(State, plain)
        return state
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is not a state of this poolwise ({error}); remove {folder}") from error


def has_state(folder: str | Path) -> bool:
    """Whether something is served in a folder, or was and did not end in order, as far as we may look."""
    try:
        return (Path(folder) / "state" / "state.json").exists()
    except OSError:
        return False


def forget_state(folder: str | Path) -> None:
    """Remove the state of a folder that is served no more."""
    remove_file(Path(folder) / "state" / "state.json")


def _owner(folder: str | Path) -> int:
    return Path(folder).stat().st_uid


def _restored(kind: Any, value: Any) -> Any:
    """A value of that type out of what JSON makes of it; TypeError or ValueError when it is none."""
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        names = {each.name for each in fields(kind)}
        if not isinstance(value, dict) or not set(value) <= names:
            raise ValueError(f"no {kind.__name__}")
        return kind(**{name: _restored(hints[name], each) for name, each in value.items()})
    if origin in (tuple, frozenset):
        return origin(_restored(inner[0], each) for each in _a(list, value))
    if origin is UnionType:
        return None if value is None else _restored(next(k for k in inner if k is not NoneType), value)
    if origin is not None and issubclass(origin, Mapping) if isinstance(origin, type) else False:
        return {_a(str, name): _restored(inner[1], each) for name, each in _a(dict, value).items()}
    if origin is Literal:
        if value not in inner:
            raise ValueError(f"{value!r} is none of {inner}")
        return value
    return float(value) if kind is float and isinstance(value, int) else _a(kind, value)


def _a(kind: type[T], value: Any) -> T:
    """The value, which is of that type; ValueError when it is not."""
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return value
