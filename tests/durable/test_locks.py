"""Critical sections: how entities are locked, how they are released, and what the code may ask for meanwhile."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest

from durable.driver import INSTANCE, Activities, Played, elapse, play, raised, result_of, terminated
from durable.world import START, OrchestratorFunction, Slow, World
from funchost.durable.entities.messages import LOCK_ACQUIRED, failed, succeeded
from funchost.durable.entities.recorded import read_recorded
from funchost.durable.events import (
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionStarted,
    GenericEvent,
    HistoryEvent,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
)
from funchost.durable.execution import EngineSettings, Execution
from funchost.durable.functions import DurableFunctions, Entity, Orchestrator
from funchost.durable.status import RuntimeStatus
from funchost.errors import FunchostError, LockingRulesViolation
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import to_datetime

A, B, C = (df.EntityId("Account", key) for key in "abc")
RIVAL = InstanceId("rival")
ACTIVITIES: Activities = {"echo": lambda value: value, "slow": Slow(10, lambda value: value)}


def account(context: Any) -> None:
    if context.operation_name == "add":
        context.set_state(context.get_state(int) + context.get_input())
    context.set_result(context.get_state())


ENTITIES = {"Account": account}


def held(world: World) -> list[str]:
    """The keys of the accounts that are locked now."""
    return [key.key for key, entity in sorted(world.entities.items()) if entity.locked_by is not None]


def holds(*keys: str) -> Callable[[World], None]:
    def step(world: World) -> None:
        assert held(world) == list(keys)

    return step


def assert_released_once(played: Played) -> None:
    """Of every request that was made each entity of it was told once."""
    assert held(played.world) == []
    entities = played.world.entities.values()
    assert any(entity.locks_asked for entity in entities)
    for entity in entities:
        assert set(entity.locks_released.values()) <= {1}
        assert entity.locks_asked <= set(entity.locks_released)


def lived(
    orchestrator: Callable[[Any], Any],
    *steps: Callable[[World], None],
    children: Mapping[str, OrchestratorFunction] | None = None,
) -> Played:
    """The scenario with accounts, at whose end nothing is locked any more."""
    played = play(orchestrator, *steps, entities=ENTITIES, activities=ACTIVITIES, children=children or {})
    assert_released_once(played)
    return played


# --- taking and giving back -------------------------------------------------------------------------


def test_a_with_block_locks_in_the_order_of_names_and_keys_and_releases_at_its_end():
    def main(context: Any) -> Any:
        with (yield context.lock(C, A, B, A)) as lock:
            yield context.call_entity(B, "add", 1)
        yield context.call_activity("echo")
        return [str(entity) for entity in lock.entities]

    played = lived(main)
    assert played.output == ["@account@a", "@account@b", "@account@c"]
    sent = [word for word in played.words if word.startswith(("EventSent", "TaskScheduled"))]
    assert sent == [
        "EventSent 0 op @account@a",
        "EventSent 1 op @account@b",
        "EventSent 2 release @account@a",
        "EventSent 3 release @account@b",
        "EventSent 4 release @account@c",
        "TaskScheduled 5 echo",
    ]


def test_an_async_with_block_needs_no_await():
    async def main(context: Any) -> Any:
        async with context.lock(A, B) as lock:
            await context.call_entity(A, "add", 1)
            inside = [lock.is_held, context.is_locked]
        return [*inside, lock.is_held, await context.call_entity(A, "get")]

    assert lived(main).output == [True, True, False, 1]


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


def test_one_section_may_follow_another():
    def main(context: Any) -> Any:
        for number in range(3):
            with (yield context.lock(A, B)):
                yield context.call_entity(A, "add", number)
        return (yield context.call_entity(A, "get"))

    assert lived(main).output == 3


def rival(world: World) -> None:
    """Another orchestration, that locks the account b for ten seconds."""
    world.start("rival", RIVAL)
    world.run(until=world.now)


def rivals_code(context: Any) -> Any:
    with (yield context.lock(B)):
        yield context.call_activity("slow")


RIVALS = {"rival": rivals_code}


def test_what_another_has_locked_is_waited_for():
    def main(context: Any) -> Any:
        yield context.wait_for_external_event("go")
        with (yield context.lock(A, B)):
            return (context.current_utc_datetime - to_datetime(START)).total_seconds() > 9

    assert lived(main, rival, elapse(1), raised("go"), elapse(5), holds("a", "b"), children=RIVALS).output is True


@pytest.mark.parametrize("entities", [(), (None,), ([A, B],), ("@account@a",)])
def test_a_lock_of_nothing_is_a_value_error_in_user_code(entities: Any):
    def main(context: Any) -> Any:
        with pytest.raises(ValueError, match="entit"):
            context.lock(*entities)
        return "caught"

    assert result_of(main, entities=ENTITIES) == "caught"


def test_a_with_block_around_a_lock_that_is_not_waited_for_says_what_is_missing():
    def main(context: Any) -> Any:
        with pytest.raises(TypeError, match=r"with \(yield context.lock"), context.lock(A):
            raise AssertionError("entered")
        return "caught"

    assert result_of(main, entities=ENTITIES) == "caught"


def test_a_lock_that_is_refused_raises_and_what_it_has_locked_already_is_released():
    def main(context: Any) -> Any:
        try:
            with (yield context.lock(A, B)):
                raise AssertionError("entered")
        except Exception as error:
            with (yield context.lock(A)):
                return str(error)

    def refuse(world: World) -> None:
        world.run(until=START)
        request = next(e for e in world.instances[INSTANCE].live.past if isinstance(e, EventSent))
        name = read_recorded(request.input).id
        world.post(INSTANCE, EventRaised(timestamp=world.now, name=name, input=failed("no such account")), due=START)

    assert lived(main, refuse).output == "no such account"


# --- every end releases -----------------------------------------------------------------------------


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


# --- giving up --------------------------------------------------------------------------------------


def test_a_lock_that_is_not_granted_yet_may_be_withdrawn():
    def main(context: Any) -> Any:
        yield context.wait_for_external_event("go")
        lock = context.lock(A, B)
        timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=2))
        winner = yield context.task_any([lock, timer])
        assert winner is timer
        lock.release()
        lock.release()
        yield context.call_entity(A, "add", 1)
        try:
            yield lock
        except LockingRulesViolation as error:
            return str(error)

    steps = (rival, elapse(1), raised("go"), elapse(1), holds("a", "b"), elapse(2), holds("b"))
    played = lived(main, *steps, children=RIVALS)
    assert played.output == "This lock was released before it was granted."


def test_a_lock_that_was_never_yielded_is_withdrawn_without_a_word():
    def main(context: Any) -> Any:
        lock = context.lock(A)
        lock.release()
        try:
            yield lock
        except LockingRulesViolation:
            return "refused"

    played = play(main, entities=ENTITIES)
    assert (played.output, played.of(EventSent)) == ("refused", [])


def test_a_lock_that_lost_a_race_is_granted_later_and_stays_held():
    def main(context: Any) -> Any:
        yield context.wait_for_external_event("go")
        lock = context.lock(B)
        yield context.task_any([lock, context.call_activity("echo")])
        before = context.is_locked
        yield context.wait_for_external_event("later")
        after = context.is_locked
        yield lock
        lock.release()
        return [before, after, context.is_locked]

    steps = (rival, elapse(1), raised("go"), elapse(20), holds("b"), raised("later"))
    assert lived(main, *steps, children=RIVALS).output == [False, True, False]


# --- closing is silent ------------------------------------------------------------------------------


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


# --- what is forbidden ------------------------------------------------------------------------------

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

    assert lived(main, children={"child": returns}).output.startswith(text)


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

    assert lived(main, children={"child": returns}).output == 2


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


# --- histories that the code does not fit -----------------------------------------------------------


def test_an_instance_whose_code_has_changed_releases_what_its_history_holds():
    changed: list[bool] = []

    def main(context: Any) -> Any:
        if changed:
            yield context.call_activity("echo")
        with (yield context.lock(A, B)):
            yield context.wait_for_external_event("go")

    def change(world: World) -> None:
        changed.append(True)
        for hosted in world.instances.values():
            hosted.live.engine = None

    def restore(world: World) -> None:
        world.run()
        changed.clear()

    played = lived(main, elapse(1), holds("a", "b"), change, raised("go"), restore)
    assert "a request to lock '@account@a', '@account@b' under number 0" in str(played.output)
    assert played.words[-3:] == [
        "EventSent 1 release @account@a",
        "EventSent 2 release @account@b",
        "ExecutionCompleted 3 Failed",
    ]


def test_stored_data_that_cannot_be_decoded_does_not_keep_its_locks():
    def main(context: Any) -> Any:
        with (yield context.lock(A)):
            yield context.wait_for_external_event("go")

    def garbage(world: World) -> None:
        world.post(INSTANCE, EventRaised(timestamp=world.now, name="go", input="{not json"))

    assert lived(main, elapse(1), garbage).status is RuntimeStatus.FAILED


def test_a_rewound_instance_goes_on_behind_the_releases_of_its_failure():
    def main(context: Any) -> Any:
        with (yield context.lock(A)):
            yield context.call_activity("broken")

    def broken(value: Any) -> Any:
        raise ValueError("broken")

    failed_run = play(main, entities=ENTITIES, activities={"broken": broken})
    neutral = (TaskScheduled, TaskFailed, ExecutionCompleted)
    past: list[HistoryEvent] = [
        GenericEvent(timestamp=e.timestamp) if isinstance(e, neutral) else e for e in failed_run.history
    ]
    functions = DurableFunctions([Orchestrator("main", main)], ["broken"], entities=[Entity("account", main)])
    step = Execution(failed_run.hosted.live.execution, functions, EngineSettings()).replay(past, [], START)
    assert [(one.id, one.name) for one in step.activities] == [(1, "broken")]
    assert (step.ending, step.sent) == (None, [])


GUID = "0000000a-0001-0002-0304-05060708090a"


def test_a_lock_of_another_engine_is_released_under_the_id_that_it_gave():
    def main(context: Any) -> Any:
        with (yield context.lock(B, A)):
            yield context.call_activity("echo")

    now, run = START, ExecutionId("c255e1b64c034dd4840167d50637db43")
    request = (
        f'{{"op":null,"id":"{GUID}","parent":"it","parentExecution":"{run}","Timestamp":"2026-11-22T00:52:52Z",'
        '"lockset":[{"name":"account","key":"a"},{"name":"account","key":"b"}],"IsLockRequest":true}'
    )
    past: list[HistoryEvent] = [
        ExecutionStarted(timestamp=now, name="main", instance_id=INSTANCE, execution_id=run),
        EventSent(timestamp=now, event_id=0, instance_id=InstanceId("@account@a"), name="op", input=request),
        EventRaised(timestamp=now, name=GUID, input=succeeded(LOCK_ACQUIRED)),
        TaskScheduled(timestamp=now, event_id=1, name="echo"),
    ]
    functions = DurableFunctions([Orchestrator("main", main)], ["echo"], entities=[Entity("account", main)])
    step = Execution(run, functions, EngineSettings()).replay(past, [TaskCompleted(timestamp=now, task_id=1)], now)
    release = f'{{"parent":"it","id":"{GUID}"}}'
    assert [(s.to, s.name, s.input) for s in step.sent] == [
        ("@account@a", "release", release),
        ("@account@b", "release", release),
    ]
