"""One step of an entity: what has arrived goes in, the next state and what is to be sent come out.

Three parts, of which only the second runs user code and only if there is an operation to run::

    deliver ─> run_operations ─> conclude

Nothing counts before the caller has made the result durable, and the state that it came from is unchanged. The second
part may run under a time limit and on a thread that is given up: what it would have brought can be replaced by a result
in which operations have failed, and the third goes on with that. What the result does not tell of waits again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from funchost.durable.entities.batch import BatchResult, EntityEngine, Operation, run_batch
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.inbox import Inbox, is_request
from funchost.durable.entities.messages import CONTINUE, EntityMessageError, Request, read_request
from funchost.durable.entities.outbox import (
    Message,
    Start,
    answered,
    lock_passed_on,
    lock_refused,
    refused,
    request_to,
)
from funchost.durable.entities.sorter import labelled
from funchost.durable.entities.state import EntityState
from funchost.durable.events import EventRaised, HistoryEvent
from funchost.instant import Instant

__all__ = ["Delivered", "EntityStep", "Refusal", "conclude", "deliver", "refuse", "run_operations"]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What has arrived is queued, and the next of it taken: ``operations`` to be run, then ``lock`` to be granted.

    ``inbox`` belongs to this step, and is used up by :func:`conclude`.
    """

    entity: EntityKey
    state: EntityState
    now: Instant
    inbox: Inbox
    operations: Sequence[Request]
    lock: Request | None


@dataclass(frozen=True, slots=True)
class EntityStep:
    """All that one step did, to become durable together. ``messages`` go out in their order.

    ``operations`` and ``dropped`` are for the log. The first are those that were taken, and tell of failed signals,
    which nobody else hears of; the second says in words what has come to nothing before that.
    """

    state: EntityState
    messages: Sequence[Message]
    starts: Sequence[Start] = ()
    operations: Sequence[Operation] = ()
    dropped: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """What goes out in place of a step that cannot be made. What is stored stays as it is."""

    messages: Sequence[Message]
    dropped: Sequence[str]


def deliver(
    entity: EntityKey,
    state: EntityState,
    received: Sequence[HistoryEvent],
    now: Instant,
    engine: EntityEngine,
) -> Delivered:
    inbox = Inbox(entity, state, now, window=engine.reorder_window)
    for event in received:
        inbox.receive(event)
    operations, lock = inbox.queue.take(engine.max_batch)
    return Delivered(entity, state, now, inbox, operations, lock)


def run_operations(
    delivered: Delivered, engine: EntityEngine, may_begin: Callable[[], bool] = lambda: True
) -> BatchResult:
    """The only part that runs user code, and needs a thread for it; none at all if there are no operations.
    ``may_begin`` is asked before each."""
    before = delivered.state
    if not delivered.operations:
        return BatchResult((), before.exists, before.state)
    return run_batch(
        delivered.entity,
        delivered.operations,
        exists=before.exists,
        state=before.state,
        now=delivered.now,
        engine=engine,
        may_begin=may_begin,
    )


def conclude(delivered: Delivered, result: BatchResult, engine: EntityEngine) -> EntityStep:
    """Answers first, then what the operations sent, then the lock.

    Operations that ``result`` leaves out are the next again, and the lock is granted after them.
    """
    inbox = delivered.inbox
    messages = [answer for operation in result.operations for answer in _answer(operation)]
    for target, request in result.signals:
        if request.due is None:
            to = target.instance_id
            request = labelled(inbox.sorter, request, to, now=delivered.now, window=engine.reorder_window)
        messages.append(request_to(target, request))
    left = delivered.operations[len(result.operations) :]
    if left:
        inbox.queue.put_back(left if delivered.lock is None else [*left, delivered.lock])
    elif delivered.lock is not None:
        inbox.queue.lock(delivered.lock)
        messages += lock_passed_on(delivered.lock)
    messages += inbox.messages
    if inbox.queue.has_work:
        messages.append(Message(delivered.entity.instance_id, CONTINUE, None))
    return EntityStep(_next_state(inbox, result), messages, result.starts, result.operations, inbox.dropped)


def refuse(entity: EntityKey, received: Sequence[HistoryEvent], why: str) -> Refusal:
    """For an entity of which nothing can be read: whoever waits for an answer is told so, and waits no longer."""
    error = f"What is stored of the entity {entity} cannot be read: {why}"
    messages: list[Message] = []
    dropped: list[str] = []
    for event in received:
        if not isinstance(event, EventRaised) or event.name == CONTINUE:
            continue
        request = _read(event)
        if request is not None and request.wants_answer:
            messages += lock_refused(request, error) if request.is_lock else refused(request, error)
        else:
            what = event.name if request is None else f"signal {request.op!r}"
            dropped.append(f"{what} has no effect: {error}")
    return Refusal(messages, dropped)


def _read(event: EventRaised) -> Request | None:
    try:
        return read_request(event.input) if is_request(event.name) else None
    except EntityMessageError:
        return None


def _next_state(inbox: Inbox, result: BatchResult) -> EntityState:
    queue = inbox.queue
    return EntityState(
        exists=result.exists,
        state=result.state,
        queue=queue.requests,
        locked_by=queue.locked_by,
        sorter=inbox.sorter,
        lock_ids=queue.lock_ids,
        spent_locks=queue.spent_locks,
    )


def _answer(operation: Operation) -> list[Message]:
    if operation.error is None:
        return answered(operation.request, operation.result)
    return refused(operation.request, operation.error)
