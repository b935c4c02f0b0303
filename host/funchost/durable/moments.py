"""Times as user code gives them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from funchost.instant import Instant, from_datetime, in_calendar, ticks_of

__all__ = ["instant_of"]


def instant_of(when: Any, now: Instant, argument: str) -> Instant:
    """A time, a date (its first moment) or how long from ``now``; what is naive is UTC.

    Raises ValueError, which names ``argument``.
    """
    try:
        if isinstance(when, timedelta):
            return in_calendar(now + ticks_of(when))
        if isinstance(when, datetime):
            return from_datetime(when)
    except ValueError as exc:
        raise ValueError(f"{argument}: {exc}: {when}") from None
    if isinstance(when, date):
        return from_datetime(datetime(when.year, when.month, when.day, tzinfo=UTC))
    raise ValueError(f"{argument}: Expected valid datetime object but got {cast(object, when)!r}")
