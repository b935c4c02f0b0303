"""Runs the author's entity function: once for each operation of a batch, all on one context.

An operation that raises fails by itself. What it has set before stays, as in the SDK, and so does what it has sent:
the state that remembers the sending is kept too. What has no state to go with is not sent: when the state cannot be
serialised, every operation of the batch fails and everything else is as before. What the time limit ends has no result
at all: whoever set the limit decides what becomes of the operations.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from itertools import takewhile
from types import CoroutineType, GeneratorType
from typing import Any
from uuid import UUID

from funchost.durable import payloads, texts
from funchost.durable.entities.context import EntityContext, Signal
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import Request
from funchost.durable.entities.outbox import Start
from funchost.durable.functions import DurableFunctions, Entity
from funchost.errors import FunctionTimeout, OutOfTime
from funchost.instant import Instant
from funchost.tracebacks import own_traceback

__all__ = ["BatchEnded", "BatchResult", "EntityEngine", "Operation", "all_failed", "run_batch"]


class BatchEnded(BaseException):
    """``finish`` raises it when the host stops: the batch has not taken place, and can be run again elsewhere."""


_FROM_OUTSIDE = (BatchEnded, OutOfTime, FunctionTimeout)
"""What ends user code without being the failure of the operation that it hits."""


@dataclass(frozen=True, slots=True)
class EntityEngine:
    """What the entities of an app need.

    ``new_guid`` gives ids that nobody has had. ``finish`` runs the coroutine of an ``async def`` entity function to
    its end and returns its value; it may raise FunctionTimeout and BatchEnded, which end the batch.

    ``max_batch`` bounds the operations of one step; ``reorder_window`` is that of the sorter in ticks, 0 on a hub
    that keeps the order of messages and never repeats one.
    """

    functions: DurableFunctions
    new_guid: Callable[[], UUID]
    finish: Callable[[Coroutine[Any, Any, Any]], Any]
    max_batch: int = 5_000
    reorder_window: int = 0


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation that was run: its ``result`` is JSON text, or ``error`` says why it failed.

    ``traceback`` is for the log, and None where no code of the author's has raised.
    """

    request: Request
    result: str | None = None
    error: str | None = None
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """``exists`` and ``state`` are those to be stored; ``signals`` and ``starts`` stand in the order of the calls.

    ``operations`` are the first of the batch, and all of it unless there was no time for more.
    """

    operations: Sequence[Operation]
    exists: bool
    state: str | None
    signals: Sequence[Signal] = ()
    starts: Sequence[Start] = ()


def run_batch(
    entity: EntityKey,
    requests: Sequence[Request],
    *,
    exists: bool,
    state: str | None,
    now: Instant,
    engine: EntityEngine,
    may_begin: Callable[[], bool] = lambda: True,
) -> BatchResult:
    """Run user code on this thread. BatchEnded, FunctionTimeout and OutOfTime pass through; all else that can happen is
    in the result.

    ``may_begin`` is asked before each operation: False leaves it and those behind it out.
    """
    function = engine.functions.entity(entity.name)
    if function is None:
        error = texts.unknown_function(entity.name, "entity", engine.functions.entity_names)
        return BatchResult(all_failed(requests, error), exists, state)
    context = EntityContext(
        entity, exists=exists, state=state, now=now, functions=engine.functions, new_guid=engine.new_guid
    )
    try:
        begun = takewhile(lambda _: may_begin(), requests)
        operations = [_run(function, request, context, engine) for request in begun]
        new_state, unstorable = _state_json(context)
    finally:
        context.seal()
    if unstorable is not None:
        error = f"the state of entity {entity} cannot be serialised: {texts.error_text(unstorable)}"
        failed = all_failed(requests[: len(operations)], error, own_traceback(unstorable))
        return BatchResult(failed, exists, state)
    return BatchResult(operations, context.exists, new_state, context.signals, context.starts)


def _run(function: Entity, request: Request, context: EntityContext, engine: EntityEngine) -> Operation:
    """Whatever the code raises is the failure of this operation, SystemExit and its like included: there is nobody
    outside for whom they could be meant."""
    context.begin(request)
    try:
        returned = function.call(context)
        if isinstance(returned, CoroutineType):
            engine.finish(returned)
        elif isinstance(returned, GeneratorType):
            returned.close()
            raise TypeError(
                f"the entity function {function.name} is a generator, and its code has not run: "
                "entities do not yield; they may be written as async def"
            )
        return Operation(request, _result_json(context, request))
    except _FROM_OUTSIDE:
        raise
    except BaseException as exc:  # noqa: BLE001 - the border to user code
        return Operation(request, error=texts.error_text(exc), traceback=own_traceback(exc))


def _result_json(context: EntityContext, request: Request) -> str:
    """Serialised at once: a later operation may change the same object, and its caller is another."""
    try:
        return payloads.encode(context.result)
    except TypeError as exc:
        raise TypeError(f"the result of operation {request.op!r} cannot be serialised: {exc}") from exc


def _state_json(context: EntityContext) -> tuple[str | None, BaseException | None]:
    """The text, or why there is none. Code of the author's runs here too: it may be a ``to_json``."""
    try:
        return context.state_json(), None
    except _FROM_OUTSIDE:
        raise
    except BaseException as exc:  # noqa: BLE001 - the border to user code
        return None, exc


def all_failed(requests: Sequence[Request], error: str, traceback: str | None = None) -> list[Operation]:
    """What a batch comes to that ends as a whole."""
    return [Operation(request, error=error, traceback=traceback) for request in requests]
