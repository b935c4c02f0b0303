"""When a failed activity or sub-orchestration is tried again: one rule, no clock.

The protocol counts: after every failed attempt but the last a timer of the interval elapses; after the
last one a timer that is due at once is still created and awaited before the failure is delivered. Both
sides of a history (and other engines on the same hub) rely on exactly these rows.
"""

from dataclasses import dataclass

from funchost.durable.sdk import RetryOptions
from funchost.instant import Instant

__all__ = ["RetryRule", "next_attempt_at", "rule_of"]

_MILLISECOND = 10_000
_SIX_DAYS = 6 * 24 * 3600 * 1000 * _MILLISECOND


@dataclass(frozen=True, slots=True)
class RetryRule:
    """Intervals in ticks. ``max_attempts`` counts the first one; below 1 it means 1."""

    first_interval: int
    max_attempts: int
    backoff: float = 1.0
    max_interval: int = _SIX_DAYS
    timeout: int | None = None


def rule_of(options: RetryOptions) -> RetryRule:
    """The SDK's ``RetryOptions``: a constant interval."""
    return RetryRule(
        first_interval=int(options.first_retry_interval_in_milliseconds * _MILLISECOND),
        max_attempts=int(options.max_number_of_attempts),
        max_interval=max(_SIX_DAYS, int(options.first_retry_interval_in_milliseconds * _MILLISECOND)),
    )


def next_attempt_at(rule: RetryRule, *, failed: int, first_attempt: Instant, now: Instant) -> Instant | None:
    """When to try again after ``failed`` (>= 1) failed attempts; None when the failure is final.

    ``now`` is the orchestrator's clock. A ``timeout`` is measured from the first attempt.
    """
    if failed >= rule.max_attempts:
        return None
    if rule.timeout is not None and now >= first_attempt + rule.timeout:
        return None
    return Instant(now + min(int(rule.first_interval * rule.backoff ** (failed - 1)), rule.max_interval))
