"""Scheduling at the yield, numbers, and what an orchestrator may be and return."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest

from durable.driver import INSTANCE, failure_of, play, result_of, settle
from durable.world import Mode
from funchost.durable.events import ExecutionSuspended, ExecutionTerminated, TaskCompleted, TaskScheduled
from funchost.durable.execution import EngineSettings
from funchost.durable.status import RuntimeStatus
from funchost.instant import Instant


def double(n: Any) -> Any:
    return n * 2


ACTIVITIES = {"double": double}


def test_a_chain_runs_to_its_output():
    def chain(context: Any) -> Any:
        first = yield context.call_activity("double", 1)
        second = yield context.call_activity("double", first)
        return [first, second]

    played = play(chain, activities=ACTIVITIES)
    assert played.output == [2, 4]
    assert played.words == [
        "ExecutionStarted",
        "TaskScheduled 0 double",
        "TaskCompleted 0",
        "TaskScheduled 1 double",
        "TaskCompleted 1",
        "ExecutionCompleted 2 Completed",
    ]
    assert played.hosted.statuses == [RuntimeStatus.RUNNING, RuntimeStatus.COMPLETED]


def test_a_task_that_is_never_yielded_never_runs():
    def forgetful(context: Any) -> Any:
        context.call_activity("double", 1)
        return (yield context.call_activity("double", 2))

    played = play(forgetful, activities=ACTIVITIES)
    assert played.output == 4
    assert played.world.activities_run == ["double"]


def test_numbers_are_drawn_when_tasks_are_yielded_depth_first():
    def main(context: Any) -> Any:
        a, b, c, d = (context.call_activity(name) for name in "abcd")
        yield d
        yield context.task_all([c, context.task_any([b, d]), a])

    played = play(main, activities=dict.fromkeys("abcd", str))
    scheduled = [(e.event_id, e.name) for e in played.of(TaskScheduled)]
    assert scheduled == [(0, "d"), (1, "c"), (2, "b"), (3, "a")]


def test_an_input_is_serialised_at_the_call():
    def main(context: Any) -> Any:
        numbers = [1]
        task = context.call_activity("double", numbers)
        numbers.append(2)
        return (yield task)

    assert result_of(main, activities=ACTIVITIES) == [1, 1]


def test_an_input_that_cannot_be_serialised_raises_at_the_call():
    def main(context: Any) -> Any:
        try:
            context.call_activity("double", object())
        except TypeError:
            return "caught"
        yield

    assert result_of(main) == "caught"


def test_awaiting_a_completed_task_again_gives_its_result_again():
    def main(context: Any) -> Any:
        task = context.call_activity("double", 4)
        return [(yield task), (yield task), task.result]

    played = play(main, activities=ACTIVITIES)
    assert played.output == [8, 8, 8]
    assert played.world.activities_run == ["double"]


def test_a_completed_task_can_be_awaited_1500_times_in_a_row():
    def main(context: Any) -> Any:
        task = context.call_activity("double", 1)
        total = 0
        for _ in range(1500):
            total += yield task
        return total

    assert result_of(main, activities=ACTIVITIES) == 3000


def test_yield_none_goes_on_at_once():
    def main(context: Any) -> Any:
        before = yield None
        yield context.set_custom_status("on the way")
        return [before, (yield context.call_activity("double", 1))]

    played = play(main, activities=ACTIVITIES)
    assert (played.output, played.custom_status) == ([None, 2], "on the way")


@pytest.mark.parametrize("value", [1, "text", 0, "", object()])
def test_yielding_what_is_no_task_fails_with_a_text_that_says_so(value: object):
    def main(context: Any) -> Any:
        yield value

    assert failure_of(main) == (
        "Orchestrator function 'main' failed: an orchestrator must yield tasks, but yielded an object of type "
        f"{type(value).__name__}"
    )


def test_yielding_a_list_of_tasks_names_task_all():
    def main(context: Any) -> Any:
        yield [context.call_activity("double", 1)]

    assert "context.task_all" in failure_of(main, activities=ACTIVITIES)


def test_a_function_without_yield_completes_in_its_first_episode():
    played = play(lambda context: context.get_input(), input_={"a": 1})
    assert played.output == {"a": 1}
    assert len(played.hosted.episodes) == 1


def test_no_return_value_is_no_output():
    def main(context: Any) -> Any:
        yield context.call_activity("double", 1)

    played = play(main, activities=ACTIVITIES)
    assert played.status is RuntimeStatus.COMPLETED
    assert played.hosted.output is None


@pytest.mark.parametrize("output", [False, 0, "", [], {}])
def test_a_falsy_output_is_one(output: Any):
    assert play(lambda context: output).hosted.output == json.dumps(output)


@dataclass
class Point:
    x: int

    @staticmethod
    def to_json(point: "Point") -> int:
        return point.x


@pytest.mark.parametrize("output", [object(), {1, 2}, Point(1)])
def test_an_output_must_be_plain_json(output: object):
    def main(context: Any) -> Any:
        yield context.call_activity("double", 1)
        return output

    expected = f"Orchestrator function 'main' failed: Object of type {type(output).__name__} is not JSON serializable"
    assert failure_of(main, activities=ACTIVITIES) == expected


def test_an_output_too_deep_to_serialise_fails_the_orchestration():
    def main(context: Any) -> Any:
        value: list[Any] = []
        for _ in range(100_000):
            value = [value]
        return value

    assert "recursion" in failure_of(main)


def test_an_async_orchestrator_awaits_tasks():
    async def main(context: Any) -> Any:
        first = await context.call_activity("double", 1)
        return await context.call_activity("double", first)

    assert result_of(main, activities=ACTIVITIES) == 4


def test_an_async_generator_is_no_orchestrator():
    async def main(context: Any) -> Any:
        yield 1

    assert failure_of(main).endswith("an orchestrator that is an 'async def' must await its tasks, not yield them")


def test_a_plain_function_may_return_a_generator():
    def code(context: Any, n: int) -> Generator[Any, Any, Any]:
        return (yield context.call_activity("double", n)) + (yield context.call_activity("double", 2))

    assert result_of(lambda context: code(context, 1), activities=ACTIVITIES) == 6


def test_helpers_are_called_with_yield_from():
    def twice(context: Any, n: int) -> Generator[Any, Any, int]:
        once = yield context.call_activity("double", n)
        return (yield context.call_activity("double", once))

    def main(context: Any) -> Any:
        return (yield from twice(context, 1)) + (yield from twice(context, 2))

    assert result_of(main, activities=ACTIVITIES) == 12


def test_late_and_repeated_answers_have_no_effect():
    def again(world: Any) -> None:
        for _ in range(2):
            world.post(INSTANCE, TaskCompleted(timestamp=world.now, task_id=0, result='"another"'))
        world.post(INSTANCE, TaskCompleted(timestamp=world.now, task_id=77, result='"unknown"'))

    def main(context: Any) -> Any:
        task = context.call_activity("double", 1)
        yield task
        yield context.wait_for_external_event("never")

    def peek(context: Any) -> Any:
        task = context.call_activity("double", 1)
        yield task
        yield context.create_timer(context.current_utc_datetime.replace(year=2025))
        return task.result

    assert play(main, settle, again, settle, activities=ACTIVITIES).status is RuntimeStatus.RUNNING
    assert result_of(peek, settle, again, settle, activities=ACTIVITIES) == 2


def test_what_arrives_after_the_end_changes_nothing():
    def main(context: Any) -> Any:
        yield context.call_activity("double", 1)

    played = play(main, activities=ACTIVITIES, modes=[Mode.KEPT])
    engine = played.hosted.episodes[-1].engine
    now = Instant(0)
    late = [
        TaskCompleted(timestamp=now, task_id=0),
        ExecutionSuspended(timestamp=now),
        ExecutionTerminated(timestamp=now),
    ]
    step = engine.apply(late, now)
    assert step is not None
    assert (step.ending, step.status) == (None, None)


def test_inputs_of_activities_are_in_the_history_only_if_asked_for():
    def main(context: Any) -> Any:
        return (yield context.call_activity("double", "é"))

    bare = play(main, activities=ACTIVITIES)
    full = play(main, activities=ACTIVITIES, settings=EngineSettings(store_inputs=True))
    assert [e.input for e in bare.of(TaskScheduled)] == [None]
    assert [e.input for e in full.of(TaskScheduled)] == ['["\\"\\\\u00e9\\""]']


def test_more_actions_than_the_limit_fail_the_instance_however_it_is_run():
    def main(context: Any) -> Any:
        for n in range(6):
            yield context.call_activity("double", n)

    text = failure_of(main, activities=ACTIVITIES, settings=EngineSettings(max_actions=5))
    assert text == (
        "Orchestrator function 'main' failed: Maximum amount of orchestration actions (5) has been reached. "
        "This value can be configured in host.json file as MaxOrchestrationActions."
    )


def test_as_many_actions_as_the_limit_are_fine():
    def main(context: Any) -> Any:
        yield context.task_all([context.call_activity("double", n) for n in range(5)])

    settings = EngineSettings(max_actions=5)
    assert play(main, activities=ACTIVITIES, settings=settings).status is RuntimeStatus.COMPLETED


def test_an_activity_that_does_not_exist_fails_the_orchestration_where_no_handler_sees_it():
    def main(context: Any) -> Any:
        try:
            yield context.call_activity("tripple", 1)
        except Exception:
            return "caught"

    assert failure_of(main, activities=ACTIVITIES) == (
        "Orchestrator function 'main' failed: The function 'tripple' doesn't exist, is disabled, or is not an "
        "activity function. Additional info: The following are the known activity functions: 'double'."
    )


def test_an_orchestrator_that_does_not_exist_fails_by_name():
    played = play(lambda context: None, modes=[Mode.REPLAYED])
    played.world.start("other", INSTANCE)
    played.world.run()
    assert played.world.instances[INSTANCE].output == (
        "Orchestrator function 'other' failed: The function 'other' doesn't exist, is disabled, or is not an "
        "orchestrator function. Additional info: The following are the known orchestrator functions: 'main'."
    )


def test_names_ignore_case_and_are_stored_as_registered():
    def main(context: Any) -> Any:
        return [(yield context.call_activity("DOUBLE", 1)), (yield context.call_sub_orchestrator("CHILD"))]

    played = play(main, activities=ACTIVITIES, children={"Child": lambda context: 7})
    assert played.output == [2, 7]
    assert "TaskScheduled 0 double" in played.words
    assert "SubOrchestrationInstanceCreated 1 Child" in played.words


def test_user_code_of_every_mode_was_really_run_in_that_mode():
    runs: list[int] = []

    def main(context: Any) -> Any:
        runs.append(1)
        for n in range(3):
            yield context.call_activity("double", n)

    counts: list[int] = []
    for mode in Mode:
        runs.clear()
        play(main, activities=ACTIVITIES, modes=[mode])
        counts.append(len(runs))
    assert dict(zip(Mode, counts, strict=True)) == {
        Mode.REPLAYED: 4,
        Mode.KEPT: 1,
        Mode.RECORDED: 4,
    }


def test_answers_that_complete_nothing_run_no_user_code():
    runs: list[int] = []

    def main(context: Any) -> Any:
        runs.append(1)
        return sum((yield context.task_all([context.call_activity("double", n) for n in range(20)])))

    played = play(main, activities=ACTIVITIES, modes=[Mode.RECORDED], batch_size=lambda: 1)
    assert played.output == 380
    assert len(played.hosted.episodes) == 21
    assert len(runs) == 2
