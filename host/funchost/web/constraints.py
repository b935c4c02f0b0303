"""Route constraints: they only accept or refuse a value; user code gets its text either way.

The names and what each accepts follow the reference host, which takes them from its web framework: numbers
and dates are read in the invariant culture, and regular expressions search, ignoring case.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from funchost.errors import ConfigError

__all__ = ["Constraint", "parse_constraint"]

Constraint = Callable[[str], bool]
"""Does a decoded value satisfy it?"""

_WHOLE = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_DECIMAL = re.compile(r"\s*(?:[+-]?(?:\d[\d,]*\.?\d*|\.\d+)|(?:\d[\d,]*\.?\d*|\.\d+)[+-])\s*", re.ASCII)
_FLOAT = re.compile(r"\s*[+-]?(?:(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?|infinity|∞|nan)\s*", re.ASCII | re.IGNORECASE)
_GUID = re.compile(
    r"(?:[0-9a-f]{32}|(?P<open>[{(])?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?(open)[})]))"
    r"|\{0x[0-9a-f]{1,8}(?:,0x[0-9a-f]{1,4}){2},\{0x[0-9a-f]{1,2}(?:,0x[0-9a-f]{1,2}){7}\}\}",
    re.IGNORECASE,
)
_DECIMAL_LIMIT = 79228162514264337593543950336
_INT_BITS = 31
_LONG_BITS = 63
_DATE_FORMATS = (
    "%m/%d/%Y",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y/%m/%d",
    "%Y-%m-%d %I:%M:%S %p",
    "%d %B %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%a, %d %b %Y %H:%M:%S GMT",
)


def parse_constraint(name: str, argument: str | None, *, where: str) -> Constraint:
    """The constraint ``name(argument)``. Raises ConfigError, which says ``where``, for one that is not known."""
    key = name.strip().lower()
    try:
        if argument is None:
            if plain := _PLAIN.get(key):
                return plain
            raise ConfigError(f"{where}: unknown route constraint {name!r}; known are {', '.join(_NAMES)}")
        if key == "regex":
            return _regex(argument)
        if build := _WITH_NUMBERS.get(key):
            return build(*(int(part) for part in argument.split(",")))
    except (ValueError, TypeError, re.error) as exc:
        raise ConfigError(f"{where}: route constraint {name}({argument}) cannot be read: {exc}") from exc
    raise ConfigError(f"{where}: unknown route constraint {name}({argument}); known are {', '.join(_NAMES)}")


def _is_whole(bits: int) -> Constraint:
    return lambda value: _WHOLE.fullmatch(value) is not None and -(2**bits) <= int(value) < 2**bits


def _is_bool(value: str) -> bool:
    return value.strip().lower() in {"true", "false"}


def _is_decimal(value: str) -> bool:
    if _DECIMAL.fullmatch(value) is None:
        return False
    whole = value.strip().strip("+-").partition(".")[0].replace(",", "")
    return not whole or int(whole) < _DECIMAL_LIMIT


def _is_float(value: str) -> bool:
    return _FLOAT.fullmatch(value) is not None


def _is_guid(value: str) -> bool:
    text = value.strip()
    match = _GUID.fullmatch(text)
    if match is None:
        return False
    return match["open"] is None or text[-1] == {"{": "}", "(": ")"}[match["open"]]


def _is_datetime(value: str) -> bool:
    text = value.strip()
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return any(_fits(text, form) for form in _DATE_FORMATS)
    # Python also reads week dates and compact forms, which are no dates to the reference host.
    return "-" in text[:5] and "W" not in text


def _fits(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - only the shape matters
    except ValueError:
        return False
    return True


def _is_alpha(value: str) -> bool:
    return all(letter.isascii() and letter.isalpha() for letter in value)


def _is_file(value: str) -> bool:
    """A last segment with a dot that something follows."""
    _, dot, rest = value.rpartition("/")[2].partition(".")
    return bool(dot) and bool(rest.strip("."))


def _regex(pattern: str) -> Constraint:
    search = re.compile(pattern, re.IGNORECASE).search
    return lambda value: search(value) is not None


def _number_within(low: int, high: int) -> Constraint:
    is_long = _is_whole(_LONG_BITS)
    return lambda value: is_long(value) and low <= int(value) <= high


def _length(low: int, high: int | None = None) -> Constraint:
    top = low if high is None else high
    return lambda value: low <= len(value) <= top


def _min_length(low: int) -> Constraint:
    return lambda value: len(value) >= low


def _max_length(high: int) -> Constraint:
    return lambda value: len(value) <= high


def _min(low: int) -> Constraint:
    return _number_within(low, 2**_LONG_BITS)


def _max(high: int) -> Constraint:
    return _number_within(-(2**_LONG_BITS), high)


_PLAIN: Mapping[str, Constraint] = {
    "int": _is_whole(_INT_BITS),
    "long": _is_whole(_LONG_BITS),
    "bool": _is_bool,
    "datetime": _is_datetime,
    "decimal": _is_decimal,
    "double": _is_float,
    "float": _is_float,
    "guid": _is_guid,
    "alpha": _is_alpha,
    "required": bool,
    "file": _is_file,
    "nonfile": lambda value: not _is_file(value),
}
_WITH_NUMBERS: Mapping[str, Callable[..., Constraint]] = {
    "minlength": _min_length,
    "maxlength": _max_length,
    "length": _length,
    "min": _min,
    "max": _max,
    "range": _number_within,
}
_NAMES = sorted([*_PLAIN, *_WITH_NUMBERS, "regex"])
