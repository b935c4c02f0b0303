"""What orchestrator code asked for, before it is history.

An action has the number under which its event is recorded. On replay the recorded event must match the
action of the same number: same kind, same name (ignoring case); inputs and times are not compared. The name of
what goes to an entity is the entity's and the operation's; its key is data, like an input, but not in a lock:
the entities that were locked are those that will be released.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import RELEASE, EntityMessageError, Request
from funchost.durable.entities.recorded import RecordedRequest, read_recorded
from funchost.durable.events import (
    EventSent,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from funchost.errors import NondeterminismError
from funchost.ids import InstanceId
from funchost.instant import Instant

__all__ = [
    "Action",
    "AskEntity",
    "CallActivity",
    "CallSubOrchestrator",
    "CreateTimer",
    "ReleaseEntity",
    "check_recorded",
    "check_sent",
]


@dataclass(slots=True)
class CallActivity:
    """``input`` is the stored form: an array of the one argument."""

    id: int
    name: str
    input: str


@dataclass(slots=True)
class CallSubOrchestrator:
    """``input`` is the stored form; ``version`` None takes the host's default."""

    id: int
    name: str
    instance_id: InstanceId
    input: str | None
    version: str | None


@dataclass(slots=True)
class CreateTimer:
    """``cancelled`` before it was recorded: the event is written, the timer never set."""

    id: int
    fire_at: Instant
    cancelled: bool = False


@dataclass(slots=True)
class AskEntity:
    """A call, a signal, or (with a lock set, to the first entity of it) the request to lock.

    The id of ``request`` is what the history says; until it says anything the id is empty.
    """

    id: int
    entity: EntityKey
    request: Request


@dataclass(slots=True)
class ReleaseEntity:
    """``lock`` is the request by which the entity was locked, or is to be."""

    id: int
    entity: EntityKey
    lock: Request


Action = CallActivity | CallSubOrchestrator | CreateTimer | AskEntity | ReleaseEntity

RecordedDecision = TaskScheduled | SubOrchestrationInstanceCreated | TimerCreated | EventSent

_ACTION_OF: dict[type, type] = {
    TaskScheduled: CallActivity,
    SubOrchestrationInstanceCreated: CallSubOrchestrator,
    TimerCreated: CreateTimer,
}


def check_recorded(
    event: TaskScheduled | SubOrchestrationInstanceCreated | TimerCreated, action: Action | None
) -> None:
    """Raises NondeterminismError when the code now asks for something else than ``event`` records."""
    if action is None or action.__class__ is not _ACTION_OF[event.__class__]:
        _mismatch(event, action)
    if not isinstance(event, TimerCreated):
        name: str = action.name  # type: ignore[union-attr]  # the class was compared above
        if name != event.name and name.lower() != event.name.lower():
            _mismatch(event, action)


def check_sent(event: EventSent, action: Action | None) -> RecordedRequest | None:
    """The recorded request, None for a release. Raises NondeterminismError as :func:`check_recorded`.

    A release that the code does not ask for is no mistake: the engine itself sends those of an execution that is
    terminated or that fails over what it asked for.
    """
    if event.name == RELEASE:
        released = action is None or (
            isinstance(action, ReleaseEntity) and action.entity.instance_id == event.instance_id
        )
        return None if released else _mismatch(event, action)
    recorded = _recorded_request(event)
    if recorded is None or not isinstance(action, AskEntity) or not _is_same(recorded, event, action):
        _mismatch(event, action)
    return recorded


def _recorded_request(event: EventSent) -> RecordedRequest | None:
    try:
        return read_recorded(event.input)
    except EntityMessageError:
        return None


def _is_same(recorded: RecordedRequest, event: EventSent, action: AskEntity) -> bool:
    asked = action.request
    if recorded.lockset is not None or asked.lockset is not None:
        return recorded.locked == [member.entity for member in asked.lockset or ()]
    return (
        event.instance_id.startswith(f"@{action.entity.name}@")
        and recorded.signal == asked.signal
        and (recorded.op or "").lower() == (asked.op or "").lower()
    )


def _mismatch(event: RecordedDecision, action: Action | None) -> NoReturn:
    now = "asks for nothing" if action is None else _asked(action)
    raise NondeterminismError(
        f"the history holds {_recorded(event)} under number {event.event_id}, but the code {now} there now"
    )


def _recorded(event: RecordedDecision) -> str:
    match event:
        case TaskScheduled():
            return f"a call of activity '{event.name}'"
        case SubOrchestrationInstanceCreated():
            return f"a call of sub-orchestrator '{event.name}'"
        case TimerCreated():
            return "a timer"
        case EventSent():
            return _recorded_event(event)


def _recorded_event(event: EventSent) -> str:
    if event.name == RELEASE:
        return f"a release of entity '{event.instance_id}'"
    recorded = _recorded_request(event)
    if recorded is None:
        return f"an event sent to '{event.instance_id}'"
    if recorded.lockset is not None:
        return f"a request to lock {_listed(recorded.locked)}"
    return f"a {'signal to' if recorded.signal else 'call of'} entity '{event.instance_id}', operation '{recorded.op}'"


def _asked(action: Action) -> str:
    match action:
        case CallActivity():
            return f"calls activity '{action.name}'"
        case CallSubOrchestrator():
            return f"calls sub-orchestrator '{action.name}'"
        case CreateTimer():
            return "creates a timer"
        case ReleaseEntity():
            return f"releases entity '{action.entity}'"
        case AskEntity(request=request):
            if request.lockset is not None:
                return f"locks {_listed([member.entity for member in request.lockset])}"
            return f"{'signals' if request.signal else 'calls'} entity '{action.entity}', operation '{request.op}'"


def _listed(entities: Sequence[EntityKey]) -> str:
    return ", ".join(f"'{entity}'" for entity in entities)
