"""When a failed activity or sub-orchestration is tried again: rules, no clock.

The protocol counts: after every failed attempt but the last a timer of the interval elapses; after the
last one a timer that is due at once is still created and awaited before the failure is delivered. Both
sides of a history (and other engines on the same hub) rely on exactly these rows. A failure that is not to
be retried, or comes after the timeout, is delivered at once.
"""

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from funchost.durable.events import FailureDetails
from funchost.durable.failures import class_names
from funchost.instant import LATEST, Instant, ticks_of

__all__ = ["RetryPolicy", "RetryRule", "is_final", "next_attempt_at", "rule_of"]

_MILLISECOND = 10_000
_SIX_DAYS = 6 * 24 * 3600 * 1000 * _MILLISECOND
_LONGEST_FIRST = timedelta(days=365_000)
"""For the first pause. Later ones end with the calendar: a limit of them may well mean that there is none."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and after which pauses, a call is tried again. Taken wherever the SDK's ``RetryOptions`` is.

    ``max_number_of_attempts`` counts the first one. The first pause is ``first_retry_interval``; each further
    one is ``backoff_coefficient`` times as long, up to ``max_retry_interval`` (None: six days, or the first
    interval if that is longer). Once ``retry_timeout`` has gone by since the first attempt was asked for, a
    failure is final.

    ``non_retriable``: exceptions that are final at once, by class or by the name of the class; classes derived
    from them count too. They are compared by name, as a failure that was stored is no exception any more.
    ``retry_if`` gets what the orchestrator would catch, with the class name of the original as ``error_type``
    (None when unknown); a false answer makes it final. It is orchestrator code: called again in every replay,
    it must answer by nothing but the error.

    Raises ValueError for what makes no policy.
    """

    first_retry_interval: timedelta
    max_number_of_attempts: int
    backoff_coefficient: float = 1.0
    max_retry_interval: timedelta | None = None
    retry_timeout: timedelta | None = None
    non_retriable: Iterable[type[BaseException] | str] = ()
    retry_if: Callable[[Any], bool] | None = None

    def __post_init__(self) -> None:
        _check_interval("first_retry_interval", self.first_retry_interval)
        if self.first_retry_interval > _LONGEST_FIRST:
            raise ValueError(_too_long("first_retry_interval"))
        for name in ("max_retry_interval", "retry_timeout"):
            if (value := getattr(self, name)) is not None:
                _check_interval(name, value)
        if self.max_retry_interval is not None and self.max_retry_interval < self.first_retry_interval:
            raise ValueError("max_retry_interval must not be shorter than first_retry_interval")
        _check_attempts(self.max_number_of_attempts)
        _check_backoff(self.backoff_coefficient)
        # An iterator would be used up by the first call.
        object.__setattr__(self, "non_retriable", _checked_exceptions(self.non_retriable))
        if self.retry_if is not None and (not callable(self.retry_if) or inspect.iscoroutinefunction(self.retry_if)):
            raise ValueError("retry_if must be a plain function that takes the exception")


@dataclass(frozen=True, slots=True)
class RetryRule:
    """Intervals in ticks. ``max_attempts`` counts the first one; below 1 it means 1. ``non_retriable`` holds
    names of classes."""

    first_interval: int
    max_attempts: int
    backoff: float = 1.0
    max_interval: int = _SIX_DAYS
    timeout: int | None = None
    non_retriable: frozenset[str] = frozenset()
    retry_if: Callable[[Any], bool] | None = None


def rule_of(options: Any) -> RetryRule:
    """Of a :class:`RetryPolicy`, or of the SDK's ``RetryOptions``: a constant interval.

    Raises ValueError for anything else.
    """
    if isinstance(options, RetryPolicy):
        return _rule_of_policy(options)
    try:
        interval = int(options.first_retry_interval_in_milliseconds * _MILLISECOND)
        attempts = int(options.max_number_of_attempts)
    except (AttributeError, TypeError) as exc:
        raise ValueError(
            f"retry_options must be a RetryOptions or a funchost.RetryPolicy, not {type(options).__name__}"
        ) from exc
    if interval > ticks_of(_LONGEST_FIRST):
        raise ValueError(_too_long("first_retry_interval_in_milliseconds"))
    return RetryRule(interval, attempts, max_interval=max(_SIX_DAYS, interval))


def is_final(rule: RetryRule, failure: FailureDetails | None) -> bool:
    """Whether trying again is in vain: who failed says so, or the rule does of its kind."""
    if failure is None:
        return False
    return failure.non_retriable or not rule.non_retriable.isdisjoint(class_names(failure))


def next_attempt_at(rule: RetryRule, *, failed: int, first_attempt: Instant, now: Instant) -> Instant | None:
    """When to try again after ``failed`` (>= 1) failed attempts; None when the failure is final.

    ``now`` is the orchestrator's clock. A ``timeout`` is measured from the first attempt.
    """
    if failed >= rule.max_attempts:
        return None
    if rule.timeout is not None and now >= first_attempt + rule.timeout:
        return None
    return min(Instant(now + _pause(rule, failed)), LATEST)


def _pause(rule: RetryRule, failed: int) -> int:
    try:
        return min(int(rule.first_interval * rule.backoff ** (failed - 1)), rule.max_interval)
    except OverflowError:
        return rule.max_interval


def _rule_of_policy(policy: RetryPolicy) -> RetryRule:
    first = ticks_of(policy.first_retry_interval)
    longest, timeout = policy.max_retry_interval, policy.retry_timeout
    return RetryRule(
        first,
        policy.max_number_of_attempts,
        policy.backoff_coefficient,
        max(_SIX_DAYS, first) if longest is None else ticks_of(longest),
        None if timeout is None else ticks_of(timeout),
        frozenset(kind if isinstance(kind, str) else kind.__name__ for kind in policy.non_retriable),
        policy.retry_if,
    )


def _check_interval(name: str, value: object) -> None:
    if not isinstance(value, timedelta):
        raise ValueError(f"{name} must be a timedelta, such as timedelta(seconds=5), not {value!r}")
    if value <= timedelta():
        raise ValueError(f"{name} must be longer than zero, not {value}")


def _too_long(name: str) -> str:
    return f"{name} must not be longer than a thousand years ({_LONGEST_FIRST.days} days)"


def _check_attempts(value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"max_number_of_attempts must be a whole number from 1, the first included, not {value!r}")


def _check_backoff(value: object) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not (1 <= value < math.inf):
        raise ValueError(f"backoff_coefficient must be a number from 1, not {value!r}")


def _checked_exceptions(kinds: Any) -> tuple[type[BaseException] | str, ...]:
    checked = (kinds,) if isinstance(kinds, (str, type)) or not isinstance(kinds, Iterable) else tuple(cast(Any, kinds))
    for kind in checked:
        if not ((isinstance(kind, str) and kind) or (isinstance(kind, type) and issubclass(kind, BaseException))):
            raise ValueError(f"non_retriable holds exception classes and names of them, not {kind!r}")
        if kind in (Exception, BaseException, "Exception", "BaseException"):
            raise ValueError("non_retriable must tell failures apart, and every failure is an Exception")
    return checked
