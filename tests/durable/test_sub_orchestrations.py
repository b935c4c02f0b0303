"""Sub-orchestrations: ids, versions, answers and failures."""

from datetime import timedelta
from typing import Any

import pytest

from durable.driver import INSTANCE, elapse, play, result_of, suspended
from funchost.durable.deterministic_ids import child_execution_id
from funchost.durable.events import ExecutionStarted, SubOrchestrationInstanceCreated
from funchost.durable.execution import EngineSettings
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId

PARENT = ExecutionId(f"{1:032x}")


def describe(context: Any) -> Any:
    return [context.instance_id, context.parent_instance_id, context.get_input(), context.version]


CHILDREN = {"describe": describe}


def test_a_child_has_the_parent_s_execution_and_number_for_its_default_id():
    def main(context: Any) -> Any:
        first = yield context.call_sub_orchestrator("describe", {"n": 0})
        second = yield context.call_sub_orchestrator("describe", {"n": 1})
        return [first, second]

    assert result_of(main, children=CHILDREN) == [
        [f"{PARENT}:0", "it", {"n": 0}, ""],
        [f"{PARENT}:1", "it", {"n": 1}, ""],
    ]


def test_each_generation_of_a_parent_has_children_of_its_own():
    def main(context: Any) -> Any:
        child = yield context.call_sub_orchestrator("describe")
        if context.get_input() is None:
            context.continue_as_new([child[0]])
            return None
        return [*context.get_input(), child[0]]

    assert result_of(main, children=CHILDREN) == [f"{1:032x}:0", f"{2:032x}:0"]


def test_a_child_can_be_given_an_id():
    def main(context: Any) -> Any:
        return (yield context.call_sub_orchestrator("describe", None, "kid"))

    played = play(main, children=CHILDREN)
    assert played.output == ["kid", "it", None, ""]
    assert [event.instance_id for event in played.of(SubOrchestrationInstanceCreated)] == ["kid"]


@pytest.mark.parametrize("child", ["@kid", "it", "kid\n", "kid\0", "kid\ud800"])
def test_an_impossible_id_is_a_value_error_in_user_code(child: str):
    def main(context: Any) -> Any:
        try:
            context.call_sub_orchestrator("describe", None, child)
        except ValueError:
            return "caught"
        yield

    assert result_of(main, children=CHILDREN) == "caught"


@pytest.mark.parametrize("version", [2, "2\ud800"])
def test_a_version_that_is_no_text_is_a_value_error_in_user_code(version: Any):
    def main(context: Any) -> Any:
        with pytest.raises(ValueError, match="version: "):
            context.call_sub_orchestrator("describe", version=version)
        return "caught"
        yield

    assert result_of(main, children=CHILDREN) == "caught"


def test_a_child_may_be_named_like_a_path():
    def main(context: Any) -> Any:
        return (yield context.call_sub_orchestrator("describe", None, "it/kid #1?"))

    assert result_of(main, children=CHILDREN)[0] == "it/kid #1?"


def test_a_child_may_not_have_the_id_of_its_parent_s_parent():
    def inner(context: Any) -> Any:
        try:
            context.call_sub_orchestrator("describe", None, context.parent_instance_id)
        except ValueError as error:
            return str(error)
        yield

    def main(context: Any) -> Any:
        return (yield context.call_sub_orchestrator("inner"))

    assert "must be different than the instance ID of a parent" in result_of(
        main, children={"inner": inner, **CHILDREN}
    )


def test_a_child_in_use_fails_the_call():
    def forever(context: Any) -> Any:
        yield context.wait_for_external_event("never")

    def main(context: Any) -> Any:
        first = context.call_sub_orchestrator("forever", None, "kid")
        second = context.call_sub_orchestrator("forever", None, "kid")
        winner = yield context.task_any([first, second])
        return [winner is second, str(winner.result)]

    played = play(main, children={"forever": forever})
    assert played.hosted.output is None, "the first child keeps the instance open"
    assert "SubOrchestrationInstanceFailed 1" in played.words


def test_a_failed_child_throws_its_output_text_and_its_traceback():
    def broken(context: Any) -> Any:
        raise ValueError("boom")

    def main(context: Any) -> Any:
        try:
            yield context.call_sub_orchestrator("broken")
        except Exception as error:
            return str(error)

    reason, details = result_of(main, children={"broken": broken}).split(" \n ", 1)
    assert reason == "Orchestrator function 'broken' failed: boom"
    assert details.startswith("Message: boom, StackTrace: Traceback (most recent call last):")


def test_children_run_side_by_side():
    def child(context: Any) -> Any:
        return (yield context.call_activity("double", context.get_input()))

    def main(context: Any) -> Any:
        return (yield context.task_all([context.call_sub_orchestrator("child", n) for n in range(5)]))

    assert result_of(main, children={"child": child}, activities={"double": lambda n: n * 2}) == [0, 2, 4, 6, 8]


def test_a_suspended_parent_leaves_its_children_running():
    def child(context: Any) -> Any:
        yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
        return "done"

    def main(context: Any) -> Any:
        yield context.call_sub_orchestrator("child", None, "kid")

    played = play(main, elapse(1), suspended(), children={"child": child})
    kid = played.world.instances[InstanceId("kid")]
    assert (kid.status, kid.output) == (RuntimeStatus.COMPLETED, '"done"')
    assert played.status is RuntimeStatus.SUSPENDED


def test_a_child_takes_the_default_version_unless_one_is_given():
    def main(context: Any) -> Any:
        a = yield context.call_sub_orchestrator("describe")
        b = yield context.call_sub_orchestrator("describe", version="2.1")
        return [a[3], b[3]]

    assert result_of(main, children=CHILDREN, settings=EngineSettings(default_version="1.0")) == ["1.0", "2.1"]


def test_one_call_always_starts_the_same_execution():
    def main(context: Any) -> Any:
        yield context.call_sub_orchestrator("describe", None, "kid")

    played = play(main, children=CHILDREN)
    kid = played.world.instances[InstanceId("kid")].live.past
    start = next(event for event in kid if isinstance(event, ExecutionStarted))
    assert start.execution_id == child_execution_id(PARENT, 0)
    assert start.parent is not None
    assert (start.parent.instance_id, start.parent.execution_id, start.parent.task_id) == (INSTANCE, PARENT, 0)


def test_a_child_that_does_not_exist_fails_the_parent():
    def main(context: Any) -> Any:
        try:
            yield context.call_sub_orchestrator("nobody")
        except Exception:
            return "caught"

    text = play(main).output
    assert text.startswith(
        "Orchestrator function 'main' failed: The function 'nobody' doesn't exist, is disabled, or is "
    )


def test_marker_objects_in_a_child_s_output_are_revived_in_the_parent():
    def child(context: Any) -> Any:
        return {"__class__": "Level", "__module__": __name__, "__data__": 7}

    def main(context: Any) -> Any:
        level = yield context.call_sub_orchestrator("child")
        return [type(level).__name__, level.height]

    assert result_of(main, children={"child": child}) == ["Level", 7]


class Level:
    def __init__(self, height: int) -> None:
        self.height = height

    @classmethod
    def from_json(cls, data: int) -> "Level":
        return cls(data)
