"""Failures: what is thrown into the code, and what the instance shows when nobody catches it."""

import json
from typing import Any

import pytest

from durable.driver import INSTANCE, Activities, failure_of, play, result_of, settle
from durable.world import Mode
from funchost.durable.events import TaskFailed
from funchost.durable.status import RuntimeStatus


def fail(text: Any) -> Any:
    raise ValueError(text)


ACTIVITIES: Activities = {"fail": fail, "echo": lambda value: value}


def test_a_failed_activity_throws_an_exception_with_reason_and_details():
    def main(context: Any) -> Any:
        try:
            yield context.call_activity("fail", "boom")
        except Exception as error:
            return [type(error) is Exception, str(error)]

    plain, text = result_of(main, activities=ACTIVITIES)
    reason, details = text.split(" \n ")
    assert plain is True
    assert reason == "Activity function 'fail' failed:  ValueError: boom"
    assert json.loads(details)["Message"] == "ValueError: boom"


def test_an_uncaught_activity_failure_shows_its_text_in_the_output():
    def main(context: Any) -> Any:
        yield context.call_activity("fail", "boom")

    text = failure_of(main, activities=ACTIVITIES)
    assert text.startswith(
        "Orchestrator function 'main' failed: Activity function 'fail' failed:  ValueError: boom \n {"
    )


def test_code_goes_on_after_a_failure_it_caught():
    def main(context: Any) -> Any:
        try:
            yield context.call_activity("fail", "boom")
        except Exception:
            return (yield context.call_activity("echo", "compensated"))

    assert result_of(main, activities=ACTIVITIES) == "compensated"


def test_a_failed_task_that_is_awaited_again_throws_again():
    def main(context: Any) -> Any:
        task = context.call_activity("fail", "boom")
        errors: list[Exception] = []
        for _ in range(2):
            try:
                yield task
            except Exception as error:
                errors.append(error)
        return [len(errors), errors[0] is errors[1], errors[0] is task.result]

    assert result_of(main, activities=ACTIVITIES) == [2, True, True]


@pytest.mark.parametrize(
    "error", [ValueError("boom"), KeyboardInterrupt("boom"), SystemExit("boom"), GeneratorExit("boom")]
)
def test_whatever_the_code_raises_fails_the_instance(error: BaseException):
    def main(context: Any) -> Any:
        yield context.call_activity("echo", 1)
        raise error

    assert failure_of(main, activities=ACTIVITIES) == "Orchestrator function 'main' failed: boom"


def test_an_error_without_text_shows_its_class():
    def main(context: Any) -> Any:
        raise ValueError

    assert failure_of(main) == "Orchestrator function 'main' failed: <class 'ValueError'>"


def test_an_error_whose_text_cannot_be_had_shows_its_class():
    class RudeError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def main(context: Any) -> Any:
        raise RudeError

    assert "RudeError'>" in failure_of(main)


def test_a_stop_iteration_that_escapes_a_generator_is_a_runtime_error():
    def main(context: Any) -> Any:
        yield context.call_activity("echo", 1)
        next(iter(()))

    assert failure_of(main, activities=ACTIVITIES).endswith("generator raised StopIteration")


def test_the_traceback_names_the_author_s_line_and_not_the_engine():
    def main(context: Any) -> Any:
        yield context.call_activity("echo", 1)
        raise ValueError("here")

    error = play(main, activities=ACTIVITIES, modes=[Mode.REPLAYED]).hosted.episodes[-1].error
    assert error is not None
    assert 'raise ValueError("here")' in error
    assert "user_code.py" not in error


def test_a_failure_waits_for_what_is_still_out():
    def main(context: Any) -> Any:
        yield context.task_all([context.call_activity("fail", "boom"), context.create_timer(_in_an_hour(context))])

    played = play(main, activities=ACTIVITIES)
    assert played.words[-2:] == ["TimerFired 1", "ExecutionCompleted 2 Failed"]


def _in_an_hour(context: Any) -> Any:
    now = context.current_utc_datetime
    return now.replace(hour=now.hour + 1)


def test_a_result_that_cannot_be_decoded_fails_the_orchestration_where_no_handler_sees_it():
    seen: list[str] = []

    def main(context: Any) -> Any:
        try:
            yield context.call_activity("marker")
        except Exception:
            seen.append("caught")
        finally:
            seen.append("finally")

    marker = {"__class__": "Gone", "__module__": "no.such.module", "__data__": 1}
    text = failure_of(main, activities={"marker": lambda argument: marker})
    assert text.startswith("Orchestrator function 'main' failed: ")
    assert "caught" not in seen


def test_a_result_that_nobody_looks_at_need_not_be_decodable():
    def main(context: Any) -> Any:
        bad = context.call_activity("marker")
        yield context.task_any([bad, context.wait_for_external_event("never")])
        return "fine"

    marker = {"__class__": "Gone", "__module__": "no.such.module", "__data__": 1}
    assert result_of(main, activities={"marker": lambda argument: marker}) == "fine"


def test_an_undecodable_result_that_the_code_reads_twice_fails_twice():
    def main(context: Any) -> Any:
        bad = context.call_activity("marker")
        yield context.task_any([bad])
        failures = 0
        for _ in range(2):
            try:
                _ = bad.result
            except BaseException:
                failures += 1
        return failures

    marker = {"__class__": "Gone", "__module__": "no.such.module", "__data__": 1}
    assert result_of(main, activities={"marker": lambda argument: marker}) == 2


def test_none_results_and_falsy_results_arrive_as_they_are():
    def main(context: Any) -> Any:
        values: list[Any] = []
        for value in (None, 0, "", False, [], {}):
            values.append((yield context.call_activity("echo", value)))
        return values

    assert result_of(main, activities=ACTIVITIES) == [None, 0, "", False, [], {}]


def test_non_ascii_and_nan_survive():
    def main(context: Any) -> Any:
        text = yield context.call_activity("echo", "naïve ☃ \ud83d\ude00")
        number = yield context.call_activity("echo", float("nan"))
        return [text, number != number]

    assert result_of(main, activities=ACTIVITIES) == ["naïve ☃ \U0001f600", True]


def test_a_failed_answer_from_elsewhere_may_lack_reason_and_details():
    def main(context: Any) -> Any:
        try:
            yield context.create_timer(context.current_utc_datetime.replace(year=2030))
        except Exception as error:
            return str(error)

    def failed(world: Any) -> None:
        world.post(INSTANCE, TaskFailed(timestamp=world.now, task_id=0))

    assert result_of(main, settle, failed, settle) == "None \n None"


def test_an_instance_that_failed_shows_failed():
    def main(context: Any) -> Any:
        raise ValueError("x")

    assert play(main).hosted.statuses == [RuntimeStatus.FAILED]
