"""How httpd reads the word after a directive: C's ``atoi`` and its relatives, with their surprises.

Sources: set_* functions in server/mpm/*/*.c, server/mpm_common.c, server/listen.c,
modules/http/http_core.c; ``ap_timeout_parameter_parse`` in server/util.c. Checked against httpd 2.4.71.
"""

from __future__ import annotations

import math
import re

from poolwise.model import Change, ConfigError, Setting, Value, Where
from poolwise.servers import startup_messages as say
from poolwise.servers.parameter import Parameter, Release, release

_LONG_MAX = 2**63 - 1
_TIME_MAX_S = _LONG_MAX // 1_000_000  # apr_time_t is in microseconds
_FACTOR_MAX = (2**32 - 1) / 16  # beyond, the conversion to unsigned int is undefined
_SECONDS = {"ms": 0.001, "mi": 60.0, "h": 3600.0, "s": 1.0, "": 1.0}


def parse_number(name: str, text: str) -> int:
    """``text`` as httpd's ``atoi`` reads it for ``name``: leading digits, else 0, folded into 32 bits."""
    found = re.match(r"\s*([+-]?)0*(\d*)", text, re.ASCII)
    wide = int(found[2][:25] or "0") if found else 0  # 25 digits are beyond every limit
    wide = max(-wide, -_LONG_MAX - 1) if found and found[1] == "-" else min(wide, _LONG_MAX)
    return (wide + 2**31) % 2**32 - 2**31


def read_value(parameter: Parameter, words: tuple[str, ...], where: Where, version: str) -> Value:
    """The argument words of one directive as a ``Value``.

    ConfigError, with httpd's own text, where httpd refuses them.
    """
    if parameter.kind == "flag":
        return Value(parameter.name, _flag(parameter.name, words, where, release(version)), "", where)
    if parameter.kind == "text":
        return Value(parameter.name, " ".join(words), "", where)
    if len(words) != 1 or not words[0]:
        raise ConfigError(f"{parameter.name} takes one argument", where)
    text = words[0]
    value = _read_number(parameter, text, where, release(version))
    changes: tuple[Change, ...] = ()
    if parameter.kind != "time" and not _says(text, value):
        changes = (Change(text, value, "", say.NOT_A_NUMBER),)
    return Value(parameter.name, value, parameter.unit, where, changes)


def _read_number(parameter: Parameter, text: str, where: Where, version: Release) -> int | float:
    if parameter.kind == "long":
        return _long(parameter.name, text, where)
    if parameter.kind == "factor":
        return _factor(parameter.name, text, where)
    if parameter.kind == "time" and version >= (2, 4, 0):
        return _time_s(parameter.name, text, where)
    number = parse_number(parameter.name, text)
    if parameter.kind == "positive" and number < 1:
        raise ConfigError(f"{parameter.name} must be > 0", where)
    return number


def _long(name: str, text: str, where: Where) -> int:
    """``strtol`` with base 0 (so ``0x10`` is 16 and ``010`` is 8); negative and huge numbers are refused."""
    found = re.match(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|\d+)", text, re.ASCII)
    number = 0
    if found:
        digits = found[2]
        octal = re.match(r"0[0-7]*", digits)
        base = 16 if digits[:2] in ("0x", "0X") else 8 if octal else 10
        number = int(octal[0] if octal and base == 8 else digits[:40], base)
    if number > _LONG_MAX or (number and found and found[1] == "-"):
        raise ConfigError(f"Invalid {name} value: {text}", where)
    return number


def _factor(name: str, text: str, where: Where) -> int | float:
    """``strtod`` of the whole word, above 0."""
    try:
        hexadecimal = text.lower().startswith("0x")
        number = float.fromhex(text) if hexadecimal else float(text.replace("_", "x"))
    except (ValueError, OverflowError):
        raise ConfigError(f"{name}: error parsing value", where) from None
    if number <= 0:
        raise ConfigError(f"{name} argument must be a positive number", where)
    if not math.isfinite(number) or number > _FACTOR_MAX:
        raise ConfigError(f"{name} {text} is too large: what httpd makes of it is undefined", where)
    return int(number) if number == int(number) else number


def _time_s(name: str, text: str, where: Where) -> int | float:
    """Seconds from a number with an optional unit (s, ms, mi..., h...), in lower case."""
    found = re.fullmatch(r"\s*[+]?0*(\d*)(?<=\d)(?:(ms|mi|h|s).*)?", text, re.ASCII)
    if not found:
        raise ConfigError(f"{name} has wrong format", where)
    seconds = int(found[1][:25] or "0") * _SECONDS[found[2] or ""]
    if seconds > _TIME_MAX_S:
        raise ConfigError(f"{name} has wrong format", where)
    return int(seconds) if seconds == int(seconds) else seconds


def _flag(name: str, words: tuple[str, ...], where: Where, version: Release) -> Setting:
    """On or Off; words after it are ignored. KeepAlive of 2.2 takes all but Off and 0 for On."""
    word = words[0].lower() if words else ""
    if name == "KeepAlive" and version < (2, 4, 0) and words:
        return word not in ("off", "0")
    if word not in ("on", "off"):
        raise ConfigError(f"{name} must be On or Off", where)
    return word == "on"


def _says(text: str, number: int | float) -> bool:
    """Whether the text is the number, written in any usual way."""
    try:
        return float(text) == number
    except ValueError:
        return bool(re.fullmatch(r"\s*0[xX][0-9a-fA-F]+\s*", text))
