"""Calls with retry: attempts, timers between them, and the one after the last."""

from datetime import timedelta
from typing import Any

import pytest
from azure.durable_functions import RetryOptions

from durable.driver import INSTANCE, failure_of, play, result_of, settle
from durable.own_values import Money
from durable.world import ActivityFunction, Mode, Slow, World
from funchost.durable.events import FailureDetails, SubOrchestrationInstanceFailed, TaskCompleted
from funchost.durable.retry import RetryPolicy
from funchost.durable.status import RuntimeStatus

TWO_SECONDS_THREE_TIMES = RetryOptions(2000, 3)


def failing(times: int) -> ActivityFunction:
    """Fails so often for each argument, then gives the argument back. Every mode begins anew after success."""
    failed: dict[Any, int] = {}

    def flaky(argument: Any) -> Any:
        if failed.setdefault(argument, 0) < times:
            failed[argument] += 1
            raise ValueError(f"{argument} {failed[argument]}")
        del failed[argument]
        return argument

    return flaky


def always(argument: Any) -> Any:
    raise ValueError(argument)


def test_a_failed_attempt_is_repeated_after_the_interval():
    def main(context: Any) -> Any:
        return (yield context.call_activity_with_retry("flaky", TWO_SECONDS_THREE_TIMES, "x"))

    played = play(main, activities={"flaky": failing(2)})
    assert played.output == "x"
    assert played.words[1:] == [
        "TaskScheduled 0 flaky",
        "TaskFailed 0",
        "TimerCreated 1 00:00:02.001Z",
        "TimerFired 1",
        "TaskScheduled 2 flaky",
        "TaskFailed 2",
        "TimerCreated 3 00:00:04.002Z",
        "TimerFired 3",
        "TaskScheduled 4 flaky",
        "TaskCompleted 4",
        "ExecutionCompleted 5 Completed",
    ]


def test_after_the_last_attempt_a_timer_due_at_once_precedes_the_failure():
    def main(context: Any) -> Any:
        try:
            yield context.call_activity_with_retry("always", RetryOptions(5000, 2), "no")
        except Exception as error:
            return str(error)[:46]

    played = play(main, activities={"always": always})
    assert played.output == "Activity function 'always' failed:  ValueError"
    assert played.words[1:] == [
        "TaskScheduled 0 always",
        "TaskFailed 0",
        "TimerCreated 1 00:00:05.001Z",
        "TimerFired 1",
        "TaskScheduled 2 always",
        "TaskFailed 2",
        "TimerCreated 3 00:00:05.002Z",
        "TimerFired 3",
        "ExecutionCompleted 4 Completed",
    ]


def test_code_goes_on_after_the_last_attempt_that_it_caught():
    def main(context: Any) -> Any:
        try:
            yield context.call_activity_with_retry("always", RetryOptions(5000, 2), "no")
        except Exception:
            return (yield context.call_activity_with_retry("flaky", RetryOptions(5000, 2), "instead"))

    played = play(main, activities={"always": always, "flaky": failing(0)})
    assert played.output == "instead"
    assert played.words[-3:] == ["TaskScheduled 4 flaky", "TaskCompleted 4", "ExecutionCompleted 5 Completed"]


def test_one_attempt_is_one_call_and_one_timer():
    for attempts in (1, 0, -1):

        def main(context: Any, attempts: int = attempts) -> Any:
            yield context.call_activity_with_retry("always", RetryOptions(5000, attempts), "no")

        played = play(main, activities={"always": always})
        assert played.status is RuntimeStatus.FAILED
        assert played.words[1:4] == ["TaskScheduled 0 always", "TaskFailed 0", "TimerCreated 1 00:00:00.001Z"]


def test_the_last_error_is_the_one_that_is_thrown():
    calls: list[int] = []

    def counting(argument: Any) -> Any:
        calls.append(1)
        raise ValueError(f"attempt {(len(calls) - 1) % 3 + 1}")

    def main(context: Any) -> Any:
        yield context.call_activity_with_retry("counting", TWO_SECONDS_THREE_TIMES)

    assert "ValueError: attempt 3" in failure_of(main, activities={"counting": counting})


