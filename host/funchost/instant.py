"""Points in time as the task hub stores them: integers of 100 ns.

The history of an orchestration keeps times to 100 ns (the resolution of .NET), which ``datetime`` cannot
hold. An integer can, compares fast and costs nothing to decode; ``datetime`` appears where user code or
a person looks.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import NewType

__all__ = [
    "LATEST",
    "TICKS_PER_SECOND",
    "Instant",
    "from_datetime",
    "in_calendar",
    "isoformat",
    "parse",
    "ticks_of",
    "to_datetime",
]

Instant = NewType("Instant", int)
"""100-ns ticks since 1970-01-01T00:00:00Z."""

TICKS_PER_SECOND = 10_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ISO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)?$")


def ticks_of(span: timedelta) -> int:
    return span // _MICROSECOND * 10


def to_datetime(instant: Instant) -> datetime:
    """Aware UTC; what is finer than a microsecond is cut off."""
    return _EPOCH + timedelta(microseconds=instant // 10)


def from_datetime(moment: datetime) -> Instant:
    """A naive ``moment`` counts as UTC. Raises ValueError where its zone takes it out of the calendar."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return in_calendar(ticks_of(moment - _EPOCH))


def in_calendar(ticks: int) -> Instant:
    """Raises ValueError for what no ``datetime`` can show: it could be stored, and never be read again."""
    if not _EARLIEST <= ticks <= LATEST:
        raise ValueError("the time is outside the years 1 to 9999 in UTC")
    return Instant(ticks)


def isoformat(instant: Instant) -> str:
    """``yyyy-MM-ddTHH:mm:ss[.fffffff]Z``: up to 7 digits, trailing zeros removed, as .NET writes them."""
    seconds, ticks = divmod(instant, TICKS_PER_SECOND)
    text = (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]
    fraction = f".{ticks:07d}".rstrip("0") if ticks else ""
    return f"{text}{fraction}Z"


def parse(text: str) -> Instant:
    """The inverse of :func:`isoformat`; a time without zone is UTC. Raises ValueError."""
    match = _ISO.match(text)
    if match is None:
        raise ValueError(f"not an ISO 8601 time: {text!r}")
    moment, fraction, zone = match.groups()
    whole = datetime.fromisoformat(moment + ("+00:00" if zone in (None, "Z") else zone))
    return Instant(from_datetime(whole) + int((fraction or "0").ljust(7, "0")[:7]))


_EARLIEST = ticks_of(datetime.min.replace(tzinfo=UTC) - _EPOCH)

LATEST = Instant(ticks_of(datetime.max.replace(tzinfo=UTC) - _EPOCH) + 9)
"""The last moment of the year 9999."""
