"""Whatever ends an execution ends its locks, and only that: code that is closed between two steps keeps them."""

from collections.abc import Callable
from typing import Any

import azure.durable_functions as df
import pytest

from durable.accounts import ENTITIES, RIVALS, A, B, C, holds, lived, rival
from durable.driver import elapse, play, raised, terminated
from funchost.durable.events import EventSent
from funchost.durable.status import RuntimeStatus


def test_a_lock_may_be_released_by_hand_and_again_without_effect():
    def main(context: Any) -> Any:
        before = [context.is_locked, context.locked_entities]
        lock = yield context.lock(A)
        during = [context.is_locked, [str(e) for e in context.locked_entities], lock.is_held]
        lock.release()
        lock.release()
        yield context.call_activity("echo")
        lock.release()
        return [before, during, [context.is_locked, lock.is_held]]

    assert lived(main).output == [[False, []], [True, ["@account@a"], True], [False, False]]


def returns(context: Any) -> Any:
    return "done"


def raises(context: Any) -> Any:
    raise ValueError("boom")


def again(context: Any) -> Any:
    context.continue_as_new(1)


def goes_wrong(context: Any) -> Any:
    context.signal_entity(df.EntityId("nobody", "a"), "add")


@pytest.mark.parametrize("end", [returns, raises, again, goes_wrong])
@pytest.mark.parametrize("inside", [True, False])
def test_the_end_of_an_execution_releases_in_the_same_step(end: Callable[[Any], Any], inside: bool):
    def main(context: Any) -> Any:
        if context.get_input():
            return "next"
        lock = yield context.lock(A, B)
        yield context.call_activity("slow")
        if not inside:
            return end(context)
        with lock:
            return end(context)

    played = lived(main, elapse(1), holds("a", "b"))
    if end is not again:
        assert [word.split(" ")[0] for word in played.words[-3:]] == ["EventSent", "EventSent", "ExecutionCompleted"]


def test_yielding_no_task_releases_too():
    def main(context: Any) -> Any:
        yield context.lock(A)
        yield 5

    assert lived(main).status is RuntimeStatus.FAILED


@pytest.mark.parametrize("steps", [(), (raised("more"),)])
def test_termination_releases_what_is_held(steps: Any):
    def main(context: Any) -> Any:
        with (yield context.lock(A, B)):
            yield context.wait_for_external_event("go")

    played = lived(main, elapse(1), holds("a", "b"), *steps, terminated("enough"))
    assert played.status is RuntimeStatus.TERMINATED
    assert played.words[-4:-1] == [
        "ExecutionTerminated",
        "EventSent 1 release @account@a",
        "EventSent 2 release @account@b",
    ]


def test_termination_in_the_step_of_the_release_releases_once():
    def main(context: Any) -> Any:
        with (yield context.lock(A)):
            yield context.wait_for_external_event("go")
        yield context.wait_for_external_event("never")

    played = lived(main, elapse(1), raised("go"), terminated())
    assert [word for word in played.words if "release" in word] == ["EventSent 2 release @account@a"]


def test_a_lock_that_was_never_asked_for_is_not_released():
    def main(context: Any) -> Any:
        yield context.wait_for_external_event("go")
        yield context.lock(A)

    played = play(main, elapse(1), raised("go"), terminated(), entities=ENTITIES)
    assert played.of(EventSent) == []


@pytest.mark.parametrize("end", ["return", "terminate", "again"])
def test_a_lock_that_is_on_its_way_is_withdrawn_from_all_its_entities(end: str):
    def main(context: Any) -> Any:
        if context.get_input():
            return "next"
        yield context.wait_for_external_event("go")
        lock = context.lock(A, B, C)
        yield context.task_any([lock, context.wait_for_external_event("stop")])
        if end == "again":
            context.continue_as_new(1)

    stop = terminated() if end == "terminate" else raised("stop")
    steps = (rival, elapse(1), raised("go"), elapse(1), holds("a", "b"), stop, elapse(1), holds("b"))
    played = lived(main, *steps, children=RIVALS)
    assert played.world.entity("account", "c").locks_asked == set()


def test_the_end_of_the_code_releases_though_an_activity_holds_up_the_end_of_the_instance():
    def main(context: Any) -> Any:
        yield context.lock(A)
        yield context.task_any([context.call_activity("echo"), context.call_activity("slow")])

    played = lived(main, elapse(5), holds())
    assert played.words[-3:] == ["EventSent 3 release @account@a", "TaskCompleted 2", "ExecutionCompleted 4 Completed"]


def test_a_grant_after_the_end_of_the_code_is_released_already():
    def main(context: Any) -> Any:
        yield context.task_any(
            [context.lock(A, B), context.wait_for_external_event("go"), context.call_activity("slow")]
        )

    steps = (rival, elapse(1), raised("go"), elapse(1))
    assert lived(main, *steps, children=RIVALS).status is RuntimeStatus.COMPLETED


def with_block(context: Any) -> Any:
    with (yield context.lock(A)):
        yield context.call_activity("slow")
        yield context.call_activity("slow")


async def async_with_block(context: Any) -> Any:
    async with context.lock(A):
        await context.call_activity("slow")
        await context.call_activity("slow")


def finally_block(context: Any) -> Any:
    lock = yield context.lock(A)
    try:
        yield context.call_activity("slow")
        yield context.call_activity("slow")
    finally:
        lock.release()


def task_released_in_a_finally_block(context: Any) -> Any:
    lock = context.lock(A)
    try:
        yield lock
        yield context.call_activity("slow")
        yield context.call_activity("slow")
    finally:
        lock.release()


@pytest.mark.parametrize(
    "main", [with_block, async_with_block, finally_block, task_released_in_a_finally_block], ids=lambda f: f.__name__
)
def test_code_that_is_closed_between_two_steps_keeps_its_locks(main: Callable[[Any], Any]):
    played = lived(main, elapse(1), holds("a"), elapse(14), holds("a"))
    assert played.words[-2:] == ["EventSent 3 release @account@a", "ExecutionCompleted 4 Completed"]
