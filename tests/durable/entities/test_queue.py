"""Whose turn it is at an entity, and what becomes of locks."""

from durable.entities.playing import CALLER, COUNTER, NOW, OTHER, WINDOW, later, lock_request, request
from funchost.durable.entities.messages import ORPHANED_LOCK, Release, Request
from funchost.durable.entities.queue import RequestQueue
from funchost.durable.entities.state import EntityState, SpentLock
from funchost.ids import InstanceId
from funchost.instant import Instant, isoformat

HOLDER = InstanceId("holder")
LOCK = lock_request(HOLDER, COUNTER)


def queue_of(*requests: Request, locked_by: Request | None = None, repeats: int = 0) -> RequestQueue:
    queue = RequestQueue(EntityState(), NOW, repeats=repeats)
    if locked_by is not None:
        queue.lock(locked_by)
    for one in requests:
        queue.put(one)
    return queue


def stored(queue: RequestQueue) -> EntityState:
    return EntityState(
        queue=queue.requests, locked_by=queue.locked_by, lock_ids=queue.lock_ids, spent_locks=queue.spent_locks
    )


def by_holder(op: str) -> Request:
    return request(op, parent=HOLDER)


def ops(queue: RequestQueue, most: int = 100) -> list[str | None]:
    operations, _ = queue.take(most)
    return [operation.op for operation in operations]


def release(lock_id: str = LOCK.id, parent: InstanceId = HOLDER) -> Release:
    return Release(parent, lock_id)


# --- turns -------------------------------------------------------------------------------------------


def test_operations_are_taken_in_order_up_to_the_limit():
    queue = queue_of(request("a"), request("b"), request("c"))
    assert ops(queue, 2) == ["a", "b"]
    assert queue.has_work
    assert ops(queue, 2) == ["c"]
    assert not queue.has_work


def test_a_lock_request_ends_what_is_taken():
    queue = queue_of(request("a"), LOCK, request("b"))
    operations, lock = queue.take(100)
    assert ([operation.op for operation in operations], lock) == (["a"], LOCK)


def test_while_it_is_locked_only_the_holder_s_requests_are_taken_in_their_order():
    queue = queue_of(request("a"), by_holder("x"), request("b"), by_holder("y"), locked_by=LOCK)
    assert ops(queue) == ["x", "y"]
    assert not queue.has_work
    assert [waiting.op for waiting in queue.requests] == ["a", "b"]


def test_what_the_holder_sent_before_its_lock_was_granted_does_not_wait_behind_others():
    queue = queue_of(LOCK, request("a"), by_holder("x"))
    _, lock = queue.take(100)
    assert lock is not None
    queue.lock(lock)
    assert ops(queue) == ["x"]


def test_the_holder_s_requests_come_first_in_a_state_of_another_engine_too():
    state = EntityState(queue=(request("a"), by_holder("x"), by_holder("y")), locked_by=HOLDER)
    assert ops(RequestQueue(state, NOW, repeats=0)) == ["x", "y"]


def test_what_the_holder_has_left_comes_before_the_others_when_it_lets_go():
    queue = queue_of(request("a"), by_holder("x"), locked_by=LOCK)
    queue.release(release())
    assert ops(queue) == ["x", "a"]


# --- locks -------------------------------------------------------------------------------------------


def test_a_release_unlocks_under_the_id_of_the_request():
    queue = queue_of(locked_by=LOCK)
    queue.release(release())
    assert (queue.locked_by, queue.lock_ids, queue.spent_locks) == (None, (), ())


def test_a_release_of_another_lock_of_the_holder_does_not_unlock_and_is_remembered():
    queue = queue_of(locked_by=LOCK)
    queue.release(release("another"))
    assert queue.locked_by == HOLDER
    assert [spent.id for spent in queue.spent_locks] == ["another"]


def test_a_lock_of_another_engine_is_given_back_by_its_holder_whatever_the_id():
    queue = RequestQueue(EntityState(locked_by=HOLDER), NOW, repeats=0)
    queue.release(release("any"))
    assert queue.locked_by is None


def test_those_who_clean_up_unlock_whatever_the_id_and_leave_no_trace():
    queue = queue_of(locked_by=LOCK)
    queue.lock(lock_request(HOLDER, COUNTER, lock_id="second"))
    queue.release(release(ORPHANED_LOCK))
    assert queue.locked_by is None
    queue.release(release(ORPHANED_LOCK))
    assert queue.spent_locks == ()


def test_only_the_holder_gives_back():
    queue = queue_of(locked_by=LOCK)
    queue.release(release(parent=CALLER))
    assert queue.locked_by == HOLDER


def test_a_second_lock_request_of_the_holder_is_taken_at_once_and_both_have_to_be_given_back():
    again = lock_request(HOLDER, COUNTER, OTHER, lock_id="second")
    queue = queue_of(request("a"), again, locked_by=LOCK)
    _, lock = queue.take(100)
    assert lock == again
    queue.lock(again)
    queue.release(release("second"))
    assert queue.locked_by == HOLDER
    queue.release(release())
    assert queue.locked_by is None


def test_a_lock_request_that_comes_twice_is_given_back_once():
    queue = queue_of(locked_by=LOCK)
    queue.lock(LOCK)
    queue.release(release())
    assert queue.locked_by is None


# --- withdrawn ---------------------------------------------------------------------------------------


def test_a_lock_request_that_waits_is_withdrawn_by_its_release():
    queue = queue_of(request("a"), lock_request("other", COUNTER), locked_by=LOCK)
    queue.release(release("lock of other", InstanceId("other")))
    assert [waiting.op for waiting in queue.requests] == ["a"]
    assert queue.spent_locks == ()


def test_a_lock_request_that_comes_after_its_release_is_gone_even_in_a_later_step():
    queue = queue_of()
    queue.release(release())
    next_step = RequestQueue(stored(queue), later(60), repeats=0)
    next_step.put(LOCK)
    assert next_step.requests == ()


def test_withdrawals_are_forgotten_after_a_day():
    queue = queue_of()
    queue.release(release())
    next_day = RequestQueue(stored(queue), later(24 * 3600), repeats=0)
    assert next_day.spent_locks == ()


def test_the_newest_64_withdrawals_are_remembered():
    queue = queue_of()
    for number in range(70):
        queue.release(release(f"lock {number}"))
    assert [spent.id for spent in queue.spent_locks] == [f"lock {number}" for number in range(6, 70)]


def test_where_messages_come_twice_a_lock_that_was_given_back_is_spent_for_as_long():
    queue = queue_of(locked_by=LOCK, repeats=WINDOW)
    queue.release(release())
    queue.put(LOCK)
    assert queue.requests == ()
    assert queue.spent_locks == (SpentLock(LOCK.id, isoformat(Instant(NOW + WINDOW))),)
