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


HERE = "test_nondeterminism.py, line"


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [
        (call("echo"), call("other"), "a call of activity 'echo' under number 0, but the code calls activity 'other'"),
        (call("echo"), child, "a call of activity 'echo' under number 0, but the code calls sub-orchestrator 'child'"),
        (timer, call("echo"), "a timer under number 0, but the code calls activity 'echo'"),
        (
            entity("get"),
            entity("reset"),
            "a call of entity '@counter@a', operation 'get' under number 0, "
            "but the code calls entity '@counter@a', operation 'reset'",
        ),
        (
            lock("a", "b"),
            lock("a", "c"),
            "a request to lock '@counter@a', '@counter@b' under number 0, "
            "but the code locks '@counter@a', '@counter@c'",
        ),
        (child, timer, "a call of sub-orchestrator 'child' under number 0, but the code creates a timer"),
    ],
)
def test_the_text_names_both_sides_and_the_line(before: Code, after: Code, detail: str):
    asked_at = waiting.__code__.co_firstlineno + 2
    assert failure(waiting(before), waiting(after)) == (
        f"Non-Deterministic workflow detected: the history holds {detail} there now ({HERE} {asked_at}). "
        "Was a change made to the orchestrator code after this instance had already started running?"
    )


def test_code_that_asks_for_nothing_is_shown_where_it_waits_instead():
    text = failure(waiting(call("echo")), waiting(nothing))
    waits_at = waiting.__code__.co_firstlineno + 2
    assert f"but the code asks for nothing there now, while it waits in {HERE} {waits_at}." in text


def test_code_that_ends_earlier_than_its_history_is_caught():
    def shorter(context: Any) -> Any:
        return "done"

    text = failure(waiting(call("echo")), shorter)
    assert "the code asks for nothing there now, where it has ended." in text


def asks_in_a_helper(context: Any) -> Any:
    yield context.call_activity("other")


def through_a_helper(context: Any) -> Any:
    yield from asks_in_a_helper(context)


async def awaits_it(context: Any) -> Any:
    await context.call_activity("other")


async def through_an_async_helper(context: Any) -> Any:
    await awaits_it(context)


@pytest.mark.parametrize(
    ("after", "helper"), [(through_a_helper, asks_in_a_helper), (through_an_async_helper, awaits_it)]
)
def test_a_call_in_a_helper_is_shown_where_the_helper_makes_it(after: Code, helper: Code):
    line = helper.__code__.co_firstlineno + 1
    assert f"the code calls activity 'other' there now ({HERE} {line})." in failure(waiting(call("echo")), after)


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
