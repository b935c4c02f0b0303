"""Tasks of other classes, which a library derives from the SDK's, in orchestrators of this engine."""

from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions.models.actions.NoOpAction import NoOpAction
from azure.durable_functions.models.Task import CompoundTask, TaskBase, TaskState

from durable.driver import Activities, failure_of, play, result_of
from durable.releases import needs_current_executor
from durable.test_official_sdk import assert_agreement, played
from durable.world import Slow
from funchost.durable.status import RuntimeStatus


def echo(value: Any) -> Any:
    return value


def fail(text: Any) -> Any:
    raise ValueError(text)


ACTIVITIES: Activities = {"echo": echo, "fail": fail, "slow": Slow(60, echo)}


class Shouted(CompoundTask):
    """Shouts what the one task in it gives, as agents make their answers of what their entity gives."""

    def __init__(self, task: Any) -> None:
        super().__init__([task])
        self.action_repr = task.action_repr
        self.id = task.id

    def try_set_value(self, child: Any) -> None:
        if child.state is TaskState.FAILED:
            self.set_value(is_error=True, value=child.result)
        else:
            self.set_value(is_error=False, value=child.result.upper())


class Ready(TaskBase):
    """Complete from the start."""

    def __init__(self, value: Any, *, is_error: bool = False) -> None:
        super().__init__(-1, NoOpAction())
        self.set_value(is_error=is_error, value=value)


def test_one_that_is_yielded_gives_its_own_result():
    def main(context: Any) -> Any:
        return (yield Shouted(context.call_activity("echo", "a")))

    assert result_of(main, activities=ACTIVITIES) == "A"


def test_the_answer_of_an_entity_may_be_inside():
    def name(context: Any) -> None:
        context.set_result(context.entity_key)

    def main(context: Any) -> Any:
        asked = [Shouted(context.call_entity(df.EntityId("name", key), "get")) for key in "ab"]
        return (yield context.task_all(asked))

    assert result_of(main, entities={"name": name}) == ["A", "B"]


def test_one_whose_work_fails_throws_its_error():
    def main(context: Any) -> Any:
        try:
            yield Shouted(context.call_activity("fail", "boom"))
        except Exception as error:
            return [type(error).__name__, "boom" in str(error)]

    assert result_of(main, activities=ACTIVITIES) == ["Exception", True]


def test_task_all_takes_it_among_others():
    def main(context: Any) -> Any:
        tasks = [Shouted(context.call_activity("slow", "a")), context.call_activity("echo", "b"), Ready("c")]
        return (yield context.task_all(tasks))

    assert result_of(main, activities=ACTIVITIES) == ["A", "b", "c"]


def test_the_winner_of_task_any_is_the_task_that_was_given():
    def main(context: Any) -> Any:
        shouted = Shouted(context.call_activity("echo", "a"))
        timer = context.create_timer(timedelta(minutes=1))
        winner = yield context.task_any([timer, shouted])
        timer.cancel()
        return [winner is shouted, winner.result]

    assert result_of(main, activities=ACTIVITIES) == [True, "A"]


def test_one_that_loses_can_be_awaited_afterwards():
    def main(context: Any) -> Any:
        shouted = Shouted(context.call_activity("slow", "a"))
        yield context.task_any([shouted, context.call_activity("echo", "b")])
        return (yield shouted)

    assert result_of(main, activities=ACTIVITIES) == "A"


def test_one_may_stand_in_another():
    def main(context: Any) -> Any:
        return (yield Shouted(Shouted(context.call_activity("echo", "a"))))

    assert result_of(main, activities=ACTIVITIES) == "A"


def test_one_of_a_task_that_is_complete_is_complete():
    def main(context: Any) -> Any:
        call = context.call_activity("echo", "a")
        yield call
        return [(yield Shouted(call)), (yield Shouted(Ready("b")))]

    assert result_of(main, activities=ACTIVITIES) == ["A", "B"]


def test_one_that_failed_from_the_start_throws():
    def main(context: Any) -> Any:
        yield Ready(ValueError("not today"), is_error=True)

    assert failure_of(main).endswith("failed: not today")


def test_work_is_asked_for_when_the_task_is_yielded_and_once():
    def main(context: Any) -> Any:
        shouted = Shouted(context.call_activity("echo", "a"))
        yield context.call_activity("echo", "b")
        yield shouted
        yield context.task_all([shouted])

    words = play(main, activities=ACTIVITIES).words
    assert [word for word in words if word.startswith("TaskScheduled")] == [
        "TaskScheduled 0 echo",
        "TaskScheduled 1 echo",
    ]


def test_an_error_in_its_own_code_fails_the_instance_and_names_it():
    def main(context: Any) -> Any:
        try:
            yield Shouted(context.call_activity("echo", 5))
        except Exception:
            return "caught"

    outcome = play(main, activities=ACTIVITIES)
    assert outcome.status is RuntimeStatus.FAILED
    assert "a task of type Shouted raised AttributeError when a task in it completed" in outcome.output


def test_one_that_nobody_would_complete_is_no_task():
    def main(context: Any) -> Any:
        yield TaskBase(5, NoOpAction())

    assert "must yield tasks, but yielded an object of type TaskBase" in failure_of(main)


@needs_current_executor
@pytest.mark.parametrize("fails", [0, 1])
def test_the_sdk_agrees(fails: int):
    def code(context: Any) -> Any:
        seen = [context.is_replaying]
        try:
            seen.append((yield Shouted(context.call_activity("fast", {"call": "é", "fails": fails}))))
        except Exception as error:
            seen.append(type(error).__name__)
        both = yield context.task_all([Shouted(context.call_activity("slow", {"call": "1", "fails": 0}))])
        return [*seen, context.is_replaying, both]

    hosted = played(code)
    assert hosted.status is RuntimeStatus.COMPLETED
    assert_agreement(code, hosted)
