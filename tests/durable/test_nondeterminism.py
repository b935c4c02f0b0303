"""Code that changed under a running instance: the failure names what was recorded and what is asked for now."""

from collections.abc import Callable
from contextvars import copy_context
from datetime import timedelta
from typing import Any

import pytest
from azure.durable_functions import EntityId

from durable.driver import Activities, play, raised, settle
from durable.world import Mode
from funchost.durable.events import EventRaised
from funchost.durable.execution import EngineSettings, Execution
from funchost.durable.functions import DurableFunctions, Entity, Orchestrator
from funchost.durable.status import RuntimeStatus
from funchost.durable.step import Step
from funchost.ids import ExecutionId

ACTIVITIES: Activities = {"echo": lambda value: value, "other": lambda value: value}
Code = Callable[[Any], Any]


def waiting(call: Code) -> Code:
    def main(context: Any) -> Any:
        yield context.task_any([call(context), context.wait_for_external_event("go")])
        yield context.wait_for_external_event("end")

    return main


def rerun(before: Code, after: Code) -> Step:
    """The next episode of an instance that ran ``before``, when the code is ``after``."""
    played = play(
        before,
        settle,
        activities=ACTIVITIES,
        children={"child": lambda context: 1},
        entities={"counter": lambda context: None},
        modes=[Mode.REPLAYED],
    )
    functions = DurableFunctions(
        [Orchestrator("main", after), Orchestrator("child", after)], ACTIVITIES, entities=[Entity("counter", after)]
    )
    execution = Execution(ExecutionId("1"), functions, EngineSettings(), copy_context())
    now = played.world.now
    return execution.replay(played.history, [EventRaised(timestamp=now, name="go")], now)


def failure(before: Code, after: Code) -> str:
    step = rerun(before, after)
    assert step.ending is not None
    assert step.ending.status is RuntimeStatus.FAILED
    assert step.ending.output is not None
    assert step.events[-2].event_id > max(e.event_id for e in step.events[:-2])
    return step.ending.output


def call(name: str) -> Code:
    return lambda context: context.call_activity(name)


def child(context: Any) -> Any:
    return context.call_sub_orchestrator("child")


def timer(context: Any) -> Any:
    return context.create_timer(context.current_utc_datetime + timedelta(days=-1))


def entity(operation: str) -> Code:
    return lambda context: context.call_entity(EntityId("counter", "a"), operation)


def lock(*keys: str) -> Code:
    return lambda context: context.lock(*(EntityId("counter", key) for key in keys))


def nothing(context: Any) -> Any:
    return context.wait_for_external_event("nothing")


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [
        (
            call("echo"),
            call("other"),
            "a call of activity 'echo' under number 0, but the code calls activity 'other' now.",
        ),
        (
            call("echo"),
            child,
            "a call of activity 'echo' under number 0, but the code calls sub-orchestrator 'child' now.",
        ),
        (call("echo"), nothing, "a call of activity 'echo' under number 0, but the code asks for nothing there now."),
        (timer, call("echo"), "a timer under number 0, but the code calls activity 'echo' now."),
        (
            entity("get"),
            entity("reset"),
            "a call of entity '@counter@a', operation 'get' under number 0, "
            "but the code calls entity '@counter@a', operation 'reset' now.",
        ),
        (
            lock("a", "b"),
            lock("a", "c"),
            "a request to lock '@counter@a', '@counter@b' under number 0, "
            "but the code locks '@counter@a', '@counter@c' now.",
        ),
        (child, timer, "a call of sub-orchestrator 'child' under number 0, but the code creates a timer now."),
    ],
)
def test_the_text_names_both_sides(before: Code, after: Code, detail: str):
    assert failure(waiting(before), waiting(after)) == (
        f"Non-Deterministic workflow detected: the history holds {detail} "
        "Was a change made to the orchestrator code after this instance had already started running?"
    )


def test_code_that_ends_earlier_than_its_history_is_caught():
    def shorter(context: Any) -> Any:
        return "done"

    assert "the code asks for nothing there now" in failure(waiting(call("echo")), shorter)


def test_names_that_differ_in_case_only_are_the_same():
    assert rerun(waiting(call("echo")), waiting(call("ECHO"))).ending is None


def test_other_inputs_and_other_times_are_no_mistake():
    def with_input(n: int) -> Code:
        return lambda context: context.call_activity("echo", n)

    def at(days: int) -> Code:
        return lambda context: context.create_timer(context.current_utc_datetime + timedelta(days=days))

    assert rerun(waiting(with_input(1)), waiting(with_input(2))).ending is None
    assert rerun(waiting(at(-1)), waiting(at(-2))).ending is None


def test_the_failure_waits_for_nothing():
    def two(name: str) -> Code:
        def main(context: Any) -> Any:
            yield context.task_all([context.call_activity(name), timer_in_a_day(context)])

        return main

    step = rerun(two("echo"), two("other"))
    assert step.ending is not None
    assert (step.activities, step.timers) == ([], [])


def timer_in_a_day(context: Any) -> Any:
    return context.create_timer(context.current_utc_datetime + timedelta(days=1))


def test_code_that_was_not_changed_replays_in_peace():
    played = play(waiting(call("echo")), settle, raised("end"), activities=ACTIVITIES)
    assert played.status is RuntimeStatus.COMPLETED
