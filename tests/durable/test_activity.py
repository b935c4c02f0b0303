"""From an activity's request to its answer."""

import json
from typing import Any

import pytest

from durable.world import ActivityFunction, NamedActivity
from funchost.durable.events import TaskCompleted, TaskFailed
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant
from funchost.taskhub import ActivityWork
from funchost.taskhub.worker import activity

NOW = Instant(5)


def work(stored: str | None) -> ActivityWork:
    return ActivityWork(InstanceId("it"), ExecutionId("1"), 3, "Echo", stored, None)


def run(function: ActivityFunction, stored: str | None = None) -> TaskCompleted | TaskFailed:
    answer = activity.run(NamedActivity("Echo", function), work(stored), lambda: NOW)
    assert isinstance(answer, (TaskCompleted, TaskFailed))
    assert (answer.task_id, answer.timestamp, answer.event_id) == (3, NOW, -1)
    return answer


def reason(answer: TaskCompleted | TaskFailed) -> str:
    assert isinstance(answer, TaskFailed)
    assert answer.reason is not None
    return answer.reason


@pytest.mark.parametrize("value", [1, "text", [], {}, 0, False, ""])
def test_the_argument_and_the_result_cross_as_they_are(value: Any):
    stored = json.dumps([json.dumps(value)])
    answer = run(lambda argument: [argument], stored)
    assert isinstance(answer, TaskCompleted)
    assert json.loads(answer.result or "") == [value]


def test_none_is_no_result():
    answer = run(lambda argument: argument)
    assert isinstance(answer, TaskCompleted)
    assert answer.result is None


def test_an_error_is_a_failure_with_type_text_and_traceback():
    def broken(argument: Any) -> Any:
        raise LookupError("boom")

    answer = run(broken)
    assert reason(answer) == "Activity function 'Echo' failed:  LookupError: boom"
    assert isinstance(answer, TaskFailed)
    details = json.loads(answer.details or "")
    assert details["Message"] == "LookupError: boom"
    assert "in broken" in details["StackTraceString"]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_even_an_exit_is_a_failure(error: BaseException):
    def leaves(argument: Any) -> Any:
        raise error

    assert type(error).__name__ in reason(run(leaves))


def test_a_result_that_cannot_be_serialised_is_a_failure_that_shows_it():
    assert "activity trigger output must be json serializable ({1})" in reason(run(lambda argument: {1}))


def test_a_result_that_is_too_deep_is_a_failure():
    def deep(argument: Any) -> Any:
        value: list[Any] = []
        for _ in range(100_000):
            value = [value]
        return value

    assert reason(run(deep)).startswith("Activity function 'Echo' failed:  ")


def test_a_request_that_cannot_be_read_is_a_failure():
    assert reason(run(lambda argument: argument, "[not json")).startswith("Activity function 'Echo' failed:  ")


def test_an_activity_that_the_app_lacks_says_so():
    answer = activity.missing(work(None), NOW)
    assert answer.reason == "Activity function 'Echo' failed: Activity function 'Echo' does not exist."
