"""Locks are asked for, waited for and granted; or refused, or withdrawn before that."""

from datetime import timedelta
from typing import Any

import pytest

from durable.accounts import ENTITIES, RIVALS, A, B, C, holds, lived, rival
from durable.driver import INSTANCE, elapse, play, raised, result_of
from durable.world import START, World
from funchost.durable.entities.messages import failed
from funchost.durable.entities.recorded import read_recorded
from funchost.durable.events import EventRaised, EventSent
from funchost.errors import LockingRulesViolation
from funchost.instant import to_datetime


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


def test_one_section_may_follow_another():
    def main(context: Any) -> Any:
        for number in range(3):
            with (yield context.lock(A, B)):
                yield context.call_entity(A, "add", number)
        return (yield context.call_entity(A, "get"))

    assert lived(main).output == 3


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
