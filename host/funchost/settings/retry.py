"""Retry policies, as host.json, function files and the ``retry`` decorator write them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from funchost.settings.kinds import duration, whole

__all__ = ["RetryPolicySpec", "parse_retry"]

_INTERVAL = duration(timedelta(0))
_COUNT = whole(-1)
_STRATEGIES: Mapping[str, Literal["fixedDelay", "exponentialBackoff"]] = {
    "fixeddelay": "fixedDelay",
    "exponentialbackoff": "exponentialBackoff",
}


@dataclass(frozen=True, slots=True)
class RetryPolicySpec:
    """``retry`` of a function or of host.json; ``max_retry_count`` -1 retries for ever.

    With a fixed delay, ``maximum`` is the delay too.
    """

    strategy: Literal["fixedDelay", "exponentialBackoff"]
    max_retry_count: int
    delay: timedelta
    maximum: timedelta


def parse_retry(raw: Mapping[str, Any]) -> RetryPolicySpec:
    """From ``maxRetryCount`` (files) or ``max_retry_count`` (decorator) and their like, in any case.

    Raises ValueError with one line that names the property and what it expects.
    """
    given = {_plain(name): value for name, value in raw.items() if value is not None}
    strategy = _STRATEGIES.get(_plain(str(given.get("strategy", ""))))
    if strategy is None:
        raise ValueError('retry.strategy must be "fixedDelay" or "exponentialBackoff"')
    count = _read(given, "maxRetryCount", _COUNT.read, _COUNT.expected)
    if strategy == "fixedDelay":
        delay = _read(given, "delayInterval", _INTERVAL.read, _INTERVAL.expected)
        return RetryPolicySpec(strategy, count, delay, delay)
    minimum = _read(given, "minimumInterval", _INTERVAL.read, _INTERVAL.expected)
    maximum = _read(given, "maximumInterval", _INTERVAL.read, _INTERVAL.expected)
    if minimum > maximum:
        raise ValueError("retry.minimumInterval must not be above retry.maximumInterval")
    return RetryPolicySpec(strategy, count, minimum, maximum)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _read(given: Mapping[str, Any], name: str, read: Any, expected: str) -> Any:
    if name.lower() not in given:
        raise ValueError(f"retry.{name} is missing; it must be {expected}")
    try:
        return read(given[name.lower()])
    except ValueError as exc:
        raise ValueError(f"retry.{name} is {given[name.lower()]!r}; it must be {expected}") from exc