def test_interleaved_retries_keep_their_numbers_apart():
    def main(context: Any) -> Any:
        retries = [context.call_activity_with_retry("flaky", TWO_SECONDS_THREE_TIMES, name) for name in "abc"]
        return (yield context.task_all(retries))

    played = play(main, activities={"flaky": failing(1)}, batch_size=lambda: 1)
    assert played.output == ["a", "b", "c"]
    scheduled = [word for word in played.words if word.startswith(("TaskScheduled", "TimerCreated"))]
    assert [word.split()[1] for word in scheduled] == [str(n) for n in range(9)]


def retries_of(context: Any, *names: str) -> list[Any]:
    return [context.call_activity_with_retry(name, TWO_SECONDS_THREE_TIMES, name) for name in names]


def slow_and_fast() -> dict[str, ActivityFunction | Slow]:
    """``first`` is called first, and each of its answers comes last."""
    return {"first": Slow(9, failing(1)), "second": Slow(3, failing(1)), "sound": Slow(5, failing(0))}


def test_retries_side_by_side_end_in_whatever_order():
    def main(context: Any) -> Any:
        return (yield context.task_all(retries_of(context, "first", "second", "sound")))

    played = play(main, activities=slow_and_fast())
    assert played.output == ["first", "second", "sound"]
    answers = [word for word in played.words if word.startswith(("TaskFailed", "TaskCompleted"))]
    # The second fails at 3 s and is called again at 5 s, the first at 9 s and at 11 s.
    assert answers == ["TaskFailed 1", "TaskCompleted 2", "TaskCompleted 4", "TaskFailed 0", "TaskCompleted 6"]


def test_of_retries_that_race_the_first_success_wins():
    def main(context: Any) -> Any:
        return (yield context.task_any(retries_of(context, "first", "second"))).result

    assert result_of(main, activities=slow_and_fast()) == "second"


def test_a_late_answer_of_an_attempt_that_failed_has_no_effect():
    def late(world: World) -> None:
        world.post(INSTANCE, TaskCompleted(timestamp=world.now, task_id=0, result='"late"'))

    def main(context: Any) -> Any:
        return (yield context.call_activity_with_retry("flaky", TWO_SECONDS_THREE_TIMES, "x"))

    played = play(main, settle, late, settle, activities={"flaky": failing(1)})
    assert played.output == "x"
    assert played.words[-2:] == ["TaskCompleted 2", "ExecutionCompleted 3 Completed"]


def test_each_attempt_gets_the_argument_as_it_was_at_the_call():
    flaky = failing(2)

    def main(context: Any) -> Any:
        money = Money(1)
        retry = context.call_activity_with_retry("pay", TWO_SECONDS_THREE_TIMES, money)
        money.amount = 2
        return (yield retry)

    assert result_of(main, activities={"pay": lambda money: flaky(money.amount)}) == 1


def test_without_retry_options_it_is_an_ordinary_call():
    def main(context: Any) -> Any:
        yield context.call_activity_with_retry("always", None, "no")

    played = play(main, activities={"always": always})
    assert played.words[-1] == "ExecutionCompleted 1 Failed"


def test_a_retry_task_looks_like_one_task():
    def main(context: Any) -> Any:
        task = context.call_activity_with_retry("flaky", TWO_SECONDS_THREE_TIMES, "x")
        other = context.call_activity("slow", 1)
        winner = yield context.task_any([task, other])
        return [winner is task, task.id, task.is_completed, task.result]

    activities = {"flaky": failing(1), "slow": Slow(3600, str)}
    assert result_of(main, activities=activities) == [True, -1, True, "x"]


def test_a_retry_goes_on_after_the_code_has_returned_and_keeps_the_instance_open():
    def main(context: Any) -> Any:
        retry = context.call_activity_with_retry("flaky", TWO_SECONDS_THREE_TIMES, "x")
        yield context.task_any([retry, context.call_activity("quick")])
        return "returned"

    played = play(main, activities={"flaky": failing(1), "quick": str}, batch_size=lambda: 1)
    assert played.output == "returned"
    assert played.words[-2:] == ["TaskCompleted 3", "ExecutionCompleted 4 Completed"]


