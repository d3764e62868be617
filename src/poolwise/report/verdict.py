"""The verdict on a piece of advice in plain words, and the figures of today beside those of the advice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from poolwise.model import Advice, Target
from poolwise.report.measures import measures
from poolwise.report.quantities import change, count, duration, plural, share, size

Tone = Literal["better", "worse", "same"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure today and with the advice, in words; ``tone`` says whether that is an improvement."""

    name: str
    before: str
    after: str
    change: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Figure:
    """What a reader looks at first: a main comparison and lesser ones under it."""

    main: Comparison
    others: tuple[Comparison, ...]


_FIGURES: tuple[tuple[tuple[str, str, Callable[[float], str]], ...], ...] = (
    (("Memory, mean", "memory_mean_bytes", size), ("peak", "memory_peak_bytes", size)),
    (("Process starts an hour", "churn_per_hour", count), ("killed as idle", "killed_idle", count)),
    (
        ("Wait, p95", "wait_p95_s", duration),
        ("p50", "wait_p50_s", duration),
        ("p99", "wait_p99_s", duration),
        ("longest", "wait_max_s", duration),
        ("waited", "waited_share", share),
    ),
    (("Requests refused", "refused", count), ("served", "served", count)),
    (("Processes, mean", "processes_mean", count), ("peak", "processes_peak", count)),
)
_MORE_IS_BETTER = {"served"}


def figures(advice: Advice) -> list[Figure]:
    """Memory, churn, waits, refusals and processes, today and with the advice, memory only when known."""
    before, after = measures(advice.before), measures(advice.after)
    found = []
    for (name, key, spell), *others in _FIGURES:
        if key in before and key in after:
            rest = tuple(_compare(n, k, s, before, after) for n, k, s in others)
            found.append(Figure(_compare(name, key, spell, before, after), rest))
    return found


def _compare(
    name: str, key: str, spell: Callable[[float], str], before: dict[str, float], after: dict[str, float]
) -> Comparison:
    old, new = before[key], after[key]
    words = change(old, new)
    tone: Tone = (
        "same" if words == "same" else "better" if (new > old) == (key in _MORE_IS_BETTER) else "worse"
    )
    return Comparison(name, spell(old), spell(new), words, tone)


def headline(advice: Advice) -> str:
    """One sentence: what to do and whether the target is then kept."""
    number = len(advice.changes)
    if not number:
        if advice.met:
            return "Leave it as it is: today's settings keep the target."
        return "No setting that was tried does better than today's, and today's miss the target."
    todo = f"Change {plural(number, 'setting')}"
    return (
        f"{todo}: the target is kept."
        if advice.met
        else f"{todo}: it gets better, but the target is still missed."
    )


def sentences(advice: Advice) -> list[str]:
    """Memory, process starts, waits and refusals in a sentence each."""
    before, after = measures(advice.before), measures(advice.after)
    return [
        *_about_memory(before, after),
        _about_starts(before["churn_per_hour"], after["churn_per_hour"]),
        _about_waits(advice),
        _about_refusals(before["refused"], after["refused"]),
    ]


def target_words(target: Target) -> str:
    """The target in words: ``"95 % of requests wait at most 50 ms, none is refused"``."""
    refused = "none is refused" if target.refused == 0 else f"at most {share(target.refused)} are refused"
    words = f"{share(target.quantile)} of requests wait at most {duration(target.wait_s)}, {refused}"
    return f"{words}, memory stays below {size(target.memory_bytes)}" if target.memory_bytes else words


def _about_memory(before: dict[str, float], after: dict[str, float]) -> list[str]:
    if "memory_mean_bytes" not in before or "memory_mean_bytes" not in after:
        return []
    old, new = before["memory_mean_bytes"], after["memory_mean_bytes"]
    old_peak, new_peak = size(before["memory_peak_bytes"]), size(after["memory_peak_bytes"])
    peak = (
        f"at its peak {old_peak} becomes {new_peak}" if old_peak != new_peak else f"its peak stays {new_peak}"
    )
    verb = _verb(old, new, "falls", "rises", "stays")
    if verb == "stays":
        return [f"Memory stays at {size(new)} on average; {peak}."]
    return [f"Memory {verb} from {size(old)} to {size(new)} on average ({change(old, new)}); {peak}."]


def _about_starts(old: float, new: float) -> str:
    if change(old, new) == "same":
        return f"Processes are started as often as today, {count(new)} times an hour."
    return f"Processes are started {count(new)} times an hour instead of {count(old)}."


def _about_waits(advice: Advice) -> str:
    q = advice.target.quantile
    old, new = advice.before.wait.quantile_s(q), advice.after.wait.quantile_s(q)
    if old == new == 0.0:
        return f"{share(q)} of requests find a free worker at once, today and with the advice."
    then = "find a free worker at once" if new == 0.0 else f"wait at most {duration(new)} for a worker"
    now = "none" if old == 0.0 else duration(old)
    return f"{share(q)} of requests {then} (today: {now})."


def _about_refusals(old: float, new: float) -> str:
    if old == new == 0:
        return "No request is refused, today or with the advice."
    then = "None is refused any more" if new == 0 else f"{plural(new, 'request')} would be refused"
    return f"{then} (today: {count(old)})."


def _verb(old: float, new: float, down: str, up: str, same: str) -> str:
    return same if change(old, new) == "same" else down if new < old else up
