"""Kinds of values an option may have: what is accepted, and how to say what was expected.

Settings of the environment are text, so each kind also takes the textual form of its value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from funchost.timespan import format_timespan, parse_timespan

__all__ = [
    "ANYTHING",
    "DAYS",
    "FLAG",
    "MAPPING",
    "TEXT",
    "TEXTS",
    "Kind",
    "choice",
    "decimal",
    "duration",
    "list_of",
    "whole",
]


@dataclass(frozen=True, slots=True)
class Kind:
    """``read`` turns a JSON value into ours or raises ValueError; ``expected`` completes "expected …"."""

    expected: str
    read: Callable[[Any], Any]


def whole(minimum: int | None = None, maximum: int | None = None) -> Kind:
    """An integer; the bounds are inclusive."""

    def read(value: Any) -> int:
        if isinstance(value, int | str) and not isinstance(value, bool):
            return _within(int(value), minimum, maximum)
        raise ValueError(value)

    return Kind("an integer" + _bounds(minimum, maximum, str), read)


def decimal(minimum: float | None = None, maximum: float | None = None) -> Kind:
    """A number; the bounds are inclusive."""

    def read(value: Any) -> float:
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            return _within(float(value), minimum, maximum)
        raise ValueError(value)

    return Kind("a number" + _bounds(minimum, maximum, str), read)


def duration(minimum: timedelta | None = None, maximum: timedelta | None = None) -> Kind:
    """A duration in text; the bounds are inclusive."""

    def read(value: Any) -> timedelta:
        return _within(parse_timespan(_read_text(value)), minimum, maximum)

    return Kind("a duration as hh:mm:ss or d.hh:mm:ss" + _bounds(minimum, maximum, format_timespan), read)


def choice(*names: str) -> Kind:
    """One of ``names`` in any case; read as spelled here."""
    by_name = {name.lower(): name for name in names}

    def read(value: Any) -> str:
        if not isinstance(value, str) or value.lower() not in by_name:
            raise ValueError(value)
        return by_name[value.lower()]

    return Kind("one of " + ", ".join(f'"{name}"' for name in names), read)


def list_of(item: Kind, expected: str) -> Kind:
    """A list with items of one kind, read as a tuple."""

    def read(value: Any) -> tuple[Any, ...]:
        if isinstance(value, list):
            return tuple(item.read(one) for one in value)
        raise ValueError(value)

    return Kind(expected, read)


def _read_flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError(value)


def _read_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(value)


def _read_mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise ValueError(value)


def _read_days(value: Any) -> timedelta:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _read_text(value)
    return timedelta(days=int(text)) if text.isdigit() else _within(parse_timespan(text), timedelta(0), None)


def _read_anything(value: Any) -> Any:
    return value


FLAG = Kind("true or false", _read_flag)
TEXT = Kind("text", _read_text)
TEXTS = list_of(TEXT, "a list of texts")
MAPPING = Kind("an object", _read_mapping)
DAYS = Kind("a duration as d.hh:mm:ss, or a number of days", _read_days)
ANYTHING = Kind("any value", _read_anything)


def _within(value: Any, minimum: Any, maximum: Any) -> Any:
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        raise ValueError(value)
    return value


def _bounds(minimum: Any, maximum: Any, show: Callable[[Any], str]) -> str:
    if minimum is not None and maximum is not None:
        return f" from {show(minimum)} to {show(maximum)}"
    if minimum is not None:
        return f" of at least {show(minimum)}"
    return "" if maximum is None else f" of at most {show(maximum)}"
