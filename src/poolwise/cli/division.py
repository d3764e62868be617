"""Which request goes to which application: by shares that the user names, or by the paths of a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import click

from poolwise.cli.stages import Place, places
from poolwise.cli.work import Work
from poolwise.model import InputError

if TYPE_CHECKING:
    from poolwise.model import Floats, Site, Workload


@dataclass(frozen=True)
class Division:
    """The places to which traffic goes, with the share of each; what was assumed for that."""

    used: Mapping[Place, float] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()  # by the kind that a log gave: which of ``used``

    def of(self, load: Workload, work: Work) -> Workload:
        """The workload with each request's kind: its place, and in it the interpreter, where that matters."""
        from poolwise.traffic import divided

        counts = [place.kinds(work.gil) for place in self.used]
        if sum(counts) < 2:
            return replace(load, kind=None)
        if load.kind is None or not self.numbers:
            shares = zip(self.used.values(), counts, strict=True)
            each = [part / count for part, count in shares for _ in range(count)]
            return divided(load, each, click.get_current_context().params["seed"])
        return replace(load, kind=_spread(self.numbers, counts, load.kind))


def _spread(numbers: Sequence[int], counts: Sequence[int], kind: Any) -> Any:
    """Kinds of the simulation from those of the log; the interpreters of a place take turns."""
    import numpy as np

    place = np.array(numbers)[kind]
    firsts = np.cumsum([0, *counts[:-1]])
    return firsts[place] + np.arange(len(place)) % np.array(counts)[place]


def log_mounts(given: Mapping[str, Any]) -> Sequence[str]:
    """The mounts that a log's paths are held against: none where the user names the shares."""
    reading = given.get("reading")
    if reading is None or given.get("share_texts"):
        return ()
    return mounts_of(places(reading.configuration.site))


def division(site: Site | None, shares: Mapping[str, float], load: Workload) -> Division:
    """How the traffic is divided between the applications of a site. Raises InputError for ``--share``."""
    where = places(site) if site else ()
    if not where:
        if shares:
            raise InputError("--share: no application was seen that a share of the traffic could go to")
        return Division()
    if load.kind is not None and len(load):
        return _by_paths(where, load.kind)
    each, assumed = shares_of(where, shares)
    return Division({place: part for place, part in zip(where, each, strict=True) if part > 0}, assumed)


def _by_paths(where: tuple[Place, ...], kind: Any) -> Division:
    """The division that a log's paths make; a place without requests is left out."""
    import numpy as np

    from poolwise.report import share

    owners = np.array(places_of_mounts(where))
    counts = np.bincount(owners[kind], minlength=len(where))
    each: Floats = counts / counts.sum()
    used = {place: float(part) for place, part in zip(where, each, strict=True) if part > 0}
    order = {place: number for number, place in enumerate(used)}
    said = ", ".join(f"{share(part)} to {place.words}" for place, part in used.items())
    words = [f"the paths in the log send {said}"]
    strangers = int((kind == len(owners) - 1).sum())
    if strangers:
        words.append(f"{strangers:,} requests are under no mount; they are taken for {where[0].words}")
    return Division(used, tuple(words), tuple(order.get(where[owner], 0) for owner in owners))


def shares_of(
    where: tuple[Place, ...], asked: Mapping[str, float]
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """The share of the traffic that each place gets, and what was assumed for it.

    ``asked`` names places, mounts or hosts. What is left goes to the first not named. Raises InputError.
    """
    shares: dict[str, float] = {}
    for name, part in asked.items():
        place = _named(where, name)
        if place.name in shares:
            raise InputError(f"--share: {name} is in a place that was named already: {place.words}")
        shares[place.name] = part
    total = sum(shares.values())
    others = [place for place in where if place.name not in shares]
    if total > 1 + 1e-9 or (not others and total < 1 - 1e-9):
        raise InputError(f"--share: the shares are {total:g} together, they must be 1")
    found = tuple(
        shares.get(place.name, max(1.0 - total, 0.0) if others and place is others[0] else 0.0)
        for place in where
    )
    if len(where) < 2 or asked:
        return found, ()
    rest = "; ".join(place.words for place in where[1:])
    return found, (f"all requests go to {where[0].words} and none to {rest} (--share divides them)",)


def mounts_of(where: tuple[Place, ...]) -> tuple[str, ...]:
    """The mounts by which a path tells the place, the longest first; none where it does not tell."""
    owners: dict[str, set[str]] = {}
    for place in where:
        for app in place.applications:
            owners.setdefault(app.mount, set()).add(place.name)
    if len(where) < 2 or any(len(names) > 1 for names in owners.values()):
        return ()
    return tuple(sorted(owners, key=len, reverse=True))


def places_of_mounts(where: tuple[Place, ...]) -> tuple[int, ...]:
    """For each of ``mounts_of`` the number of its place, and 0 for a path that is under none of them."""
    owner = {app.mount: number for number, place in enumerate(where) for app in place.applications}
    return (*(owner[mount] for mount in mounts_of(where)), 0)


def _named(where: tuple[Place, ...], name: str) -> Place:
    """The place with this name or mount. InputError when there is none, or more than one."""
    found = [place for place in where if place.name == name]
    found = found or [place for place in where if name in place.names]
    known = "; ".join(place.words for place in where) or "no application was seen"
    if len(found) != 1:
        problem = "is in several places; name the group" if found else "is no application or group"
        raise InputError(f"--share: {name} {problem}. There are: {known}")
    return found[0]