def test_the_code_is_not_run_for_the_attempts_in_between():
    runs: list[int] = []

    def main(context: Any) -> Any:
        runs.append(1)
        return (yield context.call_activity_with_retry("flaky", TWO_SECONDS_THREE_TIMES, "x"))

    play(main, activities={"flaky": failing(2)}, modes=[Mode.RECORDED])
    assert len(runs) == 2


def test_attempts_of_a_child_have_ids_of_their_own_unless_one_is_given():
    def child(context: Any) -> Any:
        raise ValueError(context.instance_id)

    def main(context: Any) -> Any:
        given = context.get_input()
        try:
            yield context.call_sub_orchestrator_with_retry("child", RetryOptions(1000, 2), None, given)
        except Exception as error:
            return str(error).split("\n")[0].strip()

    anonymous = play(main, children={"child": child})
    named = play(main, children={"child": child}, input_="kid")
    assert sorted(anonymous.world.instances) == [f"{1:032x}:0", f"{1:032x}:2", "it"]
    assert anonymous.output == f"Orchestrator function 'child' failed: {1:032x}:2"
    assert sorted(named.world.instances) == ["it", "kid"]


def test_a_child_that_failed_is_called_again_after_the_interval():
    def child(context: Any) -> Any:
        return (yield context.call_activity("flaky", context.get_input()))

    def main(context: Any) -> Any:
        first = yield context.call_sub_orchestrator_with_retry("child", TWO_SECONDS_THREE_TIMES, "Tokyo")
        second = yield context.call_sub_orchestrator_with_retry("child", TWO_SECONDS_THREE_TIMES, "Seattle")
        return [first, second]

    played = play(main, children={"child": child}, activities={"flaky": failing(1)})
    assert played.output == ["Tokyo", "Seattle"]
    assert [word for word in played.words if "Sub" in word] == [
        "SubOrchestrationInstanceCreated 0 child",
        "SubOrchestrationInstanceFailed 0",
        "SubOrchestrationInstanceCreated 2 child",
        "SubOrchestrationInstanceCompleted 2",
        "SubOrchestrationInstanceCreated 3 child",
        "SubOrchestrationInstanceFailed 3",
        "SubOrchestrationInstanceCreated 5 child",
        "SubOrchestrationInstanceCompleted 5",
    ]


def test_a_failure_that_is_final_is_not_tried_again_and_needs_no_timer():
    def main(context: Any) -> Any:
        options = RetryOptions(1000, 5)
        try:
            yield context.call_sub_orchestrator_with_retry("forever", options, None, "kid")
        except Exception as error:
            return str(error)

    def forever(context: Any) -> Any:
        yield context.wait_for_external_event("never")

    def fails_for_good(world: World) -> None:
        failure = FailureDetails("Unknown", "no use", non_retriable=True)
        event = SubOrchestrationInstanceFailed(timestamp=world.now, task_id=0, reason="no use", failure=failure)
        world.post(INSTANCE, event)

    played = play(main, settle, fails_for_good, children={"forever": forever})
    assert played.output == "no use \n None"
    assert played.words[-1] == "ExecutionCompleted 1 Completed"


# --- policies -----------------------------------------------------------------------------------------


class CardDeclined(ValueError):
    pass


def declined(argument: Any) -> Any:
    raise CardDeclined(argument)


def policy(attempts: int = 3, **more: Any) -> RetryPolicy:
    return RetryPolicy(timedelta(seconds=2), attempts, **more)


def calling(activity: str, retries: Any) -> Any:
    def main(context: Any) -> Any:
        return (yield context.call_activity_with_retry(activity, retries, "x"))

    return main


