"""What a step of an entity sends: values that are turned into messages of a hub."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import (
    LOCK_ACQUIRED,
    OPERATION,
    RELEASE,
    UNLABELLED,
    Release,
    Request,
    failed,
    scheduled_operation,
    succeeded,
)
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant

__all__ = ["Message", "Start", "answered", "lock_passed_on", "lock_refused", "refused", "request_to"]


@dataclass(frozen=True, slots=True)
class Message:
    """An event to be raised, not before ``due`` (None: at once).

    ``execution`` of an answer is the run that asked: no other must get it.
    """

    to: InstanceId
    name: str
    input: str | None
    due: Instant | None = None
    execution: ExecutionId | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """An orchestration to be started, whose result nobody waits for. ``input`` is the stored form; ``version``
    None takes the host's default."""

    name: str
    instance_id: InstanceId
    input: str | None
    version: str | None = None
    tags: Mapping[str, str] | None = None
    start_at: Instant | None = None


def request_to(entity: EntityKey, request: Request) -> Message:
    """A request on its way, which is not delivered before its due time, if it has one."""
    due = request.due_at
    name = OPERATION if due is None else scheduled_operation(due)
    return Message(entity.instance_id, name, request.to_json(), due)


def answered(request: Request, result: str | None) -> list[Message]:
    """``result`` is JSON text. Empty when nobody waits for it."""
    return _response(request, succeeded(result)) if request.wants_answer else []


def refused(request: Request, error: str) -> list[Message]:
    return _response(request, failed(error)) if request.wants_answer else []


def lock_passed_on(request: Request) -> list[Message]:
    """After the entity at its place has been locked: on to the next of the set, or the answer of the last.

    The next one goes without labels: they would be those of the orchestration, and are out of their order here.
    """
    lockset, pos = request.lockset or (), request.pos + 1
    if pos == len(lockset):
        return answered(request, LOCK_ACQUIRED)
    onward = msgspec.structs.replace(request, pos=pos, timestamp=UNLABELLED, predecessor=UNLABELLED)
    return [request_to(lockset[pos].entity, onward)]


def lock_refused(request: Request, error: str) -> list[Message]:
    """Also gives back what the request has locked on its way, for which nobody would be left."""
    if request.parent is None:
        return []
    release = Release(request.parent, request.id).to_json()
    locked = (request.lockset or ())[: request.pos]
    releases = [Message(ref.entity.instance_id, RELEASE, release) for ref in locked]
    return [*refused(request, error), *releases]


def _response(request: Request, text: str) -> list[Message]:
    assert request.parent is not None
    return [Message(request.parent, request.id, text, execution=request.parent_execution)]
