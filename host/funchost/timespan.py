"""Durations as configuration files and requests write them: ``[-][d.]hh:mm[:ss[.fffffff]]``."""

import re
from datetime import timedelta

__all__ = ["format_timespan", "parse_timespan"]

_TIMESPAN = re.compile(r"(-)?(?:(\d+)(?:\.|:(?=\d+:\d+:)))?(\d+):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?")


def parse_timespan(text: str) -> timedelta:
    """Raises ValueError. An hour above 23 shifts the parts: ``24:00:00`` is 24 days, as on the reference host."""
    match = _TIMESPAN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a duration: {text!r}")
    sign, day_text, hour_text, minute_text, second_text, fraction = match.groups()
    days, hours, minutes, seconds = int(day_text or 0), int(hour_text), int(minute_text), int(second_text or 0)
    if hours > 23 and day_text is None and fraction is None:
        days, hours, minutes, seconds = hours, minutes, seconds, 0
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(f"a part of the duration is out of range: {text!r}")
    microseconds = int((fraction or "0").ljust(7, "0")) // 10
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=microseconds)
    return -span if sign else span


def format_timespan(span: timedelta) -> str:
    """``[-][d.]hh:mm:ss[.fffffff]``, as the reference host prints a duration."""
    sign, span = ("-", -span) if span < timedelta(0) else ("", span)
    hours, rest = divmod(span.seconds, 3600)
    days = f"{span.days}." if span.days else ""
    fraction = f".{span.microseconds * 10:07d}" if span.microseconds else ""
    return f"{sign}{days}{hours:02d}:{rest // 60:02d}:{rest % 60:02d}{fraction}"