def test_the_pauses_of_a_policy_grow():
    played = play(calling("flaky", policy(4, backoff_coefficient=2)), activities={"flaky": failing(3)})
    assert played.output == "x"
    timers = [word.split()[2] for word in played.words if word.startswith("TimerCreated")]
    assert timers == ["00:00:02.001Z", "00:00:06.002Z", "00:00:14.003Z"]


def test_after_the_timeout_the_failure_is_thrown_without_a_timer():
    played = play(calling("always", policy(100, retry_timeout=timedelta(seconds=3))), activities={"always": always})
    assert played.words[1:] == [
        "TaskScheduled 0 always",
        "TaskFailed 0",
        "TimerCreated 1 00:00:02.001Z",
        "TimerFired 1",
        "TaskScheduled 2 always",
        "TaskFailed 2",
        "TimerCreated 3 00:00:04.002Z",
        "TimerFired 3",
        "TaskScheduled 4 always",
        "TaskFailed 4",
        "ExecutionCompleted 5 Failed",
    ]


@pytest.mark.parametrize("named", [CardDeclined, ValueError, "CardDeclined"])
def test_what_is_not_to_be_retried_is_thrown_at_once(named: Any):
    played = play(calling("declined", policy(non_retriable=[named])), activities={"declined": declined})
    assert played.words[1:] == ["TaskScheduled 0 declined", "TaskFailed 0", "ExecutionCompleted 1 Failed"]
    assert played.output.startswith(
        "Orchestrator function 'main' failed: Activity function 'declined' failed:  CardDeclined: x \n {"
    )


def test_a_predicate_decides_by_the_error_that_would_be_thrown():
    asked: list[tuple[str, str]] = []

    def twice(error: Any) -> bool:
        asked.append((error.error_type, str(error).split(" \n ")[0]))
        return len(asked) % 2 == 1

    played = play(calling("declined", policy(10, retry_if=twice)), activities={"declined": declined}, modes=[Mode.KEPT])
    assert asked == [("CardDeclined", "Activity function 'declined' failed:  CardDeclined: x")] * 2
    assert played.words[1:] == [
        "TaskScheduled 0 declined",
        "TaskFailed 0",
        "TimerCreated 1 00:00:02.001Z",
        "TimerFired 1",
        "TaskScheduled 2 declined",
        "TaskFailed 2",
        "ExecutionCompleted 3 Failed",
    ]


def is_value_error(error: Any) -> bool:
    return error.error_type == "ValueError"


def no_such_attribute(error: Any) -> bool:
    return error.no_such


def test_a_predicate_is_asked_again_in_every_replay():
    played = play(
        calling("flaky", policy(retry_if=is_value_error)),
        activities={"flaky": failing(2)},
    )
    assert played.output == "x"


def test_a_predicate_that_raises_fails_the_orchestration_and_names_itself():
    def main(context: Any) -> Any:
        try:
            yield context.call_activity_with_retry("always", policy(retry_if=no_such_attribute), "x")
        except Exception:
            return "caught"

    assert failure_of(main, activities={"always": always}) == (
        "Orchestrator function 'main' failed: the retry_if of the call of 'always' raised AttributeError: "
        "'Exception' object has no attribute 'no_such'"
    )


def test_the_class_of_a_failure_travels_up_through_children():
    def child(context: Any) -> Any:
        yield context.call_activity("declined", "x")

    def main(context: Any) -> Any:
        try:
            yield context.call_sub_orchestrator_with_retry("child", policy(non_retriable=[ValueError]))
        except Exception as error:
            return [type(error) is Exception, error.error_type]  # type: ignore[attr-defined]

    played = play(main, activities={"declined": declined}, children={"child": child})
    assert played.output == [True, "CardDeclined"]
    assert "TimerCreated" not in " ".join(played.words)


def test_options_that_are_no_policy_are_a_value_error_at_the_call():
    def main(context: Any) -> Any:
        try:
            context.call_activity_with_retry("always", {"attempts": 3}, "x")
        except ValueError as error:
            return str(error)

    assert result_of(main) == "retry_options must be a RetryOptions or a funchost.RetryPolicy, not dict"
