"""What orchestrator code asked for, before it is history.

An action has the number under which its event is recorded. On replay the recorded event must match the
action of the same number: same kind, same name (ignoring case); inputs and times are not compared.
"""

from dataclasses import dataclass
from typing import NoReturn

from funchost.durable.events import (
    EventSent,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from funchost.errors import NondeterminismError
from funchost.ids import InstanceId
from funchost.instant import Instant

__all__ = ["Action", "CallActivity", "CallSubOrchestrator", "CreateTimer", "SendEvent", "check_recorded"]


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
class SendEvent:
    id: int
    instance_id: InstanceId
    name: str
    input: str | None


Action = CallActivity | CallSubOrchestrator | CreateTimer | SendEvent

RecordedDecision = TaskScheduled | SubOrchestrationInstanceCreated | TimerCreated | EventSent

_ACTION_OF: dict[type, type] = {
    TaskScheduled: CallActivity,
    SubOrchestrationInstanceCreated: CallSubOrchestrator,
    TimerCreated: CreateTimer,
    EventSent: SendEvent,
}

_WORDS: dict[type, str] = {
    TaskScheduled: "a call of activity",
    SubOrchestrationInstanceCreated: "a call of sub-orchestrator",
    TimerCreated: "a timer",
    EventSent: "an event sent to",
    CallActivity: "calls activity",
    CallSubOrchestrator: "calls sub-orchestrator",
    CreateTimer: "creates a timer",
    SendEvent: "sends an event to",
}


def check_recorded(event: RecordedDecision, action: Action | None) -> None:
    """Raises NondeterminismError when the code now asks for something else than ``event`` records."""
    if action is None or action.__class__ is not _ACTION_OF[event.__class__]:
        _mismatch(event, action)
    if isinstance(event, (TaskScheduled, SubOrchestrationInstanceCreated)):
        name: str = action.name  # type: ignore[union-attr]  # the class was compared above
        if name != event.name and name.lower() != event.name.lower():
            _mismatch(event, action)


def _mismatch(event: RecordedDecision, action: Action | None) -> NoReturn:
    recorded = f"{_WORDS[event.__class__]}{_subject(event)}"
    now = (
        "the code asks for nothing there"
        if action is None
        else f"the code {_WORDS[action.__class__]}{_subject(action)}"
    )
    raise NondeterminismError(f"the history holds {recorded} under number {event.event_id}, but {now} now.")


def _subject(of: RecordedDecision | Action) -> str:
    match of:
        case TaskScheduled() | SubOrchestrationInstanceCreated() | CallActivity() | CallSubOrchestrator():
            return f" '{of.name}'"
        case EventSent() | SendEvent():
            return f" '{of.instance_id}'"
        case _:
            return ""
