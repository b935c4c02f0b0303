"""Query strings as the durable HTTP API reads them: names in any case, and what is not understood is not given."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl

from funchost.durable.status import RuntimeStatus
from funchost.instant import Instant, from_datetime

__all__ = ["QueryParameters", "parse_moment"]

_INTEGER = re.compile(r"\s*[+-]?\d{1,18}\s*$", re.ASCII)
_DECIMAL = re.compile(r"\s*[+-]?(\d{1,15}(\.\d*)?|\.\d+)\s*$", re.ASCII)

_DATE = r"(?:(?P<y>\d{4})[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})|(?P<m2>\d{1,2})/(?P<d2>\d{1,2})/(?P<y2>\d{4}))"
_TIME = r"(?P<H>\d{1,2}):(?P<M>\d\d)(?::(?P<S>\d\d)(?:\.(?P<f>\d{1,9}))?)?\s?(?P<half>[AaPp][Mm])?"
# A blank before the digits of a zone is a plus sign that its sender did not percent-encode.
_ZONE = r"\s?(?P<zone>[Zz]|GMT|UTC|[+\- ]\d\d:?\d\d)?"
_MOMENT = re.compile(rf"\s*{_DATE}(?:[T ]{_TIME}{_ZONE})?\s*$", re.ASCII)


class QueryParameters:
    """The parameters of one request. A repeated name counts as one value, joined with commas."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), []).append(value)

    @classmethod
    def parse(cls, query_string: str) -> "QueryParameters":
        """``query_string`` without its question mark, as it was sent."""
        return cls(parse_qsl(query_string, keep_blank_values=True, errors="replace"))

    def all(self, name: str) -> list[str]:
        """Each value of a repeated name."""
        return self._values.get(name.lower(), [])

    def text(self, name: str) -> str | None:
        values = self.all(name)
        return ",".join(values) if values else None

    def flag(self, name: str, *, default: bool) -> bool:
        return {"true": True, "false": False}.get((self.text(name) or "").strip().lower(), default)

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        return int(value) if value is not None and _INTEGER.match(value) else None

    def seconds(self, name: str) -> float | None:
        value = self.text(name)
        return float(value) if value is not None and _DECIMAL.match(value) else None

    def moment(self, name: str) -> Instant | None:
        value = self.text(name)
        return None if value is None else parse_moment(value)

    def statuses(self, name: str) -> frozenset[RuntimeStatus]:
        """Names (in their exact case) or numbers; unknown ones are dropped."""
        given = {part.strip() for part in (self.text(name) or "").split(",")}
        return frozenset(s for s in RuntimeStatus if s.value in given or str(s.number) in given)


def parse_moment(text: str) -> Instant | None:
    """A date, or a date and time, in ISO 8601 or US order; UTC unless it says otherwise. None for anything else."""
    match = _MOMENT.match(text)
    if match is None:
        return None
    part = match.groupdict()
    try:
        day = datetime(
            int(part["y"] or part["y2"]), int(part["m"] or part["m2"]), int(part["d"] or part["d2"]), tzinfo=UTC
        )
        clock = timedelta(hours=_hour(part["H"], part["half"]), minutes=_below(60, part["M"]))
        moment = (day + clock + timedelta(seconds=_below(60, part["S"]))).replace(tzinfo=_zone(part["zone"]))
        instant = from_datetime(moment)
    except (ValueError, OverflowError):
        return None
    ticks = int((part["f"] or "0").ljust(7, "0")[:7])
    return Instant(instant + ticks)


def _hour(digits: str | None, half: str | None) -> int:
    hour = _below(24, digits)
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(f"no hour of half a day: {hour}")
    return hour % 12 + (12 if half.lower() == "pm" else 0)


def _below(limit: int, digits: str | None) -> int:
    number = int(digits or "0")
    if number >= limit:
        raise ValueError(f"{number} is not below {limit}")
    return number


def _zone(text: str | None) -> timezone:
    if text is None or text.upper() in ("Z", "GMT", "UTC"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
