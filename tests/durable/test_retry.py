"""The rule of retries: when the next attempt is due, and what makes a policy."""

from datetime import timedelta
from typing import Any

import pytest
from azure.durable_functions import RetryOptions

from funchost.durable.events import FailureDetails
from funchost.durable.failures import details_of
from funchost.durable.retry import RetryPolicy, RetryRule, is_final, next_attempt_at, rule_of
from funchost.instant import LATEST, TICKS_PER_SECOND, Instant

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


# --- policies -----------------------------------------------------------------------------------------


def policy(**more: Any) -> RetryPolicy:
    given: dict[str, Any] = {"first_retry_interval": timedelta(seconds=1), "max_number_of_attempts": 10}
    return RetryPolicy(**given | more)


def test_a_policy_of_two_facts_is_a_constant_interval():
    assert rule_of(policy()) == rule_of(RetryOptions(1000, 10))


def test_the_pauses_of_a_policy_grow_up_to_the_longest():
    rule = rule_of(policy(backoff_coefficient=3, max_retry_interval=timedelta(seconds=5)))
    assert [due(rule, n) for n in (1, 2, 3, 10)] == [SECOND, 3 * SECOND, 5 * SECOND, None]


def test_a_pause_beyond_all_numbers_is_the_longest():
    rule = rule_of(policy(max_number_of_attempts=10_000, backoff_coefficient=10, max_retry_interval=timedelta(hours=1)))
    assert due(rule, 5_000) == 3600 * SECOND


def test_options_with_a_first_pause_beyond_the_calendar_are_refused():
    with pytest.raises(ValueError, match="first_retry_interval_in_milliseconds must not be longer than a thousand"):
        rule_of(RetryOptions(10**30, 3))


def test_no_attempt_is_due_after_the_calendar_ends():
    no_limit = policy(backoff_coefficient=10, max_retry_interval=timedelta.max, max_number_of_attempts=1000)
    assert next_attempt_at(rule_of(no_limit), failed=500, first_attempt=NOW, now=NOW) == LATEST


def test_a_policy_may_end_by_time():
    rule = rule_of(policy(retry_timeout=timedelta(seconds=10)))
    assert due(rule, 1, first=NOW, now=Instant(NOW + 10 * SECOND)) is None


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"first_retry_interval": 5000}, "first_retry_interval must be a timedelta, such as .*, not 5000"),
        ({"first_retry_interval": timedelta()}, "first_retry_interval must be longer than zero"),
        ({"first_retry_interval": timedelta.max}, "first_retry_interval must not be longer than a thousand years"),
        ({"max_number_of_attempts": 0}, "max_number_of_attempts must be a whole number from 1"),
        ({"max_number_of_attempts": 1.5}, "max_number_of_attempts must be a whole number from 1"),
        ({"backoff_coefficient": 0.5}, "backoff_coefficient must be a number from 1"),
        ({"backoff_coefficient": float("inf")}, "backoff_coefficient must be a number from 1"),
        ({"max_retry_interval": timedelta(milliseconds=1)}, "must not be shorter than first_retry_interval"),
        ({"retry_timeout": 10}, "retry_timeout must be a timedelta"),
        ({"non_retriable": [int]}, "non_retriable holds exception classes and names of them, not <class 'int'>"),
        ({"non_retriable": 5}, "non_retriable holds exception classes"),
        ({"non_retriable": [Exception]}, "every failure is an Exception"),
        ({"retry_if": "yes"}, "retry_if must be a plain function"),
    ],
)
def test_what_makes_no_policy_says_which_part_and_why(wrong: dict[str, Any], text: str):
    with pytest.raises(ValueError, match=text):
        policy(**wrong)


def test_a_predicate_that_would_have_to_be_awaited_is_refused():
    async def later(error: Exception) -> bool:
        return True

    with pytest.raises(ValueError, match="plain function"):
        policy(retry_if=later)


@pytest.mark.parametrize("options", [None, 3, {"max_number_of_attempts": 3}])
def test_what_is_no_policy_at_all_is_refused(options: Any):
    with pytest.raises(ValueError, match=r"must be a RetryOptions or a funchost\.RetryPolicy"):
        rule_of(options)


class CardDeclined(ValueError):
    pass


@pytest.mark.parametrize(
    ("named", "final"),
    [
        (CardDeclined, True),
        ("CardDeclined", True),
        (ValueError, True),
        ("ValueError", True),
        (KeyError, False),
        ("Card", False),
    ],
)
def test_a_failure_is_final_when_its_class_or_a_base_of_it_is_named(named: Any, final: bool):
    rule = rule_of(policy(non_retriable=iter([named])))
    assert is_final(rule, details_of(CardDeclined("no"))) is final


def test_a_failure_that_says_so_itself_is_final_and_one_that_says_nothing_is_not():
    rule = rule_of(policy(non_retriable=[ValueError]))
    assert is_final(rule, FailureDetails("Unknown", "", non_retriable=True))
    assert not is_final(rule, None)
