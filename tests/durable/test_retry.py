"""The rule of retries: when the next attempt is due."""

from azure.durable_functions import RetryOptions

from funchost.durable.retry import RetryRule, next_attempt_at, rule_of
from funchost.instant import TICKS_PER_SECOND, Instant

SECOND = TICKS_PER_SECOND
NOW = Instant(100 * SECOND)


def due(rule: RetryRule, failed: int, first: Instant = NOW, now: Instant = NOW) -> int | None:
    at = next_attempt_at(rule, failed=failed, first_attempt=first, now=now)
    return None if at is None else at - now


def test_the_interval_is_constant_without_a_backoff():
    rule = rule_of(RetryOptions(1500, 4))
    assert [due(rule, n) for n in (1, 2, 3, 4)] == [15_000_000] * 3 + [None]


def test_fractions_of_a_millisecond_count():
    assert due(rule_of(RetryOptions(0.5, 2)), 1) == 5_000  # type: ignore[arg-type]  # the SDK takes floats too


def test_a_backoff_multiplies_up_to_the_longest_interval():
    rule = RetryRule(SECOND, 10, backoff=2.0, max_interval=5 * SECOND)
    assert [due(rule, n) for n in (1, 2, 3, 4, 5)] == [n * SECOND for n in (1, 2, 4, 5, 5)]


def test_a_constant_interval_may_be_longer_than_six_days():
    week_ms = 7 * 24 * 3600 * 1000
    assert due(rule_of(RetryOptions(week_ms, 2)), 1) == week_ms * 10_000


def test_a_timeout_is_measured_from_the_first_attempt():
    rule = RetryRule(SECOND, 10, timeout=10 * SECOND)
    assert due(rule, 1, first=NOW, now=Instant(NOW + 10 * SECOND - 1)) == SECOND
    assert due(rule, 1, first=NOW, now=Instant(NOW + 10 * SECOND)) is None


def test_less_than_one_attempt_is_one():
    assert due(rule_of(RetryOptions(1000, 0)), 1) is None
    assert due(rule_of(RetryOptions(1000, -5)), 1) is None
