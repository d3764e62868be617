"""``tune``'s advice as a file, and a copy of a configuration in which it is in force."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poolwise.config import Configuration, edit, load
from poolwise.deploy import Rendered
from poolwise.model import InputError, PoolwiseError

if TYPE_CHECKING:
    from poolwise.model import Advice, Site

SCHEMA = "poolwise.advice/1"
MOST_BYTES = 10_000_000


def advice_json(advice: Advice, site: Site) -> str:
    """The advised directives, each with its value, that of today and the reason."""
    directives = {
        each.name: {
            "value": each.value,
            "today": each.today.value if each.today else None,
            "reason": each.reason,
        }
        for each in advice.changes
    }
    document = {"schema": SCHEMA, "configuration": site.root, "met": advice.met, "directives": directives}
    return json.dumps(document, indent=2) + "\n"


def read_advice(path: str) -> dict[str, int | str]:
    """Directive -> value of an advice file. InputError that names the file and what is wrong in it."""
    try:
        with Path(path).open("rb") as file:
            document = json.loads(file.read(MOST_BYTES))
        assert document["schema"] == SCHEMA
        given = {str(name): each["value"] for name, each in document["directives"].items()}
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        raise InputError(
            f"{path} is no advice of poolwise (schema {SCHEMA}); tune --advice makes one"
        ) from error
    for name, value in given.items():
        number = isinstance(value, int) and not isinstance(value, bool)
        word = isinstance(value, str) and re.fullmatch(r"[\w./:-]+", value, re.ASCII)
        if not re.fullmatch(r"[A-Za-z]\w{0,63}", name, re.ASCII) or not (number or word):
            raise InputError(f"{path}: {name!r} with the value {value!r} is no setting of Apache")
    return given


@dataclass(frozen=True)
class Copy:
    """A changed copy below ``folder``: its files, links as in the original, and what must be in force."""

    folder: Path
    main: str  # the file to begin with, relative
    files: tuple[Rendered, ...]
    links: Mapping[str, str]  # relative path -> what the link says
    wanted: Mapping[str, int | str]
    original: Configuration
    mpm: str
    httpd_version: str
    remarks: tuple[str, ...] = ()

    def check_apart(self) -> None:
        """InputError when the copy would lie among the files that it is made from."""
        inside = Path(self.original.evaluation.server_root).resolve()
        if self.folder.resolve().is_relative_to(inside) or inside.is_relative_to(self.folder.resolve()):
            raise InputError(f"--output {self.folder} lies in {inside}, or around it; name another folder")

    def link(self) -> None:
        """Make the links. InputError when something else is in the place of one."""
        for name, target in self.links.items():
            place = self.folder / name
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileExistsError):
                    place.symlink_to(target)
                if not place.is_symlink() or place.readlink() != Path(target):
                    raise InputError(f"{place} is in the way: it should be a link to {target}")
            except OSError as error:
                raise InputError(f"cannot make the link {place}: {error.strerror}") from error

    def check_in_force(self) -> None:
        """Read the copy; PoolwiseError for an advised value that another one overrides."""
        values = load(self.folder / self.main, mpm=self.mpm, httpd_version=self.httpd_version).site.values
        for name, value in self.wanted.items():
            if values[name].value != value:
                raise PoolwiseError(
                    f"in the copy {name} is {values[name].value} and not {value}, because of "
                    f"{values[name].where}; change it there by hand"
                )


def advised_copy(
    conf: str, wanted: Mapping[str, int | str], folder: Path, mpm: str, httpd_version: str
) -> Copy:
    """The copy, not yet written. ConfigError or InputError when a file that has to change lies elsewhere."""
    read = load(conf, mpm=mpm, httpd_version=httpd_version)
    unknown = sorted(wanted.keys() - read.site.values.keys())
    if unknown:
        raise InputError(
            f"the advice names {unknown[0]}, which the {read.site.mpm} MPM of {conf} does not have"
        )
    root = Path(read.evaluation.server_root)
    after = {each.path: each.after for each in edit(read.evaluation, wanted)}
    named = _server_root_line(read)
    if named:
        text = after.get(read.site.root) or _text(Path(read.site.root))
        after[read.site.root] = text.replace(named, f'ServerRoot "{_plain(folder)}"\n', 1)
    files: dict[str, str] = {}
    links: dict[str, str] = {}
    for path in _files(read):
        place = Path(path)
        if not place.is_relative_to(root):
            if path in after:
                raise InputError(f"{path} has to change, but lies outside of {root}; change it by hand")
            continue
        inner = str(place.relative_to(root))
        real = Path(os.path.realpath(place))
        if place.is_symlink() and real.is_relative_to(root.resolve()):
            links[inner] = str(place.readlink())
            inner = str(real.relative_to(root.resolve()))
        files[inner] = after.get(path, files.get(inner) or _text(place))
    return Copy(
        folder=folder,
        main=str(Path(read.site.root).relative_to(root)),
        files=tuple(Rendered(name, text) for name, text in files.items()),
        links=links,
        wanted=wanted,
        original=read,
        mpm=mpm,
        httpd_version=httpd_version,
        remarks=(f"ServerRoot is {folder} in the copy, for its own files; it was {root}.",) if named else (),
    )


def _files(read: Configuration) -> Iterator[str]:
    """Every file read, and Debian's variables beside the main one."""
    yield from read.site.files
    variables = Path(read.site.root).parent / "envvars"
    if variables.is_file():
        yield str(variables)


def _server_root_line(read: Configuration) -> str:
    """The line of the main file that sets ServerRoot, "" when there is none."""
    nodes = read.evaluation.nodes[read.site.root]
    return next((node.raw for node in nodes if node.name.lower() == "serverroot"), "")


def _plain(folder: Path) -> Path:
    if re.search(r"[\"\\$\x00-\x1f]", str(folder)):
        raise InputError(f"--output {folder}: give the folder a plainer name, as ServerRoot has to name it")
    return folder


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
