"""Numbers in words: sizes, durations, counts and shares as people read them."""

from __future__ import annotations

import math

_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def _three(value: float) -> str:
    """At most three significant digits, whole numbers from 100 on, thousands separated."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    digits = 1 if abs(value) >= 9.995 else 2
    text = f"{value:.{digits}f}" if abs(value) >= 1 else f"{value:.2g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def size(size_bytes: float) -> str:
    """Bytes in decimal units: ``size(1_250_000_000) == "1.25 GB"``."""
    for factor, unit in _SIZES:
        if abs(size_bytes) >= factor:
            return f"{_three(size_bytes / factor)} {unit}"
    return f"{_three(size_bytes)} bytes"


def duration(seconds: float) -> str:
    """Seconds in the unit a reader expects: ``"0 s"``, ``"35 ms"``, ``"2.4 s"``, ``"1 h 30 min"``."""
    if seconds == 0 or not math.isfinite(seconds):
        return f"{seconds:g} s"
    if abs(seconds) < 0.001:
        return f"{_three(seconds * 1e6)} µs"
    if abs(seconds) < 0.9995:
        return f"{_three(seconds * 1e3)} ms"
    if abs(seconds) < 120:
        return f"{_three(seconds)} s"
    return clock(seconds)


def clock(seconds: float) -> str:
    """A time or length in whole seconds: ``"40 s"``, ``"12 min 5 s"``, ``"1 h 30 min"``."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (left if not hours else 0, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def count(number: float) -> str:
    """A count or a mean of counts, thousands separated: ``"12,345"``, ``"3.4"``."""
    if float(number).is_integer():
        return f"{number:,.0f}"
    return _three(number)


def share(fraction: float) -> str:
    """A fraction in percent; what is not nothing never reads as 0 %, what is not all never as 100 %."""
    percent = 100.0 * fraction
    if percent == 0 or percent == 100:
        return f"{percent:.0f} %"
    if percent < 0.01:
        return "< 0.01 %"
    if 99.95 <= percent < 100:
        return "> 99.9 %"
    text = f"{percent:.2f}" if percent < 1 else f"{percent:.1f}"
    return f"{text.rstrip('0').rstrip('.')} %"


def plural(number: float, noun: str) -> str:
    """``"1 process"``, ``"5 processes"``, ``"2 threads"``."""
    if number == 1:
        return f"1 {noun}"
    ending = "es" if noun.endswith("s") else "s"
    return f"{count(number)} {noun}{ending}"


def change(before: float, after: float) -> str:
    """How much ``after`` differs from ``before``: ``"−61 %"``, ``"×12"``, ``"same"``, ``"from 0"``."""
    if before == after or (before and abs(after / before - 1) < 0.005):
        return "same"
    if before == 0:
        return "from 0"
    ratio = after / before
    if ratio >= 3:
        return f"×{_three(ratio)}"
    if 0 < ratio < 0.01:
        return f"÷{_three(1 / ratio)}"
    return f"{'+' if ratio > 1 else '−'}{abs(100 * (ratio - 1)):.0f} %"
