"""What the code may ask for while it holds locks."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest

from durable.accounts import RIVALS, A, B, C, lived, rival
from durable.driver import elapse, raised
from funchost.errors import FunchostError, LockingRulesViolation

NESTED = "Cannot acquire more locks when already holding some locks. A critical section cannot be nested in another"
CHILD = "While holding locks, cannot call suborchestrators."
SIGNAL = "While holding locks, cannot signal entities whose lock is held."
CALL = "While holding locks, cannot call entities whose lock is not held."

FORBIDDEN: list[tuple[Callable[[Any], Any], str]] = [
    (lambda context: context.lock(C), NESTED),
    (lambda context: context.call_sub_orchestrator("child"), CHILD),
    (lambda context: context.call_sub_orchestrator_with_retry("child", df.RetryOptions(1000, 3)), CHILD),
    (lambda context: context.signal_entity(A, "add", 1), SIGNAL),
    (lambda context: context.call_entity(C, "add", 1), CALL),
]


def done(context: Any) -> str:
    return "done"


@pytest.mark.parametrize(("ask", "text"), FORBIDDEN)
def test_what_might_wait_for_ever_is_refused_at_the_call(ask: Callable[[Any], Any], text: str):
    def main(context: Any) -> Any:
        with (yield context.lock(A, B)):
            try:
                ask(context)
            except LockingRulesViolation as error:
                return str(error)

    assert lived(main).output.startswith(text)


@pytest.mark.parametrize(("ask", "text"), [pair for pair in FORBIDDEN if pair[1] is not SIGNAL])
def test_what_was_made_before_the_lock_is_refused_when_it_is_yielded_inside(ask: Callable[[Any], Any], text: str):
    def main(context: Any) -> Any:
        early = ask(context)
        with (yield context.lock(A, B)):
            try:
                yield context.task_all([early])
            except LockingRulesViolation as error:
                return str(error)

    assert lived(main, children={"child": done}).output.startswith(text)


def test_a_locked_entity_answers_one_call_at_a_time():
    def main(context: Any) -> Any:
        with (yield context.lock(A, B)):
            one, other, twice = (context.call_entity(e, "add", 1) for e in (A, B, A))
            yield context.task_any([context.task_all([one, other, twice])])
            refused = str(twice.result)
            yield context.task_all([one, other])
            return [refused, (yield context.call_entity(A, "add", 1))]

    refused, total = lived(main).output
    assert refused.startswith(CALL)
    assert "An earlier call of '@account@a' is not answered yet." in refused
    assert total == 2


def test_while_a_lock_is_on_its_way_its_entities_cannot_be_called():
    def main(context: Any) -> Any:
        yield context.wait_for_external_event("go")
        yield context.task_any([context.lock(B), context.call_activity("echo")])
        try:
            context.call_entity(B, "add", 1)
        except LockingRulesViolation as error:
            return str(error)

    text = lived(main, rival, elapse(1), raised("go"), children=RIVALS).output
    assert "The lock of '@account@b' is asked for and not yet granted: wait for it, or release() it." in text


def test_activities_timers_events_and_signals_to_others_are_allowed():
    def main(context: Any) -> Any:
        with (yield context.lock(A, B)):
            context.signal_entity(C, "add", 5)
            yield context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
            yield context.wait_for_external_event("go")
            return (yield context.call_activity("echo", "done"))

    played = lived(main, raised("go"))
    assert played.output == "done"
    assert played.world.entity("account", "c").state == "5"


def test_everything_is_allowed_again_after_the_release():
    def main(context: Any) -> Any:
        with (yield context.lock(A)):
            pass
        context.signal_entity(A, "add", 1)
        yield context.call_sub_orchestrator("child")
        return (yield context.call_entity(A, "add", 1))

    assert lived(main, children={"child": done}).output == 2


def test_the_retries_of_a_child_that_was_called_before_the_lock_go_on():
    attempts: list[int] = []

    def child(context: Any) -> Any:
        attempts.append(1)
        raise ValueError("child")

    def main(context: Any) -> Any:
        child = context.call_sub_orchestrator_with_retry("child", df.RetryOptions(1000, 3))
        yield context.task_any([child, context.call_activity("echo")])
        with (yield context.lock(A)):
            yield context.task_any([child])
            return str(child.result).split(" \n")[0]

    assert lived(main, children={"child": child}).output == "Orchestrator function 'child' failed: child"
    assert len(attempts) == 3 * 3


def test_a_refusal_that_nobody_catches_fails_the_orchestration():
    def main(context: Any) -> Any:
        with (yield context.lock(A)):
            yield context.lock(B)

    assert str(lived(main).output).startswith(f"Orchestrator function 'main' failed: {NESTED}")


def test_a_violation_is_an_error_of_the_host_and_of_run_time():
    assert issubclass(LockingRulesViolation, FunchostError)
    assert issubclass(LockingRulesViolation, RuntimeError)
