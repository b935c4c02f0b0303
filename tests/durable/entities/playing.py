"""One entity, the events that reach it, and what came of them in short."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from itertools import count
from typing import Any
from uuid import UUID

from funchost.durable import payloads
from funchost.durable.entities.batch import EntityEngine
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import LOCK_ACQUIRED, OPERATION, LockRef, Release, Request, read_response
from funchost.durable.entities.outbox import Message
from funchost.durable.entities.state import EntityState
from funchost.durable.entities.step import EntityStep, conclude, deliver, run_operations
from funchost.durable.events import EventRaised, HistoryEvent
from funchost.durable.functions import DurableFunctions, Entity, Orchestrator
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant, parse

NOW = parse("2025-03-01T12:00:00Z")
WINDOW = 30 * 60 * TICKS_PER_SECOND
COUNTER = EntityKey("counter", "a")
OTHER = EntityKey("counter", "b")
CALLER = InstanceId("caller")

EntityFunction = Callable[[Any], Any]


def counter(context: Any) -> None:
    """``add`` and ``get``; ``fail`` adds and then raises; anything else deletes."""
    value = context.get_state(lambda: 0)
    match context.operation_name:
        case "add":
            context.set_state(value + context.get_input())
            context.set_result(value + context.get_input())
        case "get":
            context.set_result(value)
        case "fail":
            context.set_state(value + 1)
            raise RuntimeError("op failed")
        case _:
            context.destruct_on_exit()


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner() as runner:
        return runner.run(coroutine)


def new_guids() -> Callable[[], UUID]:
    numbers = count(1)
    return lambda: UUID(int=next(numbers))


def engine_of(
    function: EntityFunction | None,
    *,
    window: int = 0,
    max_batch: int = 5_000,
) -> EntityEngine:
    entities = [] if function is None else [Entity("Counter", function)]
    functions = DurableFunctions([Orchestrator("Ship", lambda _: None)], [], entities=entities)
    return EntityEngine(functions, new_guids(), finish, max_batch, window)


def advance_entity(
    entity: EntityKey,
    state: EntityState,
    received: Sequence[HistoryEvent],
    now: Instant,
    engine: EntityEngine,
) -> EntityStep:
    """One step. What ends a batch from outside passes through, and the step has then had no effect."""
    delivered = deliver(entity, state, received, now, engine)
    return conclude(delivered, run_operations(delivered, engine), engine)


def play(
    function: EntityFunction | None, *received: HistoryEvent, state: EntityState | None = None, **engine: Any
) -> EntityStep:
    return advance_entity(COUNTER, state or EntityState(), received, NOW, engine_of(function, **engine))


# --- what arrives ------------------------------------------------------------------------------------


def request(op: str | None, value: Any = None, **members: Any) -> Request:
    """A call by ``CALLER``; its id is the name of the operation unless it is given."""
    stored = None if value is None else payloads.wrap(payloads.encode(value))
    defaults: dict[str, Any] = {"op": op, "input": stored, "id": op, "parent": CALLER}
    return Request(**{**defaults, **members})


def called(op: str | None, value: Any = None, **members: Any) -> EventRaised:
    return sent(request(op, value, **members))


def signalled(op: str, value: Any = None) -> EventRaised:
    """By a client."""
    return called(op, value, signal=True, parent=None)


def lock_request(by: str, *entities: EntityKey, pos: int = 0, lock_id: str | None = None) -> Request:
    return Request(
        op=None,
        id=lock_id or f"lock of {by}",
        parent=InstanceId(by),
        parent_execution=ExecutionId(f"run of {by}"),
        lockset=[LockRef(entity.name, entity.key) for entity in entities],
        pos=pos,
    )


def locking(by: str, *entities: EntityKey, pos: int = 0, lock_id: str | None = None) -> EventRaised:
    return sent(lock_request(by, *(entities or (COUNTER,)), pos=pos, lock_id=lock_id))


def releasing(by: str, lock_id: str | None = None) -> EventRaised:
    return raised("release", Release(InstanceId(by), lock_id or f"lock of {by}").to_json())


def sent(request: Request) -> EventRaised:
    return raised(OPERATION, request.to_json())


def raised(name: str, text: str | None) -> EventRaised:
    return EventRaised(timestamp=NOW, name=name, input=text)


# --- what came of it ---------------------------------------------------------------------------------


def answers(step: EntityStep) -> dict[str, Any]:
    """By request: the decoded result, or its error. That a lock was granted is told as it is written."""
    return {message.name: _told(message) for message in step.messages if not message.to.startswith("@")}


def _told(answer: Message) -> Any:
    response = read_response(answer.input)
    if response.error is not None:
        return error(response.error)
    return response.result if response.result == LOCK_ACQUIRED else payloads.decode(response.result)


class error(str):  # noqa: N801 - reads as a value in the tests
    """An answer that is an error; differs from a result of the same text."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, error) and str(self) == str(other)

    __hash__ = str.__hash__


def messages_to(entity: EntityKey, step: EntityStep) -> list[Message]:
    return [message for message in step.messages if message.to == entity.instance_id]


def later(seconds: float) -> Instant:
    return Instant(NOW + round(seconds * TICKS_PER_SECOND))
